/// What a JPEG 2000 image says of itself before its data (ITU-T T.800, annexes A and I): enough to know what
/// decoding it would take, before anything is allocated for it.
struct JPEG2000Header: Equatable {
  /// The samples of one component.
  struct Component: Equatable {
    let bits: Int
    let isSigned: Bool
    /// It has a sample for so many pixels, across and down.
    let step: (across: Int, down: Int)

    static func == (a: Component, b: Component) -> Bool {
      a.bits == b.bits && a.isSigned == b.isSigned && a.step == b.step
    }
  }

  /// What the file says that its colours are (I.5.3.3).
  enum Colour: Equatable {
    case grey, rgb, ycc
    /// Something else, or nothing.
    case other
  }

  private(set) var width = 0
  private(set) var height = 0
  private(set) var components: [Component] = []
  private(set) var tiles = 0
  private var tileWidth = 0
  private var tileHeight = 0
  private var layers = 0
  /// How all components are coded, but for those that have their own way.
  private var coding: JPEG2000Coding?
  private var ownCodings: [Int: JPEG2000Coding] = [:]
  private(set) var colour = Colour.other
  /// Whether its samples are indexes into a palette of its own.
  private(set) var hasPalette = false
  /// Whether some component is not a colour, but says how opaque the others are.
  private(set) var hasOpacity = false
  /// Whether it is a codestream without the boxes of a file.
  let isRaw: Bool

  /// `nil` for what is no JPEG 2000 image, or begins otherwise than at its upper left corner.
  init?(_ bytes: [UInt8]) {
    var reader = Reader(bytes)
    isRaw = bytes.starts(with: [0xFF, 0x4F, 0xFF, 0x51])
    guard isRaw || readBoxes(&reader), readCodestream(&reader), width > 0, height > 0,
      !components.isEmpty, coding != nil
    else { return nil }
  }

  /// How often it can be halved without decoding all of it.
  var halvings: Int { codings.map(\.levels).min() ?? 0 }

  /// Whether its transformation loses nothing.
  var isReversible: Bool { coding?.isReversible ?? false }

  private var codings: [JPEG2000Coding] {
    components.indices.compactMap { ownCodings[$0] ?? coding }
  }

  /// Bytes that a decoder takes for the precincts, blocks and layers of a tile, whatever it decodes of them.
  var bookkeeping: Int {
    var (bytes, precincts, levels) = (0.0, 0.0, 0)
    for (component, coding) in zip(components, codings) {
      let parts = coding.parts(
        width: min(width, tileWidth) / component.step.across,
        height: min(height, tileHeight) / component.step.down)
      bytes += parts.bytes
      precincts = max(precincts, parts.precincts)
      levels = max(levels, coding.levels + 1)
    }
    // OpenJPEG's packet iterator notes two bytes for each packet that there could be.
    bytes += 2 * precincts * Double((layers + 1) * levels * components.count)
    return bytes < 1e15 ? Int(bytes) : .max / 2
  }

  /// How many boxes or markers are looked at.
  private static let maximumParts = 1000

  /// Leaves the reader at the codestream.
  private mutating func readBoxes(_ reader: inout Reader) -> Bool {
    var hasColour = false
    for _ in 0..<Self.maximumParts {
      let start = reader.position
      guard var length = reader.number(4), let type = reader.number(4) else { return false }
      if length == 1 {
        guard let long = reader.number(8) else { return false }
        length = long
      }
      // Its length is left out where it reaches to the end.
      let end = length == 0 ? reader.bytes.count : start &+ length
      switch type {
      case 0x6A70_3263: return true  // jp2c
      case 0x6A70_3268: continue  // jp2h, whose boxes follow
      case 0x7063_6C72: hasPalette = true  // pclr
      case 0x6364_6566: readChannels(reader)  // cdef
      case 0x636F_6C72 where !hasColour:  // colr; the first one counts
        hasColour = true
        readColour(reader)
      default: break
      }
      guard end > start, end <= reader.bytes.count else { return false }
      reader.position = end
    }
    return false
  }

  private mutating func readColour(_ reader: Reader) {
    var reader = reader
    guard reader.number(1) == 1, reader.number(2) != nil else { return }
    switch reader.number(4) {
    case 16: colour = .rgb
    case 17: colour = .grey
    case 18: colour = .ycc
    default: break
    }
  }

