/// A TIFF file as a list of directories (TIFF 6.0, section 2; BigTIFF too). Nothing is believed of it: each number is
/// looked up where it is said to be, if that is in the file.
struct TIFFFile {
  enum Tag: Int {
    case subfileType = 254
    case width = 256
    case height = 257
    case bits = 258
    case compression = 259
    case photometric = 262
    case fillOrder = 266
    case stripOffsets = 273
    case orientation = 274
    case samples = 277
    case rowsPerStrip = 278
    case stripCounts = 279
    case resolutionX = 282
    case resolutionY = 283
    case planar = 284
    case group3Options = 292
    case group4Options = 293
    case resolutionUnit = 296
    case predictor = 317
    case colourMap = 320
    case tileWidth = 322
    case tileHeight = 323
    case tileOffsets = 324
    case tileCounts = 325
    case extraSamples = 338
    case sampleFormat = 339
    case jpegTables = 347
    case jpegStart = 513
    case jpegLength = 514
  }

  /// Directories that are followed at most.
  private static let maximumDirectories = 10_000

  let bytes: [UInt8]
  let isBigEndian: Bool
  /// Whether offsets have eight bytes.
  private let isBig: Bool
  /// Where the first directory is.
  let first: Int

  init(_ bytes: [UInt8]) throws(PageImageError) {
    self.bytes = bytes
    isBigEndian = bytes.starts(with: Array("MM".utf8))
    guard isBigEndian || bytes.starts(with: Array("II".utf8)) else {
      throw .damaged("it does not begin as a TIFF")
    }
    let version = Self.number(bytes, 2, 2, isBigEndian)
    isBig = version == 43
    guard version == 42 || isBig,
      let first = Self.number(bytes, isBig ? 8 : 4, isBig ? 8 : 4, isBigEndian)
    else { throw .damaged("it does not begin as a TIFF") }
    self.first = first
  }

  /// A number of `size` bytes, if it is there, and no larger than an `Int`.
  func number(_ offset: Int, _ size: Int) -> Int? {
    Self.number(bytes, offset, size, isBigEndian)
  }

  private static func number(
    _ bytes: [UInt8], _ offset: Int, _ size: Int, _ isBigEndian: Bool
  ) -> Int? {
    guard offset >= 0, offset <= bytes.count - size else { return nil }
    var value: UInt64 = 0
    for index in 0..<size {
      value = value << 8 | UInt64(bytes[offset + (isBigEndian ? index : size - 1 - index)])
    }
    return Int(exactly: value)
  }

  /// The directories of its pages: not of smaller copies of them, nor of masks.
  func pages() throws(PageImageError) -> [TIFFDirectory] {
    var (pages, seen) = ([TIFFDirectory](), Set<Int>())
    var offset = first
    while offset != 0 {
      guard seen.insert(offset).inserted else {
        throw .damaged("the TIFF's list of pages has a loop")
      }
      guard seen.count <= Self.maximumDirectories else {
        throw .unsupported("the TIFF has more than \(Self.maximumDirectories) pages")
      }
      let directory = try directory(at: offset)
      if (directory.integer(.subfileType) ?? 0) & 0b101 == 0 { pages.append(directory) }
      offset = directory.next
    }
    guard !pages.isEmpty else { throw .damaged("the TIFF has no pages") }
    return pages
  }

  func directory(at offset: Int) throws(PageImageError) -> TIFFDirectory {
    let (countSize, entrySize, offsetSize) = isBig ? (8, 20, 8) : (2, 12, 4)
    guard let count = number(offset, countSize), count <= 65_535,
      let next = number(offset + countSize + count * entrySize, offsetSize)
    else { throw .damaged("the TIFF is cut short: a directory is missing") }
    var entries: [Tag: TIFFDirectory.Entry] = [:]
    for index in 0..<count {
      let place = offset + countSize + index * entrySize
      guard let tag = number(place, 2).flatMap(Tag.init), let type = number(place + 2, 2),
        let count = number(place + 4, offsetSize), let size = TIFFDirectory.sizes[type],
        entries[tag] == nil, count <= bytes.count / size
      else { continue }
      let value = place + 4 + offsetSize
      let isHere = count * size <= offsetSize
      guard let start = isHere ? value : number(value, offsetSize),
        start <= bytes.count - count * size
      else { throw .damaged("the TIFF is cut short: a value of a directory is missing") }
      entries[tag] = .init(type: type, count: count, start: start)
    }
    return TIFFDirectory(file: self, next: next, entries: entries)
  }
}

/// What a TIFF says of one picture.
struct TIFFDirectory {
  /// Where the values of a tag are; all of them are in the file.
  struct Entry {
    let type: Int
    let count: Int
    let start: Int
  }

  /// Bytes of a value, by its type.
  static let sizes = [
    1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8,
    18: 8,
  ]

  /// Numbers of a tag that are read: a strip for each row of the longest page has fewer.
  private static let maximumNumbers = 1 << 22

  let file: TIFFFile
  /// Where the next directory is; 0 after the last.
  let next: Int
  fileprivate let entries: [TIFFFile.Tag: Entry]

  fileprivate init(file: TIFFFile, next: Int, entries: [TIFFFile.Tag: Entry]) {
    (self.file, self.next, self.entries) = (file, next, entries)
  }

  func has(_ tag: TIFFFile.Tag) -> Bool { entries[tag] != nil }

  /// The whole numbers of a tag; none where it has none.
  func integers(_ tag: TIFFFile.Tag) -> [Int] {
    guard let entry = entries[tag], [1, 3, 4, 13, 16, 18].contains(entry.type),
      let size = Self.sizes[entry.type]
    else { return [] }
    return (0..<min(entry.count, Self.maximumNumbers)).compactMap {
      file.number(entry.start + $0 * size, size)
    }
  }

  func integer(_ tag: TIFFFile.Tag) -> Int? { integers(tag).first }

  /// The bytes of a tag.
  func content(_ tag: TIFFFile.Tag) -> [UInt8]? {
    guard let entry = entries[tag], let size = Self.sizes[entry.type] else { return nil }
    return Array(file.bytes[entry.start..<(entry.start + entry.count * size)])
  }

  private func fraction(_ tag: TIFFFile.Tag) -> Double? {
    guard let entry = entries[tag], entry.count > 0 else { return nil }
    guard entry.type == 5 else { return integer(tag).map(Double.init) }
    guard let above = file.number(entry.start, 4), let below = file.number(entry.start + 4, 4),
      below > 0
    else { return nil }
    return Double(above) / Double(below)
  }

  /// Pixels an inch; `nil` where that is not known. Without a unit they are inches, as all readers take them.
  var resolution: (x: Double?, y: Double?) {
    let unit = integer(.resolutionUnit) ?? 2
    guard unit == 2 || unit == 3, let x = fraction(.resolutionX), let y = fraction(.resolutionY)
    else { return (nil, nil) }
    return unit == 3 ? (x * 2.54, y * 2.54) : (x, y)
  }

  /// Of a file that gives no unit, how many times more pixels there are to a length in a row than in a column.
  var shape: Double {
    guard integer(.resolutionUnit) == 1, let x = fraction(.resolutionX),
      let y = fraction(.resolutionY), x > 0, y > 0
    else { return 1 }
    return x / y
  }
}
