import CQPDF

extension PDFDocument {
  /// More form fields than this, or deeper ones, are not searched.
  private static let maximumFields = 10_000
  private static let maximumFieldDepth = 32

  /// Whether rewriting would break a signature: `/SigFlags` says that there are some, a field is a
  /// signature with a value, or the catalog grants usage rights (ISO 32000-1, 12.7.2, 12.7.4.5 and
  /// 12.8.4). A form too large to be searched counts as signed.
  public func isSigned() throws(PDFError) -> Bool {
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
