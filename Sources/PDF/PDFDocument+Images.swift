import CQPDF

/// What an image's dictionary says (ISO 32000-1, 8.9.5).
extension PDFDocument {
  private static let maximumPalette = 3 * 256

  func describeImage(_ stream: Object) -> ImageDescription {
    let dictionary = dictionary(stream)
    func member(_ key: String) -> Object { self.member(key, of: dictionary) }
    let isStencil = boolean(member("/ImageMask"))
    var image = ImageDescription(
      id: objectID(stream), width: integer(member("/Width")) ?? 0,
      height: integer(member("/Height")) ?? 0,
      bits: isStencil ? 1 : integer(member("/BitsPerComponent")) ?? 0,
      colour: isStencil ? .grey : colour(member("/ColorSpace")), filters: filters(of: dictionary))
    // The data say it themselves (7.4.8, 7.4.9), and readers listen to them.
    switch image.filters?.last {
    case .dct where image.bits == 0: image.bits = 8
    case .jpx: image.bits = isStencil ? 1 : 8
    default: break
    }
    image.isFixed = isStencil || dependsOnSamples(member("/Mask"), member("/SMask"), dictionary)
    image.hasDecode = !isNull(member("/Decode"))
    return image
  }

  /// A mask that is an image of its own has its own size, so that the image below it may have
  /// another one (8.9.6.3, 11.6.5.3).
  private func dependsOnSamples(_ mask: Object, _ soft: Object, _ dictionary: Object) -> Bool {
    !isNull(mask) && !isStream(mask)
      || !isNull(soft) && !isStream(soft)
      || !isNull(member("/Matte", of: self.dictionary(soft)))
      || integer(member("/SMaskInData", of: dictionary)) ?? 0 != 0
  }

  /// The streams that an image uses as its masks.
  func masks(of stream: Object) -> [Object] {
    let dictionary = dictionary(stream)
    return ["/SMask", "/Mask"].map { member($0, of: dictionary) }.filter { isStream($0) }
  }

  private func colour(_ space: Object) -> ImageDescription.Colour {
    if isNull(space) { return .unnamed }
    switch name(space) ?? name(element(0, of: space)) {
    case "/DeviceGray", "/CalGray": return .grey
    case "/DeviceRGB", "/CalRGB": return .rgb
    case "/DeviceCMYK": return .cmyk
    case "/ICCBased": return profiled(element(1, of: space))
    case "/Indexed": return indexed(space)
    case "/Separation": return .single
    case "/DeviceN": return count(element(1, of: space)) == 1 ? .single : .other
    default: return .other
    }
  }

  /// By the number of samples that a profile is said to have, where it does not say otherwise itself:
  /// three may be those of Lab, of which averages are others (ICC.1, 7.2.6).
  private func profiled(_ profile: Object) -> ImageDescription.Colour {
    let expected: (colour: ImageDescription.Colour, signature: String)
    switch integer(member("/N", of: dictionary(profile))) {
    case 1: expected = (.grey, "GRAY")
    case 3: expected = (.rgb, "RGB ")
    case 4: expected = (.cmyk, "CMYK")
    default: return .other
    }
    guard let signature = beginning(profile, count: 20)?[16...] else { return expected.colour }
    return signature.elementsEqual(expected.signature.utf8) ? expected.colour : .other
  }

  /// The first bytes of what a stream holds, where it is deflated, or stored as it is.
  private func beginning(_ stream: Object, count: Int) -> [UInt8]? {
    guard isStream(stream), let stored = stored(stream) else { return nil }
    var bytes = [UInt8](repeating: 0, count: count)
    switch filters(of: dictionary(stream)) {
    case []: return stored.count >= count ? Array(stored.prefix(count)) : nil
    case [.flate(nil)]:
      guard var inflating = InflateStream(stored),
        bytes.withUnsafeMutableBufferPointer({ inflating.read(into: $0) }) == count
      else { return nil }
      return bytes
    default: return nil
    }
  }

  /// `[/Indexed base hival lookup]` (8.6.6.3).
  private func indexed(_ space: Object) -> ImageDescription.Colour {
    let base = element(1, of: space)
    // Only device colours: a result would have to name a calibrated base.
    guard count(space) == 4, isName(base, "/DeviceGray") || isName(base, "/DeviceRGB"),
      let palette = palette(element(3, of: space))
    else { return .single }
    return .indexed(palette: palette, isGrey: isName(base, "/DeviceGray"))
  }

  private func palette(_ lookup: Object) -> [UInt8]? {
    if isStream(lookup) {
      guard let bytes = content(lookup, limit: 2 * Self.maximumPalette) else { return nil }
      return Array(bytes.prefix(Self.maximumPalette))
    }
    var length = 0
    guard qpdf_oh_is_string(handle, lookup) != 0,
      let bytes = qpdf_oh_get_binary_string_value(handle, lookup, &length)
    else { return nil }
    return bytes.withMemoryRebound(to: UInt8.self, capacity: length) {
      Array(UnsafeBufferPointer(start: $0, count: min(length, Self.maximumPalette)))
    }
  }

