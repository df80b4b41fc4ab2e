import CXML2
import Common
import Glibc
import Config
import HTTP

extension Portal {
  /// Finds and reads a portal: a path to a file, or a name in `directory`. `base` replaces the file's.
  init(named name: String, in directory: String, base: String?) throws(Fatal) {
    let isPath = name.contains("/") || name.hasSuffix(".yaml")
    let path = isPath ? name : "\(directory)/\(name).yaml"
    guard access(path, F_OK) == 0 else {
      throw Fatal(
        .configuration, "there is no portal \(Format.quoted(name)): \(path) does not exist")
    }
    try self.init(path: path, base: base)
  }

  init(path: String, base: String?) throws(Fatal) {
    var settings = try SettingsFile(path: path).settings()
    let file = path.split(separator: "/").last.map(String.init) ?? path
    name = file.hasSuffix(".yaml") ? String(file.dropLast(5)) : file
    _ = try settings.string("description")
    books = try settings.parsed("books", "a range like 238-3971", Stage.range)
    hosts = try settings.strings("hosts").map { $0.lowercased() }
    let written = try settings.string("base")
    if let text = base ?? written {
      guard let url = WebURL(text.hasSuffix("/") ? text : text + "/") else {
        throw settings.wrong("base", "an absolute http or https URL, not \(Format.quoted(text))")
      }
      self.base = url
    }
    delay = try settings.parsed("rate-limit-delay", "seconds, like 0.5", Time.span)
    if var pages = try settings.nested("pages") {
      for kind in [ErrorClass.absent, .restricted, .rateLimited, .portalError] {
        let pattern = try pages.parsed(kind.rawValue, "a regular expression") {
          Pattern($0, ignoresCase: true)
        }
        if let pattern { meanings.append((pattern, kind)) }
      }
      try pages.finish()
    }
    let document = try settings.parsed("document", "a template", Self.template)
    let lookup = try settings.nested("lookup")
    try settings.finish()
    switch (document, lookup) {
    case (let template?, nil): kind = .document(template)
    case (nil, let lookup?): kind = .lookup(try Lookup(lookup))
    default: throw settings.wrong("a portal", "either a document template or a lookup")
    }
    try checkFields(path)
    guard self.base != nil else {
      throw Fatal(
        .configuration,
        "\(path) has no base: write the portal's address there, or give it with --portal-base")
    }
  }

  static func template(_ text: String) -> Template? { try? Template(text) }

  /// A field that is almost one of a record's would be missing in each document.
  private func checkFields(_ path: String) throws(Fatal) {
    let templates: [Template] =
      switch kind {
      case .document(let template): [template].compactMap(\.self)
      case .lookup(let lookup): lookup.ways.flatMap { $0.map(\.value) }
      }
    for template in templates {
      guard let rejection = RecordFieldNames.rejection(to: template) else { continue }
      throw Fatal(.configuration, "\(path): \(rejection)")
    }
  }
}

extension Lookup {
  init(_ settings: Settings) throws(Fatal) {
    var settings = settings
    guard let path = try settings.string("path") else {
      throw settings.wrong("lookup.path", "the page's address, relative to base")
    }
    self.path = path
    parameters = try settings.pairs("parameters")
    for var way in try settings.nestedList("ways") {
      var parameters: [(name: String, value: Template)] = []
      for name in way.allNames() {
        guard let template = try way.parsed(name, "a template", Portal.template) else {
          throw way.wrong(name, "a template")
        }
        parameters.append((name, template))
      }
      ways.append(parameters)
    }
    guard !ways.isEmpty else { throw settings.wrong("lookup.ways", "a list of parameters") }
    answer = try Self.xpath("answer", &settings)
    guard let images = try Self.xpath("images", &settings) else {
      throw settings.wrong("lookup.images", "an XPath expression for the links")
    }
    self.images = images
    if var read = try settings.nested("read") {
      actualBook = try Self.extraction("actual_book", &read)
      actualPage = try Self.extraction("actual_page", &read)
      try read.finish()
    }
    try settings.finish()
  }

  private static func xpath(_ name: String, _ settings: inout Settings) throws(Fatal) -> String? {
    try settings.parsed(name, "an XPath expression") { text in
      conveyor_xml_silence()
      guard let compiled = xmlXPathCompile(text) else { return nil }
      xmlXPathFreeCompExpr(compiled)
      return text
    }
  }

  private static func extraction(
    _ name: String, _ settings: inout Settings
  ) throws(Fatal) -> Extraction? {
    guard var nested = try settings.nested(name) else { return nil }
    guard let xpath = try Self.xpath("xpath", &nested) else {
      throw settings.wrong("\(name).xpath", "an XPath expression")
    }
    let pattern = try nested.parsed("pattern", "a regular expression") { Pattern($0) }
    try nested.finish()
    return Extraction(xpath: xpath, pattern: pattern)
  }
}
