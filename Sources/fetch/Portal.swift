import Common
import Crypto
import HTTP

/// Where documents are asked for, and how: a file in `portals/` (docs/fetch.md).
struct Portal: Sendable {
  /// The file's name without its ending.
  var name = ""
  /// Books that it has, both ends included; `nil` for all.
  var books: ClosedRange<Int>?
  /// What relative addresses of the file start from; ends with `/`.
  var base: WebURL?
  /// Hosts besides the one asked that links and redirects may lead to.
  var hosts: [String] = []
  /// Seconds between two requests to this portal; `nil` leaves it to the stage.
  var delay: Double?
  /// Regular expressions for the text of pages, and what such a page means.
  var meanings: [(pattern: Pattern, kind: ErrorClass)] = []
  var kind: Kind = .document(nil)

  enum Kind: Sendable {
    /// One step: the URL is built from the record; without template it is the record's `url`.
    case document(Template?)
    /// Two steps: a page is looked up and read for the links to the images.
    case lookup(Lookup)
  }

  /// For records that bring their own `url` and no portal is named.
  static let direct = Portal()

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
        if let url = WebURL(address, relativeTo: portal?.base) { return url }
        let address = SecretRedactor.refused(address)
        throw RecordError(
          .blockedURL,
          portal.map { "the portal \($0.name) cannot make an http or https URL of \(address)" }
            ?? "\(address) is not an absolute http or https URL")
      }
    }
  }

  /// The first request for a record; throws what is wrong with the record.
  func plan(for record: DocumentRecord) throws(RecordError) -> Plan {
    switch kind {
    case .document(nil):
      guard let text = record.url?.string else {
        throw RecordError(
          .invalidRecord, #"the record has no "url", and no portal is named for its book"#)
      }
      // Exports have blanks around it, and a mark that is not seen in front.
      let address = Self.trimmed(text)
      return Plan(identity: Self.identity(of: address), address: address, portal: nil)
    case .document(let template?): return plan(path: try fill(template, record))
    case .lookup(let lookup):
      return plan(path: lookup.path + "?" + (try lookup.query(for: record)))
    }
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

  private func plan(path: String) -> Plan {
    Plan(identity: "\(name): \(path)", address: path, portal: self)
  }

  private func fill(_ template: Template, _ record: DocumentRecord) throws(RecordError) -> String {
    do throws(Template.MissingField) {
      return try template.fill(encode: Format.percentEncoded) { record.text(of: $0) }
    } catch {
      throw RecordError(
        .invalidRecord, "the portal \(name) needs the field \(Format.quoted(error.name))")
    }
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

/// The first step of a two-step portal.
struct Lookup: Sendable {
  /// The page, relative to the portal's base.
  var path = ""
  /// All parameters with their fixed values, in the order in which they are sent.
  var parameters: [(name: String, value: String)] = []
  /// Ways to name a document, the preferred one first; the first whose fields the record has is used.
  var ways: [[(name: String, value: Template)]] = []
  /// What every answer of the look-up has, found or not; a page without it is no answer.
  var answer: String?
  /// The links to the images, in order.
  var images = ""
  var actualBook: Extraction?
  var actualPage: Extraction?

  /// A text in a page: where it is, and which part of it counts.
  struct Extraction: Sendable {
    /// An XPath expression; the first node counts.
    var xpath: String
    /// A regular expression; its first group counts, or else the whole match.
    var pattern: Pattern?
  }

  /// The query for a record.
  func query(for record: DocumentRecord) throws(RecordError) -> String {
    for way in ways {
      var filled = parameters
      var isComplete = true
      for (name, template) in way {
        guard let value = try? template.fill({ record.text(of: $0) }) else {
          isComplete = false
          break
        }
        if let index = filled.firstIndex(where: { $0.name == name }) {
          filled[index].value = value
        } else {
          filled.append((name, value))
        }
      }
      guard isComplete else { continue }
      return filled.map {
        Format.percentEncoded($0.name) + "=" + Format.percentEncoded($0.value)
      }.joined(separator: "&")
    }
    let needs = ways.map { $0.flatMap(\.value.requiredFields).joined(separator: " and ") }
    throw RecordError(
      .invalidRecord, "to look it up, the record needs " + needs.joined(separator: ", or "))
  }
}
