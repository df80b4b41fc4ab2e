import Glibc
import Processes

/// A renderer that is neither engine (poppler's `pdftoppm` and `pdftotext`), run as Ghostscript is: under
/// limits, without network, in the private directory, a process for each question.
struct Renderer {
  /// Where its programs are.
  struct Programs: Sendable, Equatable {
    /// The absolute path of `pdftoppm`.
    let drawing: String
    /// The absolute path of `pdftotext`.
    let text: String

    /// Those on a search path; `nil` where one is missing.
    static func find(_ path: String?) -> Programs? {
      func find(_ name: String) -> String? {
        ProgramPath.find(ProgramPath.candidates(name, path))
      }
      guard let drawing = find("pdftoppm"), let text = find("pdftotext") else { return nil }
      return Programs(drawing: drawing, text: text)
    }
  }

  /// Pixels of the longer side of a drawing: some 90 dots an inch of a letter page.
  private static let side = 1000
  /// More text than this is not compared.
  private static let maximumText = 64 << 20
  private static let complaints = "renderer.txt"

  let programs: Programs
  let job: Job
  let limits: Limits

  /// An answer, and whether the program complained about the document.
  struct Answer<Content> {
    let content: Content
    let hasComplaints: Bool
  }

  /// A page as it looks; `nil` where it cannot be drawn within the limits.
  func drawing(of file: String, page: Int) throws(Launch.Failure) -> Answer<PageDrawing>? {
    try run(
      programs.drawing,
      ["pdftoppm", "-scale-to", "\(Self.side)", "-f", "\(page)", "-l", "\(page)", file],
      limit: 3 * Self.side * Self.side + 64
    ).flatMap { answer in
      PageDrawing(ppm: answer.content).map {
        Answer(content: $0, hasComplaints: answer.hasComplaints)
      }
    }
  }

  /// The words of each page, in the order in which people read them; `nil` where they cannot be had.
  func words(of file: String) throws(Launch.Failure) -> Answer<[[ArraySlice<UInt8>]]>? {
    try run(
      programs.text, ["pdftotext", "-enc", "UTF-8", file, "-"], limit: Self.maximumText
    ).map { answer in
      // A form feed ends each page.
      let pages = answer.content.split(separator: 12, omittingEmptySubsequences: false)
      return Answer(
        content: pages.map { $0.split { $0 <= 32 } }, hasComplaints: answer.hasComplaints)
    }
  }

  private func run(
    _ program: String, _ arguments: [String], limit: Int
  ) throws(Launch.Failure) -> Answer<[UInt8]>? {
    let path = "\(job.directory)/\(Self.complaints)"
    let complaints = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard complaints >= 0 else { throw Launch.Failure(code: errno) }
    defer {
      close(complaints)
      unlink(path)
    }
    let output = try Launch.output(limit: limit) { nowhere, output in
      Launch(
        path: program, arguments: arguments,
        environment: ["PATH=/usr/bin:/bin", "LC_ALL=C", "HOME=\(job.directory)"],
        directory: job.directory, input: nowhere, output: output, errors: complaints,
        isChildless: true, isConfined: true, processorSeconds: limits.processorSeconds,
        memory: job.settings.memory, fileSize: 32 << 20, openFiles: 64)
    }
    var status = stat()
    let hasComplaints = fstat(complaints, &status) != 0 || status.st_size > 0
    return output.map { Answer(content: $0, hasComplaints: hasComplaints) }
  }
}
