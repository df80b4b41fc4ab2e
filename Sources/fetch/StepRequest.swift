import Common
import Crypto
import HTTP

/// What is asked for: built from a step and what is known by then.
struct PortalRequest: Sendable {
  var method = "GET"
  var url: WebURL
  var body: [UInt8] = []
  var headers: [(name: String, value: String)] = []

  init(_ url: WebURL) { self.url = url }

  /// The same thing at another address, as a browser asks after a redirect: GET, but for the two that keep
  /// method and body (RFC 9110, sections 15.4.8 and 15.4.9).
  func redirected(to url: WebURL, status: Int) -> PortalRequest {
    var request = self
    request.url = url
    guard method != "GET", status != 307, status != 308 else { return request }
    request.method = "GET"
    request.body = []
    request.headers.removeAll { $0.name.lowercased() == "content-type" }
    return request
  }
}

/// What the steps for one document have to fill templates with.
struct StepValues: Sendable {
  /// What a step read.
  struct Value: Sendable, Equatable {
    var texts: [String]
    /// What they lead to, where a later step asks for them.
    var urls: [WebURL] = []
    var isList = false

    var count: Int { urls.isEmpty ? texts.count : urls.count }
  }

  let record: DocumentRecord
  let secrets: [String: Secret]
  /// The record's own address, where it was read already.
  var recordURL: WebURL?
  var read: [String: Value] = [:]
  /// The form of the page before, with where it goes.
  var form: FoundForm?

  init(_ record: DocumentRecord, secrets: [String: Secret] = [:]) {
    self.record = record
    self.secrets = secrets
  }

  /// The text for a name, in the request for one value of each list.
  func text(of name: String, at index: Int, number: Int?) -> String? {
    if name.hasPrefix(Template.secretPrefix) {
      return secrets[String(name.dropFirst(Template.secretPrefix.count))]?.reveal()
    }
    if name == PortalStep.numberName, let number { return "\(number)" }
    guard let value = read[name] else { return record.text(of: name) }
    let place = value.isList ? index : 0
    return value.texts.indices.contains(place) ? value.texts[place] : nil
  }

  /// Adds what one more answer says; lists grow.
  mutating func add(_ values: [String: Value]) {
    for (name, value) in values {
      guard value.isList, var known = read[name] else {
        read[name] = value
        continue
      }
      // A link stands on two pages of results at times.
      for (place, text) in value.texts.enumerated() {
        let url = value.urls.indices.contains(place) ? value.urls[place] : nil
        if let url, known.urls.contains(url) { continue }
        known.texts.append(text)
        if let url { known.urls.append(url) }
      }
      read[name] = known
    }
  }
}

/// A form that a page had, read for the step after it.
struct FoundForm: Sendable {
  let url: WebURL
  let method: String
  let fields: [PageForm.Field]
}

extension PortalStep {
  /// The name of the number in a step that is asked with 1, 2, 3 …
  static let numberName = "number"

  /// How many requests it makes; `nil` where that ends with what the portal has.
  func count(_ values: StepValues) throws(RecordError) -> Int? {
    if firstNumber != nil { return nil }
    let lists = Set(names).compactMap { values.read[$0] }.filter(\.isList)
    guard let count = lists.map(\.count).max() else { return 1 }
    guard lists.allSatisfy({ $0.count == count }) else {
      throw RecordError(
        .portalError, "\(name) needs lists of the same length: \(lists.map(\.count))")
    }
    guard count <= Self.maximumValues else {
      throw RecordError(
        .portalError,
        "\(name) would make \(count) requests; more than \(Self.maximumValues) are not one document"
      )
    }
    return count
  }

  /// The request for one value of each list, from 0. Throws what is missing.
  func request(
    _ values: StepValues, _ portal: Portal, at index: Int = 0
  ) throws(RecordError) -> PortalRequest {
    let number = firstNumber.map { $0 + index }
    let text = { (name: String) in values.text(of: name, at: index, number: number) }
    let (query, form) = try fields(text, portal)
    var request = PortalRequest(try url(values, query, portal, index, text))
    request.method = method ?? values.form?.method ?? "GET"
    request.headers = try headers.map { field throws(RecordError) in
      (field.name, try Self.headerValue(fill(field.value, text, portal), of: field.name))
    }
    let kept = (values.form?.fields ?? []).filter { field in
      !form.contains { $0.name == field.name }
    }
    if request.method == "GET" {
      guard formFrom != nil else { return request }
      request.url = try Self.adding(
        kept.map { ($0.name, $0.value) } + form, to: request.url, replacing: true)
      return request
    }
    let type: String
    if let json {
      let value = { (name: String) -> JSON? in
        if case .number = values.record[name], values.read[name] == nil {
          return values.record[name]
        }
        return nil
      }
      let body = try json.fill(value) { template throws(RecordError) in
        try fill(template, text, portal)
      }
      request.body = Array(body.description.utf8)
      type = "application/json"
    } else {
      request.body = Array(Self.encoded(kept.map { ($0.name, $0.value) } + form).utf8)
      type = "application/x-www-form-urlencoded"
    }
    if !request.headers.contains(where: { $0.name.lowercased() == "content-type" }) {
      request.headers.append(("Content-Type", type))
    }
    return request
  }

  typealias Pairs = [(name: String, value: String)]

