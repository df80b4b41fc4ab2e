import Common

/// A named selection of the index with the settings that go with it: one file in `stages/`.
public struct Stage: Sendable, Equatable {
  /// The file's name without its ending.
  public let name: String
  /// What it is for, in one line.
  public var description = ""
  /// Which documents.
  public var selection = Selection()
  /// Portal files, by name, that documents are routed to by their book.
  public var portals: [String] = []
  /// The tools between `enqueue` and `validate`, plugins included.
  public var pipeline = ["fetch", "optimize", "upload"]
  /// How an object's key is built (docs/upload.md).
  public var key: String?
  /// Names for ranges of books: what `{folder}` stands for in a key.
  public var folders: [Folder] = []
  /// Threads of `fetch`, where no option says otherwise.
  public var workers: Int?
  /// Seconds between two requests to a host, where no option says otherwise.
  public var rateLimitDelay: Double?

  /// A name for a range of books.
  public struct Folder: Sendable, Equatable {
    /// The name.
    public let name: String
    /// Both ends included.
    public let books: ClosedRange<Int>
  }

  /// The folder that a book is in.
  public func folder(ofBook book: Int) -> String? {
    folders.first { $0.books.contains(book) }?.name
  }
}
