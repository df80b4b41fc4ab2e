import Common
import Files
import Glibc

/// The folders in which stage and portal files are found by name, with colons between, as in PATH: a file in the first
/// comes before one of the same name in the next.
package struct SearchPath: Sendable, Equatable {
  package let folders: [String]

  package init(_ text: String) {
    folders = text.split(separator: ":").map(String.init)
  }

  /// Where a file is that may be named by its path, or by its name alone, without `.yaml`. Throws with exit code 78
  /// where it is nowhere; `kind` is what such a file is called.
  package func find(_ kind: String, named name: String) throws(Fatal) -> String {
    let isPath = name.contains("/") || name.hasSuffix(".yaml")
    let places = isPath ? [name] : folders.map { "\($0)/\(name).yaml" }
    if let found = places.first(where: { access($0, F_OK) == 0 }) { return found }
    let shown = Format.quoted(name)
    guard places.count > 1 else {
      let missing = places.first.map { "\($0) does not exist" } ?? "no folder is named to look in"
      throw Fatal(.configuration, "there is no \(kind) \(shown): \(missing)")
    }
    throw Fatal(
      .configuration,
      "there is no \(kind) \(shown): \(name).yaml is not in \(folders.joined(separator: ", "))")
  }

  /// The names of all files, each once, sorted.
  package var names: [String] {
    let files = folders.flatMap { Folders.names(in: $0) }.filter { $0.hasSuffix(".yaml") }
    return Set(files.map { String($0.dropLast(5)) }).sorted()
  }
}
