import Checkpoint
import Common
import Files
import Glibc
import Index

/// What is known of a document, in the order in which a person asks: how it stands, what each place says, what to do.
/// Pure.
package struct DocumentStory {
  /// What the checkpoint says.
  package struct Fetched {
    let entry: Checkpoint.Entry
    /// Whether its file is still in the spool.
    let isThere: Bool

    package init(_ entry: Checkpoint.Entry, isThere: Bool) {
      self.entry = entry
      self.isThere = isThere
    }

    /// `nil` where the state folder has no checkpoint, or that does not know the document.
    package init?(of id: String, in folder: String) throws(Fatal) {
      let path = "\(folder)/checkpoint.sqlite"
      guard access(path, F_OK) == 0, let entry = try Checkpoint(path: path).entry(id) else {
        return nil
      }
      self.init(entry, isThere: entry.path.map { access($0, F_OK) == 0 } ?? false)
    }
  }

  private let document: IndexedDocument
  private let fetched: Fetched?
  /// What the store said, where it was asked.
  private let object: String?
  package let log: [String]

  package init(_ document: IndexedDocument, fetched: Fetched?, object: String?, log: [String]) {
    self.document = document
    self.fetched = fetched
    self.object = object
    self.log = log
  }

  package var lines: [String] {
    var lines = [headline, ""]
    for (name, text) in facts {
      lines.append("  \(Format.padRight(name, 10))\(Format.printable(text))")
    }
    if !log.isEmpty {
      lines += ["", "Last in the log:"] + log.map { "  \(Format.printable($0))" }
    }
    return lines + ["", "What to do: \(advice)", ""]
  }

  package var headline: String {
    let place = "book \(document["book"] ?? "?"), page \(document["page"] ?? "?")"
    let number = document["instrument_number"].map { ", instrument \($0)" } ?? ""
    let type = document["instrument_type_parsed"].map { ", \($0)" } ?? ""
    return "\(document.id): \(document.status.word) (\(place)\(number)\(Format.printable(type)))"
  }

  /// What each place says, by its name.
  package var facts: [(String, String)] {
    var facts = [("source", document["source"] ?? "")]
    facts.append(
      (
        "attempts",
        "\(document.attempts), last changed \(document["updated_at"] ?? "at an unknown time")"
      ))
    if let error = document["download_error"] {
      facts.append(("error", (document["error_class"].map { "\($0): " } ?? "") + error))
    }
    if let time = document["next_attempt_at"], document.status == .pending {
      facts.append(("next", "not before \(time)"))
    }
    if document.status == .inProgress {
      let until = document["lease_expires_at"].map { " until \($0)" } ?? ""
      facts.append(("lease", (document["lease_owner"] ?? "software that sets none") + until))
    }
    if let lost = document["lost_leases"], lost != "0" {
      facts.append(("lost", "with its worker \(lost) times"))
    }
    if let fetched { facts.append(("fetched", text(of: fetched))) }
    if let url = document["gcs_path"] { facts.append(("object", objectText(url))) }
    if let object { facts.append(("store", object)) }
    if let text = optimized { facts.append(("optimized", text)) }
    if let book = document["actual_book"], let page = document["actual_page"],
      book != document["book"] || page != document["page"]
    {
      facts.append(("portal", "says book \(book), page \(page)"))
    }
    return facts
  }

  private func text(of fetched: Fetched) -> String {
    let entry = fetched.entry
    guard let bytes = entry.bytes else {
      return "\(entry.errorClass ?? "error") at \(entry.at): \(entry.error ?? "")"
    }
    let url = entry.url.isEmpty ? "" : " from \(entry.url)"
    let portal = entry.portal.map { " (portal \($0))" } ?? ""
    return
      "\(Format.count(bytes)) bytes\(url)\(portal) at \(entry.at), SHA-256 \(entry.sha256 ?? "?"); "
      + "the file is \(fetched.isThere ? "in the spool" : "not in the spool any more")"
  }

  private func objectText(_ url: String) -> String {
    let size =
      document["content_bytes"].flatMap { Int($0) }.map { ", \(Format.count($0)) bytes" } ?? ""
    let sum = document["content_sha256"].map { ", SHA-256 \($0)" } ?? ""
    return url + size + sum + (document["downloaded_at"].map { ", since \($0)" } ?? "")
  }

  private var optimized: String? {
    guard let outcome = document["optimize_outcome"] else { return nil }
    let from =
      document["original_bytes"].flatMap { Int($0) }.map { ", of \(Format.count($0)) bytes" } ?? ""
    return outcome + (document["optimize_reason"].map { " (\($0))" } ?? "") + from
  }

  /// One or two sentences for whoever is woken by it.
  package var advice: String {
    switch document.status {
    case .completed:
      object.map { $0.hasPrefix("MISSING") || $0.hasPrefix("DIFFERENT") } == true
        ? "conveyor reconcile --repair sets it back to pending, and a run stores it again."
        : "nothing. It is in the store."
    case .inProgress:
      "nothing, while that run works. When it is gone, the next run takes the document back: at once on the same "
        + "machine, with the end of the lease from another one."
    case .pending:
      document.errorClass == nil
        ? "run a stage that selects it; it waits for its turn."
        : "nothing. A run tries it again by itself\(document["next_attempt_at"].map { " from \($0) on" } ?? "")."
    case .skipped:
      "nothing. It was marked as not wanted; setting its status to pending brings it back."
    case .other(let word):
      "its status \(Format.quoted(word)) is none that a run knows; see docs/states.md."
    case .failed: Self.advice(document.errorClass) + retry
    }
  }

  private var retry: String { " Then: conveyor retry \(document.id)" }

  private static func advice(_ kind: ErrorClass?) -> String {
    switch kind {
    case .absent:
      "the portal does not have it by this name. Look at its page by hand; the index may have another book, page or number."
    case .restricted:
      "the portal does not give it to us. Ask the office, or give the log-in that it wants."
    case .rateLimited, .portalError, .network, .timeout:
      "the portal or the way there was in trouble each time. Look whether it answers now (fetch probe)."
    case .badPDF:
      "the portal sent a damaged PDF each time. Open it in a browser; tell the office where it is damaged there, too."
    case .notPDF:
      "the portal sent something else than a PDF, as the error says. The portal file may take the wrong link."
    case .tooLarge: "it is larger than --max-filesize allows. Raise that, if it is really so large."
    case .blockedURL:
      "the portal led to an address that is not followed. If that host is meant, allow it in the portal file."
    case .invalidRecord:
      "the row cannot be used as it is, as the error says. Correct it in the index."
    case .storeRejected:
      "the store refused the object, as the error says: its name, its size or our rights (upload check)."
    case .storeConflict:
      "other content has this name in the store. Look at both; give one another name, or upload --overwrite."
    case .storeHeld:
      "the store keeps what it has there (retention, a hold). Lift that, or wait for its end."
    case .storeUnavailable:
      "the store could not be reached. Look whether it answers now (upload check)."
    case .local:
      "this machine was in trouble, as the error says: disk, memory, open files. Mend that."
    case .interrupted: "the run was stopped before it was done."
    case .internal: "this is a bug in Conveyor. Please report it with the error and the log."
    case nil: "the error is none that we know; another program may have written it."
    }
  }
}

/// The lines of a log that are about one document.
package enum LogExcerpt {
  /// Bytes at its end that are looked through: some 100,000 lines.
  static let searched = 16 << 20
  /// So many of the last ones are shown.
  static let shown = 10

  /// The last lines of the file that name the document; none where there is no such file.
  package static func lines(of id: String, in path: String) -> [String] {
    guard let file = try? RegularFile.open(path, following: true), let size = try? file.size(),
      let bytes = try? file.bytes(min(size, searched), from: max(0, size - searched))
    else { return [] }
    // `Worker 4: 184223 (book 285, page 55): …`, or the id alone before a colon.
    let marks = [": \(id) (book ", ": \(id): "].map { Array($0.utf8) }
    let found = bytes.split(separator: 0x0A).filter { line in
      marks.contains { mark in line.firstRange(of: mark) != nil }
    }
    return found.suffix(shown).map { String(decoding: $0, as: UTF8.self) }
  }
}
