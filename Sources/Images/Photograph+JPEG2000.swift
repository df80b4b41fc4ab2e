import PDF

extension Photograph {
  /// What of it is not needed is not decoded, so that a page takes a quarter of its memory.
  func fromJPEG2000(_ stored: [UInt8]) -> Rewriting {
    guard let data = coding.withoutOuterFilters(stored, samples: image.byteSamples),
      let header = JPEG2000Header(data), header.width == image.width,
      header.height == image.height
    else { return .left(.damaged) }
    if header.hasOpacity { return .left(.masked) }
    guard let space = header.space(for: image) else { return .left(.colour) }
    // Indexes into a palette have no averages before it was applied, which the library does with whole images.
    let halvings = header.hasPalette ? 0 : min(3, header.halvings)
    guard header.tiles <= JPEG2000Image.maximumTiles, let times = times(header, most: halvings)
    else { return .left(.tooLarge) }
    let (reduction, rest) = (1 << times, scale * Double(1 << times))
    guard
      let decoded = JPEG2000Image(data, header, halvings: times, channels: space.channels),
      let rows = Shrinking(
        from: (decoded.width, decoded.height), covering: size(reduction), by: rest,
        isSharpened: scale < 1, to: .init(space: space, quality: quality))
    else { return .left(.damaged) }
    var greys = BlackAndWhite()
    var row = [UInt8](repeating: 0, count: decoded.width * space.channels)
    for y in 0..<decoded.height {
      let isTaken = row.withUnsafeMutableBufferPointer { row in
        guard let start = row.baseAddress else { return false }
        decoded.row(y, into: start)
        greys.add(row)
        return rows.add(start)
      }
      guard isTaken else { return .left(.damaged) }
    }
    if space == .grey, greys.isAlmostAll { return .left(.inOrder) }
    return finished(
      rows, limit: scale == 1 ? stored.count / 2 : stored.count,
      colourSpace: image.colour == .unnamed ? (space == .grey ? "/DeviceGray" : "/DeviceRGB") : nil)
  }
}

extension Photograph {
  /// How often the image is to be halved: as ``Plan`` has it, or else more often where that would take too much
  /// memory; `nil` where nothing fits.
  private func times(_ header: JPEG2000Header, most: Int) -> Int? {
    let side = min(image.width, image.height)
    let wanted = Plan.reduction(for: scale, side: side, most: 1 << most).reduction
      .trailingZeroBitCount
    return (wanted...max(wanted, most)).first {
      ($0 == wanted || scale * Double(1 << $0) <= 1.01 && 1 << $0 <= side)
        && JPEG2000Image.memory(header, halvings: $0) <= memory
    }
  }
}

extension JPEG2000Header {
  /// What its samples are, as the document says, or else as the file does; `nil` where that is none that we
  /// know, or where the number of samples is another.
  func space(for image: ImageDescription) -> JPEGSpace? {
    guard let space = image.colour == .unnamed ? named : named(by: image.colour),
      hasPalette || components.count == space.channels,
      components.count <= 4, components.allSatisfy({ !$0.isSigned && (1...16).contains($0.bits) })
    else { return nil }
    return space
  }

  private func named(by colour: ImageDescription.Colour) -> JPEGSpace? {
    switch colour {
    // Where the two disagree about differences of colour, readers do, too.
    case .rgb: self.colour == .ycc ? nil : .rgb
    case .grey: .grey
    case .cmyk: .cmykAsYCCK
    case .indexed, .single, .unnamed, .other: nil
    }
  }

  private var named: JPEGSpace? {
    switch colour {
    case .grey: .grey
    case .rgb: .rgb
    case .ycc: .ycc
    case .other: nil
    }
  }
}
