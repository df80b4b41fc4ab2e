import ArgumentParser

/// Ghostscript's presets for images (`-dPDFSETTINGS`): 72, 150, 300 dots an inch, and 300 with all
/// colours kept.
enum Quality: String, Sendable, CaseIterable, ExpressibleByArgument {
  case screen, ebook, printer, prepress
}

/// How documents are optimized: all that the workers know of the command line.
struct Settings: Sendable, Equatable {
  /// The program's absolute path.
  var ghostscript: String
  var quality: Quality
  /// What a document without pages would get, in seconds of processor time.
  var seconds: Int
  /// Address space of Ghostscript, and of the process that looks into the PDFs, in bytes.
  var memory: Int

  /// What a record says of a result.
  var method: String { "ghostscript/\(quality.rawValue)" }
}
