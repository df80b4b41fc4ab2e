import Common
import Crypto
import Glibc
import Store
import Synchronization
import Testing

/// What every store has to do, whatever it is made of. Each function takes an empty store, and
/// `Files` for the documents to put.
enum StoreConformance {
  static func putThenFind(_ store: any ObjectStore, _ files: Files) throws {
    let key = try ObjectKey("documents/deed/0285-0055.pdf")
    let file = try files.document("the document")
    let object = try store.put(file, at: key, metadata: ["book": "285"], overwrite: false)
    #expect(object.url == (try store.url(of: key)))
    #expect(object.bytes == 12)
    #expect(object.sha256 == Digest.sha256("the document".utf8))
    #expect(object.md5 == "5cfa48d0935b89dd38f86fd303461a08")
    #expect(!object.isSkipped)
    let info = try #require(try store.info(at: object.url))
    #expect(info.bytes == 12)
    #expect(info.sha256 == object.sha256 || info.md5 == object.md5)
  }

  static func nothingIsWhereNothingWasPut(_ store: any ObjectStore) throws {
    #expect(try store.info(at: try store.url(of: try ObjectKey("not/there.pdf"))) == nil)
  }

  static func emptyAndLargeFiles(_ store: any ObjectStore, _ files: Files) throws {
    for size in [0, 1, 131_071, 131_072, 131_073, 3_000_000] {
      let file = try files.document(String(repeating: "x", count: size))
      let object = try store.put(
        file, at: try ObjectKey("\(size)"), metadata: [:], overwrite: false)
      #expect(object.bytes == size)
      #expect(try store.info(at: object.url)?.bytes == size)
    }
  }

  static func sameAgainIsSkipped(_ store: any ObjectStore, _ files: Files) throws {
    let key = try ObjectKey("a/b.pdf")
    for (attempt, overwrite) in [(0, false), (1, false), (2, true)] {
      let object = try store.put(
        try files.document("same"), at: key, metadata: [:], overwrite: overwrite)
      #expect(object.isSkipped == (attempt > 0))
      #expect(object.sha256 == Digest.sha256("same".utf8))
    }
  }

