import Common
import Glibc
import PDF
import Support
import Testing

@testable import fetch

/// Images that became a PDF in the process that looks into files.
@Suite struct CombinedPagesTests {
  private let folder: TemporaryDirectory

  init() throws { folder = try TemporaryDirectory() }

  private func combine(
    _ files: [[UInt8]], executable: String = FetchRun.program
  ) throws -> Int {
    let paths = try files.enumerated().map { try folder.write($1, to: "\($0)") }
    return try Inspectors(stop: ShutdownSignal(), grace: 0, executable: executable)
      .combine(paths, into: "\(folder.path)/out.pdf", worker: 0)
  }

  private func failure(
    _ files: [[UInt8]], executable: String = FetchRun.program
  ) throws -> RecordError? {
    do { _ = try combine(files, executable: executable) } catch let error as RecordError {
      return error
    }
    return nil
  }

  /// A grey picture of 2 x 2 pixels.
  static let tiff: [UInt8] = {
    func word(_ value: Int) -> [UInt8] { [UInt8(value & 255), UInt8(value >> 8), 0, 0] }
    let fields = [
      (256, 2), (257, 2), (258, 8), (259, 1), (262, 1), (273, 8), (277, 1), (278, 2), (279, 4),
    ]
    var file = Array("II*\0".utf8) + word(12)
    file += [0, 80, 160, 255, UInt8(fields.count), 0]
    for (tag, value) in fields {
      file += word(tag).prefix(2) + [4, 0]
      file += word(1) + word(value)
    }
    return file + word(0)
  }()

  @Test func `images and PDFs are made one PDF`() throws {
    #expect(try combine([Self.tiff, PDFBuilder.scan(pages: 2), Self.tiff]) == 4)
    #expect(try PDFDocument(path: "\(folder.path)/out.pdf").pageCount() == 4)
    #expect(try combine([Self.tiff]) == 1)
  }

  @Test func `whose fault it is follows from what is wrong`() throws {
    let cut = try failure([PDFBuilder.scan(), Array(Self.tiff.dropLast(20))])
    #expect(cut?.kind == .badPDF)
    #expect(cut?.message.hasPrefix("cannot combine the 2 images: file 2 of 2: the TIFF") == true)
    var strange = Self.tiff
    strange[14 + 3 * 12 + 8] = 99
    #expect(try failure([strange])?.kind == .notPDF)
    #expect(try failure([Array("GIF89a".utf8), Self.tiff])?.kind == .badPDF)
  }

  @Test(arguments: [
    ("kill -SEGV $$", ErrorClass.badPDF), ("kill -KILL $$", .local), ("exit 3", .local),
    ("echo '{}'; sleep 1000", .internal),
  ])
  func `a process that ends is not waited for`(script: String, kind: ErrorClass) throws {
    let path = try folder.write("#!/bin/sh\nread line; \(script)\n", to: "inspect")
    try #require(chmod(path, 0o700) == 0)
    try folder.write("half of it", to: "out.pdf.images1")
    #expect(try failure([Self.tiff], executable: path)?.kind == kind)
    #expect(!folder.files().contains { $0.contains(".images") })
  }
}
