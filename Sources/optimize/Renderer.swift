import Common
import Glibc
import Subprocesses

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
  /// Bytes of the largest file that it may write: a list of the system's fonts, where there is none.
  private static let fileSize = 32 << 20
  private static let complaints = "renderer.txt"

  let programs: Programs
  let job: JobRequest
  let limits: Limits

  /// An answer, and whether the program complained about the document.
  struct Output<Content> {
    let content: Content
    let hasComplaints: Bool
  }

  /// No answer, and what is to be said of that beside the document: the limit, or the signal, that ended the
  /// renderer; nothing where it ended by itself.
  struct Silence: Error, Equatable, CustomStringConvertible {
    let reason: String?
    /// Who ended how.
    var detail: String? { reason.map { "the renderer \($0)" } }
    /// Goes behind a sentence.
    var description: String { detail.map { ": \($0)" } ?? "" }
  }

  /// A page as it looks.
  func drawing(
    of file: String, page: Int
  ) throws(Launch.Failure) -> Result<Output<PageDrawing>, Silence> {
    try run(
      programs.drawing,
      ["pdftoppm", "-scale-to", "\(Self.side)", "-f", "\(page)", "-l", "\(page)", file],
      limit: 3 * Self.side * Self.side + 64
    ).flatMap { answer in
      guard let drawing = PageDrawing(ppm: answer.content) else {
        return .failure(Silence(reason: nil))
      }
      return .success(Output(content: drawing, hasComplaints: answer.hasComplaints))
    }
  }

  /// The words of each page, in reading order.
  func words(
    of file: String
  ) throws(Launch.Failure) -> Result<Output<[[ArraySlice<UInt8>]]>, Silence> {
    try run(
      programs.text, ["pdftotext", "-enc", "UTF-8", file, "-"], limit: Self.maximumText
    ).map { answer in
      // A form feed ends each page.
      let pages = answer.content.split(separator: 12, omittingEmptySubsequences: false)
      return Output(
        content: pages.map { $0.split { $0 <= 32 } }, hasComplaints: answer.hasComplaints)
    }
  }

  private func run(
    _ program: String, _ arguments: [String], limit: Int
  ) throws(Launch.Failure) -> Result<Output<[UInt8]>, Silence> {
    let path = "\(job.directory)/\(Self.complaints)"
    let complaints = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard complaints >= 0 else { throw Launch.Failure(code: errno) }
    defer {
      close(complaints)
      unlink(path)
    }
    let answer = try Launch.output(limit: limit) { nowhere, output in
      Launch(
        path: program, arguments: arguments,
        environment: ["PATH=/usr/bin:/bin", "LC_ALL=C", "HOME=\(job.directory)"],
        directory: job.directory, input: nowhere, output: output, errors: complaints,
        isChildless: true, isConfined: true, processorSeconds: limits.processorSeconds,
        memory: job.settings.memory, fileSize: Self.fileSize, openFiles: 64)
    }
    var status = stat()
    let hasComplaints = fstat(complaints, &status) != 0 || status.st_size > 0
    guard let bytes = answer.bytes else {
      return .failure(Silence(reason: "wrote more than \(Format.bytes(limit))"))
    }
    guard answer.end == .status(0) else {
      return .failure(Silence(reason: Self.limit(that: answer.end, limits)))
    }
    return .success(Output(content: bytes, hasComplaints: hasComplaints))
  }

  /// The limit, or the signal, that ended it; `nil` where it ended by itself.
  static func limit(that end: Launch.End, _ limits: Limits) -> String? {
    switch end {
    case .status: nil
    case .signal(SIGXCPU):
      "exceeded its limit of \(limits.processorSeconds) s of processor time"
    case .signal(SIGXFSZ): "exceeded its file size limit of \(Format.bytes(fileSize))"
    case .signal: "\(end)"
    }
  }
}
