import Files
import Glibc
import PDF

/// Kinds of images that become pages of a PDF.
package enum PageImageKind: String, Sendable, CaseIterable {
  case tiff, jpeg, png

  /// By how a file begins; `nil` for anything else.
  package init?(_ beginning: some Collection<UInt8>) {
    let start = Array(beginning.prefix(8))
    let tiff: [[UInt8]] = [
      [0x49, 0x49, 42, 0], [0x4D, 0x4D, 0, 42], [0x49, 0x49, 43, 0], [0x4D, 0x4D, 0, 43],
    ]
    if tiff.contains(where: start.starts) {
      self = .tiff
    } else if start.starts(with: [0xFF, 0xD8, 0xFF]) {
      self = .jpeg
    } else if start == PNGFile.signature {
      self = .png
    } else {
      return nil
    }
  }

  /// As HTTP names it.
  package var contentType: String { "image/\(rawValue)" }
}

/// Why files cannot become one PDF.
package struct PageImageError: Error, Sendable, Equatable, CustomStringConvertible {
  package enum Kind: String, Sendable {
    /// It is not whole, or not what it says.
    case damaged
    /// It is in order, perhaps, but of a kind that is not known here.
    case unsupported
    /// It is a PDF that opens only with a password.
    case password
    /// This machine cannot: no memory, no disk.
    case local
  }

  package let kind: Kind
  /// What is wrong: `its third strip is cut short`.
  package let description: String

  package init(_ kind: Kind, _ description: String) {
    self.kind = kind
    self.description = description
  }

  /// What is damaged, and how.
  static func damaged(_ description: String) -> PageImageError { .init(.damaged, description) }

  static func unsupported(_ description: String) -> PageImageError {
    .init(.unsupported, description)
  }
}

/// One PDF of files that may be TIFF, JPEG, PNG or PDF: a page for each image, without a sample changed.
///
/// Fax data (Group 3 and 4), JPEG and the deflated rows of PNG are carried over as they are; all else is unpacked and
/// deflated. Everything is read by code that cannot leave its memory (Swift), zlib apart, and within limits; yet it
/// is to be done in a process of its own (`Inspector`): a small file may ask for a gigabyte and a minute.
package enum PageImages {
  /// Bytes of the largest file that is read.
  static let maximumFile = 512 << 20
  /// Bytes of samples of one page, where they are unpacked: at 300 dots an inch in colour a sheet of 4 x 3 feet.
  static let maximumSamples = 512 << 20
  /// Bytes of the PDF of a file: all pages of a TIFF may lead to one strip.
  static let maximumTarget = 1 << 30
  /// Strips or tiles of a page that are an image each.
  static let maximumImages = 10_000

  /// Writes the PDF of the files at `paths`, in order, to `target`, and returns its number of pages. Where it throws,
  /// what is at `target` is of no use. A PDF among them that is damaged is repaired where libqpdf can.
  package static func combine(
    _ paths: [String], to target: String
  ) throws(PageImageError) -> Int {
    var parts: [String] = []
    var made: [String] = []
    defer { for path in made { unlink(path) } }
    var images = 0
    for (index, path) in paths.enumerated() {
      do throws(PageImageError) {
        guard let file = try image(at: path) else {
          parts.append(path)
          continue
        }
        let part = paths.count == 1 ? target : "\(target).page\(index + 1)"
        if part != target { made.append(part) }
        images += try write(file, to: part)
        parts.append(part)
      } catch {
        throw paths.count == 1
          ? error
          : PageImageError(
            error.kind, "file \(index + 1) of \(paths.count): \(error.description)")
      }
    }
    if parts == [target] { return images }
    return try merge(parts, to: target)
  }

  private static func merge(_ parts: [String], to target: String) throws(PageImageError) -> Int {
    do throws(PDFError) {
      try PDFDocument.merge(parts, to: target, repairing: true)
      return try PDFDocument(path: target).pageCount()
    } catch {
      let kind: PageImageError.Kind =
        switch error.kind {
        case .password: .password
        case .damaged: .damaged
        case .unsupported: .unsupported
        case .system, .internal: .local
        }
      throw PageImageError(kind, error.description)
    }
  }

  /// The file at `path`, if it is an image.
  private static func image(
    at path: String
  ) throws(PageImageError) -> (kind: PageImageKind, bytes: [UInt8])? {
    do throws(FileError) {
      guard let file = try RegularFile.open(path, following: false) else {
        throw FileError("read", path, code: EINVAL)
      }
      guard let kind = PageImageKind(try file.bytes(8)) else { return nil }
      let size = try file.size()
      guard size <= maximumFile else { return (kind, []) }
      return (kind, try file.bytes(size))
    } catch {
      throw PageImageError(.local, error.description)
    }
  }

  private static func write(
    _ file: (kind: PageImageKind, bytes: [UInt8]), to target: String
  ) throws(PageImageError) -> Int {
    guard !file.bytes.isEmpty else {
      throw .unsupported("it is larger than \(maximumFile >> 20) MiB")
    }
    var pdf = try PageFile(path: target)
    switch file.kind {
    case .jpeg: try pdf.add(JPEGFile(file.bytes).page())
    case .png: try pdf.add(PNGFile(file.bytes).page())
    case .tiff:
      for directory in try TIFFFile(file.bytes).pages() {
        try pdf.add(TIFFPage(directory).page())
      }
    }
    return try pdf.finish()
  }
}
