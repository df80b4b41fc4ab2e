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

  /// Writes it with object streams and deflated contents; the same document gives the same bytes.
  public func writeCompactly(to target: String) throws(PDFError) {
    try write(to: target, objectStreams: true)
  }
}
