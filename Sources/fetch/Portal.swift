import Common
import Crypto
import HTTP

/// Where documents are asked for, and how: a file in `portals/` (docs/portals.md).
struct Portal: Sendable {
  /// How long cookies live.
  enum Session: String, Sendable {
    /// From the first step to the last of a document.
    case document = "true"
    /// As long as the worker that got them.
    case worker
  }

  /// The file's name without its ending.
  var name = ""
  /// Books that it has, both ends included; `nil` for all.
  var books: ClosedRange<Int>?
  /// What relative addresses of the file start from; ends with `/`.
  var base: WebURL?
  /// Hosts besides the one asked that links and redirects may lead to.
  var hosts: [String] = []
  /// What the limiter calls all of its hosts, if they are one machine.
  var budget: String?
  /// Seconds between two requests to this portal; `nil` leaves it to the stage.
  var delay: Double?
  /// How its pages are written, where they say nothing, or something wrong.
  var charset: Charset?
  /// What pages and statuses mean instead of an answer.
  var meanings = PageMeanings()
  var session = Session.worker
  /// What is done once in each session, before anything is asked for.
  var login: [PortalStep] = []
  /// The way to a document; the bodies of the last step are the document.
  var steps = [PortalStep()]
  /// What its templates name as `{secret:NAME}`.
  var secrets: [String: Secret] = [:]

  /// For records that bring their own `url` and no portal is named.
  static let direct = Portal()

  /// Requests for one document: more are not one.
  static let maximumRequests = 1000

  /// What is asked for first.
  struct Plan: Sendable {
    /// The same for the same document, wherever the portal runs: how the checkpoint knows it.
    let identity: String
    /// An absolute URL, or a path below `portal`'s base.
    fileprivate let address: String
    /// `nil` for an address that the record brought itself.
    fileprivate let portal: Portal?

    /// Read only where something is asked for: a document that is there needs none, and it took a
    /// fourteenth of its time. Throws what is wrong with it.
    var url: WebURL {
      get throws(RecordError) {
        if let portal { return try portal.url(of: address) }
        guard let url = WebURL(address) else {
          throw RecordError(
            .blockedURL, "\(SecretRedactor.refused(address)) is not an absolute http or https URL")
        }
        return url
      }
    }
  }

  /// What pages and statuses mean after a step. A log-in's pages say what everybody reads who is not logged in:
  /// to them only the step's own words apply.
  func meanings(of step: PortalStep) -> PageMeanings {
    step.isLogin ? step.meanings : step.meanings.before(meanings)
  }

  /// Whether one of its steps reads a value of that name.
  func reads(_ name: String) -> Bool {
    (login + steps).contains { $0.readings.contains { $0.name == name } }
  }

  /// The first request for a record, and what names the document; throws what is wrong with the record.
  func plan(for record: DocumentRecord) throws(RecordError) -> Plan {
    guard let first = steps.first else { throw RecordError(.internal, "a portal without steps") }
    if case .recordURL = first.address {
      let address = try Self.address(record)
      return Plan(identity: Self.identity(of: address), address: address, portal: nil)
    }
    var parts: [String] = []
    var address = ""
    for (index, step) in steps.enumerated() {
      let outline = try step.outline(record, self)
      if index == 0 { address = outline.address }
      let isOwn = step.names.contains { !reads($0) && $0 != PortalStep.numberName }
      guard index == 0 || isOwn else { continue }
      let method = step.method == "GET" ? "" : "POST "
      parts.append(method + outline.address + (outline.body.isEmpty ? "" : " " + outline.body))
    }
    return Plan(
      identity: Format.withoutEmptyFields("\(name): \(parts.joined(separator: " | "))"),
      address: address, portal: self)
  }

  /// An address of the portal's. Throws where it is none.
  func url(of address: String) throws(RecordError) -> WebURL {
    if let url = WebURL(address, relativeTo: base) { return url }
    throw RecordError(
      .blockedURL,
      """
      the portal \(name) cannot make an http or https URL of \(SecretRedactor.refused(address))
      """)
  }

  /// The address that a record brings. Exports have blanks around it, and a mark that is not seen in front.
  private static func address(_ record: DocumentRecord) throws(RecordError) -> String {
    guard let text = record.url?.string else {
      throw RecordError(
        .invalidRecord, #"the record has no "url", and no portal is named for its book"#)
    }
    return trimmed(text)
  }

  func recordURL(_ record: DocumentRecord) throws(RecordError) -> WebURL {
    try Plan(identity: "", address: Self.address(record), portal: nil).url
  }

  /// The checkpoint keeps no signature or password of a URL; a digest tells whether it is the same.
  private static func identity(of url: String) -> String {
    let shown = SecretRedactor.setting(url)
    return shown == url ? url : "\(shown) sha256:\(Digest.sha256(url.utf8))"
  }

  /// Without blanks and byte order marks around it.
  static func trimmed(_ text: String) -> String {
    func isBlank(_ scalar: Unicode.Scalar) -> Bool {
      scalar.properties.isWhitespace || scalar == "\u{FEFF}" || scalar == "\u{200B}"
    }
    var scalars = text.unicodeScalars[...]
    while let first = scalars.first, isBlank(first) { scalars.removeFirst() }
    while let last = scalars.last, isBlank(last) { scalars.removeLast() }
    return String(scalars)
  }

  /// The portal that a record goes to: the first whose books include the record's, or, for a record
  /// that brings its own `url`, none.
  static func route(_ record: DocumentRecord, among portals: [Portal]) throws(RecordError) -> Portal
  {
    let book = record.book
    for portal in portals {
      guard let books = portal.books else { return portal }
      if let book, books.contains(book) { return portal }
    }
    if record.url != nil { return .direct }
    guard !portals.isEmpty else { return .direct }
    throw RecordError(
      .invalidRecord,
      book.map { "no portal has book \($0)" } ?? #"without "book" no portal can be chosen"#)
  }
}
