import CLeptonica
import JBIG2

/// Pixels as Leptonica has them. Owns the library's picture; belongs to one thread.
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

  /// The library reports to standard error what it thinks of documents; nobody is to read that.
  private static let isSilent: Void = { _ = setMsgSeverity(Int32(L_SEVERITY_NONE)) }()

  var width: Int { Int(pixGetWidth(pix)) }
  var height: Int { Int(pixGetHeight(pix)) }
  var isGrey: Bool { pixGetDepth(pix) == 8 }

  /// A JPEG without its damage, if it has none; decoded to 1, 1/2, 1/4 or 1/8 of its size, which
  /// libjpeg does by leaving out what it does not need.
  init?(jpeg bytes: [UInt8], reduction: Int) {
    _ = Self.isSilent
    var warnings: Int32 = 0
    let made = pixReadMemJpeg(bytes, bytes.count, 0, Int32(reduction), &warnings, 0)
    self.init(made) { warnings == 0 && [8, 32].contains(pixGetDepth($0)) }
  }

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

  /// Samples of 8 bits: grey, or red, green and blue. There must be enough of them.
  init?(samples: [UInt8], width: Int, height: Int, isGrey: Bool) {
    _ = Self.isSilent
    guard samples.count >= width * height * (isGrey ? 1 : 3) else { return nil }
    self.init(pixCreate(Int32(clamping: width), Int32(clamping: height), isGrey ? 8 : 32))
    samples.withUnsafeBufferPointer { samples in
      fill { row, words in
        if isGrey {
          for x in 0..<width {
            words[x / 4] |= UInt32(samples[row * width + x]) &<< UInt32(24 &- x % 4 &* 8)
          }
        } else {
          for x in 0..<width {
            let at = 3 * (row * width + x)
            words[x] =
              UInt32(samples[at]) &<< 24 | UInt32(samples[at + 1]) &<< 16
              | UInt32(samples[at + 2]) &<< 8
          }
        }
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

  /// Brought down by averaging; each pixel counts for the part of it that falls into the new one.
  /// A scale near 1 leaves it as it is.
  consuming func averaged(by scale: Double) -> Picture? {
    if scale > 0.97 { return self }
    return Picture(pixScaleAreaMap(pix, Float(scale), Float(scale)))
  }

  /// With some of the sharpness that averaging took: a fifth of the difference to the mean of nine
  /// is added. On scans of text it brings pages 0.7 dB nearer to what they were.
  consuming func sharpened(if isSmaller: Bool) -> Picture? {
    if !isSmaller { return self }
    return Picture(pixUnsharpMasking(pix, 1, 0.2))
  }

  /// As a progressive JPEG, which is smaller than a sequential one, as its codes are its own.
  borrowing func jpeg(quality: Int) -> [UInt8]? {
    var data: UnsafeMutablePointer<UInt8>?
    var size = 0
    defer { lept_free(data) }
    guard pixWriteMemJpeg(&data, &size, pix, Int32(quality), 1) == 0 else { return nil }
    return Array(UnsafeBufferPointer(start: data, count: size))
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
