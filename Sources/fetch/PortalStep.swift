import Common
import HTTP
import PageImages

/// One step on the way to a document: a request, or one for each value of a list, and what its answers are
/// read for. A portal with one template has one step, a look-up two (docs/portals.md).
struct PortalStep: Sendable {
  /// Where it asks.
  enum Address: Sendable {
    /// The record's own `url`.
    case recordURL
    /// A link that an earlier step read, by its name.
    case link(String)
    /// Built from texts, each percent-encoded; relative to the portal's base.
    case template(Template)
    /// Where the form of ``formFrom`` goes.
    case form
  }

  /// A name and what is sent under it.
  struct Field: Sendable {
    let name: String
    let value: Template
  }

  /// A value that an answer is read for.
  struct Reading: Sendable {
    enum Source: Sendable {
      /// An XPath expression.
      case xpath(String)
      /// A JSON Pointer.
      case json(JSONPointer)
      /// A header field.
      case header(String)
      /// The whole text.
      case text
    }

    let name: String
    let source: Source
    /// A regular expression; its first group counts, or else the whole match.
    var pattern: Pattern?
    /// Whether all values count, and not the first alone.
    var isList = false
    var isOptional = false
    /// Whether a later step asks for what it is, as a link.
    var isLink = false
    /// Whether a later step's address needs it: an answer without it names no document.
    var isInAddress = false
  }

  /// What is followed in front of the page that is meant.
  enum Follow: String, Sendable, CaseIterable {
    case refresh, frame
  }

  /// Values of a list, links of a page, requests of a step: more are not one document.
  static let maximumValues = 500
  /// Pages of results, where the file does not say.
  static let usualPages = 50

  /// From 1; a log-in has numbers of its own.
  var number = 1
  var isLogin = false
  /// `nil` leaves it to the form.
  var method: String? = "GET"
  var address = Address.recordURL
  var query: [Field] = []
  var form: [Field] = []
  var json: JSONTemplate?
  var headers: [Field] = []
  /// Ways to name a document, the preferred one first; the first whose fields the record has is used.
  var queries: [[Field]] = []
  /// The form of the page before whose fields are sent, too.
  var formFrom: String?
  /// The form of this page that the next step wants.
  var formForNext: String?
  /// What every answer has, found or not; a page without it is no answer. An XPath, or a JSON Pointer.
  var answer: String?
  /// What an answer has that says that there is no document.
  var absent: String?
  var readings: [Reading] = []
  var follow: Follow?
  /// The link to the next page of results, and how many pages are read at most.
  var next: String?
  var maximum = usualPages
  /// The first number, where the step is asked with 1, 2, 3 … until the portal has no more.
  var firstNumber: Int?
  /// What pages and statuses mean after this step, before what they mean for the portal.
  var meanings = PageMeanings()
  /// The images that the bodies may be, besides PDFs.
  var accepts: Set<PageImageKind> = []
  /// What a request of this step is for.
  var purpose = ResponseVerdict.Purpose.document

  /// Whether its answers are JSON.
  var isJSON: Bool {
    readings.contains { if case .json = $0.source { true } else { false } }
      || [answer, absent, next].compactMap(\.self).contains(where: JSONPointer.isOne)
  }

  /// Whether the portal file says by what "there is none" is known: only then a page that names no document
  /// says so.
  var knowsAnswers: Bool { answer != nil || absent != nil }

  /// What people call it.
  var name: String { isLogin ? "log-in step \(number)" : "step \(number)" }

  /// All templates in it.
  var templates: [Template] {
    let fields = query + form + headers + queries.flatMap(\.self)
    let address: [Template] = if case .template(let template) = address { [template] } else { [] }
    return address + fields.map(\.value) + (json?.templates ?? [])
  }

  /// All names that it fills in.
  var names: [String] {
    let link: [String] = if case .link(let name) = address { [name] } else { [] }
    return link + templates.flatMap(\.fields)
  }

  /// The names in its address and query.
  var namesInAddress: [String] {
    switch address {
    case .link(let name): [name]
    case .template(let template): template.fields
    case .recordURL, .form: []
    }
  }
}

/// What pages and statuses mean instead of an answer.
struct PageMeanings: Sendable {
  /// Regular expressions for the text of pages.
  var patterns: [(pattern: Pattern, kind: ErrorClass)] = []
  var statuses: [Int: ErrorClass] = [:]

  var isEmpty: Bool { patterns.isEmpty && statuses.isEmpty }

  /// These, and then those.
  func before(_ others: PageMeanings) -> PageMeanings {
    if isEmpty { return others }
    return PageMeanings(
      patterns: patterns + others.patterns,
      statuses: others.statuses.merging(statuses) { $1 })
  }
}

/// A JSON text with places to fill.
indirect enum JSONTemplate: Sendable {
  case constant(JSON)
  case text(Template)
  case array([JSONTemplate])
  case object([(name: String, value: JSONTemplate)])

  var templates: [Template] {
    switch self {
    case .constant: []
    case .text(let template): [template]
    case .array(let elements): elements.flatMap(\.templates)
    case .object(let members): members.flatMap(\.value.templates)
    }
  }

  /// Fills it. A place that is the whole text keeps its type: a number of the record is sent as one.
  func fill(
    _ value: (String) -> JSON?, _ text: (Template) throws(RecordError) -> String
  ) throws(RecordError) -> JSON {
    switch self {
    case .constant(let json): return json
    case .text(let template):
      if let name = template.onlyField, let number = value(name) { return number }
      return .string(try text(template))
    case .array(let elements):
      var filled: [JSON] = []
      for element in elements { filled.append(try element.fill(value, text)) }
      return .array(filled)
    case .object(let members):
      var filled = JSONObject()
      for member in members { filled[member.name] = try member.value.fill(value, text) }
      return .object(filled)
    }
  }
}

/// A JSON Pointer (RFC 6901) in which `*` stands for all elements of a list, or all members of an object.
struct JSONPointer: Sendable, Equatable {
  let source: String
  let tokens: [String]

  /// The whole value.
  static let root = JSONPointer(tokens: [])

  private init(tokens: [String]) {
    source = ""
    self.tokens = tokens
  }

  /// `nil` for what is none.
  init?(_ source: String) {
    guard source.isEmpty || source.hasPrefix("/"), source.utf8.count <= 1000 else { return nil }
    self.source = source
    tokens = source.split(separator: "/", omittingEmptySubsequences: false).dropFirst().map {
      String($0).replacing("~1", with: "/").replacing("~0", with: "~")
    }
  }

  /// Whether a text that may be an XPath is meant as a pointer: `/name`, and not `//name`.
  static func isOne(_ text: String) -> Bool { text.hasPrefix("/") && !text.hasPrefix("//") }

  /// What it points at, `limit` values at most, in their order.
  func values(in json: JSON, limit: Int) -> [JSON] {
    var found = [json]
    for token in tokens {
      var next: [JSON] = []
      for value in found where next.count < limit {
        next += Self.step(token, into: value).prefix(limit - next.count)
      }
      found = next
      if found.isEmpty { break }
    }
    return found
  }

  /// One step of it.
  static func step(_ token: String, into value: JSON) -> [JSON] {
    switch value {
    case .array(let elements):
      if token == "*" { return elements }
      guard let index = Int(token), elements.indices.contains(index) else { return [] }
      return [elements[index]]
    case .object(let object):
      if token == "*", object["*"] == nil { return object.members.map(\.value) }
      return object[token].map { [$0] } ?? []
    default: return []
    }
  }
}
