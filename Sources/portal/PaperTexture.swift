import CLeptonica

/// Makes a drawing look like a grey scan: soft edges, tinted paper, and the grain of both.
final class PaperTexture {
  private static let tile = 256

  /// Grain, larger than a page, so that each page can have another part of it.
  private let grain: Picture
  private let width: Int
  private let height: Int

  init(seed: Int, width: Int, height: Int) throws(PictureError) {
    self.width = width
    self.height = height
    let tile = try Picture(width: Self.tile, height: Self.tile, depth: 8)
    var random = SeededRandom(seed: seed, .paper)
    for y in 0..<Self.tile {
      for x in 0..<Self.tile {
        // The sum of three is near enough to a bell curve.
        let value = (0..<3).reduce(0) { sum, _ in sum + random.number(0...9) }
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
  func taking(_ ink: Picture, _ random: inout SeededRandom) throws(PictureError) -> Picture {
    let tint = UInt8(random.number(225...248))
    let black = UInt8(random.number(25...70))
    let hard = try Picture("make a page grey", pixConvert1To8(nil, ink.pointer, tint, black))
    let soft = try Picture("soften a page", pixBlockconvGray(hard.pointer, nil, 1, 1))
    let part = try Picture(width: width, height: height, depth: 8)
    let (x, y) = (random.number(0...Self.tile - 1), random.number(0...Self.tile - 1))
    pixRasterop(
      part.pointer, 0, 0, Int32(width), Int32(height), PIX_SRC, grain.pointer, Int32(x),
      Int32(y))
    return try Picture(
      "put a page on paper", pixSubtractGray(nil, soft.pointer, part.pointer))
  }
}

/// The fixed pages, in the HTML of an old portal.
enum Pages {
  /// A page around `body`, with the navigation that is on all of them.
  static func page(_ title: String, _ body: String) -> String {
    """
    <!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 4.01 Transitional//EN">
    <HTML><head><title>\(title)</title>
    <META http-equiv="Content-Type" content="text/html; charset=utf-8">
    </HEAD><body bgcolor=#ffffff>
    <p><a href="/">Home</a>&nbsp;|&nbsp;<A HREF="drupal-search.php">New Search</A>
    <p><B>Sample County Chancery Clerk</b><hr>
    \(body)
    <hr><font size=-1>Not an official record.&nbsp;&copy; Sample County
    </body></HTML>

    """
  }

  static func form(note: String) -> String {
    page(
      "Deed Record Lookup",
      """
      <p><font color=red>\(escaped(note))</font>
      <form method=get action="drupal-deed-record-lookup.php">
      Instrument <input name=instrument>&nbsp;Book <input name=book> Page <input name=bpage>
      <INPUT type=submit name=do_search value="Submit Query"></form>
      """)
  }

  static let nothingFound = page(
    "Deed Record Lookup", "<p>No records were found&nbsp;for your search.<br>Try again.")

  static let scanUnavailable = page(
    "Image", "<h2>Image unavailable</H2><p>The image could not be retrieved. Call the context.")

  static let missing = page("404 Not Found", "<h1>Not Found</h1><p>There is no such page.")

  static let login = page(
    "Log in",
    """
    <h2>Your session has ended</h2><form method=post action="/user/login">
    User <input name=name><br>Password <input type=password name=pass>
    <input type=submit value="Log in"></form>
    """)

  static let databaseError = page(
    "Error", "<h1>Database error</h1><p>Warning: mysql_connect(): Too many connections")

  static func failure(_ reason: String) -> String {
    page("Error", "<h1>Error</h1><p>\(escaped(reason))")
  }

  /// Text as HTML.
  static func escaped(_ text: String) -> String {
    var out = ""
    for character in text {
      switch character {
      case "&": out += "&amp;"
      case "<": out += "&lt;"
      case ">": out += "&gt;"
      case "\"": out += "&quot;"
      default: out.append(character)
      }
    }
    return out
  }
}
