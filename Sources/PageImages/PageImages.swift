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
  /// what is at `target` is of no use. Images in a row are written one after the other; libqpdf, which holds all of
  /// what it merges, is needed where a PDF is among them, and repairs that where it can.
  package static func combine(
    _ paths: [String], to target: String
  ) throws(PageImageError) -> Int {
    var parts: [String] = []
    defer { removeParts(of: target, files: paths.count) }
    var rest = paths.indices
    while let first = rest.first {
      let part = Self.part(of: target, first)
      let (files, pages) = try write(paths[first...], of: paths.count, to: part)
      if files == paths.count {
        guard rename(part, target) == 0 else {
          throw PageImageError(.local, FileError("rename", part).description)
        }
        return pages
      }
      parts.append(files > 0 ? part : paths[first])
      rest = rest.dropFirst(max(1, files))
    }
    return try merge(parts, to: target)
  }

  private static func part(of target: String, _ index: Int) -> String {
    // Not as libqpdf's own parts are called (`PDFDocument.merge`), which it makes of these.
    "\(target).images\(index + 1)"
  }

  /// Removes what may be left beside `target` by a process that was ended while it combined so many files.
  package static func removeParts(of target: String, files: Int) {
    for index in 0..<files {
      unlink(part(of: target, index))
      unlink("\(target).part\(index + 1)")
    }
  }

  /// Writes the images with which `paths` begin to one PDF, and returns how many files they were, and pages: none where
  /// the first is a PDF.
  private static func write(
    _ paths: ArraySlice<String>, of count: Int, to target: String
  ) throws(PageImageError) -> (files: Int, pages: Int) {
    var pdf: PageFile?
    var files = 0
    for (index, path) in zip(paths.indices, paths) {
      do throws(PageImageError) {
        guard let file = try image(at: path) else { break }
        if pdf == nil { pdf = try PageFile(path: target) }
        try pdf?.add(file.kind, file.bytes)
        files += 1
      } catch {
        throw count == 1
          ? error
          : PageImageError(error.kind, "file \(index + 1) of \(count): \(error.description)")
      }
    }
    return (files, try pdf?.finish() ?? 0)
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
}

extension PageFile {
  /// The pages of a file.
  fileprivate mutating func add(
    _ kind: PageImageKind, _ bytes: [UInt8]
  ) throws(PageImageError) {
    guard !bytes.isEmpty else {
      throw .unsupported("it is larger than \(PageImages.maximumFile >> 20) MiB")
    }
    switch kind {
    case .jpeg: try add(JPEGFile(bytes).page())
    case .png: try add(PNGFile(bytes).page())
    case .tiff:
      for directory in try TIFFFile(bytes).pages() { try add(TIFFPage(directory).page()) }
    }
  }
}
