import CJPEG

/// A JPEG, read row by row. Owns libjpeg's state; belongs to one thread.
final class JPEGReader {
  private let reader: OpaquePointer
  /// libjpeg reads bytes from where they are.
  private let bytes: UnsafeMutableBufferPointer<UInt8>

  /// Begins to read at 1, 1/2, 1/4 or 1/8 of its size, which libjpeg does by leaving out what it
  /// does not need. `nil` where the header is damaged or the colours are none that we know, and
  /// where one of several scans would take more than `memory` bytes.
  init?(_ jpeg: [UInt8], reduction: Int, memory: Int) {
    let bytes = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: max(1, jpeg.count))
    _ = bytes.initialize(from: jpeg)
    guard
      let reader = cjpeg_read(bytes.baseAddress, jpeg.count, Int32(8 / reduction), max(0, memory))
    else {
      bytes.deallocate()
      return nil
    }
    (self.reader, self.bytes) = (reader, bytes)
  }

  deinit {
    cjpeg_close_reader(reader)
    bytes.deallocate()
  }

  var width: Int { Int(cjpeg_width(reader)) }
  var height: Int { Int(cjpeg_height(reader)) }
  /// 1 or 3.
  var channels: Int { Int(cjpeg_components(reader)) }
  /// Whether three samples are luminance and two differences of colour.
  var isYCC: Bool { cjpeg_is_ycc(reader) != 0 }

  /// Reads a row of ``width`` × ``channels`` samples. False where the data are damaged.
  func next(into row: UnsafeMutablePointer<UInt8>) -> Bool {
    cjpeg_read_row(reader, row) != 0
  }
}

/// A progressive JPEG, written row by row. Owns libjpeg's state; belongs to one thread.
final class JPEGWriter {
  private let writer: OpaquePointer

  /// Grey with one channel; with three, luminance and differences of colour or red, green and blue.
  init?(width: Int, height: Int, channels: Int, isYCC: Bool, quality: Int) {
    // The format's own limit is 65,535 (ITU-T T.81, B.2.2).
    guard
      let writer = cjpeg_write(
        Int32(clamping: width), Int32(clamping: height), Int32(channels), isYCC ? 1 : 0,
        Int32(quality))
    else { return nil }
    self.writer = writer
  }

  deinit { cjpeg_close_writer(writer) }

  /// Takes a row. False where that failed.
  func add(_ row: UnsafePointer<UInt8>) -> Bool { cjpeg_write_row(writer, row) != 0 }

  /// The JPEG, when all rows were taken.
  func finish() -> [UInt8]? {
    var count = 0
    return cjpeg_finish(writer, &count).map { Array(UnsafeBufferPointer(start: $0, count: count)) }
  }
}
