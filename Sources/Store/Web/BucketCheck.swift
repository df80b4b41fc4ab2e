import Common
import Digest
import Glibc

// A run of days should not learn after hours that it may not write, or that its store tells nobody who
// was quicker.
extension BucketStore {
  func check(writing: Bool) throws -> StoreCheck {
    let key = try ObjectKey(
      ".conveyor-check-\(String(UInt64.random(in: .min ... .max), radix: 36))")
    let name = try bucket.name(of: key)
    let url = bucket.url(ofName: name)
    guard writing else {
      _ = try info(at: url)
      return StoreCheck(["\(bucket.root) answers"])
    }
    let first = try ScratchFile("written by a check; may be removed\n")
    let stored = try put(first.source, at: key, metadata: [:], overwrite: false)
    guard try info(at: url)?.bytes == stored.bytes else {
      throw RecordError(.storeUnavailable, "\(url): what was written a moment ago is not there")
    }
    var check = StoreCheck(["\(bucket.root) can be written and read"])
    if try refusesAnother(name) {
      check.findings.append("it refuses to replace what a program did not see")
    } else {
      check.warnings.append(
        "it ignores preconditions: of two programs that write one object at once, one may replace the "
          + "other's")
    }
    var patience = Patience(url, settings)
    let removed = try patience.answer { try remove(name) }
    if removed.meaning != .success, removed.meaning != .absent {
      check.warnings.append("what the check wrote cannot be removed and stays: \(url)")
    }
    return check
  }

  /// Sends other content under a name that is taken, as if nothing were there.
  private func refusesAnother(_ name: String) throws -> Bool {
    let other = try ScratchFile("written by a check, in place of another\n")
    let opened = try other.source.open()
    let content = try digest(other.source, opened)
    var patience = Patience(bucket.url(ofName: name), settings)
    let reply = try send(
      Shipment(
        name: name, content: content, descriptor: opened.descriptor, seen: nil, metadata: [:]),
      &patience)
    switch reply.meaning {
    case .changed: return true
    case .success: return false
    default: throw failure(reply, bucket.url(ofName: name), .objects)
    }
  }
}

/// A file without a name that holds a text; gone when this is.
private struct ScratchFile: ~Copyable {
  private let descriptor: Int32

  init(_ text: String) throws {
    let folder = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    var path = Array("\(folder)/conveyor-XXXXXX".utf8CString)
    descriptor = mkstemp(&path)
    guard descriptor >= 0 else {
      throw Fatal(.inputOutput, "\(FileError("create a file in", folder))")
    }
    unlink(path)
    guard writeAll(Array(text.utf8), to: descriptor) == 0 else {
      throw Fatal(.inputOutput, "\(FileError("write into", folder))")
    }
  }

  var source: SourceFile { SourceFile(path: "/proc/self/fd/\(descriptor)") }

  deinit { close(descriptor) }
}
