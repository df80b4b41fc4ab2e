import Common
import HTTP

/// What an answer says to the step that asked.
struct StepAnswer: Equatable {
  /// What was read, in order, as it is written; without names that were not found.
  var values: [String: [String]] = [:]
  /// The form that the next step wants.
  var form: PageForm?
  /// The link to the next page of results.
  var next: String?
  /// Whether it says that there is no document.
  var saysAbsent = false
  /// The page, which the links are relative to.
  var document: PageFindings.Document

  /// Bytes of all values of one answer: pages with the state of a form in them have 11 MB.
  static let maximumBytes = 16 << 20

  /// Reads a page that is an answer.
  init(
    _ page: borrowing HTMLPage, by step: PortalStep, of request: PageFindings.Request,
    in document: PageFindings.Document, _ isOver: @escaping () -> Bool = { false }
  ) throws {
    self.document = document
    saysAbsent =
      try step.absent.map { expression throws(RecordError) in try page.has(expression) } ?? false
    for reading in step.readings {
      var texts: [String]
      switch reading.source {
      // A link may stand there twice, as a picture and as a text; more than so many are too many anyway.
      case .xpath(let xpath):
        texts = try page.texts(xpath, limit: reading.isList ? 2 * PortalStep.maximumValues + 1 : 1)
      case .header(let name): texts = request.head.headers(name)
      case .text: texts = [String(decoding: page.text(), as: UTF8.self)]
      case .json: texts = []
      }
      try take(&texts, of: reading, isOver)
    }
    if let wanted = step.formForNext { form = try page.form(wanted) }
    if let wanted = step.next { next = try page.texts(wanted, limit: 1).first }
    try checkSize()
  }

  /// Reads JSON that is an answer.
  init(
    _ json: JSON, text: [UInt8], by step: PortalStep, of request: PageFindings.Request,
    in document: PageFindings.Document, _ isOver: @escaping () -> Bool = { false }
  ) throws {
    self.document = document
    saysAbsent = step.absent.map { Self.has($0, json) } ?? false
    for reading in step.readings {
      var texts: [String]
      switch reading.source {
      case .json(let pointer):
        texts = pointer.values(in: json, limit: 2 * PortalStep.maximumValues + 1)
          .compactMap { $0 == .null ? nil : $0.text ?? $0.description }
        if !reading.isList { texts = Array(texts.prefix(1)) }
      case .header(let name): texts = request.head.headers(name)
      case .text: texts = [String(decoding: text, as: UTF8.self)]
      case .xpath: texts = []
      }
      try take(&texts, of: reading, isOver)
    }
    next = step.next.flatMap(JSONPointer.init)?.values(in: json, limit: 1).first?.text
    try checkSize()
  }

  /// Whether a pointer finds something that is not nothing.
  static func has(_ pointer: String, _ json: JSON) -> Bool {
    guard let pointer = JSONPointer(pointer) else { return false }
    return pointer.values(in: json, limit: 1).contains { $0 != .null && $0 != .bool(false) }
  }

  /// Whether something is missing that the way goes on with.
  func lacks(anyOf step: PortalStep) -> Bool {
    step.readings.contains { !$0.isOptional && values[$0.name] == nil }
      || step.formForNext != nil && form == nil
  }

  private mutating func take(
    _ texts: inout [String], of reading: PortalStep.Reading, _ isOver: @escaping () -> Bool
  ) throws {
    if let pattern = reading.pattern {
      let limit = reading.isList ? PortalStep.maximumValues + 1 : 1
      do {
        texts = try texts.flatMap {
          try pattern.matches(in: Array($0.utf8), limit: limit, isOver: isOver)
        }
      } catch let error as Pattern.TooSlow {
        throw isOver() ? RecordError.stopped : RecordError(error)
      }
    }
    texts.removeAll { $0.allSatisfy(\.isWhitespace) }
    guard !texts.isEmpty else { return }
    values[reading.name] = reading.isList ? texts : [texts[0]]
  }

  private func checkSize() throws(RecordError) {
    let bytes = values.values.reduce(0) { $0 + $1.reduce(0) { $0 + $1.utf8.count } }
    guard bytes + (form?.bytes ?? 0) <= Self.maximumBytes else {
      throw RecordError(
        .portalError,
        "what is read in the page is larger than \(Format.bytes(Self.maximumBytes)) in all")
    }
  }
}

/// What a step's answer leads on with.
struct StepOutcome: Sendable {
  var values: [String: StepValues.Value] = [:]
  var form: FoundForm?
  var next: WebURL?

  init() {}

  /// Finds out where links lead, each once, in the order in which they appear.
  init(_ answer: StepAnswer, _ step: PortalStep, _ links: LinkRule) throws(RecordError) {
    try Self.requireAll(answer, step)
    let document = answer.document
    func follow(_ link: String) throws(RecordError) -> WebURL {
      try links.follow(link, from: document.url, base: document.base, charset: document.charset)
    }
    for reading in step.readings {
      guard let texts = answer.values[reading.name] else { continue }
      var value = StepValues.Value(texts: texts, isList: reading.isList)
      if reading.isLink {
        for link in texts {
          let url = try follow(link)
          if !value.urls.contains(url) { value.urls.append(url) }
        }
        value.texts = value.urls.map(\.description)
      }
      guard value.count <= PortalStep.maximumValues else {
        throw RecordError(
          .portalError,
          """
          the look-up lists more than \(PortalStep.maximumValues) \
          \(Format.quoted(reading.name)) for one document
          """)
      }
      values[reading.name] = value
    }
    if let form = answer.form {
      self.form = FoundForm(
        url: try follow(form.action ?? document.url.description), method: form.method,
        fields: form.fields)
    }
    // A page that names itself as the next one is the last.
    if let link = answer.next {
      let url = try follow(link)
      if url != document.url { next = url }
    }
  }

  /// Says what it means that something is missing.
  private static func requireAll(
    _ answer: StepAnswer, _ step: PortalStep
  ) throws(RecordError) {
    let missing = step.readings.filter { !$0.isOptional && answer.values[$0.name] == nil }
    let link = missing.first(where: \.isInAddress)
    // Words that are there with a hit, too (hidden ones, say), do not say that there is none.
    if link != nil || answer.saysAbsent && !step.readings.contains(where: \.isInAddress) {
      if let link, step.absent != nil, !answer.saysAbsent {
        throw RecordError(
          .portalError,
          "the page has no \(Format.quoted(link.name)), and does not say that there is no document")
      }
      guard answer.document.isWhole else {
        throw RecordError(
          .portalError,
          """
          the look-up page lists no image, and may have been cut short: it has neither a length nor an \
          end (</html>)
          """)
      }
      throw RecordError(.absent, "the look-up found nothing")
    }
    if let name = missing.first?.name {
      throw RecordError(
        .portalError, "\(step.name) reads \(Format.quoted(name)), which the page does not have")
    }
    if let wanted = step.formForNext, answer.form == nil {
      throw RecordError(.portalError, "the page has no form \(Format.quoted(wanted))")
    }
  }
}
