import CXML2
import Common
import Config
import Glibc
import HTTP
import PageImages

extension PageMeanings {
  private static let kinds = [ErrorClass.absent, .restricted, .rateLimited, .portalError]

  /// Reads `pages`: for each meaning, regular expressions and statuses.
  init(_ settings: inout Settings) throws(Fatal) {
    guard var pages = try settings.nested("pages") else { return }
    for kind in Self.kinds {
      for text in try pages.strings(kind.rawValue) {
        if let status = Int(text), (100...599).contains(status), text.utf8.count == 3 {
          statuses[status] = kind
        } else if let pattern = Pattern(text, ignoresCase: true) {
          patterns.append((pattern, kind))
        } else {
          throw pages.wrong(
            kind.rawValue,
            "regular expressions or statuses, and has \(Format.quoted(text))")
        }
      }
    }
    try pages.finish()
  }
}

extension PortalStep {
  /// Steps of a portal, and of its log-in.
  static let maximumSteps = 10

  /// `document`: one step.
  static func document(_ template: Template) -> PortalStep {
    var step = PortalStep()
    step.address = .template(template)
    return step
  }

  /// `lookup`: a page is read for links, then each of them is asked for.
  static func lookup(_ settings: Settings) throws(Fatal) -> [PortalStep] {
    var settings = settings
    guard let path = try settings.string("path") else {
      throw settings.wrong("lookup.path", "the page's address, relative to base")
    }
    var page = PortalStep()
    page.address = .template(Template(literal: path))
    page.query = try settings.pairs("parameters").map {
      Field(name: $0.name, value: Template(literal: $0.value))
    }
    page.queries = try queries(&settings)
    guard !page.queries.isEmpty else {
      throw settings.wrong("lookup.queries", "a list of parameters")
    }
    page.answer = try xpath("answer", &settings)
    page.absent = try xpath("absent", &settings)
    guard let images = try xpath("images", &settings) else {
      throw settings.wrong("lookup.images", "an XPath expression for the links")
    }
    page.readings = [Reading(name: "images", source: .xpath(images), isList: true)]
    if var read = try settings.nested("read") {
      for name in ["actual_book", "actual_page"] {
        guard let nested = try read.nested(name) else { continue }
        page.readings.append(try reading(name, nested))
      }
      try read.finish()
    }
    try settings.finish()
    var image = PortalStep()
    image.number = 2
    image.address = .link("images")
    return [page, image]
  }

  /// `queries`, which were called `ways` once.
  private static func queries(_ settings: inout Settings) throws(Fatal) -> [[Field]] {
    var list = try settings.nestedList("queries")
    list += try settings.nestedList("ways")
    var queries: [[Field]] = []
    for var query in list {
      var fields: [Field] = []
      for name in query.allNames() { fields.append(try field(name, &query)) }
      queries.append(fields)
    }
    return queries
  }

  private static func field(_ name: String, _ settings: inout Settings) throws(Fatal) -> Field {
    guard let template = try settings.parsed(name, "a template", Portal.template) else {
      throw settings.wrong(name, "a template")
    }
    return Field(name: name, value: template)
  }

  private static func fields(_ name: String, _ settings: inout Settings) throws(Fatal) -> [Field] {
    var fields: [Field] = []
    for (member, text) in try settings.pairs(name) {
      guard let template = Portal.template(text) else {
        throw settings.wrong("\(name).\(member)", "a template, and is \(Format.quoted(text))")
      }
      fields.append(Field(name: member, value: template))
    }
    return fields
  }

  /// A step as `steps` and `login` have it.
  init(_ settings: Settings, number: Int, isLogin: Bool) throws(Fatal) {
    var settings = settings
    self.number = number
    self.isLogin = isLogin
    try readRequest(&settings)
    try readAnswer(&settings)
    try settings.finish()
  }

  private mutating func readRequest(_ settings: inout Settings) throws(Fatal) {
    let get = try settings.string("get")
    let post = try settings.string("post")
    formFrom = try Self.xpath("form_from", &settings)
    guard get == nil || post == nil, get ?? post ?? formFrom != nil else {
      throw settings.wrong("a step", "given by one of get, post and form_from")
    }
    method = post != nil ? "POST" : get != nil ? "GET" : nil
    if let text = get ?? post {
      guard let template = Portal.template(text) else {
        throw settings.wrong(
          get == nil ? "post" : "get", "a template, and is \(Format.quoted(text))")
      }
      guard Self.namesItsHost(text) else {
        throw settings.wrong(
          get == nil ? "post" : "get",
          "an address whose host is written down, without a place to fill")
      }
      address = .template(template)
    } else {
      address = .form
    }
    query = try Self.fields("query", &settings)
    form = try Self.fields("form", &settings)
    headers = try Self.fields("headers", &settings)
    queries = try Self.queries(&settings)
    if let tree = try settings.tree("json") {
      guard let template = JSONTemplate(tree) else {
        throw settings.wrong("json", "names and values whose texts are templates")
      }
      json = template
    }
    guard method == "POST" || json == nil, method != "GET" || form.isEmpty || formFrom != nil else {
      throw settings.wrong("form and json", "sent with post")
    }
    guard json == nil || form.isEmpty && queries.isEmpty && formFrom == nil else {
      throw settings.wrong("a body", "a form or json, and not both")
    }
    // What belongs to the connection and to this program's limits is no step's to say.
    let own = ["host", "content-length", "transfer-encoding", "connection", "range", "if-range"]
    for field in headers {
      guard field.name.utf8.allSatisfy(HeaderField.isPartOfName), !field.name.isEmpty,
        !own.contains(field.name.lowercased())
      else { throw settings.wrong("headers.\(field.name)", "a header field that a step may set") }
    }
    firstNumber = try settings.parsed("from", "a number") { Int($0).flatMap { $0 >= 0 ? $0 : nil } }
    if names.contains(Self.numberName) { firstNumber = firstNumber ?? 1 }
    guard firstNumber == nil || names.contains(Self.numberName) else {
      throw settings.wrong("from", "used with {number} in the step's templates")
    }
  }

