/// The segments of a JBIG2 stream as a PDF has it (ITU-T T.88, 7.2; ISO 32000-1, 7.4.7), as far as to know
/// whether it is made of generic regions alone, and what decoding them takes.
///
/// Others stay as they are: what is made of symbols would be larger without them, and how large symbols are is
/// not known before they are decoded.
enum JBIG2Segments {
  private static let maximumSegments = 4096

  /// Whether it is one page of this size, made of nothing but generic regions, all of which together cover it
  /// no more than twice.
  static func areGeneric(_ bytes: [UInt8], width: Int, height: Int) -> Bool {
    var (position, covered, hasPage) = (0, 0, false)
    for _ in 0..<maximumSegments {
      guard position < bytes.count else { return hasPage }
      guard let segment = Segment(bytes, at: position) else { return false }
      let data = bytes[segment.start..<segment.end]
      switch segment.type {
      case 38, 39:
        guard hasPage, let (across, down) = size(data), across <= width, down <= height else {
          return false
        }
        covered += across * down
        guard covered <= 2 * width * height else { return false }
      case 48:
        guard !hasPage, let (across, down) = size(data), across == width,
          down == height || down == Int(UInt32.max)
        else { return false }
        hasPage = true
      case 49, 50, 51, 62: break
      default: return false
      }
      position = segment.end
    }
    return false
  }

  private static func size(_ data: ArraySlice<UInt8>) -> (width: Int, height: Int)? {
    guard data.count >= 17 else { return nil }
    return (number(data.prefix(4)), number(data.dropFirst(4).prefix(4)))
  }

  private static func number(_ bytes: ArraySlice<UInt8>) -> Int {
    bytes.reduce(0) { $0 << 8 | Int($1) }
  }

  private struct Segment {
    let type: UInt8
    let start: Int
    let end: Int

    init?(_ bytes: [UInt8], at position: Int) {
      func number(_ place: Int, _ count: Int) -> Int? {
        guard place >= 0, place + count <= bytes.count else { return nil }
        return JBIG2Segments.number(bytes[place..<(place + count)])
      }
      guard let segmentNumber = number(position, 4), let flags = number(position + 4, 1),
        let short = number(position + 5, 1)
      else { return nil }
      type = UInt8(flags & 0x3F)
      var (place, references) = (position + 6, short >> 5)
      if references > 4 {
        guard references == 7, let long = number(position + 5, 4) else { return nil }
        references = long & 0x1FFF_FFFF
        place = position + 9 + (references + 8) / 8
      }
      place += references * (segmentNumber <= 256 ? 1 : segmentNumber <= 65_536 ? 2 : 4)
      place += flags & 0x40 != 0 ? 4 : 1
      // A length that is not known comes without a number for it.
      guard let length = number(place, 4), length != Int(UInt32.max) else { return nil }
      (start, end) = (place + 4, place + 4 + length)
      guard end <= bytes.count else { return nil }
    }
  }
}
