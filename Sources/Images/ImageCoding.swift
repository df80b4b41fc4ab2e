import PDF

/// The filters of an image in the order in which they are undone: deflated any number of times,
/// and below that one coding.
struct ImageCoding: Equatable {
  enum Last: Equatable {
    case samples(StreamFilter.Predictor?)
    case jpeg(hasParameters: Bool)
    case fax(StreamFilter.Fax)
  }

  /// How often it is deflated before the last.
  let deflations: Int
  let last: Last
  /// Whether the samples are deflated as they are.
  let isDeflatedLast: Bool

  init?(_ filters: [StreamFilter]) {
    guard filters.count <= 4 else { return nil }
    let outer = filters.dropLast()
    guard outer.allSatisfy({ $0 == .flate(nil) }) else { return nil }
    deflations = outer.count
    switch filters.last {
    case .flate(let predictor): (last, isDeflatedLast) = (.samples(predictor), true)
    case nil: (last, isDeflatedLast) = (.samples(nil), false)
    case .dct(let hasParameters):
      (last, isDeflatedLast) = (.jpeg(hasParameters: hasParameters), false)
    case .ccitt(let fax): (last, isDeflatedLast) = (.fax(fax), false)
    case .other: return nil
    }
  }

  /// Whether it is fax data as libtiff reads and writes them: Group 4, rows that follow each other.
  var isGroup4: Bool {
    if case .fax(let fax) = last { fax.k < 0 && !fax.hasAlignedRows } else { false }
  }

  /// What is stored without the deflations before the last; `nil` where it is damaged.
  func withoutOuterFilters(_ stored: [UInt8]) -> [UInt8]? {
    var bytes = stored
    for _ in 0..<deflations {
      // Nothing is deflated twice to less than an eighth.
      guard let inflated = Flate.inflate(bytes, limit: 8 * stored.count) else { return nil }
      bytes = inflated
    }
    return bytes
  }
}
