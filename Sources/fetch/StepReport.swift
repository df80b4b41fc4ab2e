import Common
import HTTP
import PDF

/// What a step asked and was answered, in words: what its expressions found, or what is nearest to what they did
/// not find. Reads the page once more, since a fetch keeps none.
struct StepReport {
  let portal: Portal
  /// For a page that has to be in a file.
  let folder: String
  let secrets: HeaderSecrets

  /// Characters of a value that are shown.
  private static let width = 100
  /// Values of a list that are shown.
  private static let shown = 3

  /// The lines about an exchange; `before` is the one before it.
  func lines(_ exchange: Trace.Exchange, before: Trace.Exchange?) -> [String] {
    let request = SavedAnswers.text(of: exchange.request, secrets)
    var lines = ["\(exchange.step.name): \(request.first ?? "")"]
    lines += request.dropFirst().filter { !$0.isEmpty }.map { "    " + Self.cut($0) }
    if let difference = exchange.difference {
      lines.append("  unlike the saved request: it \(difference)")
    }
    lines += hiddenFieldsNotSent(exchange, before)
    let time = exchange.seconds.map { ", in \(Format.fixed($0, 3)) s" } ?? ""
    let type = exchange.head.header("Content-Type") ?? "no Content-Type"
    let kind = exchange.body.isEmpty ? "an empty body" : ContentKind(exchange.body).name
    lines.append(
      "  answer: \(exchange.head.status), \(type), \(kind) of \(Format.bytes(exchange.body.count))\(time)"
    )
    lines += findings(exchange)
    lines.append("  verdict: \(exchange.verdict)")
    return lines.map { SecretRedactor.message(secrets.hidden(in: $0)) }
  }

  private static func cut(_ text: String) -> String {
    let words = text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    return words.count > width ? words.prefix(width) + "…" : words
  }

  private func body(_ exchange: Trace.Exchange) -> PageBody? {
    let body = PageBody(path: folder + "/explained.page")
    return exchange.body.withUnsafeBytes { body.append($0) } == nil ? body : nil
  }

  /// What was looked for in the answer.
  private func findings(_ exchange: Trace.Exchange) -> [String] {
    let step = exchange.step
    switch ContentKind(exchange.body) {
    case .pdf, .other: return []
    default: break
    }
    guard let body = body(exchange) else { return [] }
    do {
      if step.isJSON, step.purpose.isPage, (200..<300).contains(exchange.head.status) {
        return jsonFindings(exchange)
      }
      let charset =
        portal.charset
        ?? Charset.of(
          pageBeginning: body.start, contentType: exchange.head.header("Content-Type"))
      guard let page = try HTMLPage(body, charset: charset) else { return [] }
      return charsetLines(page, charset) + (try pageFindings(page, exchange))
    } catch {
      return ["  the page cannot be read: \(error)"]
    }
  }

  /// Says where a page is not written as it says.
  private func charsetLines(_ page: borrowing HTMLPage, _ charset: Charset) -> [String] {
    let text = String(decoding: page.text(), as: UTF8.self)
    let bad = text.unicodeScalars.count { $0 == "\u{FFFD}" }
    let likely = text.unicodeScalars.count { (0x80...0x9F).contains($0.value) }
    guard bad > 0 || likely > 0 else { return [] }
    let source = portal.charset == nil ? "as the page says" : "as charset in the portal file says"
    return [
      """
        charset: \(bad + likely) characters make no sense when the page is read as \(charset.name), \
      \(source); name its real one with charset: in the portal file
      """
    ]
  }

  private func pageFindings(
    _ page: borrowing HTMLPage, _ exchange: Trace.Exchange
  ) throws -> [String] {
    let step = exchange.step
    // Where the page says that there is none, it is no wonder that nothing is found.
    let isNothing =
      try step.absent.map { expression throws(RecordError) in try page.has(expression) } ?? false
    var lines: [String] = []
    let title = try page.places("//title | //h1 | //h2", limit: 1).first
    if let title { lines.append("  title: line \(title.line): \"\(Self.cut(title.text))\"") }
    for meaning in portal.meanings(of: step).patterns {
      guard let match = try meaning.pattern.firstMatch(in: page.text()) else { continue }
      lines.append(
        "  pages.\(meaning.kind.rawValue) \(meaning.pattern.text): \"\(Self.cut(match))\"")
    }
    func look(_ name: String, _ xpath: String, pattern: Pattern? = nil, isWanted: Bool = true)
      throws
    {
      let places = try page.places(xpath, limit: 1000)
      lines.append(
        contentsOf: try Self.found(name, xpath, places, pattern)
          + (places.isEmpty && isWanted
            ? NearestMatch.lines(xpath, page, source: exchange.body) : []))
    }
    // Nothing is looked for in what another status brings.
    guard (200..<300).contains(exchange.head.status) else { return lines }
    if let answer = step.answer { try look("answer", answer) }
    if let absent = step.absent { try look("absent", absent, isWanted: false) }
    for reading in step.readings {
      switch reading.source {
      case .xpath(let xpath):
        try look(
          reading.name, xpath, pattern: reading.pattern,
          isWanted: !reading.isOptional && !isNothing)
      case .header(let name): lines += headerLines(reading, name, exchange)
      case .text:
        let text = String(decoding: page.text(), as: UTF8.self)
        lines += try Self.found(reading.name, "the text", [(text, 0)], reading.pattern)
      case .json: break
      }
    }
    if let next = step.next { try look("next", next, isWanted: false) }
    if let wanted = step.formForNext {
      if let form = try page.form(wanted) {
        let names = form.fields.map(\.name).joined(separator: ", ")
        lines.append("  form \(wanted): line \(form.line), with \(names)")
      } else {
        lines.append("  form \(wanted): none")
        lines += try NearestMatch.lines(wanted, page, source: exchange.body)
      }
    }
    return lines
  }

