import Common
import Config
import Store

/// What makes a document's key: a template, and the stage's names for ranges of books; or the path of
/// its file.
struct KeyRule: Sendable {
  /// Keys are paths, folders included: of two files with the same name, each keeps its own.
  static let paths = KeyRule()

  /// `nil` for the path.
  private let template: Template?
  private let stage: Stage?

  private init() {
    template = nil
    stage = nil
  }

  /// Throws where the template cannot be read.
  init(_ template: String, stage: Stage?) throws(Fatal) {
    let parsed: Template
    do throws(Template.SyntaxError) {
      parsed = try Template(template)
    } catch {
      throw Fatal(.configuration, "the key: \(error)")
    }
    self.template = parsed
    self.stage = stage
    if let rejection = RecordFieldNames.rejection(to: parsed, extra: ["folder", "url"]) {
      throw Fatal(.configuration, "the key: \(rejection)")
    }
  }

  /// The key of a document: any text, number or truth value of the record's top level, and
  /// `{folder}`, which is the stage's for the document's book.
  func key(for record: DocumentRecord) throws(RecordError) -> ObjectKey {
    guard let template else { return try Self.key(ofPath: record.path ?? record.id) }
    return try ObjectKey(filling: template, for: Format.printable(record.id)) { name in
      if name == "folder", let stage, !stage.folders.isEmpty {
        return record.book.flatMap(stage.folder(ofBook:))
      }
      return record.text(of: name) ?? record[name]?.bool.map(String.init)
    }
  }

  /// `scans/a.pdf` of `./scans//a.pdf` or `/scans/a.pdf`. Throws `store_rejected` for a path that leads
  /// up (`..`): where it leads, its name does not say.
  private static func key(ofPath path: String) throws(RecordError) -> ObjectKey {
    let parts = path.utf8.split(separator: UInt8(ascii: "/")).map { String(Substring($0)) }
    return try ObjectKey(parts.filter { $0 != "." }.joined(separator: "/"))
  }
}
