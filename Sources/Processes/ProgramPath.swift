import Glibc

/// Where programs are that others wrote.
public enum ProgramPath {
  /// Where `name` may be by a search path; relative directories do not count.
  public static func candidates(_ name: String, _ path: String?) -> [String] {
    (path ?? "/usr/local/bin:/usr/bin:/bin").split(separator: ":")
      .filter { $0.hasPrefix("/") }.map { "\($0)/\(name)" }
  }

  /// The first that is there and may be run, absolute and without links.
  public static func find(_ candidates: [String]) -> String? {
    for candidate in candidates {
      guard let resolved = realpath(candidate, nil) else { continue }
      defer { free(resolved) }
      var status = stat()
      if stat(resolved, &status) == 0, status.st_mode & S_IFMT == S_IFREG,
        access(resolved, X_OK) == 0
      {
        return String(cString: resolved)
      }
    }
    return nil
  }
}
