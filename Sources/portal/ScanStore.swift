import Glibc
import Synchronization

/// Makes scans and remembers the last ones.
final class ScanStore: Sendable {
  /// Bytes of scans that are kept.
  static let cacheSize = 64 << 20

  private struct Key: Hashable {
    let document: Int
    let pages: ClosedRange<Int>
    let kind: Scan.Kind
  }

  /// A renderer with its lock. A document always goes to the same lane, so that two requests for it
  /// draw it once; and there are as many lanes as processors, so that hundreds of requests at once
  /// do not draw hundreds of pages in memory.
  private final class Lane: Sendable {
    let renderer: Mutex<PageRenderer>

    init(seed: Int, resolution: ScanResolution) {
      renderer = Mutex(PageRenderer(seed: seed, resolution: resolution))
    }
  }

  let seed: Int
  private let bulk: BulkPDF?
  private let lanes: [Lane]
  private let cache = Mutex(
    Generations<Key, Scan>(limit: ScanStore.cacheSize) { $0.bytes.count })

  /// With a `bulkSize` above 0, scans are made to that size and not drawn.
  init(seed: Int, bulkSize: Int = 0, resolution: ScanResolution = .dpi150) {
    self.seed = seed
    bulk = bulkSize > 0 ? BulkPDF(size: bulkSize, seed: seed) : nil
    let processors = bulk == nil ? sysconf(Int32(_SC_NPROCESSORS_ONLN)) : 1
    lanes = (0..<max(1, min(8, processors))).map { _ in
      Lane(seed: seed, resolution: resolution)
    }
  }

  /// The scan with these pages of the document: the same bytes each time.
  func scan(_ document: Document, pages: ClosedRange<Int>) throws(PictureError) -> Scan {
    let key = Key(document: document.number, pages: pages, kind: .pdf)
    if let scan = cached(key) { return scan }
    guard let bulk else { return try drawn(document, key) }
    let scan = Scan(bulk.file(document.number))
    cache.withLock { $0.keep(scan, for: key) }
    return scan
  }

  /// A page of the document as TIFF, in black and white: the same bytes each time.
  func image(_ document: Document, page: Int) throws(PictureError) -> Scan {
    let key = Key(document: document.number, pages: page...page, kind: .tiff)
    if let scan = cached(key) { return scan }
    return try drawn(document, key)
  }

  private func cached(_ key: Key) -> Scan? { cache.withLock { $0.use(key) } }

  private func drawn(_ document: Document, _ key: Key) throws(PictureError) -> Scan {
    let result = lanes[key.document % lanes.count].renderer.withLock {
      renderer -> Result<Scan, PictureError> in
      // Another request may have drawn it while this one waited.
      if let scan = cached(key) { return .success(scan) }
      do throws(PictureError) {
        let scan =
          switch key.kind {
          case .pdf:
            Scan(
              PDFFile.of(
                try key.pages.map { page throws(PictureError) in
                  try renderer.page(page, of: document)
                }))
          case .tiff:
            Scan(try renderer.file(key.pages.lowerBound, of: document), kind: .tiff)
          }
        cache.withLock { $0.keep(scan, for: key) }
        return .success(scan)
      } catch { return .failure(error) }
    }
    return try result.get()
  }
}

/// How a scan answers conditions and ranges. Pure.
enum ScanAnswer {
  /// The portal's files were all copied on one morning.
  static let lastModified = "Tue, 02 Jan 2024 08:00:00 GMT"

  static func response(_ scan: Scan, to request: Request) -> Response {
    if let tags = request.headers["if-none-match"], matches(tags, scan.tag) {
      return described(Response(304, nil), scan)
    }
    if !request.isHead, isCurrent(request.headers["if-range"], scan),
      let start = start(request.headers["range"])
    {
      guard start < scan.bytes.count else {
        return described(Response(416, nil), scan)
          .adding("Content-Range", "bytes */\(scan.bytes.count)")
      }
      return described(Response(206, scan.kind.rawValue, body: scan.bytes[start...]), scan)
        .adding("Content-Range", "bytes \(start)-\(scan.bytes.count - 1)/\(scan.bytes.count)")
    }
    return described(Response(200, scan.kind.rawValue, body: scan.bytes[...]), scan)
  }

