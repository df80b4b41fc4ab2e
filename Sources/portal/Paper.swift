import CLeptonica

/// Makes a drawing look like a grey scan: soft edges, tinted paper, and the grain of both.
final class Paper {
  private static let tile = 256

  /// Grain, larger than a page, so that each page can have another part of it.
  private let grain: Picture
  private let width: Int
  private let height: Int

  init(seed: Int, width: Int, height: Int) throws(PictureError) {
    self.width = width
    self.height = height
    let tile = try Picture(width: Self.tile, height: Self.tile, depth: 8)
    var dice = Dice(seed: seed, .paper)
    for y in 0..<Self.tile {
      for x in 0..<Self.tile {
        // The sum of three is near enough to a bell curve.
        let value = (0..<3).reduce(0) { sum, _ in sum + dice.number(0...9) }
        pixSetPixel(tile.pointer, Int32(x), Int32(y), UInt32(value))
      }
    }
    grain = try Picture(width: width + Self.tile, height: height + Self.tile, depth: 8)
    for y in stride(from: 0, to: height + Self.tile, by: Self.tile) {
      for x in stride(from: 0, to: width + Self.tile, by: Self.tile) {
        pixRasterop(
          grain.pointer, Int32(x), Int32(y), Int32(Self.tile), Int32(Self.tile), PIX_SRC,
          tile.pointer, 0, 0)
      }
    }
  }

  /// The black-and-white drawing as a grey scan.
  func taking(_ ink: Picture, _ dice: inout Dice) throws(PictureError) -> Picture {
    let tint = UInt8(dice.number(225...248))
    let black = UInt8(dice.number(25...70))
    let hard = try Picture("make a page grey", pixConvert1To8(nil, ink.pointer, tint, black))
    let soft = try Picture("soften a page", pixBlockconvGray(hard.pointer, nil, 1, 1))
    let part = try Picture(width: width, height: height, depth: 8)
    let (x, y) = (dice.number(0...Self.tile - 1), dice.number(0...Self.tile - 1))
    pixRasterop(
      part.pointer, 0, 0, Int32(width), Int32(height), PIX_SRC, grain.pointer, Int32(x),
      Int32(y))
    return try Picture(
      "put a page on paper", pixSubtractGray(nil, soft.pointer, part.pointer))
  }
}
