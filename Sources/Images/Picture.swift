import CLeptonica
import JBIG2

/// Pixels of two colours as Leptonica has them. Owns the library's picture; belongs to one thread.
struct Picture: ~Copyable {
  private let pix: UnsafeMutablePointer<PIX>

  /// Takes over what the library made; lets go of it where it is not as it should be.
  private init?(
    _ made: UnsafeMutablePointer<PIX>?,
    where isRight: (UnsafeMutablePointer<PIX>) -> Bool = { _ in true }
  ) {
    guard let made else { return nil }
    guard isRight(made) else {
      var made: UnsafeMutablePointer<PIX>? = made
      pixDestroy(&made)
      return nil
    }
    pix = made
  }

  deinit {
    var pix: UnsafeMutablePointer<PIX>? = pix
    pixDestroy(&pix)
  }

  /// The library reports problems of documents on standard error, where they would disturb.
  private static let isSilent: Void = { _ = setMsgSeverity(Int32(L_SEVERITY_NONE)) }()

  var width: Int { Int(pixGetWidth(pix)) }
  var height: Int { Int(pixGetHeight(pix)) }

  /// Group 4 data, black being 1.
  init?(fax bytes: [UInt8], width: Int, height: Int) {
    _ = Self.isSilent
    let file = TIFF.wrapping(fax: bytes, width: width, height: height)
    self.init(pixReadMemTiff(file, file.count, 0)) {
      pixGetDepth($0) == 1 && pixGetWidth($0) == width && pixGetHeight($0) == height
    }
  }

  /// A bitmap.
  init?(_ bitmap: Bitmap) {
    _ = Self.isSilent
    self.init(pixCreate(Int32(clamping: bitmap.width), Int32(clamping: bitmap.height), 1))
    fill { row, words in
      let start = row * bitmap.stride
      for index in 0..<bitmap.stride {
        words[index / 4] |= UInt32(bitmap.bytes[start + index]) << UInt32(24 - index % 4 * 8)
      }
    }
  }

  /// Leptonica packs pixels into words of 32 bits, from the highest on.
  private borrowing func fill(_ body: (Int, UnsafeMutableBufferPointer<UInt32>) -> Void) {
    guard let data = pixGetData(pix) else { return }
    let count = Int(pixGetWpl(pix))
    for row in 0..<height {
      body(row, UnsafeMutableBufferPointer(start: data + row * count, count: count))
    }
  }

  /// The bitmap, for a picture of one bit.
  borrowing func bitmap() -> Bitmap? {
    guard pixGetDepth(pix) == 1, let data = pixGetData(pix) else { return nil }
    let (stride, words) = (Bitmap.stride(width), Int(pixGetWpl(pix)))
    let bytes = [UInt8](unsafeUninitializedCapacity: stride * height) { bytes, count in
      for row in 0..<height {
        for index in 0..<stride {
          let word = data[row * words + index / 4]
          bytes[row * stride + index] = UInt8(
            truncatingIfNeeded: word >> UInt32(24 - index % 4 * 8))
        }
      }
      count = stride * height
    }
    return Bitmap(width: width, height: height, bytes: bytes)
  }

  /// A bitmap as Group 4 data, black being 1.
  borrowing func fax() -> [UInt8]? {
    var data: UnsafeMutablePointer<UInt8>?
    var size = 0
    defer { lept_free(data) }
    guard pixWriteMemTiff(&data, &size, pix, Int32(IFF_TIFF_G4)) == 0 else { return nil }
    return TIFF.strip(of: Array(UnsafeBufferPointer(start: data, count: size)))
  }
}

/// TIFF as far as it carries fax data (TIFF 6.0, sections 2 and 11): Leptonica reads and writes them
/// only in there.
enum TIFF {
  /// A file around Group 4 data, in which black is 1.
  static func wrapping(fax data: [UInt8], width: Int, height: Int) -> [UInt8] {
    let entries: [(tag: Int, value: Int)] = [
      (256, width), (257, height), (258, 1),
      (259, 4),  // Compression: Group 4.
      (262, 0),  // White is 0.
      (273, 8), (277, 1), (278, height), (279, data.count),
    ]
    func number(_ value: Int, _ size: Int) -> [UInt8] {
      (0..<size).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }
    // The directory must begin at an even offset.
    let padding = data.count % 2
    var file = Array("II".utf8) + number(42, 2) + number(8 + data.count + padding, 4) + data
    file += [UInt8](repeating: 0, count: padding) + number(entries.count, 2)
    for entry in entries {
      file += number(entry.tag, 2) + number(4, 2) + number(1, 4) + number(entry.value, 4)
    }
    return file + number(0, 4)
  }

  /// The data of the only strip of a little-endian file; `nil` for any other.
  static func strip(of file: [UInt8]) -> [UInt8]? {
    func number(_ offset: Int, _ size: Int) -> Int? {
      guard offset >= 0, offset + size <= file.count else { return nil }
      return file[offset..<(offset + size)].reversed().reduce(0) { $0 << 8 | Int($1) }
    }
    guard file.starts(with: Array("II*\0".utf8)), let directory = number(4, 4),
      let count = number(directory, 2)
    else { return nil }
    var values: [Int: Int] = [:]
    for entry in 0..<count {
      let offset = directory + 2 + entry * 12
      guard let tag = number(offset, 2), let type = number(offset + 2, 2),
        number(offset + 4, 4) == 1, let value = number(offset + 8, type == 3 ? 2 : 4)
      else { continue }
      values[tag] = value
    }
    guard let start = values[273], let size = values[279], start + size <= file.count else {
      return nil
    }
    return Array(file[start..<(start + size)])
  }
}
