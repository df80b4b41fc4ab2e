import Common

/// What was found out about a file.
struct FileFinding: Sendable, Equatable {
  /// How it is: a closed vocabulary (docs/validate.md, "Files").
  enum State: String, Sendable, CaseIterable {
    /// It opens as it is.
    case ok
    /// It is not quite as the standard has it, and readers open it all the same, with all its pages.
    case repairable
    /// It opens only with a password, which says nothing against it.
    case encrypted
    /// Part of it is lost, or no reader can open it; or looking into it took too long or too much.
    case damaged
    /// It has no bytes, or no pages.
    case empty
    /// It does not begin as a PDF does.
    case notPDF = "not_pdf"
    /// It is not there, may not be read, or is not a file.
    case unreadable

    /// Whether it is a document that can be kept.
    var isGood: Bool { [.ok, .repairable, .encrypted].contains(self) }
  }

  var state = State.ok

  /// Size in bytes.
  var bytes: Int?
  var pages: Int?
  /// Whether it is encrypted, be it with an empty password.
  var isEncrypted: Bool?
  /// What is wrong, for people.
  var message: String?

  /// Something is wrong.
  static func bad(_ state: State, _ message: String, bytes: Int? = nil) -> FileFinding {
    FileFinding(state: state, bytes: bytes, message: Format.printable(message))
  }

  /// Its members in a line of the output, and in the answer of the process that looked.
  var json: JSONObject {
    [
      "state": .string(state.rawValue), "bytes": bytes.map(JSON.int), "pages": pages.map(JSON.int),
      "encrypted": isEncrypted.map(JSON.bool), "message": message.map(JSON.string),
    ]
  }
}

extension FileFinding {
  /// Reads what ``json`` wrote.
  init?(_ json: JSON) {
    guard let state = json["state"]?.string.flatMap(State.init) else { return nil }
    self.state = state
    bytes = json["bytes"]?.int
    pages = json["pages"]?.int
    isEncrypted = json["encrypted"]?.bool
    message = json["message"]?.string
  }
}
