import Common

/// What was found out about a file that should be a PDF.
public struct PDFFinding: Sendable, Equatable {
  /// Pages of its tree; `nil` where it opens only with a password, or not at all.
  public var pages: Int?
  /// Whether it is encrypted, be it with an empty password.
  public var isEncrypted = false
  /// Whether it opens only with a password that is not known here.
  public var needsPassword = false
  /// Whether it opens only after its tables were made anew.
  public var isRepaired = false
  /// Bytes behind the last `%%EOF`; `nil` without one.
  public var trailing: Int?
  /// Why it is no PDF that can be read; `nil` for one that can, and for one with a password.
  public var defect: String?

  /// Nothing found yet.
  public init() {}

  /// Something that cannot be read.
  public init(defect: String) { self.defect = Format.printable(defect) }

  /// As the process that looks writes it.
  public var json: JSONObject {
    [
      "pages": pages.map(JSON.int), "encrypted": .bool(isEncrypted),
      "needs_password": .bool(needsPassword), "repaired": .bool(isRepaired),
      "trailing": trailing.map(JSON.int), "defect": defect.map(JSON.string),
    ]
  }

  /// Reads what ``json`` wrote.
  public init?(_ json: JSON) {
    guard json.object != nil, let isEncrypted = json["encrypted"]?.bool else { return nil }
    pages = json["pages"]?.int
    self.isEncrypted = isEncrypted
    needsPassword = json["needs_password"]?.bool ?? false
    isRepaired = json["repaired"]?.bool ?? false
    trailing = json["trailing"]?.int
    defect = json["defect"]?.string
  }
}
