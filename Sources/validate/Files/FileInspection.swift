import Common
import Digest
import Glibc
import PDF

/// Looks into one file: in a process of its own, since a parser may hang or crash on what it reads.
enum FileInspection {
  /// How many bytes from the end the mark of the end may be (ISO 32000-1, note 3 to 7.5.5).
  private static let tail = 1024

  static func finding(at path: [UInt8]) -> FileFinding {
    let name = path.map { CChar(bitPattern: $0) } + [0]
    do throws(FileError) {
      guard let file = try RegularFile.open(name: name, following: true) else {
        return .bad(.unreadable, "it is not a regular file on a disk")
      }
      return finding(file.descriptor, bytes: try file.size())
    } catch { return .bad(.unreadable, String(cString: strerror(error.code))) }
  }

  private static func finding(_ descriptor: Int32, bytes: Int) -> FileFinding {
    guard let start = read(descriptor, at: 0, count: 5),
      let end = read(descriptor, at: max(0, bytes - tail), count: min(tail, bytes))
    else { return .bad(.unreadable, String(cString: strerror(errno)), bytes: bytes) }
    guard start.elementsEqual("%PDF-".utf8) else {
      return .bad(.notPDF, "it does not begin with %PDF-", bytes: bytes)
    }
    guard contains(end, "%%EOF") else {
      return .bad(.cutShort, "there is no %%EOF at its end", bytes: bytes)
    }
    // By the descriptor: a name need not be UTF-8, and is looked up once.
    var finding = parse("/proc/self/fd/\(descriptor)")
    finding.bytes = bytes
    return finding
  }

  private static func parse(_ path: String) -> FileFinding {
    do throws(PDFError) {
      let document = try PDFDocument(path: path)
      var finding = FileFinding(isEncrypted: document.isEncrypted)
      let count = try document.pageCount()
      finding.pages = count
      guard count > 0 else {
        finding.problem = .noPages
        finding.message = "it has no pages"
        return finding
      }
      _ = try document.pages()
      if let complaint = document.complaint() {
        finding.problem = .damaged
        finding.message = complaint.description
      }
      return finding
    } catch {
      return error.kind == .password
        ? FileFinding(isEncrypted: true, problem: .encrypted, message: error.description)
        : .bad(.damaged, error.description)
    }
  }

  private static func read(_ descriptor: Int32, at offset: Int, count: Int) -> [UInt8]? {
    var bytes = [UInt8](repeating: 0, count: count)
    let count = pread(descriptor, &bytes, count, off_t(offset))
    return count < 0 ? nil : Array(bytes.prefix(count))
  }

  private static func contains(_ bytes: [UInt8], _ text: String) -> Bool {
    let text = Array(text.utf8)
    return bytes.indices.contains { bytes[$0...].starts(with: text) }
  }
}
