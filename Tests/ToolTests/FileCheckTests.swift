import Files
import Common
import Foundation
import Support
import Testing

@Suite("Files checked on their own")
struct FileCheckTests {
  /// A PDF with a page or more.
  private static func pdf(pages: Int = 1, size: Int? = nil) -> String {
    let kids = (0..<pages).map { "\(3 + $0) 0 R" }.joined(separator: " ")
    let objects =
      [
        "<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Count \(pages)/Kids[\(kids)]>>",
      ] + (0..<pages).map { _ in "<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]>>" }
    var text = "%PDF-1.4\n"
    var table = "0000000000 65535 f \n"
    for (number, object) in objects.enumerated() {
      let offset = String(text.utf8.count)
      table += String(repeating: "0", count: 10 - offset.count) + offset + " 00000 n \n"
      text += "\(number + 1) 0 obj\n\(object)\nendobj\n"
    }
    let start = text.utf8.count
    return text + "xref\n0 \(objects.count + 1)\n\(table)trailer\n"
      + "<</Size \(size ?? objects.count + 1)/Root 1 0 R>>\nstartxref\n\(start)\n%%EOF\n"
  }

  /// Each file's state by its name.
  private func states(_ end: Finished) throws -> [String: String] {
    Dictionary(
      try end.records.map { line in
        let name = line["path"]?.string?.split(separator: "/").last.map(String.init) ?? ""
        let state = line["state"]?.string ?? ""
        #expect(line["ok"]?.bool == ["ok", "repairable", "encrypted"].contains(state))
        #expect((line["message"] == nil) == (state == "ok"), "\(line)")
        return (name, state)
      }
    ) { "\($0), \($1)" }
  }

  @Test("Whatever may be in a folder gets its line")
  func folder() throws {
    let folder = try TemporaryDirectory()
    try FileManager.default.createDirectory(
      atPath: "\(folder.path)/deep/er", withIntermediateDirectories: true)
    let good = Self.pdf(pages: 3)
    try folder.write(good, to: "good.pdf")
    try folder.write(good, to: "deep/er/-rf $(x) 'a'\n\"b\".pdf")
    // Where the table of objects stands is lost, and readers find them all the same.
    try folder.write(
      good.replacing(/startxref\n\d+/, with: "startxref\n7"), to: "table-lost.pdf")
    try folder.write(String(good.prefix(180)), to: "cut.pdf")
    try folder.write(Self.pdf(size: 40), to: "size-too-large.pdf")
    try folder.write(good + String(repeating: "\0", count: 80_508), to: "padded.pdf")
    try folder.write("Warning: x\n" + good, to: "words-before.pdf")
    try folder.write(
      good.replacing("/MediaBox[0 0 612 792]", with: "/Mediabox[0 0 612 792]"), to: "no-size.pdf")
    try folder.write(
      good.replacing("/MediaBox[0 0 612 792]>>", with: "/Contents 77 0 R>>         "),
      to: "contents-lost.pdf")
    try folder.write("<html>", to: "page.pdf")
    try folder.write("", to: "empty.pdf")
    try folder.write(good.replacing("/Kids[3 0 R", with: "/Kids[9 0 R"), to: "damaged.pdf")
    try folder.write("%PDF-1.4\n%%EOF\n", to: "nothing.pdf")
    try folder.write(Self.pdf(pages: 0), to: "blank.pdf")
    try folder.write(good, to: ".hidden.pdf")
    #expect(mkfifo("\(folder.path)/pipe.pdf", 0o600) == 0)
    #expect(symlink("\(folder.path)", "\(folder.path)/deep/loop") == 0)
    #expect(symlink("/etc/passwd", "\(folder.path)/link.pdf") == 0)
    // A name that is no UTF-8.
    let odd: [UInt8] = Array("\(folder.path)/".utf8) + [0xFF, 0x2E, 0x70, 0x64, 0x66]
    let file = open(odd.map { CChar(bitPattern: $0) } + [0], O_WRONLY | O_CREAT, 0o600)
    #expect(writeAll(Array(good.utf8), to: file) == 0)
    close(file)
    for (name, password) in [("locked", "secret"), ("owned", "")] {
      let made = try run(
        "/usr/bin/gs",
        [
          "-q", "-sDEVICE=pdfwrite", "-dCompatibilityLevel=1.4", "-sOwnerPassword=owner",
          "-sUserPassword=\(password)", "-o", "\(folder.path)/\(name).pdf", "-c", "showpage",
        ])
      #expect(made.code == 0, "\(made)")
    }

    let end = try run("validate", ["files", folder.path, "--workers", "3"])
    #expect(end.code == ToolExit.documentsFailed.rawValue, "\(end)")
    let found = try states(end)
    #expect(
      found == [
        "good.pdf": "ok", "-rf $(x) 'a'\n\"b\".pdf": "ok", "\u{FFFD}.pdf": "ok", "owned.pdf": "ok",
        "table-lost.pdf": "repairable", "size-too-large.pdf": "repairable",
        "padded.pdf": "repairable", "words-before.pdf": "repairable", "no-size.pdf": "repairable",
        "cut.pdf": "damaged", "contents-lost.pdf": "damaged", "page.pdf": "not_pdf",
        "empty.pdf": "empty", "damaged.pdf": "damaged", "nothing.pdf": "damaged",
        "blank.pdf": "empty", "pipe.pdf": "unreadable", "locked.pdf": "encrypted",
      ], "\(end)")
    let lines = try end.records
    func line(_ name: String) -> JSON? {
      lines.first { $0["path"]?.string?.hasSuffix(name) == true }
    }
    #expect(line("good.pdf")?["pages"] == .int(3))
    #expect(line("good.pdf")?["bytes"] == .int(good.utf8.count))
    #expect(line("good.pdf")?["encrypted"] == .bool(false))
    #expect(line("owned.pdf")?["encrypted"] == .bool(true))
    #expect(line("\u{FFFD}.pdf")?["path_hex"]?.string?.hasSuffix("ff2e706466") == true)
    #expect(end.errors.contains("Links passed over"))
  }

  @Test("Names from standard input, and a folder in which all is well")
  func names() throws {
    let folder = try TemporaryDirectory()
    try folder.write(Self.pdf(), to: "a.pdf")
    #expect(symlink("a.pdf", "\(folder.path)/b.pdf") == 0)
    let well = try run("validate", ["files", folder.path])
    #expect(well.code == 0 && well.lines.count == 1, "\(well)")
    try folder.write(Self.pdf(size: 40), to: "repairable.pdf")
    let repairable = try run("validate", ["files", folder.path])
    #expect(repairable.code == 0, "warnings are no errors: \(repairable)")
    #expect(repairable.errors.contains("repairable"), "\(repairable)")
    // A link that was named is meant.
    let end = try run(
      "validate", ["files", "-"], lines: ["a.pdf", "b.pdf", "gone.pdf", ".", "-h"],
      directory: folder.path)
    #expect(end.code == ToolExit.documentsFailed.rawValue, "\(end)")
    #expect(
      try states(end) == [
        "a.pdf": "ok", "b.pdf": "ok", "gone.pdf": "unreadable", ".": "unreadable",
        "-h": "unreadable",
      ], "\(end)")
    let none = try run("validate", ["files", "\(folder.path)/none"])
    #expect(none.code == ToolExit.configuration.rawValue, "\(none)")
  }
}
