import ArgumentParser
import CLI
import Checkpoint
import Common
import Files
import Glibc
import Index
import Logging
import Store

/// `validate why`, or `conveyor why`: all that is known of one document, for a person.
struct WhyCommand: Tool {
  static let configuration = CommandConfiguration(
    commandName: "why",
    abstract: "Say all that is known of a document, and what to do.",
    usage: """
      validate why ID --index URL [OPTION]…
      validate why BOOK/PAGE --index URL [OPTION]…
      """,
    discussion: """
      From the index, and from checkpoint, spool and log of the state folder; with --to from the store, too.

        validate why 184223 --index postgres:
        validate why 285/55 --index sqlite:index.db --to gs://bucket/documents

      \(ToolExit.table)
      """)

  @Argument(help: ArgumentHelp("Its id, or its book and page.", valueName: "id"))
  var document: String

  @Option(help: .index)
  var index: String

  @Option(help: .to)
  var to: String?

  @Option(help: .state)
  var state: String?

  @OptionGroup var log: LogOptions

  func perform(stop: ShutdownSignal, logger: Logger) throws -> ToolExit {
    guard let name = DocumentName(document) else {
      throw Fatal(
        .usage,
        "\(Format.quoted(document)) is neither an id like 184223 nor a book and page like 285/55")
    }
    let documents = try openIndex(index).documents(named: name)
    guard !documents.isEmpty else {
      throw Fatal(.inputOutput, "the index has no document \(Format.printable(document))")
    }
    let store = try to.map {
      try openStore(
        $0, StoreSettings(stop: stop, logger: logger, outageLimit: TimeSpan(seconds: 30)))
    }
    let folder = try StateFolder(named: state, index: try IndexURL(index).folderName)
    for document in documents {
      let story = DocumentStory(
        document, fetched: try fetched(document.id, in: folder.path),
        object: store.map { object(of: document, in: $0) },
        log: LogExcerpt.lines(of: document.id, in: "\(folder.path)/conveyor.log"))
      guard try Console.answer(story.lines.joined(separator: "\n") + "\n") else { break }
    }
    return .success
  }

  /// What the checkpoint says of it, and whether its file is still there.
  private func fetched(_ id: String, in folder: String) throws(Fatal) -> DocumentStory.Fetched? {
    let path = "\(folder)/checkpoint.sqlite"
    guard access(path, F_OK) == 0, let entry = try Checkpoint(path: path).entry(id) else {
      return nil
    }
    return .init(entry, isThere: entry.path.map { access($0, F_OK) == 0 } ?? false)
  }

  /// What the store says of the object that a document names, in words.
  private func object(of document: IndexedDocument, in store: any ObjectStore) -> String {
    guard let url = document["gcs_path"] else { return "not asked: the index names no object" }
    do {
      guard let info = try store.info(at: url) else { return "MISSING: nothing is there" }
      let size = "\(Format.count(info.bytes)) bytes"
      if let recorded = document["content_bytes"], recorded != String(info.bytes) {
        return "DIFFERENT: \(size) are there"
      }
      let pairs = [(info.sha256, document["content_sha256"]), (info.md5, document["content_md5"])]
      for case (let there?, let recorded?) in pairs {
        return there == recorded
          ? "there, as recorded (\(size), checksum)" : "DIFFERENT content is there"
      }
      return "there (\(size); no checksum to compare)"
    } catch { return "could not be asked: \(Fatal(describing: error).message)" }
  }
}

/// The lines of a log that are about one document.
enum LogExcerpt {
  /// Bytes at its end that are looked through: some 100,000 lines.
  static let searched = 16 << 20
  /// So many of the last ones are shown.
  static let shown = 10

  /// The last lines of the file that name the document; none where there is no such file.
  static func lines(of id: String, in path: String) -> [String] {
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
