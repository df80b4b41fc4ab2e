import Glibc
import Synchronization

/// Makes scans and remembers the last ones.
final class ScanStore: Sendable {
  /// Bytes of scans that are kept.
  static let cacheSize = 64 << 20

  private struct Key: Hashable {
    let document: Int
    let pages: ClosedRange<Int>
  }

  /// A renderer with its lock. A document always goes to the same lane, so that two requests for it
  /// draw it once; and there are as many lanes as processors, so that hundreds of requests at once
  /// do not draw hundreds of pages in memory.
  private final class Lane: Sendable {
    let renderer: Mutex<PageRenderer>

    init(seed: Int) { renderer = Mutex(PageRenderer(seed: seed)) }
  }

  let seed: Int
  private let bulk: BulkPDF?
  private let lanes: [Lane]
  private let cache = Mutex(
    Generations<Key, Scan>(limit: ScanStore.cacheSize) { $0.bytes.count })

  /// With a `bulkSize` above 0, scans are made to that size and not drawn.
  init(seed: Int, bulkSize: Int = 0) {
    self.seed = seed
    bulk = bulkSize > 0 ? BulkPDF(size: bulkSize, seed: seed) : nil
    let processors = bulk == nil ? sysconf(Int32(_SC_NPROCESSORS_ONLN)) : 1
    lanes = (0..<max(1, min(8, processors))).map { _ in Lane(seed: seed) }
  }

  /// The scan with these pages of the document: the same bytes each time.
  func scan(_ document: Document, pages: ClosedRange<Int>) throws(PictureError) -> Scan {
    let key = Key(document: document.number, pages: pages)
    if let scan = cached(key) { return scan }
    let scan: Scan
    if let bulk {
      scan = Scan(bulk.file(document.number))
    } else {
      scan = try drawn(document, key)
    }
    cache.withLock { $0.keep(scan, for: key) }
    return scan
  }

  private func cached(_ key: Key) -> Scan? { cache.withLock { $0.use(key) } }

  private func drawn(_ document: Document, _ key: Key) throws(PictureError) -> Scan {
    let result = lanes[key.document % lanes.count].renderer.withLock {
      renderer -> Result<Scan, PictureError> in
      // Another request may have drawn it while this one waited.
      if let scan = cached(key) { return .success(scan) }
      do throws(PictureError) {
        let images = try key.pages.map { page throws(PictureError) in
          try renderer.page(page, of: document)
        }
        let scan = Scan(PDFFile.of(images))
        cache.withLock { $0.keep(scan, for: key) }
        return .success(scan)
      } catch { return .failure(error) }
    }
    return try result.get()
  }
}
