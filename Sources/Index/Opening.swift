import Common

/// Opens the index that a URL names: `sqlite:index.db`, or a bare path to a SQLite file.
public func openIndex(_ url: String, creating: Bool = false) throws(Fatal) -> any DocumentIndex {
  throw Fatal(.configuration, "not built yet: \(url)")
}
