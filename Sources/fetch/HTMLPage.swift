import CXML2
import Common
import Crypto
import Glibc
import HTTP

/// A page as browsers would read it, however it was written. Owns libxml2's tree. What it costs is bounded:
/// the tree by its nodes, an expression by its steps.
struct HTMLPage: ~Copyable {
  /// Elements, attributes and comments of a page: 240 bytes each at most, with the text beside it.
  static let maximumNodes = 400_000
  /// Elements within each other. Browsers stop at 512; some pages never close what they open.
  static let maximumDepth = 10_000
  /// Bytes of text times the elements around them, which an expression may copy.
  private static let maximumWork = 500_000_000.0
  /// Steps of one expression: about a second.
  private static let maximumSteps: UInt = 30_000_000
  /// Nanoseconds of processor time that reading a page may take.
  private static let longest: Int64 = 10_000_000_000

  private let document: htmlDocPtr
  private let context: xmlXPathContextPtr

  /// libxml2 is to be initialized once, before threads use it (its manual, "Thread safety").
  private static let isInitialized: Bool = {
    xmlInitParser()
    conveyor_xml_silence()
    return true
  }()

  /// Reads a page; `nil` where there is nothing to read. Loads nothing that the page names. Throws why it
  /// cannot be read to its end, or that the run is over.
  init?(
    _ body: PageBody, charset: Charset, isOver: @escaping () -> Bool = { false }
  ) throws {
    guard Self.isInitialized, !body.isEmpty else { return nil }
    if body.isCut {
      throw RecordError(
        .portalError,
        "the page is larger than \(Format.bytes(PageBody.maximum)), the most that is read")
    }
    guard let source = PageSource(body, charset: charset, isOver: isOver) else {
      throw RecordError(.portalError, "cannot read the page: its charset has no converter")
    }
    var page = conveyor_page()
    page.maximum_nodes = Self.maximumNodes
    page.maximum_depth = Int32(Self.maximumDepth)
    page.maximum_work = Self.maximumWork
    let deadline = Time.ofThread() + Self.longest
    source.deadline = deadline
    let document = withExtendedLifetime(source) {
      conveyor_page_read(
        { source, buffer, length in
          guard let source, let buffer else { return 0 }
          let target = UnsafeMutableRawBufferPointer(start: buffer, count: Int(length))
          return Int32(
            Unmanaged<PageSource>.fromOpaque(source).takeUnretainedValue().read(into: target))
        }, Unmanaged.passUnretained(source).toOpaque(), &page)
    }
    if let failure = source.failure ?? Self.excess(page) {
      xmlFreeDoc(document)
      throw failure
    }
    guard let document else { return nil }
    guard let context = xmlXPathNewContext(document) else {
      xmlFreeDoc(document)
      return nil
    }
    conveyor_xpath_silence(context)
    self.document = document
    self.context = context
  }

  deinit {
    xmlXPathFreeContext(context)
    xmlFreeDoc(document)
  }

  private static func excess(_ page: conveyor_page) -> RecordError? {
    let what: String
    switch UInt32(page.excess) {
    case conveyor_page_fits.rawValue: return nil
    case conveyor_page_nodes.rawValue:
      what = "has more than \(Format.count(maximumNodes)) elements and attributes"
    case conveyor_page_depth.rawValue:
      what = "has elements within each other, more than \(Format.count(maximumDepth)) deep"
    default: what = "has too much text too deep within its elements"
    }
    return RecordError(.portalError, "the page \(what), which is not read")
  }

  /// The result of an expression, to be freed; throws where it does not come to one.
  private func evaluate(_ xpath: String) throws(RecordError) -> xmlXPathObjectPtr {
    context.pointee.opLimit = Self.maximumSteps
    context.pointee.opCount = 0
    if let result = xmlXPathEvalExpression(xpath, context) { return result }
    let isLimit = context.pointee.opCount >= Self.maximumSteps
    throw RecordError(
      .portalError,
      "the expression \(Format.quoted(xpath)) of the portal file "
        + (isLimit
          ? "takes too many steps on this page and was stopped" : "has no result on this page"))
  }

  /// The texts of the first nodes that an XPath expression finds, `limit` at most, in the order of the page;
  /// for an expression that is a text or a number itself, that one.
  func texts(_ xpath: String, limit: Int) throws(RecordError) -> [String] {
    let result = try evaluate(xpath)
    defer { xmlXPathFreeObject(result) }
    guard result.pointee.type == XPATH_NODESET else {
      return Self.text(xmlXPathCastToString(result)).map { $0.isEmpty ? [] : [$0] } ?? []
    }
    guard let nodes = result.pointee.nodesetval?.pointee, let table = nodes.nodeTab else {
      return []
    }
    return (0..<min(limit, Int(nodes.nodeNr))).compactMap {
      table[$0].flatMap { Self.text(xmlNodeGetContent($0)) }
    }
  }

  /// Whether an XPath expression finds anything, or is true.
  func has(_ xpath: String) throws(RecordError) -> Bool {
    let result = try evaluate(xpath)
    defer { xmlXPathFreeObject(result) }
    return xmlXPathCastToBoolean(result) == 1
  }