  private mutating func readChannels(_ reader: Reader) {
    var reader = reader
    for _ in 0..<min(reader.number(2) ?? 0, Self.maximumParts) {
      guard reader.number(2) != nil, let type = reader.number(2), reader.number(2) != nil else {
        return
      }
      if type != 0 { hasOpacity = true }
    }
  }

  private mutating func readCodestream(_ reader: inout Reader) -> Bool {
    guard reader.number(2) == 0xFF4F else { return false }
    for _ in 0..<Self.maximumParts {
      guard let marker = reader.number(2), let length = reader.number(2), length >= 2 else {
        return false
      }
      let end = reader.position + length - 2
      switch marker {
      case 0xFF90:  // SOT
        reader.position -= 4
        return coding != nil && hasPlainTiles(reader)
      case 0xFF51: guard readSize(&reader) else { return false }
      case 0xFF52:  // COD
        guard let flags = reader.number(1), reader.number(1) != nil,
          let layers = reader.number(2), reader.number(1) != nil,
          let coding = JPEG2000Coding(hasPrecincts: flags & 1 != 0, { reader.number($0) })
        else { return false }
        (self.layers, self.coding) = (layers, coding)
      case 0xFF53:  // COC
        guard let component = reader.number(components.count < 257 ? 1 : 2),
          let flags = reader.number(1),
          let coding = JPEG2000Coding(hasPrecincts: flags & 1 != 0, { reader.number($0) })
        else { return false }
        ownCodings[component] = coding
      default: break
      }
      guard end <= reader.bytes.count else { return false }
      reader.position = end
    }
    return false
  }

  /// Whether no tile is coded in another way than the header says (A.6.1 lets each say so for itself): what
  /// was reckoned from the header would not hold then. Starts at the first SOT.
  private func hasPlainTiles(_ reader: Reader) -> Bool {
    var reader = reader
    while reader.position < reader.bytes.count {
      let start = reader.position
      guard let marker = reader.number(2) else { return true }
      if marker == 0xFFD9 { return true }  // EOC
      guard marker == 0xFF90, reader.number(2) == 10, reader.number(2) != nil,
        let length = reader.number(4), reader.number(2) != nil
      else { return false }
      while let marker = reader.number(2), marker != 0xFF93 {  // SOD
        guard marker != 0xFF52, marker != 0xFF53, let length = reader.number(2), length >= 2 else {
          return false
        }
        reader.position += length - 2
      }
      // Without a length, it is the last and reaches to the end.
      guard length > 0 else { return true }
      guard length >= reader.position - start else { return false }
      reader.position = start + length
    }
    return true
  }

  private mutating func readSize(_ reader: inout Reader) -> Bool {
    guard components.isEmpty, reader.number(2) != nil else { return false }
    let sizes = (0..<8).compactMap { _ in reader.number(4) }
    guard sizes.count == 8, sizes[4] > 0, sizes[5] > 0,
      // Where it begins elsewhere, samples and pixels lie otherwise.
      sizes[2] == 0, sizes[3] == 0, sizes[6] == 0, sizes[7] == 0,
      let count = reader.number(2), (1...16_384).contains(count)
    else { return false }
    (width, height) = (sizes[0], sizes[1])
    (tileWidth, tileHeight) = (sizes[4], sizes[5])
    // Each number is below 2^32, so that their product may be beyond what there are whole numbers for.
    let (across, down) = (
      (width + tileWidth - 1) / tileWidth, (height + tileHeight - 1) / tileHeight
    )
    let (product, isHuge) = across.multipliedReportingOverflow(by: down)
    tiles = isHuge ? .max : product
    for _ in 0..<count {
      guard let depth = reader.number(1), let across = reader.number(1),
        let down = reader.number(1), across > 0, down > 0
      else { return false }
      components.append(
        Component(bits: depth & 0x7F + 1, isSigned: depth & 0x80 != 0, step: (across, down)))
    }
    return true
  }

  /// Numbers, the highest byte first.
  private struct Reader {
    let bytes: [UInt8]
    var position = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// `nil` where it reaches beyond the end, or is larger than what any size may be.
    mutating func number(_ count: Int) -> Int? {
      guard position >= 0, count <= bytes.count - position else { return nil }
      let value = bytes[position..<(position + count)].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      position += count
      return value < 1 << 40 ? Int(value) : nil
    }
  }
}