  private static func described(_ response: Response, _ scan: Scan) -> Response {
    response.adding("ETag", scan.tag).adding("Last-Modified", lastModified)
      .adding("Accept-Ranges", "bytes")
  }

  /// RFC 9110, section 13.1.2: a list, compared weakly.
  private static func matches(_ tags: String, _ tag: String) -> Bool {
    tags.split(separator: ",").map { $0.trimmed() }
      .contains { $0 == "*" || $0 == tag || $0 == "W/" + tag }
  }

  /// RFC 9110, section 13.1.5: a range counts only for the bytes that the client has seen.
  private static func isCurrent(_ condition: String?, _ scan: Scan) -> Bool {
    condition == nil || condition == scan.tag || condition == lastModified
  }

  /// The first byte that is asked for. Ranges of any other form are ignored (RFC 9110, section
  /// 14.2), as small servers do.
  private static func start(_ range: String?) -> Int? {
    guard let range, range.hasPrefix("bytes="), range.hasSuffix("-") else { return nil }
    let digits = range.dropFirst(6).dropLast()
    return digits.allSatisfy { $0.isASCII && $0.isNumber } ? Int(digits) : nil
  }
}

/// A file and the validator that stands for its bytes.
struct Scan: Sendable, Equatable {
  /// What kind of file it is, as HTTP says it.
  enum Kind: String, Sendable {
    case pdf = "application/pdf"
    case tiff = "image/tiff"
  }

  let bytes: [UInt8]
  let kind: Kind
  /// A strong entity tag, with its quotes.
  let tag: String

  init(_ bytes: [UInt8], kind: Kind = .pdf) {
    self.bytes = bytes
    self.kind = kind
    tag = "\"\(String(Self.fingerprint(bytes), radix: 16))-\(bytes.count)\""
  }

  /// FNV-1a over words of eight bytes: quick, and good enough to tell samples apart.
  private static func fingerprint(_ bytes: [UInt8]) -> UInt64 {
    bytes.withUnsafeBytes { raw in
      var hash: UInt64 = 0xCBF2_9CE4_8422_2325
      var offset = 0
      while offset + 8 <= raw.count {
        let word = raw.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
        hash = (hash ^ word) &* 0x0000_0100_0000_01B3
        // The prime alone carries nothing from the upper half of a word to the lower.
        hash ^= hash >> 32
        offset += 8
      }
      for byte in raw[offset...] { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
      return hash
    }
  }
}

/// Takes the picture data out of a TIFF file: a PDF wants them without it.
enum FaxData {
  /// The data of the only strip of a little-endian TIFF (TIFF 6.0, section 2), `nil` for any other.
  static func strip(ofTIFF file: [UInt8]) -> [UInt8]? {
    func number(_ offset: Int, _ size: Int) -> Int? {
      guard offset >= 0, offset + size <= file.count else { return nil }
      return file[offset..<(offset + size)].reversed().reduce(0) { $0 << 8 | Int($1) }
    }
    guard file.starts(with: [0x49, 0x49, 42, 0]), let directory = number(4, 4),
      let count = number(directory, 2)
    else { return nil }
    var values: [Int: Int] = [:]
    for entry in 0..<count {
      let offset = directory + 2 + entry * 12
      guard let tag = number(offset, 2), let type = number(offset + 2, 2),
        let length = number(offset + 4, 4), length == 1,
        let value = number(offset + 8, type == 3 ? 2 : 4)
      else { continue }
      values[tag] = value
    }
    // StripOffsets, StripByteCounts.
    guard let start = values[273], let size = values[279], start + size <= file.count else {
      return nil
    }
    return Array(file[start..<(start + size)])
  }
}