  /// What a stream holds, where its filters are for bytes of any kind.
  func content(_ stream: Object, limit: Int) -> [UInt8]? {
    guard isStream(stream), let filters = filters(of: dictionary(stream)), filters.count <= 4,
      filters.allSatisfy(\.isGeneral), var bytes = stored(stream)
    else { return nil }
    for filter in filters {
      guard let content = filter.undone(bytes, limit: limit) else { return nil }
      bytes = content
    }
    return bytes.count <= limit ? bytes : nil
  }

  /// `nil` where names or parameters make no sense, or the bytes are in another file.
  func filters(of dictionary: Object) -> [StreamFilter]? {
    guard isNull(member("/F", of: dictionary)) else { return nil }
    let filter = member("/Filter", of: dictionary)
    let parameters = member("/DecodeParms", of: dictionary)
    if isNull(filter) { return [] }
    if let name = name(filter) {
      let parameters = count(parameters) == 1 ? element(0, of: parameters) : parameters
      return self.filter(name, parameters).map { [$0] }
    }
    guard count(filter) <= 8, qpdf_oh_is_array(handle, filter) != 0 else { return nil }
    var filters: [StreamFilter] = []
    for index in 0..<count(filter) {
      guard let name = name(element(index, of: filter)),
        let filter = self.filter(
          name, count(parameters) > index ? element(index, of: parameters) : parameters)
      else { return nil }
      filters.append(filter)
    }
    return filters
  }

  private func filter(_ name: String, _ parameters: Object) -> StreamFilter? {
    guard isNull(parameters) || isDictionary(parameters) else { return nil }
    func integer(_ key: String, _ otherwise: Int) -> Int? {
      let value = member(key, of: parameters)
      return isNull(value) ? otherwise : self.integer(value)
    }
    switch name {
    case "/FlateDecode", "/Fl": return predictor(parameters).map { .flate($0) }
    case "/LZWDecode", "/LZW":
      guard let predictor = predictor(parameters), let early = integer("/EarlyChange", 1) else {
        return nil
      }
      return .lzw(predictor, isEarly: early != 0)
    case "/RunLengthDecode", "/RL": return .runLength
    case "/ASCII85Decode", "/A85": return .ascii85
    case "/ASCIIHexDecode", "/AHx": return .asciiHex
    case "/DCTDecode", "/DCT":
      let transform = member("/ColorTransform", of: parameters)
      return isNull(transform)
        ? .dct(transform: nil) : self.integer(transform).map { .dct(transform: $0) }
    case "/JPXDecode": return .jpx
    case "/JBIG2Decode":
      let globals = member("/JBIG2Globals", of: parameters)
      return .jbig2(globals: isStream(globals) ? objectID(globals) : nil)
    case "/CCITTFaxDecode", "/CCF":
      guard let k = integer("/K", 0), let columns = integer("/Columns", 1728) else { return nil }
      return .ccitt(
        StreamFilter.Fax(
          k: k, columns: columns, blackIs1: boolean(member("/BlackIs1", of: parameters)),
          hasAlignedRows: boolean(member("/EncodedByteAlign", of: parameters)),
          hasEndsOfLine: boolean(member("/EndOfLine", of: parameters))))
    default: return .other(name)
    }
  }

  /// What a predictor did, which may be nothing; `nil` where that makes no sense.
  private func predictor(_ parameters: Object) -> StreamFilter.Predictor?? {
    func integer(_ key: String, _ otherwise: Int) -> Int? {
      let value = member(key, of: parameters)
      return isNull(value) ? otherwise : self.integer(value)
    }
    guard let kind = integer("/Predictor", 1), let colours = integer("/Colors", 1),
      let bits = integer("/BitsPerComponent", 8), let columns = integer("/Columns", 1)
    else { return nil }
    if kind == 1 { return .some(nil) }
    return StreamFilter.Predictor(kind: kind, colours: colours, bits: bits, columns: columns)
  }
}

extension PDFDocument {
  /// Whether some graphics state of these resources makes much of small differences, as a JPEG has them: by a
  /// transfer function (ISO 32000-1, 10.4), or by a mode of blending that divides or takes differences (11.3.5).
  func magnifiesDifferences(_ resources: Object) -> Bool {
    let states = member("/ExtGState", of: resources)
    return keys(states).contains { key in
      let state = member(key, of: states)
      let hasTransfer = ["/TR", "/TR2"].contains { key in
        let function = member(key, of: state)
        return !isNull(function) && !isName(function, "/Identity")
          && !isName(function, "/Default")
      }
      let halftone = member("/HT", of: state)
      let mode = member("/BM", of: state)
      let modes = (0..<count(mode)).map { element($0, of: mode) } + [mode]
      return hasTransfer
        || !isNull(
          member("/TransferFunction", of: dictionary(halftone)))
        || modes.contains { name($0).map(Self.magnifyingModes.contains) ?? false }
    }
  }

  private static let magnifyingModes: Set = [
    "/ColorDodge", "/ColorBurn", "/Difference", "/Exclusion", "/Hue", "/Saturation", "/Color",
    "/Luminosity",
  ]
}
