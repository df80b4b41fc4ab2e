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
  /// How often it can be halved without decoding all of it.
  private(set) var halvings = Int.max
  /// Whether its transformation loses nothing.
  private(set) var isReversible = false
  private(set) var colour = Colour.other
  /// Whether its samples are places in a palette of its own.
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
      !components.isEmpty, halvings <= 32
    else { return nil }
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
      case 0xFF90: return !components.isEmpty && halvings != .max  // SOT
      case 0xFF51: guard readSize(&reader) else { return false }
      case 0xFF52:  // COD
        reader.position += 5
        guard let levels = reader.number(1) else { return false }
        reader.position += 3
        isReversible = reader.number(1) == 1
        halvings = min(halvings, levels)
      case 0xFF53:  // COC
        reader.position += components.count < 257 ? 2 : 3
        guard let levels = reader.number(1) else { return false }
        halvings = min(halvings, levels)
      default: break
      }
      guard end <= reader.bytes.count else { return false }
      reader.position = end
    }
    return false
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
    tiles = ((width + sizes[4] - 1) / sizes[4]) * ((height + sizes[5] - 1) / sizes[5])
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
