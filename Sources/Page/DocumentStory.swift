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
    return lines + ["", "What to do: \(advice)"] + commands.map { "  \($0)" } + [""]
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
        "\(document.attempts) of \(AttemptPolicy.maximum), last changed "
          + "\(document["updated_at"] ?? "at an unknown time")"
      ))
    if let error = document["download_error"] {
      let name = document.status == .skipped ? "reason" : "error"
      facts.append((name, (document["error_class"].map { "\($0): " } ?? "") + error))
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

  /// What happened and what to do now, in two or three sentences, for who is woken by it.
  package var advice: String {
    switch document.status {
    case .completed:
      object.map { $0.hasPrefix("MISSING") || $0.hasPrefix("DIFFERENT") } == true
        ? "set it back to pending, with all like it; a run stores it again: conveyor reconcile --repair"
        : "nothing. It is in the store."
    case .inProgress:
      "nothing, while that run works. When it is gone, the next run takes the document back: at once on the same "
        + "machine, with the end of the lease from another one."
    case .pending:
      document.errorClass == nil
        ? "run a stage that selects it; it waits for its turn."
        : "nothing yet: a run tries it again by itself"
          + "\(document["next_attempt_at"].map { " from \($0) on" } ?? ""). "
          + "If it fails for good: " + Self.cause(document.errorClass)
    case .skipped:
      "nothing, it was marked as not wanted. If it is wanted after all:"
    case .other(let word):
      "its status \(Format.quoted(word)) is none that a run knows; see docs/states.md."
    case .failed: Self.cause(document.errorClass)
    }
  }

  /// What the class of error means for one document.
  private static func cause(_ kind: ErrorClass?) -> String {
    switch kind {
    case .absent:
      "the portal answers that it has no such document. Look for it by hand on the portal's own page: the index may have "
        + "another book, page or number; correct it there. If the portal really lacks it, leave it: absent ones are no failures."
    case .restricted:
      "the portal refuses this one (401 or 403). Open it in a browser: if it opens there, our log-in or address is the "
        + "reason; if not, ask the office whether it is public."
    case .rateLimited:
      "the portal asked each time to slow down. Ask it more slowly first: conveyor limiter set HOST --delay 2s."
    case .portalError, .network, .timeout:
      "the portal, or the way to it, was in trouble each time. See whether it answers now: fetch probe --stage NAME. If "
        + "only this document fails, open its address in a browser."
    case .badPDF:
      "the portal sent a damaged or incomplete PDF each time. Open it in a browser: if it is damaged there, too, the "
        + "office has to scan it again."
    case .notPDF:
      "the portal sent something else than a PDF; the error says what. conveyor explain shows which link the portal file "
        + "takes; correct that, if it is the wrong one."
    case .tooLarge:
      "it is larger than --max-filesize. If it is really that large, raise that for a run of its own."
    case .blockedURL:
      "the portal led to an address that is not followed, for safety. If that host belongs to the portal, add it to hosts: "
        + "in the portal file."
    case .invalidRecord: "the row of the index cannot be used, as the error says. Correct it there."
    case .storeRejected:
      "the store refused the object, as the error says: its name, its size, or our rights. Try: upload check --to URL."
    case .storeConflict:
      "the store has other content under this name, and nothing was overwritten. Compare both. If the new one is right: "
        + "run with --overwrite."
    case .storeHeld:
      "the store keeps what it has under this name (a retention period, a hold). It has to be lifted there, or its end "
        + "awaited."
    case .storeUnavailable:
      "the store could not be reached. See whether it answers now: upload check --to URL."
    case .local:
      "this machine was in trouble, and not the document: disk, memory, open files, as the error says. Mend that; "
        + "conveyor doctor helps."
    case .interrupted: "the run was stopped before the document was done; nothing is wrong with it."
    case .internal:
      "this is a defect of Conveyor, and not of the document. Report it with the error and the lines of the log above."
    case nil: "the error is none that we know; another program may have written it."
    }
  }

  /// The commands that come next, each with what it is for.
  private var commands: [String] {
    let id = document.id
    let again = "conveyor retry \(id)                  # then a run of its stage takes it up"
    let skip = "conveyor skip \(id) --why TEXT         # or give it up"
    switch (document.status, document.errorClass) {
    case (.skipped, _): return [again]
    case (.failed, let kind?):
      switch kind {
      case .absent, .restricted, .badPDF, .notPDF, .tooLarge: return [again, skip]
      // What was in trouble was so for others, too.
      case .rateLimited, .portalError, .network, .timeout, .storeUnavailable, .local, .interrupted:
        return [again, "conveyor retry --class \(kind.rawValue)   # or all that failed like it"]
      default: return [again]
      }
    case (.failed, nil): return [again]
    default: return []
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
