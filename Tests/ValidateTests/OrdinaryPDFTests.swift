import Common
import Glibc
import Support
import Testing

@testable import Inspection

/// What is said without libqpdf has to be what libqpdf says.
@Suite("A plain PDF is recognized as libqpdf would")
struct OrdinaryPDFTests {
  private let folder: TemporaryDirectory

  init() throws { folder = try TemporaryDirectory() }

  /// What is said of a file, without libqpdf and with it.
  private func findings(_ bytes: [UInt8]) throws -> (ordinary: PDFFinding?, full: PDFFinding) {
    let path = "\(folder.path)/x.pdf"
    let descriptor = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    defer { close(descriptor) }
    try #require(
      bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) } == bytes.count)
    let ordinary = OrdinaryPDF.finding(of: descriptor, size: bytes.count)
    return (ordinary, PDFInspection.finding(at: path))
  }

  private func good(pages: Int, trailing: Int = 1) -> PDFFinding {
    var finding = PDFFinding()
    (finding.pages, finding.trailing) = (pages, trailing)
    return finding
  }

  @Test(arguments: [1, 3, 200])
  func scans(pages: Int) throws {
    let found = try findings(PDFBuilder.scan(pages: pages, padding: 200_000))
    #expect(found.ordinary == good(pages: pages))
    #expect(found.full == good(pages: pages))
  }

  /// Everything that is followed: trees within trees, several contents, lengths that are objects, resources and
  /// images that are, empty pages, and all that may stand in a dictionary.
  static var varied: [UInt8] {
    var builder = PDFBuilder()
    builder.add("<</Type/Catalog/Pages 2 0 R/Lang(e\\(n)/X[true false null<</Y<0aF >>>-1 +2. .5]>>")
    builder.add("<< /Type /Pages\r\n/Count 4 /Kids [ 3 0 R 4 0 R ] >>")
    builder.add("<</Type/Pages/Parent 2 0 R/Count 2/Kids[5 0 R 6 0 R]>>")
    builder.add("<</Type/Pages/Parent 2 0 R/Count 2/Kids[7 0 R 8 0 R]>>")
    builder.add("<</Type/Page/Parent 3 0 R/Contents[9 0 R 10 0 R]/Resources 11 0 R>>")
    builder.add("<</Type/Page/Parent 3 0 R/Contents 9 0 R/Resources<</XObject 12 0 R>>>>")
    builder.add("<</Type/Page/Parent 4 0 R/MediaBox[0 0 612.0 792]>>")
    builder.add("<</Type/Page/Parent 4 0 R/Contents 10 0 R/Resources<<>>>>")
    builder.addStream(Array("q Q".utf8))
    builder.add("<</Length 13 0 R>>stream\r\nq Q\nendstream")
    builder.add("<</XObject<</I 9 0 R>>/Font<<>>>>")
    builder.add("<</I 9 0 R>>")
    builder.add("3")
    return builder.bytes()
  }

  /// The same with an update behind it: a page has other contents, an object is gone, and one is new.
  static var updated: [UInt8] {
    let first = varied
    let table = String(decoding: first, as: UTF8.self).split(separator: "\n").dropLast().last ?? ""
    let contents = "\n9 0 obj\n<</Length 5>>stream\nq q Q\nendstream\nendobj\n"
    let start = first.count + contents.utf8.count
    let place = String(first.count + 1)
    let padded = String(repeating: "0", count: 10 - place.count) + place
    return first
      + Array(
        """
        \(contents)xref
        0 1
        0000000014 65535 f\u{20}
        9 1
        \(padded) 00000 n\u{20}
        14 1
        0000000000 00001 f\u{20}
        trailer
        <</Size 15/Root 1 0 R/Prev \(table)>>
        startxref
        \(start)
        %%EOF\r\n
        """.utf8)
  }

  @Test func whatIsWrittenInOtherWays() throws {
    let varied = try findings(Self.varied)
    #expect(varied.ordinary == good(pages: 4))
    #expect(varied.full == varied.ordinary)
    let updated = try findings(Self.updated)
    #expect(updated.ordinary == good(pages: 4, trailing: 2))
    #expect(updated.full == updated.ordinary)
  }

  /// Whatever is changed in a file: there is either no answer, or libqpdf's.
  @Test(arguments: 1...6)
  func whateverIsChanged(round: Int) throws {
    let files = [Self.varied, Self.updated, PDFBuilder.scan(pages: 2, padding: 40)]
    var dice = SeededRandom(seed: UInt64(round))
    var answers = 0
    for trial in 0..<500 {
      var bytes = files[Int.random(in: files.indices, using: &dice)]
      for _ in 0..<Int.random(in: 1...3, using: &dice) { Self.change(&bytes, &dice) }
      let (ordinary, full) = try findings(bytes)
      guard let ordinary else { continue }
      answers += 1
      #expect(
        ordinary == full, "seed \(round), trial \(trial): \(String(decoding: bytes, as: UTF8.self))"
      )
    }
    // A change in a comment or a string, or one that moves nothing, leaves the file as good as it was.
    #expect(answers > 0)
  }

  private static let words = [
    "null", "R", "obj", "endobj", "stream", "endstream", "<<", ">>", "[", "]", "(", ")", "%", "/",
    "0", "1", "5", "99", "-", "/Kids", "/Type/Page", "/Type/Pages", "/Parent 2 0 R",
    "/Encrypt 9 0 R",
    "/Contents 9 0 R", "/Count 1", "/Prev 9", "9 0 R", " ", "\n", "\r", "\0", "#", "xref",
    "trailer",
    "startxref", "%%EOF", "\u{B}", "\u{C}",
  ]

  private static func change(_ bytes: inout [UInt8], _ dice: inout SeededRandom) {
    guard bytes.count > 40 else { return }
    let place = Int.random(in: 0..<bytes.count, using: &dice)
    let length = Int.random(in: 1...4, using: &dice)
    let end = min(bytes.count, place + length)
    let word = Array((words.randomElement(using: &dice) ?? "").utf8)
    switch Int.random(in: 0..<7, using: &dice) {
    case 0: bytes[place] = .random(in: 0...255, using: &dice)
    case 1: bytes.removeSubrange(place..<end)
    case 2: bytes.insert(contentsOf: word, at: place)
    case 3: bytes.replaceSubrange(place..<min(bytes.count, place + word.count), with: word)
    case 4:
      // A digit for a digit: another object, length, offset or count.
      let digit = bytes[place...].firstIndex { (0x30...0x39).contains($0) }
      if let digit { bytes[digit] = .random(in: 0x30...0x39, using: &dice) }
    case 5: bytes.removeSubrange(place...)
    default:
      let other = Int.random(in: 0..<bytes.count, using: &dice)
      bytes.replaceSubrange(place..<end, with: bytes[other..<min(bytes.count, other + length)])
    }
  }

  /// Files that would take long are left to the process that may take long.
  @Test func whatTakesTooMuchReadingIsLeftToLibqpdf() throws {
    let bytes = PDFBuilder.scan(pages: 40)
    let path = "\(folder.path)/large.pdf"
    let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    defer { close(descriptor) }
    try #require(
      bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) } == bytes.count)
    let finding = { OrdinaryPDF.finding(of: descriptor, size: bytes.count, mostBytes: $0) }
    #expect(finding(OrdinaryPDF.mostBytes)?.pages == 40)
    #expect(finding(bytes.count / 4) == nil)
    // Wherever it stops, between two digits of a number, too.
    for most in stride(from: 0, to: 6_000, by: 7) {
      let found = finding(most)
      #expect(found == nil || found?.pages == 40, "\(most)")
    }
    // A file that became shorter meanwhile.
    #expect(OrdinaryPDF.finding(of: descriptor, size: bytes.count + 5000) == nil)
  }
}
