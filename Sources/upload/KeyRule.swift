import Common
import Stages
import Store

/// What makes a document's key: a template, and the stage's names for ranges of books.
struct KeyRule: Sendable {
  private let template: Template
  private let stage: Stage?

  /// Throws where the template cannot be read.
  init(_ template: String, stage: Stage?) throws(Fatal) {
    do throws(Template.SyntaxError) {
      self.template = try Template(template)
    } catch {
      throw Fatal(.configuration, "the key: \(error)")
    }
    self.stage = stage
    if let objection = RecordFieldNames.objection(to: self.template, extra: ["folder", "url"]) {
      throw Fatal(.configuration, "the key: \(objection)")
    }
  }

  /// The key of a document: any text, number or truth value of the record's top level, and
  /// `{folder}`, which is the stage's for the document's book.
  func key(for record: Record) throws(RecordError) -> ObjectKey {
    try ObjectKey(filling: template, for: Format.printable(record.id)) { name in
      if name == "folder", let stage, !stage.folders.isEmpty {
        return record["book"]?.int.flatMap(stage.folder(ofBook:))
      }
      return record[name]?.text ?? record[name]?.bool.map(String.init)
    }
  }
}