  /// What an expression finds, with the line of the page that it stands on; `limit` at most. For people.
  func places(_ xpath: String, limit: Int) throws(RecordError) -> [(text: String, line: Int)] {
    let result = try evaluate(xpath)
    defer { xmlXPathFreeObject(result) }
    guard result.pointee.type == XPATH_NODESET else {
      return Self.text(xmlXPathCastToString(result)).map { [($0, 0)] } ?? []
    }
    guard let nodes = result.pointee.nodesetval?.pointee, let table = nodes.nodeTab else {
      return []
    }
    return (0..<min(limit, Int(nodes.nodeNr))).compactMap { index in
      guard let node = table[index], let text = Self.text(xmlNodeGetContent(node)) else {
        return nil
      }
      let owner = node.pointee.type == XML_ATTRIBUTE_NODE ? node.pointee.parent : node
      return (text, xmlGetLineNo(owner))
    }
  }

  /// The first form that an expression finds, with the fields that a browser would send without a click
  /// (HTML Standard, "constructing the entry list").
  func form(_ xpath: String) throws(RecordError) -> PageForm? {
    let result = try evaluate(xpath)
    defer { xmlXPathFreeObject(result) }
    guard result.pointee.type == XPATH_NODESET, let nodes = result.pointee.nodesetval?.pointee,
      nodes.nodeNr > 0, let form = nodes.nodeTab?[0]
    else { return nil }
    var found = PageForm(
      action: Self.attribute("action", of: form),
      method: Self.attribute("method", of: form)?.lowercased() == "post" ? "POST" : "GET",
      line: xmlGetLineNo(form))
    context.pointee.node = form
    defer { context.pointee.node = nil }
    let inside = try evaluate(
      "descendant::*[self::input or self::select or self::textarea][@name][not(@disabled)]")
    defer { xmlXPathFreeObject(inside) }
    guard let fields = inside.pointee.nodesetval?.pointee, let table = fields.nodeTab else {
      return found
    }
    for index in 0..<min(Int(fields.nodeNr), PageForm.maximumFields) {
      guard let node = table[index], let name = Self.attribute("name", of: node),
        let value = try value(of: node)
      else { continue }
      found.fields.append(
        PageForm.Field(
          name: name, value: value,
          isHidden: Self.attribute("type", of: node)?.lowercased() == "hidden"))
    }
    return found
  }

  /// What a field is sent with; `nil` for one that is not sent.
  private func value(of node: xmlNodePtr) throws(RecordError) -> String? {
    switch Self.name(of: node) {
    case "textarea": return Self.text(xmlNodeGetContent(node))
    case "select":
      context.pointee.node = node
      let options = try evaluate("(descendant::option[@selected] | descendant::option)[1]")
      defer { xmlXPathFreeObject(options) }
      let chosen = try evaluate("descendant::option[@selected]")
      defer { xmlXPathFreeObject(chosen) }
      let nodes = [chosen, options].compactMap { $0.pointee.nodesetval?.pointee }
      guard let option = nodes.first(where: { $0.nodeNr > 0 })?.nodeTab?[0] else { return nil }
      return Self.attribute("value", of: option) ?? Self.text(xmlNodeGetContent(option))
    default:
      let value = Self.attribute("value", of: node)
      switch Self.attribute("type", of: node)?.lowercased() {
      case "submit", "button", "image", "reset", "file": return nil
      case "checkbox", "radio":
        return Self.attribute("checked", of: node) == nil ? nil : value ?? "on"
      default: return value ?? ""
      }
    }
  }

  private static func attribute(_ name: String, of node: xmlNodePtr) -> String? {
    text(xmlGetNoNsProp(node, name))
  }

  private static func name(of node: xmlNodePtr) -> String {
    node.pointee.name.map { String(cString: $0).lowercased() } ?? ""
  }

  /// Whether the text of an element is for the browser alone.
  private static func isProgram(_ node: UnsafeMutablePointer<xmlNode>) -> Bool {
    guard let name = node.pointee.name else { return false }
    return name.withMemoryRebound(to: CChar.self, capacity: 1) {
      strcasecmp($0, "script") == 0 || strcasecmp($0, "style") == 0
    }
  }

  /// All its text in UTF-8, without scripts, with a blank between two chunks.
  func text() -> [UInt8] {
    var text: [UInt8] = []
    // The nodes one after the other, without recursion: a page may be deep.
    var node = UnsafeMutableRawPointer(document).assumingMemoryBound(to: xmlNode.self)
      .pointee.children
    while let current = node {
      if current.pointee.type == XML_TEXT_NODE || current.pointee.type == XML_CDATA_SECTION_NODE,
        let content = current.pointee.content
      {
        if !text.isEmpty { text.append(0x20) }
        text.append(contentsOf: UnsafeBufferPointer(start: content, count: strlen(content)))
      }
      if let child = current.pointee.children, current.pointee.type == XML_ELEMENT_NODE,
        !Self.isProgram(current)
      {
        node = child
        continue
      }
      var next: UnsafeMutablePointer<xmlNode>? = current
      while let behind = next, behind.pointee.next == nil { next = behind.pointee.parent }
      node = next?.pointee.next
    }
    return text
  }

  private static func text(_ owned: UnsafeMutablePointer<xmlChar>?) -> String? {
    guard let owned else { return nil }
    defer { conveyor_xml_free(owned) }
    return String(cString: owned)
  }
}

/// A form as a page has it.
struct PageForm: Equatable, Sendable {
  struct Field: Equatable, Sendable {
    let name: String
    let value: String
    var isHidden = false
  }

  /// More than these are not looked at.
  static let maximumFields = 2000

  /// Where it goes; `nil` for the page itself.
  var action: String?
  /// `GET` or `POST`.
  var method: String
  /// The line of the page.
  var line = 0
  var fields: [Field] = []

  var bytes: Int { fields.reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count } }
}
