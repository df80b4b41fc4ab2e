import CQPDF

/// What an image's dictionary says (ISO 32000-1, 8.9.5).
extension PDFDocument {
  /// Larger palettes are none.
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
      || !isNull(member("/SMaskInData", of: dictionary))
  }

  /// The streams that an image uses as its masks.
  func masks(of stream: Object) -> [Object] {
    let dictionary = dictionary(stream)
    return ["/SMask", "/Mask"].map { member($0, of: dictionary) }.filter { isStream($0) }
  }

  private func colour(_ space: Object) -> ImageDescription.Colour {
    switch name(space) {
    case "/DeviceGray": return .grey
    case "/DeviceRGB": return .rgb
    case .some: return .other
    case nil: break
    }
    switch name(element(0, of: space)) {
    case "/DeviceGray", "/CalGray": return .grey
    case "/DeviceRGB", "/CalRGB": return .rgb
    case "/ICCBased":
      switch integer(member("/N", of: dictionary(element(1, of: space)))) {
      case 1: return .grey
      case 3: return .rgb
      default: return .other
      }
    case "/Indexed": return indexed(space)
    default: return .other
    }
  }

  /// `[/Indexed base hival lookup]` (8.6.6.3).
  private func indexed(_ space: Object) -> ImageDescription.Colour {
    let base = element(1, of: space)
    // Only device colours: a result would have to name a calibrated base.
    guard count(space) == 4, isName(base, "/DeviceGray") || isName(base, "/DeviceRGB"),
      let palette = palette(element(3, of: space))
    else { return .other }
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

  /// What a stream holds, where it is deflated, or stored as it is.
  func content(_ stream: Object, limit: Int) -> [UInt8]? {
    guard isStream(stream), let filters = filters(of: dictionary(stream)), filters.count <= 4,
      filters.allSatisfy({ $0 == .flate(nil) }), var bytes = stored(stream)
    else { return nil }
    for _ in filters {
      guard let inflated = Flate.inflate(bytes, limit: limit) else { return nil }
      bytes = inflated
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
    case "/FlateDecode":
      guard let kind = integer("/Predictor", 1), let colours = integer("/Colors", 1),
        let bits = integer("/BitsPerComponent", 8), let columns = integer("/Columns", 1)
      else { return nil }
      if kind == 1 { return .flate(nil) }
      return .flate(
        StreamFilter.Predictor(kind: kind, colours: colours, bits: bits, columns: columns))
    case "/DCTDecode":
      // 1 is what a decoder does anyway (7.4.8).
      return integer("/ColorTransform", 1).map { .dct(hasParameters: $0 != 1) }
    case "/CCITTFaxDecode":
      guard let k = integer("/K", 0), let columns = integer("/Columns", 1728) else { return nil }
      return .ccitt(
        StreamFilter.Fax(
          k: k, columns: columns, blackIs1: boolean(member("/BlackIs1", of: parameters)),
          hasAlignedRows: boolean(member("/EncodedByteAlign", of: parameters)),
          hasEndsOfLine: boolean(member("/EndOfLine", of: parameters))))
    default: return .other(name)
    }
  }
}
