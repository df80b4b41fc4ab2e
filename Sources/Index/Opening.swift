import Common

/// Opens the index that a URL names: `sqlite:index.db`, or a bare path to a SQLite file.
///
/// With `creating`, a file that is not there is created, and a table that lacks our columns gets them;
/// without it, both end the run.
public func openIndex(_ url: String, creating: Bool = false) throws(Fatal) -> any DocumentIndex {
  try SQLiteIndex(path: sqlitePath(url), creating: creating)
}

/// The path in the URL of an index.
func sqlitePath(_ url: String) throws(Fatal) -> String {
  guard let colon = url.firstIndex(of: ":"), !url[..<colon].contains("/") else {
    guard !url.isEmpty else { throw notAnIndex(url) }
    return url
  }
  let scheme = url[..<colon].lowercased()
  let rest = String(url[url.index(after: colon)...])
  switch scheme {
  case "sqlite" where !rest.isEmpty:
    // sqlite:///srv/index.db, as other tools write it, is the same as sqlite:/srv/index.db.
    return rest.hasPrefix("//") ? String(rest.dropFirst(2)) : rest
  case "postgres", "postgresql":
    throw Fatal(
      .configuration,
      "an index in PostgreSQL is not supported in this version; use sqlite:PATH (docs/index.md)")
  default: throw notAnIndex(url)
  }
}

private func notAnIndex(_ url: String) -> Fatal {
  Fatal(.configuration, "\(Format.quoted(url)) names no index; expected sqlite:PATH or a path")
}
