import Common
import HTTP

/// What the parser reads from: the page's bytes in UTF-8, without NULs, looked at before they are handed over.
final class PageSource {
  private let body: PageBody
  private var decoder: CharsetDecoder
  private let isOver: () -> Bool
  private var scan = TagScan()
  private var offset = 0
  private var ready: ArraySlice<UInt8> = []
  private var isAtEnd = false
  var deadline = Int64.max
  private(set) var failure: (any Error)?

  init?(_ body: PageBody, charset: Charset, isOver: @escaping () -> Bool) {
    guard let decoder = CharsetDecoder(charset) else { return nil }
    self.body = body
    self.decoder = decoder
    self.isOver = isOver
  }

  /// Bytes copied; 0 at the end, and where something is wrong.
  func read(into target: UnsafeMutableRawBufferPointer) -> Int {
    guard failure == nil else { return 0 }
    if isOver() { failure = RecordError.stopped }
    if Time.ofThread() > deadline {
      failure = RecordError(.portalError, "reading the page took too long and was stopped")
    }
    while ready.isEmpty, !isAtEnd, failure == nil { fill() }
    let chunk = ready.prefix(target.count)
    ready = ready.dropFirst(chunk.count)
    if !chunk.withUnsafeBytes({ scan.take($0) }) {
      failure = RecordError(
        .portalError,
        "the page has a tag with more than \(TagScan.maximum) attributes, which is not read")
    }
    guard failure == nil else { return 0 }
    target.copyBytes(from: chunk)
    return chunk.count
  }

  private func fill() {
    do {
      let chunk = try body.chunk(at: offset)
      offset += chunk.count
      isAtEnd = chunk.isEmpty
      var bytes = isAtEnd ? decoder.finish() : chunk.withUnsafeBytes { decoder.decode($0) }
      // The byte order mark is no text.
      if offset == chunk.count, bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes.removeFirst(3) }
      ready = bytes[...]
    } catch {
      failure = Fatal(.inputOutput, "\(error)")
    }
  }
}
