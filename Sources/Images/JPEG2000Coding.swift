/// How a component of a JPEG 2000 image is divided (ITU-T T.800, A.6.1 and annex B): what a decoder has to
/// note of each part before it decodes any, which a few bytes of header can make gigabytes of.
struct JPEG2000Coding: Equatable {
  /// How often the image is halved.
  let levels: Int
  /// Sides of a code block, as powers of two.
  let block: (across: Int, down: Int)
  /// Sides of a precinct in each resolution from the smallest on, as powers of two.
  let precincts: [(across: Int, down: Int)]
  /// Whether its transformation loses nothing.
  let isReversible: Bool

  /// What OpenJPEG 2.5 takes for a code block with its ten segments, and for a precinct with its two tag trees,
  /// in bytes.
  private static let blockBytes = 700.0
  private static let precinctBytes = 300.0

  /// From the parameters of COD or COC that follow its flags; `number` reads so many bytes.
  init?(hasPrecincts: Bool, _ number: (Int) -> Int?) {
    guard let levels = number(1), levels <= 32, let across = number(1), let down = number(1),
      across <= 8, down <= 8, number(1) != nil, let transformation = number(1)
    else { return nil }
    var precincts: [(across: Int, down: Int)] = []
    for _ in 0...levels {
      guard hasPrecincts else {
        precincts.append((15, 15))
        continue
      }
      guard let sides = number(1) else { return nil }
      precincts.append((sides & 15, sides >> 4))
    }
    self.levels = levels
    block = (across + 2, down + 2)
    self.precincts = precincts
    isReversible = transformation == 1
  }

  /// Bytes that the decoder takes for the precincts and blocks of a component of a tile with so many samples,
  /// and the number of precincts in the resolution that has most.
  func parts(width: Int, height: Int) -> (bytes: Double, precincts: Double) {
    var (bytes, most) = (0.0, 0.0)
    for (resolution, precinct) in precincts.enumerated() {
      let halvings = levels - resolution
      let sides = ((width >> halvings) + 1, (height >> halvings) + 1)
      let count = parts(sides.0, precinct.across) * parts(sides.1, precinct.down)
      // Above the smallest resolution, each precinct has three bands of half its size.
      let (bands, half) = resolution == 0 ? (1.0, 0) : (3.0, 1)
      let across = max(0, min(block.across, precinct.across - half))
      let down = max(0, min(block.down, precinct.down - half))
      let blocks = parts((sides.0 >> half) + 1, across) * parts((sides.1 >> half) + 1, down)
      // A precinct has a block of its own, however small it is.
      bytes += bands * (count * Self.precinctBytes + max(blocks, count) * Self.blockBytes)
      most = max(most, count)
    }
    return (bytes, most)
  }

  private func parts(_ length: Int, _ power: Int) -> Double {
    (Double(length) / Double(1 << power)).rounded(.up)
  }

  static func == (a: JPEG2000Coding, b: JPEG2000Coding) -> Bool {
    a.levels == b.levels && a.block == b.block && a.isReversible == b.isReversible
      && a.precincts.elementsEqual(b.precincts, by: ==)
  }
}
