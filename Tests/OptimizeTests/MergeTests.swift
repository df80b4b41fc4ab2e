import PDF
import Support
import Testing

@Suite("Merging")
struct MergeTests {
  /// Pages that can be told apart by their width.
  private func page(_ width: Int) -> [UInt8] {
    Fixture.pages([""], inherited: "/MediaBox[0 0 \(width) 100]")
  }

  /// More files than are open at a time.
  @Test("Pages keep their order", arguments: [1, 3, 64, 65, 130])
  func order(_ count: Int) throws {
    let directory = try TemporaryDirectory()
    let paths = try (1...count).map { try directory.write(page($0), to: "\($0).pdf") }
    let target = "\(directory.path)/merged"
    try PDFDocument.merge(paths, to: target)
    let document = try PDFDocument(path: target)
    #expect(try document.pages().map { Int($0.mediaBox.width) } == Array(1...count))
    #expect(document.complaint() == nil)
    #expect(directory.names.count == count + 1, "no part is left")
  }

  @Test("The same files give the same bytes, with what their pages inherited")
  func deterministic() throws {
    let directory = try TemporaryDirectory()
    let first = try directory.write(
      Fixture.pages(["", ""], inherited: "/MediaBox[0 0 200 300]/Rotate 90"), to: "a.pdf")
    let second = try directory.write(Fixture.scan, to: "b.pdf")
    try PDFDocument.merge([first, second], to: "\(directory.path)/1")
    try PDFDocument.merge([first, second], to: "\(directory.path)/2")
    #expect(
      TemporaryDirectory.read("\(directory.path)/1")
        == TemporaryDirectory.read("\(directory.path)/2"))
    let pages = try PDFDocument(path: "\(directory.path)/1").pages()
    #expect(pages.map(\.rotation) == [90, 90, 0])
  }

  @Test("A file that needs repairs is not merged")
  func damaged() throws {
    let directory = try TemporaryDirectory()
    let good = try directory.write(page(1), to: "a.pdf")
    let bad = try directory.write(Array(page(2).dropLast(40)), to: "b.pdf")
    let error = #expect(throws: PDFError.self) {
      try PDFDocument.merge([good, bad], to: "\(directory.path)/c.pdf")
    }
    #expect(error?.doing == "merge \(bad)")
    #expect(error?.kind == .damaged)
  }

  @Test("A full disk is the system's trouble, with its reason")
  func fullDisk() throws {
    let directory = try TemporaryDirectory()
    let source = try directory.write(page(1), to: "a.pdf")
    let error = #expect(throws: PDFError.self) {
      try PDFDocument.merge([source], to: "/dev/full")
    }
    #expect(error?.kind == .system(28))
  }
}