  /// What an expression found, and what its pattern made of it.
  static func found(
    _ name: String, _ expression: String, _ places: [(text: String, line: Int)], _ pattern: Pattern?
  ) throws -> [String] {
    let head = "  \(name) \(expression): "
    guard !places.isEmpty else { return [head + "found nothing"] }
    func shown(_ texts: [(text: String, line: Int)]) -> String {
      texts.prefix(Self.shown).map {
        ($0.line > 0 ? "line \($0.line): " : "") + "\"\(cut($0.text))\""
      }
      .joined(separator: ", ")
    }
    let count = places.count == 1 ? "" : "\(places.count) found, "
    guard let pattern else { return [head + count + shown(places)] }
    let matches = try places.compactMap { place in
      try pattern.firstMatch(in: Array(place.text.utf8)).map { (text: $0, line: place.line) }
    }
    guard matches.isEmpty else {
      return ["  \(name) \(expression) \(pattern.text): " + shown(matches)]
    }
    return [
      "  \(name) \(expression): \(count)\(shown(places)), in which the pattern \(pattern.text) matches nothing"
    ]
  }

  private func headerLines(
    _ reading: PortalStep.Reading, _ name: String, _ exchange: Trace.Exchange
  ) -> [String] {
    let values = exchange.head.headers(name).map { (text: $0, line: 0) }
    let lines = (try? Self.found(reading.name, "header \(name)", values, reading.pattern)) ?? []
    guard values.isEmpty else { return lines }
    let names = exchange.head.fields.map(\.name)
    return lines + ["    the answer has the header fields \(names.joined(separator: ", "))"]
  }

  private func jsonFindings(_ exchange: Trace.Exchange) -> [String] {
    let step = exchange.step
    let json: JSON
    do { json = try JSON(parsing: exchange.body) } catch {
      let start = String(decoding: exchange.body.prefix(200), as: UTF8.self)
      return ["  no JSON: \(error); it begins with \"\(Self.cut(start))\""]
    }
    var lines: [String] = []
    func look(_ name: String, _ source: String, _ pattern: Pattern? = nil, isWanted: Bool = true) {
      guard let pointer = JSONPointer(source) else { return }
      let values = pointer.values(in: json, limit: 1000).map {
        (text: $0.text ?? $0.description, line: 0)
      }
      lines += (try? Self.found(name, source, values, pattern)) ?? []
      if values.isEmpty, isWanted { lines += NearestMatch.lines(pointer, json) }
    }
    if let answer = step.answer { look("answer", answer) }
    if let absent = step.absent { look("absent", absent, isWanted: false) }
    for reading in step.readings {
      switch reading.source {
      case .json(let pointer):
        let isNothing = step.absent.map { StepAnswer.has($0, json) } ?? false
        look(
          reading.name, pointer.source, reading.pattern,
          isWanted: !reading.isOptional && !isNothing)
      case .header(let name): lines += headerLines(reading, name, exchange)
      case .text:
        let text = String(decoding: exchange.body, as: UTF8.self)
        lines += (try? Self.found(reading.name, "the text", [(text, 0)], reading.pattern)) ?? []
      case .xpath: break
      }
    }
    if let next = step.next { look("next", next, isWanted: false) }
    return lines
  }

  /// Names the hidden fields of the form that a POST answers and does not send: what is forgotten most.
  private func hiddenFieldsNotSent(
    _ exchange: Trace.Exchange, _ before: Trace.Exchange?
  ) -> [String] {
    guard exchange.request.method == "POST", exchange.step.json == nil,
      exchange.step.formFrom == nil,
      let before, let body = body(before), case .page = ContentKind(before.body),
      let page = try? HTMLPage(body, charset: portal.charset ?? .utf8)
    else { return [] }
    let sent = Set(
      SavedAnswers.text(of: exchange.request, secrets).map {
        String($0.prefix { $0 != "=" })
      })
    for number in 1...20 {
      guard let form = try? page.form("(//form)[\(number)]") else { break }
      let action = WebURL(form.action ?? "", relativeTo: before.request.url)
      guard action == nil || action?.description == exchange.request.url.description else {
        continue
      }
      let missing = form.fields.filter { field in
        field.isHidden && !sent.contains(Format.percentEncoded(field.name))
      }
      guard !missing.isEmpty else { return [] }
      let names = missing.map(\.name).joined(separator: ", ")
      return ["  not sent: \(names), hidden in the form on line \(form.line) of the page before"]
    }
    return []
  }
}
