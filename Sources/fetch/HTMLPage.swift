import CXML2

/// A page as browsers would read it, however it was written. Owns libxml2's tree.
struct HTMLPage: ~Copyable {
  private let document: htmlDocPtr
  private let context: xmlXPathContextPtr

  /// libxml2 is to be initialized once, before threads use it (its manual, "Thread safety").
  private static let isInitialized: Bool = {
    xmlInitParser()
    conveyor_xml_silence()
    return true
  }()

  /// Reads a page; `nil` where there is nothing to read. Loads nothing that the page names.
  init?(_ bytes: [UInt8]) {
    guard Self.isInitialized, !bytes.isEmpty else { return nil }
    let options =
      HTML_PARSE_RECOVER.rawValue | HTML_PARSE_NOERROR.rawValue | HTML_PARSE_NOWARNING.rawValue
      | HTML_PARSE_NONET.rawValue
    let document = bytes.withUnsafeBytes { bytes in
      htmlReadMemory(
        bytes.bindMemory(to: CChar.self).baseAddress, Int32(bytes.count), nil, nil,
        Int32(options))
    }
    guard let document else { return nil }
    guard let context = xmlXPathNewContext(document) else {
      xmlFreeDoc(document)
      return nil
    }
    self.document = document
    self.context = context
  }

  deinit {
    xmlXPathFreeContext(context)
    xmlFreeDoc(document)
  }

  /// The texts of all nodes that an XPath expression finds, in the order of the page; for an
  /// expression that is a text or a number itself, that one.
  func texts(_ xpath: String) -> [String] {
    guard let result = xmlXPathEvalExpression(xpath, context) else { return [] }
    defer { xmlXPathFreeObject(result) }
    guard result.pointee.type == XPATH_NODESET else {
      return Self.text(xmlXPathCastToString(result)).map { $0.isEmpty ? [] : [$0] } ?? []
    }
    guard let nodes = result.pointee.nodesetval?.pointee, let table = nodes.nodeTab else {
      return []
    }
    return (0..<Int(nodes.nodeNr)).compactMap {
      table[$0].flatMap { Self.text(xmlNodeGetContent($0)) }
    }
  }

  /// Whether an XPath expression finds anything, or is true.
  func has(_ xpath: String) -> Bool {
    guard let result = xmlXPathEvalExpression(xpath, context) else { return false }
    defer { xmlXPathFreeObject(result) }
    return xmlXPathCastToBoolean(result) == 1
  }

  private static func text(_ owned: UnsafeMutablePointer<xmlChar>?) -> String? {
    guard let owned else { return nil }
    defer { conveyor_xml_free(owned) }
    return String(cString: owned)
  }
}
