import ArgumentParser
import CLI
import Common
import Index
import Logging
import Page
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
        document, fetched: try .init(of: document.id, in: folder.path),
        object: store.map { object(of: document, in: $0) },
        log: LogExcerpt.lines(of: document.id, in: "\(folder.path)/conveyor.log"))
      guard try Console.answer(story.lines.joined(separator: "\n") + "\n") else { break }
    }
    return .success
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
