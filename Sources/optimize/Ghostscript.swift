import Common
import Subprocesses

/// Ghostscript: its path and its arguments.
enum Ghostscript {
  /// How a run ended, and the first error that it reported.
  struct Outcome: Sendable, Equatable {
    var end: Launch.End
    var report: String?
  }

  /// The program's absolute path: the one given, or the first `gs` on `PATH`.
  static func locate(_ given: String?, path: String?) throws(Fatal) -> String {
    if let found = ProgramPath.find(given.map { [$0] } ?? ProgramPath.candidates("gs", path)) {
      return found
    }
    throw Fatal(
      .unavailable,
      "cannot find Ghostscript (gs) \(given.map { "at \($0)" } ?? "on PATH"). Install it with: apt-get "
        + "install ghostscript. Or name it with --gs, or use --engine images.")
  }

  /// Fixed names and a fixed list: no document and no environment has a say in what is run.
  static func arguments(_ quality: Quality) -> [String] {
    [
      "gs", "-dSAFER", "-dNOPAUSE", "-sDEVICE=pdfwrite", "-dPDFSETTINGS=/\(quality.rawValue)",
      // /ebook alone would write 1.5, and turn pages by the direction of their text.
      "-dCompatibilityLevel=1.6", "-dAutoRotatePages=/None",
      // No dates and no random identifier, so that the same source gives the same bytes: a second
      // run must not meet "other content" in the store.
      "-dOmitInfoDate=true", "-dOmitID=true", "-dOmitXMP=true",
      // Not -dQUIET, which silences the report of what the interpreter repaired. Not
      // -dPDFSTOPONERROR, with which 10.00.0 goes round in circles for a minute on 15 KB.
      "-sstdout=%stderr",
      "--permit-file-read=\(JobRequest.source)", "--permit-file-all=\(JobRequest.result)",
      "-sOutputFile=/dev/null", "-c", driver,
    ]
  }

  /// For each line on standard input: the source into the result, and then the line.
  ///
  /// Each document has a device of its own, a copy of the one that the options made: a device counts
  /// its pages from file to file, so that links of a second document would lead to wrong pages. The
  /// settings are made again for each, because the first copy takes those of images with it.
  private static let driver = """
    /words (%stdin) (r) file def /say { (%stderr) (w) file dup 3 -1 roll writestring flushfile } def \
    /blank currentdevice def /settings currentdistillerparams def \
    { words 64 string readline not { quit } if /word exch def \
    { /before save def blank copydevice \
    mark /OutputFile (\(JobRequest.result)) counttomark 2 add -1 roll putdeviceprops setdevice \
    settings setdistillerparams \
    { (\(JobRequest.source)) (r) file runpdf } stopped \
    { (\\nError: /) say $error /errorname get dup length string cvs say (\\n) say } if \
    nulldevice clear before restore } stopped { (\\nError: it cannot go on\\n) say quit } if \
    (\\n) say word say (\\n) say } loop
    """
}
