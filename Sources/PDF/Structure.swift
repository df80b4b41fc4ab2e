import CQPDF

extension PDFDocument {
  /// Whether it has a form that can be filled in (ISO 32000-1, 12.7).
  public func hasForm() throws(PDFError) -> Bool {
    defer { releaseObjects() }
    let form = member("/AcroForm", of: qpdf_get_root(handle))
    let hasForm = count(member("/Fields", of: form)) > 0 || !isNull(member("/XFA", of: form))
    try check("look for a form")
    return hasForm
  }

  /// Whether it says what its parts are, for screen readers (ISO 32000-1, 14.7).
  public func isTagged() throws(PDFError) -> Bool {
    defer { releaseObjects() }
    let isTagged = !isNull(member("/StructTreeRoot", of: qpdf_get_root(handle)))
    try check("look for tags")
    return isTagged
  }

  /// Writes it with object streams and deflated contents; the same document gives the same bytes. With
  /// `tolerating`, what libqpdf put up with is no reason to throw.
  public func writeCompactly(to target: String, tolerating: Bool = false) throws(PDFError) {
    try write(to: target, objectStreams: true, tolerating: tolerating)
  }

  /// How it is encrypted: the method, what is permitted, and what the passwords are checked with (ISO 32000-1,
  /// 7.6.3.2). Empty for what is not.
  public func encryption() -> [String] {
    defer { releaseObjects() }
    guard isEncrypted else { return [] }
    let dictionary = member("/Encrypt", of: qpdf_get_trailer(handle))
    return ["/V", "/R", "/P", "/O", "/U"].map { key in
      qpdf_oh_unparse_resolved(handle, member(key, of: dictionary)).map { String(cString: $0) }
        ?? ""
    }
  }
}
