import Testing

@testable import portal

@Suite struct CatalogueTests {
  let documents = Catalogue(count: 5000, seed: 7).documents

  private func share(_ isCounted: (Document) -> Bool) -> Double {
    Double(documents.count(where: isCounted)) / Double(documents.count)
  }

  @Test func `a seed always makes the same index, and another seed another one`() {
    #expect(Catalogue(count: 500, seed: 7).documents == Array(documents.prefix(500)))
    #expect(Catalogue(count: 500, seed: 8).documents != Array(documents.prefix(500)))
  }

  @Test func `no two documents share a place, neither in the index nor in the portal`() {
    let index = Set(documents.map { [$0.book, $0.indexPage] })
    let portal = Set(documents.map { [$0.book, $0.page] })
    #expect(index.count == documents.count)
    #expect(portal.count == documents.count)
    #expect(documents.allSatisfy { $0.page >= 1 && (1...3971).contains($0.book) })
    let instruments = documents.compactMap(\.instrument)
    #expect(Set(instruments).count == instruments.count)
  }

  @Test func `there are as many documents of each sort as promised`() {
    let listed = Set(InstrumentType.downloaded.map(\.parsed))
    #expect(listed.count == 56)
    let isMid = { (document: Document) in document.source == .duProcess }
    #expect((0.77...0.83).contains(share { isMid($0) && listed.contains($0.type.parsed) }))
    #expect((0.08...0.12).contains(share { $0.type == .deedOfTrust }))
    #expect((0.05...0.09).contains(share { !isMid($0) }))
    #expect((0.02...0.10).contains(share { $0.indexPage != $0.page }))
    #expect((0.05...0.20).contains(share { $0.instrument == nil }))
    #expect((0.05...0.15).contains(share { $0.imageCount > 1 }))
    #expect((0.01...0.10).contains(share { !$0.isTyped }))
    #expect(share { $0.type.parsed == "DEED" } > 0.4)
    #expect(Set(documents.map(\.type.parsed)).isSuperset(of: listed))
  }

  @Test func `a padded page is the portal's page with a zero behind it`() {
    let padded = documents.filter { $0.indexPage != $0.page }
    #expect(padded.allSatisfy { $0.indexPage == $0.page * 10 && $0.source == .duProcess })
  }

  @Test func `the scans of a document are its pages in order`() {
    for document in documents {
      let pages = (0..<document.imageCount).compactMap(document.pages(ofScan:)).flatMap { $0 }
      #expect(pages == Array(document.allPages))
      #expect(document.pages(ofScan: document.imageCount) == nil)
    }
    #expect(Document.parts(ofImage: documents[41].image(2))! == (42, 2))
  }

  @Test func `documents are found by instrument, by place in the index and by place in the portal`()
  {
    let catalogue = Catalogue(count: 500, seed: 7)
    for document in catalogue.documents {
      #expect(catalogue.document(book: document.book, page: document.indexPage) == document)
      #expect(catalogue.document(book: document.book, page: document.page) == document)
      if let instrument = document.instrument {
        #expect(catalogue.document(instrument: instrument) == document)
      }
    }
    #expect(catalogue.document(0) == nil && catalogue.document(501) == nil)
  }

  @Test func `a great many documents still find a place`() {
    let documents = Catalogue(count: 60_000, seed: 1).documents
    #expect(Set(documents.map { [$0.book, $0.indexPage] }).count == 60_000)
  }

  @Test func `absent and broken documents are fixed shares`() {
    let catalogue = Catalogue(count: 2000, seed: 7, absent: 0.1, broken: 0.05)
    let documents = catalogue.documents
    #expect((140...260).contains(documents.count(where: catalogue.isAbsent)))
    #expect((60...140).contains(documents.count(where: catalogue.isBroken)))
    let direct = documents.filter(catalogue.isDirect)
    #expect((20...70).contains(direct.count { $0.source != .historical }))
    #expect(direct.contains { $0.source == .historical })
    #expect(!documents.contains { Catalogue(count: 9, seed: 7).isAbsent($0) })
  }
}
