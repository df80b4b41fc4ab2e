import PDF
@testable import PageImages

/// Any bytes that begin as an image are read or refused; a page that was made of them has images in it that lie on
/// it. What claims to be large is left to the limits, which have tests of their own.
@_cdecl("LLVMFuzzerTestOneInput") public func fuzz(_ data: UnsafePointer<UInt8>, _ size: Int)
  -> CInt
{
  let bytes = Array(UnsafeBufferPointer(start: data, count: size))
  for page in (try? pages(bytes)) ?? [] {
    precondition(page.width > 0 && page.height > 0 && !page.images.isEmpty)
    precondition((1...8).contains(page.orientation))
    precondition(page.resolution.x > 0 && page.resolution.y > 0)
    for image in page.images {
      precondition(image.x < page.width && image.y < page.height)
      precondition(image.width > 0 && image.height > 0 && !image.bytes.isEmpty)
    }
  }
  return 0
}

private let most = 1 << 22

private func pages(_ bytes: [UInt8]) throws -> [ImagePage] {
  switch PageImageKind(bytes) {
  case nil: return []
  case .jpeg: return [try JPEGFile(bytes).page()]
  case .png:
    let file = try PNGFile(bytes)
    return file.width < most && file.height < most / file.width ? [try file.page()] : []
  case .tiff:
    return try TIFFFile(bytes).pages().prefix(4).compactMap { directory in
      let page = try TIFFPage(directory)
      let isSmall = page.height < most / page.width / page.channels
      let tiles = [TIFFFile.Tag.tileWidth, .tileHeight].map { directory.integer($0) ?? 1 }
      let areSmall = tiles.allSatisfy { (1...2048).contains($0) }
      return isSmall && areSmall ? try page.page() : nil
    }
  }
}
