import Common

/// What was found out about a file.
struct FileFinding: Sendable, Equatable {
  /// What can be wrong with it: a closed vocabulary (docs/validate.md, "Files").
  enum Problem: String, Sendable, CaseIterable {
    /// It is not there, not ours to read, or not a file.
    case unreadable
    /// It does not begin as a PDF does.
    case notPDF = "not_pdf"
    /// It does not end as a PDF does.
    case cutShort = "cut_short"
    /// It opens only with a password.
    case encrypted
    /// The parser finds something wrong.
    case damaged
    /// It has no pages.
    case noPages = "no_pages"
    /// Looking into it took too long.
    case tooSlow = "too_slow"
    /// The process that looked into it died.
    case crashed
  }

  /// Size in bytes.
  var bytes: Int?
  var pages: Int?
  /// Whether it is encrypted, be it with an empty password.
  var isEncrypted: Bool?
  var problem: Problem?
  /// What is wrong, for people.
  var message: String?

  /// Something is wrong.
  static func bad(_ problem: Problem, _ message: String, bytes: Int? = nil) -> FileFinding {
    FileFinding(bytes: bytes, problem: problem, message: Format.printable(message))
  }

  /// Its members in a line of the output, and in the answer of the process that looked.
  var json: JSONObject {
    [
      "bytes": bytes.map(JSON.int), "pages": pages.map(JSON.int),
      "encrypted": isEncrypted.map(JSON.bool), "problem": problem.map { .string($0.rawValue) },
      "message": message.map(JSON.string),
    ]
  }
}

extension FileFinding {
  /// Reads what ``json`` wrote.
  init?(_ json: JSON) {
    guard json.object != nil else { return nil }
    bytes = json["bytes"]?.int
    pages = json["pages"]?.int
    isEncrypted = json["encrypted"]?.bool
    message = json["message"]?.string
    guard let name = json["problem"]?.string else { return }
    guard let problem = Problem(rawValue: name) else { return nil }
    self.problem = problem
  }
}
