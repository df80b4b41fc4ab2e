import PDF

/// The filters of an image in the order in which they are undone: some that code bytes of any kind, and
/// below those one coding.
struct ImageCoding: Equatable {
  enum Last: Equatable {
    case samples(StreamFilter.Predictor?)
    case jpeg(transform: Int?)
    case fax(StreamFilter.Fax)
    case jpeg2000
    case jbig2(globals: ObjectID?)
  }

  /// What is undone before the last, the outermost first.
  let outer: [StreamFilter]
  let last: Last
  /// Whether the samples are deflated as they are, so that they need never be there at once.
  let isDeflatedLast: Bool

  init?(_ filters: [StreamFilter]) {
    guard filters.count <= 4, filters.dropLast().allSatisfy(\.isGeneral) else { return nil }
    let all = filters
    var (outer, isDeflatedLast) = (Array(filters.dropLast()), false)
    switch filters.last {
    case .flate(let predictor): (last, isDeflatedLast) = (.samples(predictor), true)
    case .lzw(let predictor, let isEarly):
      last = .samples(predictor)
      outer.append(.lzw(nil, isEarly: isEarly))
    case .runLength, .ascii85, .asciiHex: (last, outer) = (.samples(nil), all)
    case nil: last = .samples(nil)
    case .dct(let transform): last = .jpeg(transform: transform)
    case .ccitt(let fax): last = .fax(fax)
    case .jpx: last = .jpeg2000
    case .jbig2(let globals): last = .jbig2(globals: globals)
    case .other: return nil
    }
    self.outer = outer
    self.isDeflatedLast = isDeflatedLast
  }

  /// Whether it is fax data as libtiff reads and writes them: Group 4, rows that follow each other.
  var isGroup4: Bool {
    if case .fax(let fax) = last { fax.k < 0 && !fax.hasAlignedRows } else { false }
  }

  /// The most that outer filters may hold, in bytes: they are undone as a whole.
  static let maximumOuter = 64 << 20

  /// What is stored without the filters before the last; `nil` where it is damaged, or more than any image of
  /// so many bytes of samples would take.
  func withoutOuterFilters(_ stored: [UInt8], samples: Int) -> [UInt8]? {
    // Codes may be longer than what they stand for, but not by much. Many writers add a line end or a row.
    let limit = min(samples + samples / 4 + (1 << 16), Self.maximumOuter)
    var bytes = stored
    for filter in outer {
      guard let content = filter.undone(bytes, limit: max(limit, 2 * stored.count)) else {
        return nil
      }
      bytes = content
    }
    return bytes
  }
}