  static func otherContentIsAConflict(_ store: any ObjectStore, _ files: Files) throws {
    let key = try ObjectKey("a/b.pdf")
    let first = try store.put(
      try files.document("first"), at: key, metadata: [:], overwrite: false)
    for other in ["other, longer", "FIRST", ""] {
      let file = try files.document(other)
      let error = #expect(throws: RecordError.self) {
        _ = try store.put(file, at: key, metadata: [:], overwrite: false)
      }
      #expect(error?.kind == .storeConflict)
      let info = try store.info(at: first.url)
      #expect(info?.bytes == 5)
      #expect(info?.sha256 ?? first.sha256 == first.sha256)
    }
  }

  static func overwriteReplaces(_ store: any ObjectStore, _ files: Files) throws {
    let key = try ObjectKey("a/b.pdf")
    _ = try store.put(try files.document("first"), at: key, metadata: [:], overwrite: false)
    let object = try store.put(
      try files.document("the second"), at: key, metadata: [:], overwrite: true)
    #expect(!object.isSkipped)
    #expect(try store.info(at: object.url)?.bytes == 10)
  }

  /// A file that is gone, or is not what was recorded, is the machine's trouble; what is no file on a disk,
  /// or not in the folder that was named, is the record's.
  static func unusableSources(_ store: any ObjectStore, _ files: Files) throws {
    let key = try ObjectKey("a/b.pdf")
    let good = try files.document("good").path
    let sources = [
      SourceFile(path: files.directory + "/gone.pdf"), SourceFile(path: good + "/below"),
      SourceFile(path: good, bytes: 5), SourceFile(path: good, sha256: "00"),
      SourceFile(path: good, bytes: 4, sha256: Digest.sha256("evil".utf8)),
    ]
    for source in sources {
      let error = #expect(throws: RecordError.self, "\(source)") {
        _ = try store.put(source, at: key, metadata: [:], overwrite: false)
      }
      #expect(error?.kind == .local, "\(source)")
      #expect(error?.counts == false, "\(source)")
    }
    let link = files.directory + "/link"
    #expect(symlink("/etc/hostname", link) == 0)
    for source in [
      "", files.directory, "/dev/zero", try files.fifo(), "/proc/self/environ", "/proc/self/mem",
      "/sys/kernel/mm/transparent_hugepage/enabled", link, "/etc/hostname",
      files.directory + "/../../etc/hostname",
    ].map({ SourceFile(path: $0, root: files.directory) }) {
      let error = #expect(throws: RecordError.self, "\(source)") {
        _ = try store.put(source, at: key, metadata: [:], overwrite: false)
      }
      #expect(error?.kind == .invalidRecord || error?.kind == .local, "\(source) \(error as Any)")
      let isThere = !source.path.isEmpty && access(source.path, F_OK) == 0
      #expect(error?.kind == .invalidRecord || !isThere, "\(source) \(error as Any)")
    }
    #expect(try store.info(at: try store.url(of: key)) == nil)
    let recorded = SourceFile(path: good, bytes: 4, sha256: Digest.sha256("good".utf8).uppercased())
    #expect(try !store.put(recorded, at: key, metadata: [:], overwrite: false).isSkipped)
  }

  /// Several threads put different documents under one key: one wins, whole, the others are told.
  static func oneOfManyWins(
    _ store: any ObjectStore, _ files: Files, rounds: Int = 10
  ) throws {
    let writers = 8
    for round in 1...rounds {
      let key = try ObjectKey("race/\(round)/object.pdf")
      let sources = try (0..<writers).map {
        try files.document(String(repeating: "\($0)", count: 200_000 + $0))
      }
      let results = Mutex<[Int: Result<StoredObject, any Error>]>([:])
      withThreads(writers) { number in
        let result = Result {
          try store.put(sources[number - 1], at: key, metadata: [:], overwrite: false)
        }
        results.withLock { $0[number - 1] = result }
      }
      let outcomes = results.withLock { $0 }
      let winners = outcomes.compactMap { try? $1.get() }
      #expect(winners.count == 1)
      let kinds = outcomes.values.compactMap { outcome -> ErrorClass? in
        guard case .failure(let error) = outcome else { return nil }
        return (error as? RecordError)?.kind
      }
      #expect(kinds == Array(repeating: .storeConflict, count: writers - 1))
      let info = try store.info(at: try store.url(of: key))
      #expect(info?.bytes == winners.first?.bytes)
      #expect(info?.sha256 ?? winners.first?.sha256 == winners.first?.sha256)
    }
  }

  /// Several threads put the same document under one key: all succeed.
  static func manyOfTheSame(_ store: any ObjectStore, _ files: Files) throws {
    let key = try ObjectKey("race/same.pdf")
    let source = try files.document(String(repeating: "x", count: 100_000))
    let put = Atomic<Int>(0)
    let skipped = Atomic<Int>(0)
    withThreads(8) { _ in
      guard let object = try? store.put(source, at: key, metadata: [:], overwrite: false) else {
        return
      }
      if object.isSkipped {
        skipped.add(1, ordering: .relaxed)
      } else {
        put.add(1, ordering: .relaxed)
      }
    }
    #expect(put.load(ordering: .relaxed) == 1)
    #expect(skipped.load(ordering: .relaxed) == 7)
  }

  /// Everything that was put comes, once, in the order of its URLs' bytes, over several pages.
  static func listsInOrder(_ store: any ObjectStore, _ files: Files) throws {
    let source = try files.document("listed")
    let odd = ["a b+c~d/x", "a-b", "a/b/c", "a/b", "a.b", "a", "é/100%", "日本語"]
    let isDirectory = store.place.hasPrefix("file:")
    // In a directory, a name cannot be a file's and a directory's.
    let names = odd.filter { !isDirectory || !["a", "a/b"].contains($0) }
    let many = (0..<1100).map { "many/\($0).pdf" }
    var urls: [String] = []
    for name in names + many {
      let key = try ObjectKey(name)
      urls.append(try store.put(source, at: key, metadata: [:], overwrite: false).url)
    }
    let listed = try all(store, "")
    urls.sort { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    #expect(listed.map(\.url) == urls)
    #expect(urls.allSatisfy { $0.hasPrefix(store.place) })
    #expect(listed.allSatisfy { $0.bytes == 6 })
    #expect(listed.allSatisfy { $0.md5 == (isDirectory ? nil : Digest.md5("listed")) })
    #expect(listed.allSatisfy { ($0.changedAt != nil) == isDirectory })
    #expect(try all(store, "many/").count == many.count)
    #expect(try all(store, "many/10").count == 111)
    #expect(try all(store, "many/nothing").isEmpty)
  }

  private static func all(_ store: any ObjectStore, _ prefix: String) throws -> [ListedObject] {
    let lister = try store.list(prefix)
    var objects: [ListedObject] = []
    while let page = try lister.next() {
      #expect(!page.isEmpty && page.count <= 1000)
      objects += page
    }
    return objects
  }

  /// Reading back digests what is really there, however large.
  static func readsBack(_ store: any ObjectStore, _ files: Files) throws {
    for size in [0, 5, 9_000_000] {
      let bytes = [UInt8](repeating: UInt8(ascii: "x"), count: size)
      let object = try store.put(
        try files.document(bytes: bytes), at: try ObjectKey("\(size)"), metadata: [:],
        overwrite: false)
      let content = try #require(try store.content(at: object.url))
      #expect(content == ObjectInfo(bytes: size, sha256: object.sha256, md5: object.md5))
    }
    #expect(try store.content(at: try store.url(of: try ObjectKey("not/there"))) == nil)
  }

  static func refusesURLsOfOtherPlaces(_ store: any ObjectStore) throws {
    let urls = [
      "", "/etc/passwd", "file:///etc/passwd", "file://host/etc/passwd", "https://host/a",
      "gs://bucket/a", "s3://bucket/a",
      try store.url(of: try ObjectKey("a")) + "/../../../etc/passwd",
    ]
    for url in urls {
      let error = #expect(throws: RecordError.self, "\(url)") { _ = try store.info(at: url) }
      #expect(error?.kind == .storeRejected, "\(url)")
    }
  }
}

extension Digest {
  /// The MD5 of a text in hexadecimal digits.
  fileprivate static func md5(_ text: String) -> String {
    var digest = Digest(.md5)
    Array(text.utf8).withUnsafeBytes { digest.update($0) }
    return digest.hex()
  }
}
