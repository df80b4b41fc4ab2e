import Common
import Index
import Stages

/// Whether the index has what a selection names: a value that is written a little differently selects nothing, and
/// "nothing is left to do" would be taken for success.
struct SelectionCheck {
  let index: any DocumentIndex
  /// What the command line named, and not the stage: each of these values has to be there.
  let types: [String]
  let sources: [String]

  /// Throws where the index has documents, and a value that was named is of none of them; or where it has none of
  /// the stage's types.
  func check(_ selection: Selection) throws {
    try check(types, selection.types, .type, "--type")
    try check(sources, selection.sources, .source, "--source")
  }

  private func check(
    _ named: [String], _ all: [String], _ column: NamedColumn, _ option: String
  ) throws {
    guard !all.isEmpty else { return }
    // Asking costs a look at the whole table; where a stage's values select something, they are right.
    if named.isEmpty {
      var selection = Selection()
      if column == .type { selection.types = all } else { selection.sources = all }
      guard try index.preview(selection, count: 1).isEmpty else { return }
    }
    let known = try index.values(of: column)
    guard !known.isEmpty else { return }
    if named.isEmpty, all.contains(where: known.contains) { return }
    guard let missing = (named.isEmpty ? all : named).first(where: { !known.contains($0) }) else {
      return
    }
    let nearest = NearestName.of(missing, among: known)
    let few = known.sorted().prefix(10).map { Format.quoted($0) }.joined(separator: ", ")
    throw Fatal(
      .configuration,
      Format.printable(
        "\(named.isEmpty ? "the stage: its values of" : option): no document of the index has the "
          + "\(column == .type ? "type" : "source") \(Format.quoted(missing)); "
          + (nearest.map { "did you mean \(Format.quoted($0))?" }
            ?? "there are \(few)\(known.count > 10 ? ", …" : "")")))
  }
}
