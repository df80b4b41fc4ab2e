import Common
import Index
import Store

/// Brings documents and objects together: both come sorted by URL, so each is looked at once and none
/// is kept. A sort order that is not kept is found out and ends the run.
struct Matching {
  /// Documents of one URL, and what is there.
  struct Match {
    let rows: [StoredRow]
    let object: ListedObject?
  }

  private var rows: Sorted<StoredRow>
  private var objects: Sorted<ListedObject>

  /// Objects seen so far.
  var objectCount: Int { objects.count }

  init(_ rows: any StoredRowPages, _ objects: any ObjectLister) {
    self.rows = Sorted("the index does not list documents", { try rows.next() }, { $0.url ?? "" })
    self.objects = Sorted("the store does not list objects", { try objects.next() }, { $0.url })
  }

  /// Whether the store holds nothing. Asked at the start.
  mutating func hasNoObjects() throws -> Bool { try objects.peek() == nil }

  /// The next URL that a document or an object has; `nil` at the end.
  mutating func next() throws -> Match? {
    guard let row = try rows.peek() else {
      return try objects.pop().map { Match(rows: [], object: $0) }
    }
    let url = row.url ?? ""
    if let object = try objects.peek(), object.url.precedes(url) {
      return Match(rows: [], object: try objects.pop())
    }
    var same: [StoredRow] = []
    // Those without a URL are not of the same one.
    while let next = try rows.peek(), (next.url ?? "").isSame(as: url) {
      same.append(next)
      _ = try rows.pop()
      if next.url == nil { break }
    }
    var object: ListedObject?
    if let there = try objects.peek(), there.url.isSame(as: url) { object = try objects.pop() }
    return Match(rows: same, object: object)
  }
}

/// Elements of pages, one by one, in an order that is checked.
private struct Sorted<Element> {
  private let complaint: String
  private let load: () throws -> [Element]?
  private let url: (Element) -> String
  private var page: ArraySlice<Element> = []
  private var last = ""
  private(set) var count = 0

  init(
    _ complaint: String, _ load: @escaping () throws -> [Element]?,
    _ url: @escaping (Element) -> String
  ) {
    self.complaint = complaint
    self.load = load
    self.url = url
  }

  mutating func peek() throws -> Element? {
    if page.isEmpty { page = try load()?[...] ?? [] }
    return page.first
  }

  mutating func pop() throws -> Element? {
    guard let element = try peek() else { return nil }
    let url = url(element)
    guard !url.precedes(last) else {
      throw Fatal(
        .unavailable,
        "\(complaint) in the order of their URLs' bytes: \(Format.quoted(url)) came after "
          + Format.quoted(last))
    }
    last = url
    page = page.dropFirst()
    count += 1
    return element
  }
}

// By bytes: Swift's own comparison takes different spellings of a letter for the same.
extension String {
  fileprivate func precedes(_ other: String) -> Bool {
    utf8.lexicographicallyPrecedes(other.utf8)
  }

  fileprivate func isSame(as other: String) -> Bool { utf8.elementsEqual(other.utf8) }
}
