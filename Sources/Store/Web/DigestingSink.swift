import Digest
import Transfer

/// Takes the bytes of an object for their size and checksums alone, and those of an error as they are.
final class DigestingSink: BodySink {
  let kept = Collector()
  private var sha256 = Digest(.sha256)
  private var md5 = Digest(.md5)
  private var bytes = 0
  private var isGood = false

  func begin(_ head: ResponseHead) -> Bool {
    isGood = (200..<300).contains(head.status)
    return true
  }

  func receive(_ piece: UnsafeRawBufferPointer) -> Bool {
    guard isGood else { return kept.receive(piece) }
    sha256.update(piece)
    md5.update(piece)
    bytes += piece.count
    return true
  }

  /// What came; `nil` where it was an error. Asked for once, at the end.
  func content() -> ObjectInfo? {
    guard isGood else { return nil }
    let digests = (exchange(&sha256, .sha256).hex(), exchange(&md5, .md5).hex())
    return ObjectInfo(bytes: bytes, sha256: digests.0, md5: digests.1)
  }

  /// Ending a checksum takes it away, and a class may not be left without it.
  private func exchange(_ digest: inout Digest, _ kind: Digest.Algorithm) -> Digest {
    var other = Digest(kind)
    swap(&digest, &other)
    return other
  }
}
