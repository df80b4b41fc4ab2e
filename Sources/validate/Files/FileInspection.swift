import Files
import Common
import Crypto
import Glibc
import Inspection
import PDF

/// Looks into one file: in a process of its own, since a parser may hang or crash on what it reads.
enum FileInspection {
  static func finding(at path: [UInt8]) -> FileFinding {
    let name = path.map { CChar(bitPattern: $0) } + [0]
    do throws(FileError) {
      guard let file = try RegularFile.open(name: name, following: true) else {
        return .bad(
          .unreadable,
          path.last == UInt8(ascii: "/")
            ? "it is a folder that may not be read" : "it is not a regular file on a disk")
      }
      return finding(file.descriptor, bytes: try file.size())
    } catch { return .bad(.unreadable, String(cString: strerror(error.code))) }
  }

  private static func finding(_ descriptor: Int32, bytes: Int) -> FileFinding {
    guard bytes > 0 else { return .bad(.empty, "it has no bytes", bytes: 0) }
    guard let start = read(descriptor, count: ContentKind.window) else {
      return .bad(.unreadable, String(cString: strerror(errno)), bytes: bytes)
    }
    guard case .pdf(let place) = ContentKind(start) else {
      return .bad(.notPDF, "it does not begin with %PDF-", bytes: bytes)
    }
    // By the descriptor: a name need not be UTF-8, and is looked up once.
    var finding = parse("/proc/self/fd/\(descriptor)")
    finding.bytes = bytes
    if place > 0, finding.state == .ok {
      finding.state = .repairable
      finding.message = "\(Format.counted(place, "byte")) before %PDF-"
    }
    return finding
  }

  /// Opened as readers do it, with libqpdf's repairs: what it warns of is no loss, what it cannot read is.
  private static func parse(_ path: String) -> FileFinding {
    do throws(PDFError) {
      let document = try PDFDocument(path: path, repairing: true)
      var finding = FileFinding(isEncrypted: document.isEncrypted)
      let count = try document.pageCount()
      finding.pages = count
      guard count > 0 else {
        finding.state = .empty
        finding.message = "it has no pages"
        return finding
      }
      try document.checkWholeness()
      if let complaint = document.complaint() ?? document.complaintAboutPages() {
        finding.state = .repairable
        finding.message = Format.printable(complaint.description)
      }
      return finding
    } catch {
      return switch error.kind {
      case .password: FileFinding(state: .encrypted, isEncrypted: true, message: error.description)
      // The only thing that libqpdf does not support when it opens a file is a way to encrypt it.
      case .unsupported: FileFinding(state: .encrypted, message: error.description)
      default: .bad(.damaged, error.description)
      }
    }
  }

  private static func read(_ descriptor: Int32, count: Int) -> [UInt8]? {
    var bytes = [UInt8](repeating: 0, count: count)
    let count = pread(descriptor, &bytes, count, 0)
    return count < 0 ? nil : Array(bytes.prefix(count))
  }
}

extension Inspector {
  /// What there is to say about a file; `nil` when the run was stopped meanwhile.
  mutating func finding(at path: [UInt8]) throws(Fatal) -> FileFinding? {
    let answer = try ask(path)
    switch answer {
    case .said(let json):
      return FileFinding(json)
        ?? .bad(.damaged, "the process that looked into it did not answer as it should")
    case .crashed(let end): return .bad(.damaged, "the process that looked into it \(end)")
    case .tooSlow: return .bad(.damaged, "looking into it took more than \(seconds) s")
    case .stopped: return nil
    }
  }
}
