import Common
import Testing

@testable import portal

@Suite struct ScanTests {
  private let catalogue = Catalogue(count: 12, seed: 7)
  private let store = ScanStore(seed: 7)

  @Test func `each document is a PDF of its own, the same each time`() throws {
    let again = ScanStore(seed: 7)
    var seen: Set<[UInt8]> = []
    for document in catalogue.documents {
      let scan = try store.scan(document, pages: document.allPages)
      #expect(scan.bytes.starts(with: Array("%PDF-1.4\n".utf8)))
      #expect(scan.bytes.suffix(6).elementsEqual("%%EOF\n".utf8))
      #expect(try again.scan(document, pages: document.allPages) == scan)
      #expect(seen.insert(scan.bytes).inserted)
    }
    #expect(
      try ScanStore(seed: 8).scan(catalogue.documents[0], pages: 1...1).tag
        != store.scan(catalogue.documents[0], pages: 1...1).tag)
  }

  @Test func `many threads get the same bytes as one`() throws {
    let documents = catalogue.documents
    let expected = try documents.map { try store.scan($0, pages: 1...1).bytes }
    let shared = ScanStore(seed: 7)
    withThreads(8) { number in
      for index in documents.indices {
        let index = (index + number) % documents.count
        let scan = try? shared.scan(documents[index], pages: 1...1)
        #expect(scan?.bytes == expected[index])
      }
    }
  }

  @Test func `there are black-and-white and grey documents`() throws {
    let files = try catalogue.documents.map { try store.scan($0, pages: 1...1).bytes }
    let fax = files.count { String(decoding: $0.prefix(900), as: UTF8.self).contains("CCITT") }
    #expect((2...10).contains(fax))
  }

  @Test(arguments: ScanResolution.allCases)
  func `pages are letter pages in the resolution that was asked for`(resolution: ScanResolution)
    throws
  {
    let store = ScanStore(seed: 7, resolution: resolution)
    let scan = try store.scan(catalogue.documents[0], pages: 1...1)
    let text = String(decoding: scan.bytes, as: UTF8.self)
    #expect(text.contains("/MediaBox [0 0 612 792]"))
    let (width, height) = (resolution.rawValue * 17 / 2, resolution.rawValue * 11)
    #expect(text.contains("/Width \(width) /Height \(height)"))
  }

  @Test(arguments: [1, 5000, 2_000_000])
  func `bulk documents have the size that was asked for`(size: Int) {
    let bulk = BulkPDF(size: size, seed: 7)
    let (one, two) = (bulk.file(1), bulk.file(999_999))
    #expect(size < 1000 ? one.count < 1000 : (size...(size + 32)).contains(one.count))
    #expect(one.count == two.count && one != two && one == bulk.file(1))
    #expect(two.starts(with: Array("%PDF-1.4\n%".utf8)))
    #expect(String(decoding: two.prefix(60), as: UTF8.self).contains("document 0000999999\n"))
    #expect(two.suffix(6).elementsEqual("%%EOF\n".utf8))
  }

  @Test func `only the one strip of a TIFF is fax data`() {
    #expect(FaxData.strip(ofTIFF: []) == nil)
    #expect(FaxData.strip(ofTIFF: [0x49, 0x49, 42, 0, 255, 255, 255, 255]) == nil)
    let entries: [[UInt8]] = [
      [17, 1, 4, 0, 1, 0, 0, 0, 34, 0, 0, 0], [23, 1, 3, 0, 1, 0, 0, 0, 2, 0, 0, 0],
    ]
    let file = [0x49, 0x49, 42, 0, 8, 0, 0, 0, 2, 0] + entries.joined() + [7, 9]
    #expect(FaxData.strip(ofTIFF: file) == [7, 9])
    #expect(FaxData.strip(ofTIFF: file.dropLast()) == nil)
  }

  @Test func `texts are broken into lines`() {
    #expect(DeedText.wrapped("a bb ccc dddddd e", 5) == ["a bb", "ccc", "dddddd", "e"])
    let text = DeedText(catalogue.documents[0], page: 1, seed: 7)
    #expect(text.body.count <= DeedText.height)
    #expect(text.head[0].contains("BOOK \(catalogue.documents[0].book)"))
  }
}

