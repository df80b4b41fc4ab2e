import Common
import Glibc

/// A file to import as UTF-8, a chunk at a time, whatever it is encoded in. A byte order mark is
/// passed over.
struct ImportText {
  /// What the file is encoded in, where that was said or seen; `nil` for UTF-8 as far as it goes, and
  /// Windows-1252 in lines that are not.
  let encoding: TextEncoding?
  /// Lines end with CR alone, as old Macs and some reporting systems write them: in the beginning of
  /// the file there is no LF.
  let endsLinesWithCR: Bool
  /// The first bytes that are not blank.
  let beginning: [UInt8]

  private var input: InputBytes
  private var decoder: UTF16Decoder?
  private var ready: [UInt8]?

  /// Looks at up to 64 KiB. `encoding`: as the user named it, which a byte order mark of
  /// UTF-16 only gives its byte order.
  init(descriptor: Int32, encoding: TextEncoding? = nil, stop: ShutdownSignal?) throws(Fatal) {
    input = InputBytes(descriptor: descriptor, stop: stop)
    while input.rest.count < input.buffer.count, try input.fill() {}
    let (seen, mark) = try TextEncoding.sniff(input.buffer[input.rest])
    let isMarked = mark == 2 && encoding?.isUTF16 == true
    self.encoding = isMarked ? seen : encoding ?? seen
    if self.encoding == seen { input.rest = input.rest.lowerBound + mark..<input.rest.upperBound }
    decoder =
      switch self.encoding {
      case .utf16LittleEndian: UTF16Decoder(isBigEndian: false)
      case .utf16BigEndian: UTF16Decoder(isBigEndian: true)
      default: nil
      }
    var bytes = Array(input.buffer[input.rest])
    input.rest = 0..<0
    bytes = Self.decoded(bytes, self.encoding, &decoder)
    endsLinesWithCR = bytes.contains(0x0D) && !bytes.contains(0x0A)
    beginning = Array(bytes.drop { $0 <= 0x20 }.prefix(200))
    ready = bytes
  }

  /// The next chunk; `nil` at the end. Throws where reading fails.
  mutating func next() throws(Fatal) -> [UInt8]? {
    if let bytes = ready {
      ready = nil
      if !bytes.isEmpty { return bytes }
    }
    while try input.fill() {
      let bytes = Self.decoded(Array(input.buffer[input.rest]), encoding, &decoder)
      input.rest = 0..<0
      if !bytes.isEmpty { return bytes }
    }
    return nil
  }

  private static func decoded(
    _ bytes: [UInt8], _ encoding: TextEncoding?, _ decoder: inout UTF16Decoder?
  ) -> [UInt8] {
    if encoding == .windows1252 { return TextEncoding.fromWindows(bytes) }
    return decoder?.decode(bytes) ?? bytes
  }
}

extension TextEncoding {
  fileprivate var isUTF16: Bool { self == .utf16LittleEndian || self == .utf16BigEndian }
}

/// Bytes from a file descriptor, a buffer at a time. A requested stop ends the input, and so does the end
/// of the reader of the output.
struct InputBytes {
  private let descriptor: Int32
  private let stop: ShutdownSignal?
  /// A pipe without a reader ends the input; -1 for none, which poll(2) passes over.
  private let sink: Int32
  private(set) var buffer = [UInt8](repeating: 0, count: 1 << 16)
  /// What of the buffer is still to be read.
  var rest = 0..<0
  /// Whether the output still has a reader, as far as is known.
  private(set) var isWanted = true

  init(descriptor: Int32, stop: ShutdownSignal? = nil, sink: Int32 = -1) {
    self.descriptor = descriptor
    self.stop = stop
    self.sink = sink
  }

  /// Reads more behind what is still to be read (which must be less than the buffer). False at the
  /// end of the input.
  mutating func fill() throws(Fatal) -> Bool {
    let kept = Array(buffer[rest])
    for (index, byte) in kept.enumerated() { buffer[index] = byte }
    rest = 0..<kept.count
    while waitForInput() {
      let count = buffer.withUnsafeMutableBytes {
        read(descriptor, $0.baseAddress?.advanced(by: kept.count), $0.count - kept.count)
      }
      if count > 0 {
        rest = 0..<kept.count + count
        return true
      }
      if count == 0 { return false }
      if errno == EINTR || errno == EAGAIN { continue }
      throw Fatal(.inputOutput, "cannot read the input: \(String(cString: strerror(errno)))")
    }
    return false
  }

  private mutating func waitForInput() -> Bool {
    var descriptors = [
      pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0),
      pollfd(fd: stop?.descriptor ?? -1, events: Int16(POLLIN), revents: 0),
      pollfd(fd: sink, events: 0, revents: 0),
    ]
    poll(&descriptors, 3, -1)
    isWanted = descriptors[2].revents == 0
    return isWanted && stop?.isRequested != true
  }
}

extension ImportText {
  /// Files that are no text, by how they begin.
  private static let binaries: [(beginning: [UInt8], name: String)] = [
    (Array("PK\u{03}\u{04}".utf8), "a ZIP archive or a spreadsheet"),
    ([0xD0, 0xCF, 0x11, 0xE0], "an old Excel workbook (.xls)"), (Array("PAR1".utf8), "Parquet"),
    (Array("SQLite format 3\0".utf8), "a SQLite database"), (Array("%PDF-".utf8), "a PDF"),
    ([0x28, 0xB5, 0x2F, 0xFD], "packed with zstd"), (Array("BZh".utf8), "packed with bzip2"),
    ([0xFD, 0x37, 0x7A, 0x58], "packed with xz"),
  ]

  /// Throws what else it is, where it begins as a file that is no text.
  func refuseBinary() throws(Fatal) {
    guard let binary = Self.binaries.first(where: { beginning.starts(with: $0.beginning) }) else {
      return
    }
    throw Fatal(
      .configuration,
      "the file to import is \(binary.name), not text. Name an .xlsx file by its path, or export "
        + "it as CSV.")
  }

  /// ` in UTF-16LE`; nothing for UTF-8.
  var encodingInWords: String { encoding.map { " in \($0.rawValue)" } ?? "" }
}
