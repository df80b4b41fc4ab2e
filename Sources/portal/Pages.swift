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
    "Image", "<h2>Image unavailable</H2><p>The image could not be retrieved. Call the office.")

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