@Suite struct ScanAnswerTests {
  private let scan = Scan(Array("0123456789".utf8))

  private func answer(_ headers: String, method: String = "GET") throws -> Response {
    let head = "\(method) / HTTP/1.1\r\nHost: h\r\n\(headers)".utf8
    return ScanAnswer.response(scan, to: try Request(parsing: Array(head)))
  }

  private func value(_ name: String, _ response: Response) -> String? {
    response.headers.first { $0.name == name }?.value
  }

  @Test func `a plain request gets it all, with validators`() throws {
    let response = try answer("A: b")
    #expect(response.status == 200 && response.body.count == 10)
    #expect(value("ETag", response) == scan.tag)
    #expect(value("Last-Modified", response) == ScanAnswer.lastModified)
    #expect(value("Content-Type", response) == "application/pdf")
  }

  @Test func `the tag changes with any byte`() {
    let long = [UInt8](repeating: 7, count: 64)
    let tags = long.indices.map { index in
      var bytes = long
      bytes[index] ^= 1
      return Scan(bytes).tag
    }
    #expect(Set(tags + [Scan(long).tag]).count == 65)
  }

  @Test func `who has it already gets nothing`() throws {
    for tags in ["*", scan.tag, "W/\(scan.tag)", "\"x\", \(scan.tag)"] {
      let response = try answer("If-None-Match: \(tags)")
      #expect(response.status == 304 && response.body.isEmpty)
      #expect(
        !String(decoding: response.head(keepsAlive: true), as: UTF8.self)
          .contains("Content-Length"))
    }
    #expect(try answer("If-None-Match: \"x\"").status == 200)
  }

  @Test func `a range gets the rest`() throws {
    let response = try answer("Range: bytes=4-")
    #expect(response.status == 206 && response.body.elementsEqual("456789".utf8))
    #expect(value("Content-Range", response) == "bytes 4-9/10")
    let beyond = try answer("Range: bytes=10-")
    #expect(beyond.status == 416 && value("Content-Range", beyond) == "bytes */10")
  }

  @Test(arguments: ["bytes=-3", "bytes=1-2", "bytes=1-,4-", "bytes=x-", "lines=1-", "bytes=-"])
  func `other ranges are ignored`(range: String) throws {
    #expect(try answer("Range: \(range)").status == 200)
  }

  @Test func `a range counts only for the bytes that the client has`() throws {
    #expect(try answer("Range: bytes=4-\r\nIf-Range: \(scan.tag)").status == 206)
    #expect(try answer("Range: bytes=4-\r\nIf-Range: \(ScanAnswer.lastModified)").status == 206)
    #expect(try answer("Range: bytes=4-\r\nIf-Range: W/\(scan.tag)").status == 200)
    #expect(try answer("Range: bytes=4-\r\nIf-Range: \"other\"").status == 200)
    #expect(try answer("Range: bytes=4-", method: "HEAD").status == 200)
  }
}

@Suite struct GenerationsTests {
  @Test func `what is used stays and the rest is forgotten within the limit`() {
    var cache = Generations<Int, Int>(limit: 100) { $0 }
    cache.keep(10, for: 0)
    for key in 1...100 {
      cache.keep(10, for: key)
      #expect(cache.use(0) == 10)
    }
    #expect(cache.use(100) == 10)
    #expect(cache.use(50) == nil)
    #expect((0...100).count { cache.use($0) != nil } <= 10)
  }

  @Test func `what is too large is not kept`() {
    var cache = Generations<Int, Int>(limit: 100) { $0 }
    cache.keep(51, for: 1)
    #expect(cache.use(1) == nil)
  }
}
