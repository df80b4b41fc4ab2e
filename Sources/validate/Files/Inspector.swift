import Common
import Inspection

extension Inspector {
  /// What there is to say about a file; `nil` when the run was stopped meanwhile.
  mutating func finding(at path: [UInt8]) throws(Fatal) -> FileFinding? {
    let answer = try ask(path)
    switch answer {
    case .said(let json):
      return FileFinding(json)
        ?? .bad(.damaged, "the process that looked into it did not answer as it should")
    case .crashed(let end): return .bad(.damaged, "the process that looked into it \(end)")
    case .tooSlow: return .bad(.damaged, "looking into it took more than \(seconds) s")
    case .stopped: return nil
    }
  }
}
