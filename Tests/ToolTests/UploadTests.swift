import Files
import Common
import Foundation
import Support
import Testing

/// What `upload` does besides putting objects, through the built tools, against the fast store.
@Suite("upload on its own")
struct UploadTests {
  private let folder: TemporaryDirectory

  init() throws {
    folder = try TemporaryDirectory()
    try folder.write("small", to: "a.pdf")
    try folder.write("", to: "empty.pdf")
    // More than goes with one request.
    try folder.write([UInt8](repeating: 7, count: 9 << 20), to: "large.pdf")
  }

  private let names = ["a.pdf", "empty.pdf", "large.pdf"]

  private func upload(_ options: [String], _ environment: [String: String] = [:]) throws -> Finished
  {
    try run(
      "upload", ["--from-list"] + options, lines: names, environment: environment,
      directory: folder.path)
  }

  @Test func theFastStoreKeepsWhatValidateAsksFor() throws {
    let file = "\(folder.path)/store.url"
    let store = try Program("portal", ["--store", "--port-file", file])
    #expect(eventually { !Files.lines(file).isEmpty }, "\(store.errors)")
    let environment = ["STORAGE_EMULATOR_HOST": try #require(Files.lines(file).first)]
    let first = try upload(["--to", "gs://some-bucket/place"], environment)
    #expect(first.code == 0, "\(first)")
    let checked = try run(
      "validate", ["--progress", "never"], input: first.output, environment: environment)
    #expect(checked.code == 0, "\(checked)")
    #expect(
      try checked.records.map { $0["validate"]?["checked"]?.string }
        == Array(repeating: "size+crc32c", count: 3))
    let again = try upload(["--to", "gs://some-bucket/place", "--skip-existing"], environment)
    #expect(try again.records.allSatisfy { $0["upload"]?["skipped"]?.bool == true }, "\(again)")
    try folder.write("other", to: "a.pdf")
    let other = try upload(["--to", "gs://some-bucket/place"], environment)
    #expect(other.code == ToolExit.documentsFailed.rawValue, "\(other)")
    #expect(try upload(["--to", "gs://some-bucket/place", "--overwrite"], environment).code == 0)
  }

  @Test func sourcesStayUnlessTheyAreToGo() throws {
    let kept = try upload(["--to", "bucket"])
    #expect(kept.code == 0, "\(kept)")
    for name in names { #expect(Files.all(in: folder.path).contains(name)) }
    // What is there already is confirmed, too.
    let removed = try upload(["--to", "bucket", "--remove-source-files"])
    #expect(removed.code == 0, "\(removed)")
    #expect(Files.all(in: folder.path) == names.map { "bucket/\($0)" })
  }

  @Test func aSourceThatWasNotTakenStays() throws {
    #expect(try upload(["--to", "bucket"]).code == 0)
    try folder.write("other", to: "a.pdf")
    let end = try upload(["--to", "bucket", "--remove-source-files"])
    #expect(end.code == ToolExit.documentsFailed.rawValue, "\(end)")
    #expect(Files.all(in: folder.path) == ["a.pdf"] + names.map { "bucket/\($0)" })
  }

  /// Where a folder is stored in itself, the file is the object: removing it would remove the only copy.
  @Test func anObjectIsNotRemovedAsItsOwnSource() throws {
    let end = try upload(["--to", folder.path, "--remove-source-files"])
    #expect(end.code == 0, "\(end)")
    #expect(end.errors.contains("is the object itself and was left there"), "\(end)")
    #expect(Files.all(in: folder.path) == names)
  }

  @Test func whatIsMadeIsSaid() throws {
    let dry = try upload(["--to", "bucket", "--create-bucket", "--dry-run"])
    #expect(dry.code == 0, "\(dry)")
    #expect(!FileManager.default.fileExists(atPath: "\(folder.path)/bucket"))
    let made = try upload(["--to", "bucket", "--create-bucket", "--quiet"])
    #expect(made.errors == "upload: made the directory \(folder.path)/bucket\n", "\(made)")
    let again = try upload(["--to", "bucket", "--create-bucket"])
    #expect(again.errors.isEmpty, "\(again)")
  }

  @Test func progressIsBytesPerSecond() throws {
    // A list that does not end yet, so that there is something to be shown.
    let pipe = "\(folder.path)/list.fifo"
    #expect(mkfifo(pipe, 0o600) == 0)
    let program = try Program(
      "/bin/sh",
      [
        "-c", #"exec "$0" --from-list --to bucket --progress always < list.fifo > records"#,
        toolPath("upload"),
      ], directory: folder.path)
    let list = open(pipe, O_WRONLY | O_CLOEXEC)
    #expect(writeAll(Array("a.pdf\n".utf8), to: list) == 0)
    #expect(eventually { program.errors.contains("1 done · ") && program.errors.contains("/s · ") })
    close(list)
    #expect(program.wait().code == 0)
  }

  @Test(arguments: [
    ["--overwrite", "--skip-existing"], ["--location", "EU"], ["--retries", "-1"],
    ["--retry-base", "-1"],
  ])
  func wrongUsage(_ options: [String]) throws {
    let end = try upload(["--to", "bucket"] + options)
    #expect(end.code == ToolExit.usage.rawValue, "\(end)")
  }
}
