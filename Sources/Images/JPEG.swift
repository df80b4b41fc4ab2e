import CJPEG
import Glibc

/// What the samples of a JPEG are.
enum JPEGSpace: Sendable, Equatable {
  case grey, rgb
  /// Luminance and two differences of colour.
  case ycc
  /// Inks; whether Adobe's marker says so.
  case cmyk(isMarked: Bool)
  /// Three inks as luminance and differences, and black.
  case ycck
  /// To be written only: inks as they are, of which the JPEG makes ``ycck``.
  case cmykAsYCCK

  /// Samples in a pixel.
  var channels: Int {
    switch self {
    case .grey: 1
    case .rgb, .ycc: 3
    case .cmyk, .ycck, .cmykAsYCCK: 4
    }
  }

  fileprivate init(_ space: cjpeg_space) {
    switch space {
    case cjpeg_grey: self = .grey
    case cjpeg_ycc: self = .ycc
    case cjpeg_cmyk: self = .cmyk(isMarked: true)
    case cjpeg_cmyk_unmarked: self = .cmyk(isMarked: false)
    case cjpeg_ycck: self = .ycck
    default: self = .rgb
    }
  }

  fileprivate var value: cjpeg_space {
    switch self {
    case .grey: cjpeg_grey
    case .rgb: cjpeg_rgb
    case .ycc: cjpeg_ycc
    case .cmyk(let isMarked): isMarked ? cjpeg_cmyk : cjpeg_cmyk_unmarked
    case .ycck: cjpeg_ycck
    case .cmykAsYCCK: cjpeg_cmyk_as_ycck
    }
  }
}

/// A JPEG, read row by row. Owns libjpeg's state; belongs to one thread.
final class JPEGReader {
  private let reader: OpaquePointer
  /// libjpeg reads bytes from where they are.
  private let bytes: UnsafeMutableBufferPointer<UInt8>

  /// Begins to read at 1, 1/2, 1/4 or 1/8 of its size, which libjpeg does by leaving out what it
  /// does not need. `transform` is what the document says of three samples, where the JPEG does not. `nil` where the
  /// header is damaged or the colours are none that we know, and where one of several scans would take more than
  /// `memory` bytes.
  init?(_ jpeg: [UInt8], reduction: Int, transform: Int?, memory: Int) {
    let bytes = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: max(1, jpeg.count))
    _ = bytes.initialize(from: jpeg)
    guard
      let reader = cjpeg_read(
        bytes.baseAddress, jpeg.count, Int32(8 / reduction), Int32(clamping: transform ?? -1),
        max(0, memory))
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
  /// 1, 3 or 4.
  var channels: Int { Int(cjpeg_components(reader)) }
  /// What its samples are.
  var space: JPEGSpace { JPEGSpace(cjpeg_space(reader)) }

  /// Reads a row of ``width`` × ``channels`` samples. False where the data are damaged.
  func next(into row: UnsafeMutablePointer<UInt8>) -> Bool {
    cjpeg_read_row(reader, row) != 0
  }
}

/// A JPEG with shorter codes for the same coefficients.
enum JPEGCodes {
  /// Below this many bytes, tables for each of several scans may take more than they save.
  private static let smallest = 1 << 16

  /// The smaller of what libjpeg makes of `jpeg` in several scans and in one, each of which was read again and
  /// compared; `nil` where neither is smaller, or where coefficients would take more than `memory` bytes.
  static func shortened(_ jpeg: [UInt8], memory: Int) -> [UInt8]? {
    [true, false].filter { $0 || jpeg.count < smallest }
      .compactMap { recoded(jpeg, isProgressive: $0, memory: memory) }
      .min { $0.count < $1.count }
      .flatMap { $0.count < jpeg.count ? $0 : nil }
  }

  /// With codes of its own; `nil` where it is damaged, or would become larger.
  static func recoded(_ jpeg: [UInt8], isProgressive: Bool, memory: Int) -> [UInt8]? {
    var count = 0
    guard
      let bytes = cjpeg_recode(jpeg, jpeg.count, isProgressive ? 1 : 0, max(0, memory), &count)
    else { return nil }
    defer { free(bytes) }
    return Array(UnsafeBufferPointer(start: bytes, count: count))
  }
}

/// A progressive JPEG, written row by row. Owns libjpeg's state; belongs to one thread.
final class JPEGWriter {
  private let writer: OpaquePointer

  /// Of samples of such a kind.
  init?(width: Int, height: Int, space: JPEGSpace, quality: Int) {
    // The format's own limit is 65,535 (ITU-T T.81, B.2.2).
    guard
      let writer = cjpeg_write(
        Int32(clamping: width), Int32(clamping: height), space.value, Int32(quality))
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

/// What a JPEG says of itself before its data (ITU-T T.81, B.2).
struct JPEGHeader: Equatable {
  let width: Int
  let height: Int
  let components: Int
  /// The sum of the first table of quantization: how coarse its luminance is. `nil` where it has
  /// none of 8 bits.
  private(set) var coarseness: Int?

  /// `nil` where there is no frame of 8-bit samples in a mode that libjpeg reads.
  init?(_ bytes: [UInt8]) {
    guard bytes.starts(with: [0xFF, 0xD8]) else { return nil }
    var index = 2
    func word(_ at: Int) -> Int { Int(bytes[at]) << 8 | Int(bytes[at + 1]) }
    while index + 9 < bytes.count {
      guard bytes[index] == 0xFF else { return nil }
      let marker = bytes[index + 1]
      switch marker {
      case 0xFF: index += 1  // Fill bytes.
      case 0x01, 0xD0...0xD7: index += 2
      case 0xC0, 0xC1, 0xC2:  // Baseline, extended sequential, progressive.
        guard bytes[index + 4] == 8 else { return nil }
        height = word(index + 5)
        width = word(index + 7)
        components = Int(bytes[index + 9])
        return
      case 0xC3, 0xC5...0xC7, 0xC9...0xCB, 0xCD...0xCF, 0xD8...0xDA: return nil
      default:
        if marker == 0xDB, bytes[index + 4] == 0, index + 69 < bytes.count {
          coarseness = bytes[(index + 5)..<(index + 69)].reduce(0) { $0 + Int($1) }
        }
        index += 2 + word(index + 2)
      }
    }
    return nil
  }

  /// Whether it keeps at least twice as much of its luminance as libjpeg's tables do at `quality`.
  func isFiner(than quality: Int) -> Bool {
    // libjpeg's scale of the tables (jpeg_quality_scaling).
    let percent = quality < 50 ? 5000 / max(1, quality) : 200 - 2 * quality
    return coarseness.map { 2 * $0 * 100 <= Self.standard * percent } ?? false
  }

  /// The sum of the table in ITU-T T.81, K.1.
  private static let standard = 3688
}
