import CQPDF

extension PDFDocument {
  /// Whether it has a form that can be filled in (ISO 32000-1, 12.7).
  package func hasForm() throws(PDFError) -> Bool {
    defer { releaseObjects() }
    let form = member("/AcroForm", of: qpdf_get_root(handle))
    let hasForm = count(member("/Fields", of: form)) > 0 || !isNull(member("/XFA", of: form))
    try check("look for a form")
    return hasForm
  }

  /// Whether it says what its parts are, for screen readers (ISO 32000-1, 14.7).
  package func isTagged() throws(PDFError) -> Bool {
    defer { releaseObjects() }
    let isTagged = !isNull(member("/StructTreeRoot", of: qpdf_get_root(handle)))
    try check("look for tags")
    return isTagged
  }

  /// Writes it with object streams and deflated contents; the same document gives the same bytes. With
  /// `tolerating`, warnings of libqpdf are no reason to throw.
  package func writeCompactly(to target: String, tolerating: Bool = false) throws(PDFError) {
    try write(to: target, objectStreams: true, tolerating: tolerating)
  }

  /// How it is encrypted: the method, what is permitted, and what the passwords are checked with (ISO 32000-1,
  /// 7.6.3.2). Empty for what is not.
  package func encryption() -> [String] {
    defer { releaseObjects() }
    guard isEncrypted else { return [] }
    let dictionary = member("/Encrypt", of: qpdf_get_trailer(handle))
    return ["/V", "/R", "/P", "/O", "/U"].map { key in
      qpdf_oh_unparse_resolved(handle, member(key, of: dictionary)).map { String(cString: $0) }
        ?? ""
    }
  }
}

extension PDFDocument {
  /// More form fields than this, or deeper ones, are not searched.
  private static let maximumFields = 10_000
  private static let maximumFieldDepth = 32

  /// Whether rewriting would break a signature: `/SigFlags` says that there are some, a field is a
  /// signature with a value, or the catalog grants usage rights (ISO 32000-1, 12.7.2, 12.7.4.5 and
  /// 12.8.4). A form too large to be searched counts as signed.
  package func isSigned() throws(PDFError) -> Bool {
    defer { releaseObjects() }
    let root = qpdf_get_root(handle)
    let form = member("/AcroForm", of: root)
    let flags = integer(member("/SigFlags", of: form)) ?? 0
    let permissions = member("/Perms", of: root)
    let isSigned =
      flags & 1 != 0 || !isNull(member("/DocMDP", of: permissions))
      || !isNull(member("/UR3", of: permissions)) || hasSignature(form)
    try check("look for signatures")
    return isSigned
  }

  private func hasSignature(_ form: Object) -> Bool {
    // What is left to look at: a list of fields, how deep it is, whether its parent is a signature.
    var left = [(fields: member("/Fields", of: form), depth: 0, isSignature: false)]
    var seen: Set<Int> = []
    var visited = 0
    while let (fields, depth, isInherited) = left.popLast() {
      if depth > Self.maximumFieldDepth { return true }
      for index in 0..<count(fields) {
        visited += 1
        if visited > Self.maximumFields { return true }
        let field = element(index, of: fields)
        let identity = identity(field)
        guard isDictionary(field), identity == 0 || seen.insert(identity).inserted else { continue }
        let type = member("/FT", of: field)
        let isSignature = isNull(type) ? isInherited : isName(type, "/Sig")
        if isSignature, !isNull(member("/V", of: field)) { return true }
        left.append((member("/Kids", of: field), depth + 1, isSignature))
      }
    }
    return false
  }
}