  private mutating func readAnswer(_ settings: inout Settings) throws(Fatal) {
    answer = try Self.expression("answer", &settings)
    absent = try Self.expression("absent", &settings)
    next = try Self.expression("next", &settings)
    let most = Self.maximumValues
    let maximum = try settings.parsed("max", "a number from 1 to \(most)") { text in
      Int(text).flatMap { (1...most).contains($0) ? $0 : nil }
    }
    self.maximum = maximum ?? (firstNumber == nil ? Self.usualPages : most)
    guard maximum == nil || next != nil || firstNumber != nil else {
      throw settings.wrong("max", "used with next or {number}")
    }
    follow = try settings.parsed("follow", "refresh or frame", Follow.init(rawValue:))
    meanings = try PageMeanings(&settings)
    for name in try settings.strings("accept") where name != "pdf" {
      guard let kind = PageImageKind(rawValue: name) else {
        throw settings.wrong(
          "accept", "a list of pdf, tiff, jpeg and png, and has \(Format.quoted(name))")
      }
      accepts.insert(kind)
    }
    guard var read = try settings.nested("read") else { return }
    for name in read.allNames() {
      guard name.allSatisfy({ $0.isLetter || $0.isNumber || $0 == "_" }), name != Self.numberName
      else { throw read.wrong(name, "a name of letters, digits and _, and not number") }
      guard let nested = try read.nested(name) else { continue }
      readings.append(try Self.reading(name, nested))
    }
  }

  private static func reading(_ name: String, _ settings: Settings) throws(Fatal) -> Reading {
    var settings = settings
    let xpath = try xpath("xpath", &settings).map(Reading.Source.xpath)
    let json = try settings.parsed("json", "a JSON Pointer, like /results/*/url", JSONPointer.init)
      .map(Reading.Source.json)
    let header = try settings.string("header").map(Reading.Source.header)
    let sources = [xpath, json, header].compactMap(\.self)
    let pattern = try settings.parsed("pattern", "a regular expression") { Pattern($0) }
    guard sources.count <= 1, !sources.isEmpty || pattern != nil else {
      throw settings.wrong("what is read", "named by xpath, json, header or pattern")
    }
    var reading = Reading(name: name, source: sources.first ?? .text, pattern: pattern)
    // What the portal says of book and page is noted, and is no condition.
    let isNoted = ["actual_book", "actual_page"].contains(name)
    reading.isList = try settings.parsed("all", "true or false", Bool.init) ?? false
    reading.isOptional = try settings.parsed("optional", "true or false", Bool.init) ?? isNoted
    try settings.finish()
    return reading
  }

  private static func xpath(_ name: String, _ settings: inout Settings) throws(Fatal) -> String? {
    try settings.parsed(name, "an XPath expression") { isXPath($0) ? $0 : nil }
  }

  private static func expression(
    _ name: String, _ settings: inout Settings
  ) throws(Fatal) -> String? {
    try settings.parsed(name, "an XPath expression or a JSON Pointer") { text in
      JSONPointer.isOne(text) || isXPath(text) ? text : nil
    }
  }

  private static func isXPath(_ text: String) -> Bool {
    conveyor_xml_silence()
    guard let compiled = xmlXPathCompile(text) else { return false }
    xmlXPathFreeCompExpr(compiled)
    return true
  }

  /// Whether no value can decide which host is asked: an address with a host has it in plain words.
  private static func namesItsHost(_ template: String) -> Bool {
    guard
      let end = template.firstRange(of: "://")?.upperBound
        ?? (template.hasPrefix("//") ? template.index(template.startIndex, offsetBy: 2) : nil)
    else { return true }
    guard !template[..<end].contains("{") else { return false }
    let host = template[end...].prefix { !"/?#".contains($0) }
    return !host.contains("{") && host.endIndex < template.endIndex
  }
}

extension JSONTemplate {
  /// What a file has in YAML: a text is a template, and what looks like a number, true, false or null is that.
  init?(_ node: SettingsNode) {
    switch node {
    case .null: self = .constant(.null)
    case .scalar(let text):
      if let json = try? JSON(parsing: text) {
        switch json {
        case .number, .bool, .null:
          self = .constant(json)
          return
        default: break
        }
      }
      guard let template = Portal.template(text) else { return nil }
      self = .text(template)
    case .sequence(let elements):
      let all = elements.compactMap(JSONTemplate.init)
      guard all.count == elements.count else { return nil }
      self = .array(all)
    case .mapping(let members):
      let all = members.compactMap { member in
        JSONTemplate(member.value).map { (name: member.name, value: $0) }
      }
      guard all.count == members.count else { return nil }
      self = .object(all)
    }
  }
}
