import Glibc

/// Proves of a plain file, without libqpdf, what ``PDFInspection`` would find in it.
///
/// Nearly all scans are written in one way: a table of objects in plain text, and objects that lie where it says
/// (ISO 32000-1, 7.5). To have such a file read in another process costs ten times as much as to fetch it. What is
/// written in any other way (object streams, encryption, comments within objects, a table that is wrong by a byte)
/// is not judged here: there is no answer, and libqpdf decides. So an answer is never "damaged", and a hostile file
/// costs at most ``mostBytes`` of reading.
package struct OrdinaryPDF {
  /// Bytes that are looked at before it is left to libqpdf.
  package static let mostBytes = 16 << 20
  /// Objects that a table may have, tables that may follow each other, and pages: as many as ``PDFInspection`` looks at.
  private static let mostObjects = 200_000
  private static let mostTables = 16
  private static let mostPages = 5000

  private var text: OrdinaryText
  /// Where each object is; 0 for one that was deleted, -1 for one that no table names.
  private var offsets: [Int] = []
  /// Objects that were found to be there and whole.
  private var proven: Set<Int> = []

  /// What libqpdf would say of the file of `size` bytes behind `descriptor`; `nil` where that is not certain.
  package static func finding(
    of descriptor: Int32, size: Int, mostBytes: Int = mostBytes
  ) -> PDFFinding? {
    var file = OrdinaryPDF(text: OrdinaryText(descriptor, size: size, mostBytes: mostBytes))
    return try? file.prove()
  }

  private init(text: OrdinaryText) { self.text = text }

  private mutating func prove() throws(NotOrdinary) -> PDFFinding {
    guard text.size > 32 else { throw NotOrdinary() }
    let (table, end) = try lastTable()
    let catalogue = try readTables(from: table)
    // Only now, because most objects are in the first block or the last one.
    guard text.holds("%PDF-", at: 0) else { throw NotOrdinary() }
    let root = try dictionary(of: catalogue)
    guard root["Type"] == .name("Catalog"), case .reference(let tree)? = root["Pages"] else {
      throw NotOrdinary()
    }
    var finding = PDFFinding()
    finding.pages = try provePages(below: tree)
    finding.trailing = text.size - end
    return finding
  }

  /// Where the last table begins, and the file ends: nothing but blanks follows that. libqpdf looks for this within
  /// 1,054 bytes.
  private mutating func lastTable() throws(NotOrdinary) -> (table: Int, end: Int) {
    let first = max(0, text.size - 900)
    text.loadEnd()
    var place = text.size
    func isBlank(_ byte: UInt8) -> Bool { byte == 0 || OrdinaryText.isBlank(byte) }
    while place > first, isBlank(text[place - 1]) { place -= 1 }
    let end = place
    place -= 5
    guard place > first, text.holds("%%EOF", at: place) else { throw NotOrdinary() }
    while place > first, OrdinaryText.isBlank(text[place - 1]) { place -= 1 }
    while place > first, OrdinaryText.isDigit(text[place - 1]) { place -= 1 }
    let number = place
    while place > first, OrdinaryText.isBlank(text[place - 1]) { place -= 1 }
    place -= 9
    guard place > first, place + 9 < number, OrdinaryText.isBlank(text[place - 1]),
      text.holds("startxref", at: place)
    else { throw NotOrdinary() }
    text.position = number
    let table = try text.natural()
    guard OrdinaryText.isBlank(text[text.position]), table > 0 else { throw NotOrdinary() }
    return (table, end)
  }

  /// Reads the tables, the newest first: what it says of an object holds. Returns the number of the catalogue.
  private mutating func readTables(from first: Int) throws(NotOrdinary) -> Int {
    var root: Int?
    var next: Int? = first
    var seen: Set<Int> = []
    while let place = next {
      guard seen.count < Self.mostTables, seen.insert(place).inserted else { throw NotOrdinary() }
      let trailer = try readTable(at: place)
      guard trailer["Encrypt"] == nil, trailer["XRefStm"] == nil else { throw NotOrdinary() }
      if root == nil {
        guard case .reference(let number)? = trailer["Root"],
          case .integer(let size)? = trailer["Size"], size >= offsets.count
        else { throw NotOrdinary() }
        root = number
      }
      switch trailer["Prev"] {
      case nil: next = nil
      case .integer(let place)? where place > 0: next = place
      default: throw NotOrdinary()
      }
    }
    guard let root else { throw NotOrdinary() }
    return root
  }

  private mutating func readTable(
    at place: Int
  ) throws(NotOrdinary) -> OrdinaryText.Members {
    guard text.holds("xref", at: place), OrdinaryText.isBlank(text[place + 4]) else {
      throw NotOrdinary()
    }
    text.position = place + 4
    while true {
      text.skipBlanks()
      if text.holds("trailer", at: text.position) { break }
      let first = try text.natural()
      try text.skipBlank()
      let count = try text.natural()
      try text.skipBlank()
      guard first + count <= Self.mostObjects else { throw NotOrdinary() }
      while offsets.count < first + count { offsets.append(-1) }
      for number in first..<(first + count) {
        let entry = try text.tableEntry()
        if offsets[number] < 0 { offsets[number] = entry }
      }
    }
    text.position += "trailer".utf8.count
    guard case .dictionary(let trailer) = try text.value() else { throw NotOrdinary() }
    return trailer
  }

  /// How many pages the tree has; all of them, and what they consist of, are there.
  private mutating func provePages(below tree: Int) throws(NotOrdinary) -> Int {
    var pages = 0
    var announced: Int?
    var left = [tree]
    while let number = left.popLast() {
      // What is met twice is a page that is shown twice, or a loop.
      guard proven.insert(number).inserted else { throw NotOrdinary() }
      let node = try dictionary(of: number)
      switch (node["Type"], node["Kids"]) {
      case (.name("Pages"), .array(let kids)?):
        if announced == nil {
          guard case .integer(let count)? = node["Count"], node["Parent"] == nil else {
            throw NotOrdinary()
          }
          announced = count
        }
        for kid in kids {
          guard case .reference(let number) = kid else { throw NotOrdinary() }
          left.append(number)
        }
      case (.name("Page"), nil):
        pages += 1
        try provePage(node)
      default: throw NotOrdinary()
      }
      guard pages + left.count <= Self.mostPages else { throw NotOrdinary() }
    }
    guard pages > 0, pages == announced else { throw NotOrdinary() }
    return pages
  }

  private mutating func provePage(_ page: OrdinaryText.Members) throws(NotOrdinary) {
    switch page["Contents"] {
    case nil: break
    case .reference(let number)?: try proveStream(number)
    case .array(let parts)?:
      for part in parts {
        guard case .reference(let number) = part else { throw NotOrdinary() }
        try proveStream(number)
      }
    default: throw NotOrdinary()
    }
    guard let resources = try dictionary(page["Resources"]) else { return }
    _ = try dictionary(resources["XObject"])
  }

  /// A member that is a dictionary, or refers to one; `nil` where there is none.
  private mutating func dictionary(
    _ value: OrdinaryText.Value?
  ) throws(NotOrdinary) -> OrdinaryText.Members? {
    switch value {
    case nil: return nil
    case .dictionary(let dictionary)?: return dictionary
    case .reference(let number)?: return try dictionary(of: number)
    default: throw NotOrdinary()
    }
  }

  /// An object that is a dictionary, and no stream.
  private mutating func dictionary(
    of number: Int
  ) throws(NotOrdinary) -> OrdinaryText.Members {
    guard case .dictionary(let dictionary) = try open(number), text.skip("endobj") else {
      throw NotOrdinary()
    }
    return dictionary
  }

  /// A stream that is as long as it says.
  private mutating func proveStream(_ number: Int) throws(NotOrdinary) {
    guard proven.insert(number).inserted else { return }
    guard case .dictionary(let dictionary) = try open(number), text.skip("stream") else {
      throw NotOrdinary()
    }
    if text[text.position] == UInt8(ascii: "\r") { text.position += 1 }
    guard text[text.position] == UInt8(ascii: "\n") else { throw NotOrdinary() }
    let start = text.position + 1
    let length: Int
    switch dictionary["Length"] {
    case .integer(let number)?: length = number
    case .reference(let number)?:
      guard case .integer(let number) = try open(number), text.skip("endobj") else {
        throw NotOrdinary()
      }
      length = number
    default: throw NotOrdinary()
    }
    guard length >= 0, length < text.size - start else { throw NotOrdinary() }
    text.position = start + length
    text.skipBlanks()
    guard text.skip("endstream") else { throw NotOrdinary() }
    text.skipBlanks()
    guard text.skip("endobj") else { throw NotOrdinary() }
  }

  /// Reads an object where the table says that it is, up to what follows its value.
  private mutating func open(_ number: Int) throws(NotOrdinary) -> OrdinaryText.Value {
    guard offsets.indices.contains(number), offsets[number] > 0 else { throw NotOrdinary() }
    text.position = offsets[number]
    guard try text.natural() == number else { throw NotOrdinary() }
    try text.skipBlank()
    guard try text.natural() == 0 else { throw NotOrdinary() }
    try text.skipBlank()
    guard text.skip("obj") else { throw NotOrdinary() }
    let value = try text.value()
    text.skipBlanks()
    return value
  }
}

/// It is left to libqpdf.
struct NotOrdinary: Error, CustomStringConvertible {
  var description: String { "it is not written in the plainest way" }
}
