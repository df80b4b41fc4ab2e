import Files
import Common
import Glibc
import Subprocesses

/// Whether the renderer can draw the standard fonts, which a document need not bring (ISO 32000-1, 9.6.2.2).
/// Without them it draws such a page without its text, before and after alike, and its complaint has the
/// document left as it is.
enum FontCheck {
  /// What is wrong; `nil` where a line of Helvetica is drawn, or the folder is not writable.
  static func warning(_ programs: Renderer.Programs, in folder: String) -> String? {
    guard let workspace = try? Workspace(in: folder),
      write(document, to: "\(workspace.path)/\(JobRequest.source)")
    else { return nil }
    let settings = Settings(
      engine: .images, ghostscript: nil, quality: .ebook, renderer: programs, seconds: 60,
      memory: 2 << 30)
    let renderer = Renderer(
      programs: programs, job: JobRequest(directory: workspace.path, settings: settings),
      limits: Limits(base: 60, pages: 2, sourceBytes: document.count))
    guard let words = try? renderer.drawing(of: JobRequest.source, page: 1),
      let blank = try? renderer.drawing(of: JobRequest.source, page: 2)
    else { return nil }
    switch (words, blank) {
    case (.success(let words), .success(let blank)):
      let isDrawn = words.content.rejection(asDrawingOf: blank.content, .strict) != nil
      return isDrawn && !words.hasComplaints ? nil : text("")
    case (.failure(let silence), _), (_, .failure(let silence)): return text("\(silence)")
    }
  }

  private static func text(_ reason: String) -> String {
    "warning: the renderer cannot draw the standard fonts\(reason). Documents without embedded fonts will keep "
      + "their originals. Install the fonts with: apt-get install fontconfig fonts-urw-base35"
  }

  private static func write(_ bytes: [UInt8], to path: String) -> Bool {
    let file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard file >= 0 else { return false }
    defer { close(file) }
    return writeAll(bytes, to: file) == 0
  }

  /// A page with a line of text, and one without.
  private static let document: [UInt8] = {
    let text = "BT /F 40 Tf 20 80 Td (Deed of trust) Tj ET"
    let page =
      "/Type /Page /Parent 2 0 R /MediaBox [0 0 300 200] /Resources << /Font << /F 6 0 R >> >>"
    let objects = [
      "<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Kids [3 0 R 4 0 R] /Count 2 >>",
      "<< \(page) /Contents 5 0 R >>", "<< \(page) >>",
      "<< /Length \(text.utf8.count) >>\nstream\n\(text)\nendstream",
      "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    var file = "%PDF-1.4\n"
    var table = "xref\n0 \(objects.count + 1)\n0000000000 65535 f \n"
    for (index, object) in objects.enumerated() {
      let digits = "\(file.utf8.count)"
      table += String(repeating: "0", count: 10 - digits.utf8.count) + "\(digits) 00000 n \n"
      file += "\(index + 1) 0 obj\n\(object)\nendobj\n"
    }
    let start = file.utf8.count
    file +=
      table + "trailer\n<< /Size \(objects.count + 1) /Root 1 0 R >>\nstartxref\n\(start)\n%%EOF\n"
    return Array(file.utf8)
  }()
}
