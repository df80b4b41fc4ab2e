import Files
import Common
import Crypto
import Glibc

// A run of days should not learn after hours that it may not write, or that its store does not say which of
// two writers was quicker.
extension BucketStore {
  func check(_ plan: CheckPlan) throws -> StoreCheck {
    let key = try ObjectKey(
      ".conveyor-check-\(String(UInt64.random(in: .min ... .max), radix: 36))")
    let name = try bucket.name(of: key)
    let url = bucket.url(ofName: name)
    guard plan.writes else {
      _ = try info(at: url)
      return StoreCheck(identityFindings + ["\(bucket.root) answers"])
    }
    let first = try ScratchFile("written by a check; may be removed\n")
    let written = try put(first.source, at: key, metadata: plan.metadata, overwrite: false)
    var check = StoreCheck(identityFindings + ["\(bucket.root) can be written and read"])
    do {
      try examine(written, name, plan, &check)
      try checkParts(name + "-parts", plan, &check)
    } catch {
      _ = try? remove(name)
      throw error
    }
    var retrier = retrier(url, .removing)
    let removed = try retrier.answer { try remove(name) }
    if removed.kind != .success, removed.kind != .absent {
      check.warnings.append("what the check wrote cannot be removed and stays: \(url)")
    }
    return check
  }

  private var identityFindings: [String] { identityName.map { ["it is asked as \($0)"] } ?? [] }

  /// Looks at what was written, and writes it again in the ways of a run.
  private func examine(
    _ written: StoredObject, _ name: String, _ plan: CheckPlan, _ check: inout StoreCheck
  ) throws {
    guard try info(at: written.url)?.bytes == written.bytes else {
      throw RecordError(
        .storeUnavailable, "\(written.url): what was written a moment ago is not there")
    }
    if settings.preconditions == .off {
      check.warnings.append("preconditions are off: \(Self.race)")
    } else if try refusesAnother(name, plan) {
      check.findings.append("it refuses to replace what a program did not see")
    } else {
      check.warnings.append("it ignores preconditions: \(Self.race)")
    }
    guard plan.overwrites else { return }
    let third = try ScratchFile("written by a check, in place of what it saw\n")
    _ = try put(third.source, at: key(name), metadata: plan.metadata, overwrite: true)
    check.findings.append("it replaces what a program saw")
  }

  /// Large files go in parts. A store that takes none still takes all others, so that ends no run before the
  /// first of them.
  private func checkParts(_ name: String, _ plan: CheckPlan, _ check: inout StoreCheck) throws {
    let file = try ScratchFile("written by a check, in parts; may be removed\n")
    let opened = try file.source.open()
    let content = try digest(file.source, opened)
    let url = bucket.url(ofName: name)
    var retrier = retrier(url, .writing)
    retrier.policy = RetryPolicy(retries: 1, base: 1)
    let size = "files larger than \(Format.bytes(part))"
    do {
      let reply = try sendInParts(
        PutRequest(
          name: name, content: content, descriptor: opened.descriptor, seen: nil,
          metadata: allMetadata(plan.metadata, content.whole)), &retrier)
      guard reply.kind == .success else { throw failure(reply, url, .objects) }
      check.findings.append("it takes \(size) in parts")
      _ = try? remove(name)
    } catch let error as RecordError where error.kind != .interrupted {
      check.warnings.append("it takes no uploads in parts, as \(size) need: \(error.message)")
    } catch let error as Fatal {
      check.warnings.append("it takes no uploads in parts, as \(size) need: \(error.message)")
    }
  }

  private static var race: String {
    "of two programs that write one object at once, one may replace the other's"
  }

  private func key(_ name: String) throws(RecordError) -> ObjectKey {
    try ObjectKey(String(name.dropFirst(bucket.prefix.count)))
  }

  /// Sends other content under a name that is taken, as if nothing were there.
  private func refusesAnother(_ name: String, _ plan: CheckPlan) throws -> Bool {
    let other = try ScratchFile("written by a check, in place of another\n")
    let opened = try other.source.open()
    let content = try digest(other.source, opened)
    var retrier = retrier(bucket.url(ofName: name), .writing)
    let reply = try send(
      PutRequest(
        name: name, content: content, descriptor: opened.descriptor, seen: nil,
        metadata: allMetadata(plan.metadata, content.whole)), &retrier)
    switch reply.kind {
    // A store that never lets go of an object refuses, too.
    case .changed, .held: return true
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

/// What becomes of objects in a bucket that we make: scans are read when they are new, and hardly ever
/// afterwards.
enum Lifecycle {
  /// One step into a cheaper class: both are read at once, and cost more for each reading.
  struct Step: Sendable {
    let days: Int
    /// https://cloud.google.com/storage/docs/storage-classes
    let google: String
    /// The nearest of https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-class-intro.html
    let amazon: String
  }

  static let steps = [
    Step(days: 30, google: "NEARLINE", amazon: "STANDARD_IA"),
    Step(days: 90, google: "COLDLINE", amazon: "GLACIER_IR"),
  ]

  /// Days after which S3 removes the parts of an upload that was never completed.
  static let daysOfParts = 7

  /// For people: `NEARLINE after 30 days, COLDLINE after 90 days`.
  static func text(_ name: (Step) -> String) -> String {
    steps.map { "\(name($0)) after \($0.days) days" }.joined(separator: ", ")
  }
}
