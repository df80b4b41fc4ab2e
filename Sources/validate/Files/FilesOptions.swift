import ArgumentParser

/// The option of `validate --files`.
struct FilesOptions: ParsableArguments {
  @Option(help: "Check PDFs on their own: a file, a directory, or - for names from standard input.")
  var files: String?

  var isAsked: Bool { files != nil }

  /// Throws what the command line gets wrong. `isElsewhere`: something else was asked for, too.
  func check(isElsewhere: Bool) throws {
    guard let files else { return }
    if files.isEmpty { throw ValidationError("--files has to be a path, or - for standard input.") }
    if isElsewhere {
      throw ValidationError("--files goes without --settle and the views of the index.")
    }
  }
}