  /// What goes into the query, and what into the form.
  private func fields(
    _ text: (String) -> String?, _ portal: Portal
  ) throws(RecordError) -> (query: Pairs, form: Pairs) {
    var query: Pairs = []
    var form: Pairs = []
    for field in self.query { query.append((field.name, try fill(field.value, text, portal))) }
    for field in self.form { form.append((field.name, try fill(field.value, text, portal))) }
    guard !queries.isEmpty else { return (query, form) }
    var filled: Pairs?
    for way in queries where filled == nil {
      let pairs = way.compactMap { field in
        (try? field.value.fill(text)).map { (name: field.name, value: $0) }
      }
      if pairs.count == way.count { filled = pairs }
    }
    guard let filled else {
      let needs = queries.map { $0.flatMap(\.value.requiredFields).joined(separator: " and ") }
      throw RecordError(
        .invalidRecord, "to look it up, the record needs " + needs.joined(separator: ", or "))
    }
    if method == "GET", formFrom == nil {
      Self.set(filled, in: &query)
    } else {
      Self.set(filled, in: &form)
    }
    return (query, form)
  }

  private static func set(_ pairs: Pairs, in fields: inout Pairs) {
    for pair in pairs {
      if let index = fields.firstIndex(where: { $0.name == pair.name }) {
        fields[index].value = pair.value
      } else {
        fields.append(pair)
      }
    }
  }

  /// A filled template; what is missing is the record's fault, unless a step should have read it.
  private func fill(
    _ template: Template, encode: (String) -> String = { $0 }, _ text: (String) -> String?,
    _ portal: Portal
  ) throws(RecordError) -> String {
    do throws(Template.MissingField) { return try template.fill(encode: encode, text) } catch {
      let field = Format.quoted(error.name)
      if portal.reads(error.name) {
        throw RecordError(.portalError, "\(name) needs \(field), which no step has read")
      }
      throw RecordError(.invalidRecord, "the portal \(portal.name) needs the field \(field)")
    }
  }

  private func url(
    _ values: StepValues, _ query: Pairs, _ portal: Portal, _ index: Int,
    _ text: (String) -> String?
  ) throws(RecordError) -> WebURL {
    switch address {
    case .recordURL:
      if let url = values.recordURL { return url }
      return try portal.recordURL(values.record)
    case .form:
      guard let form = values.form else {
        throw RecordError(.portalError, "\(name) needs a form, and the page before had none")
      }
      return try Self.adding(query, to: form.url)
    case .link(let name):
      guard let value = values.read[name], let url = value.urls[at: value.isList ? index : 0] else {
        throw RecordError(
          .portalError, "\(self.name) needs \(Format.quoted(name)), which no step has read")
      }
      return try Self.adding(query, to: url)
    case .template(let template):
      var address = try fill(template, encode: Format.percentEncoded, text, portal)
      if !query.isEmpty { address += (address.contains("?") ? "&" : "?") + Self.encoded(query) }
      return try portal.url(of: address)
    }
  }

  private static func adding(
    _ pairs: Pairs, to url: WebURL, replacing: Bool = false
  ) throws(RecordError) -> WebURL {
    guard !pairs.isEmpty else { return url }
    // A form that is sent by GET replaces the query of its address (HTML Standard, "mutate action URL").
    let old = url.description.split(separator: "?", maxSplits: 1).map(String.init)
    let kept = replacing || old.count < 2 ? "" : old[1] + "&"
    guard let url = WebURL(old[0] + "?" + kept + encoded(pairs)) else {
      throw RecordError(.portalError, "the request's address is too long")
    }
    return url
  }

  static func encoded(_ pairs: Pairs) -> String {
    pairs.map { Format.percentEncoded($0.name) + "=" + Format.percentEncoded($0.value) }
      .joined(separator: "&")
  }

  /// A value from a page or a record must not begin another header field.
  private static func headerValue(_ value: String, of name: String) throws(RecordError) -> String {
    guard value.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }), value.utf8.count <= 8192 else {
      throw RecordError(
        .portalError,
        "the value for the header field \(name) has control characters, or is too long")
    }
    return value
  }
}

extension PortalStep {
  /// The request as it is written down before anything is asked for: what earlier steps read stays a name.
  /// Throws what the record lacks.
  func outline(_ record: DocumentRecord, _ portal: Portal) throws(RecordError) -> (
    address: String, body: String
  ) {
    // A name that another step reads stands for itself, in the form in which templates have it.
    let text = { (name: String) -> String? in
      portal.reads(name) || name == Self.numberName || name.hasPrefix(Template.secretPrefix)
        ? "{\(name)}" : record.text(of: name)
    }
    let (query, form) = try fields(text, portal)
    var address = ""
    if case .template(let template) = self.address {
      address = try fill(template, encode: Format.percentEncoded, text, portal)
      if !query.isEmpty { address += (address.contains("?") ? "&" : "?") + Self.encoded(query) }
    } else if !query.isEmpty {
      address = "?" + Self.encoded(query)
    }
    var body = Self.encoded(form)
    if let json {
      body = try json.fill({ _ in nil }) { template throws(RecordError) in
        try fill(template, text, portal)
      }.description
    }
    return (address, body)
  }
}

extension Array {
  /// The element at an index that may be none.
  fileprivate subscript(at index: Int) -> Element? { indices.contains(index) ? self[index] : nil }
}
