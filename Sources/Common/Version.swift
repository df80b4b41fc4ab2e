import CVersion
import Glibc

/// What `--version` prints.
package enum Version {
  /// Semantic Versioning 2.0.0; CHANGELOG.md says what each brought. `scripts/make-deb` reads it here.
  package static let number = "1.0.0"

  /// The commit that this was built from; empty where it was not built with `make`.
  package static var commit: String { String(cString: cversion_commit()) }

  /// `fetch 1.0.0 (9ddc39f17b24)`, and the libraries of this process in a second line.
  package static func text(of tool: String) -> String {
    let first = "\(tool) \(number)" + (commit.isEmpty ? "" : " (\(commit))")
    return "\(first)\n\(libraries.joined(separator: ", "))\n"
  }

  /// The libraries in this process that know their version, sorted: `libcurl 7.88.1`.
  ///
  /// They are asked by the names of their functions, so that each tool names what it was linked with, and no module
  /// has to know of the others. libdeflate, libjpeg, jbig2dec and wslay have no such function.
  package static var libraries: [String] {
    let versions: [(name: String, version: String?)] = [
      ("leptonica", leptonica), ("libcurl", curl), ("libidn2", libidn2),
      ("libmicrohttpd", text("MHD_get_version")), ("libpq", libpq), ("libxml2", libxml2),
      ("OpenJPEG", text("opj_version")), ("OpenSSL", openSSL), ("PCRE2", pcre2),
      ("qpdf", text("qpdf_get_qpdf_version")), ("SQLite", text("sqlite3_libversion")),
      ("zlib", text("zlibVersion")),
    ]
    return versions.compactMap { name, version in version.map { "\(name) \($0)" } }
  }

  private typealias Text = @convention(c) () -> UnsafePointer<CChar>?

  /// A function of a library that is in this process. `type` has to be what the library's manual says it is.
  private static func function<T>(_ name: String, _ type: T.Type) -> T? {
    dlsym(nil, name).map { unsafeBitCast($0, to: type) }
  }

  private static func text(_ name: String) -> String? {
    function(name, Text.self)?().map { String(cString: $0) }
  }

  /// curl_version(3): `libcurl/7.88.1 OpenSSL/3.0.17 …`.
  private static var curl: String? {
    text("curl_version")?.split(separator: " ").first.map {
      String($0.drop { $0 != "/" }.dropFirst())
    }
  }

  /// OpenSSL_version(3ssl): 6 is OPENSSL_VERSION_STRING.
  private static var openSSL: String? {
    typealias Numbered = @convention(c) (CInt) -> UnsafePointer<CChar>?
    return function("OpenSSL_version", Numbered.self)?(6).map { String(cString: $0) }
  }

  /// Since version 10, 150013 is 15.13 (libpq's manual, PQlibVersion).
  private static var libpq: String? {
    function("PQlibVersion", (@convention(c) () -> CInt).self).map { function in
      let number = function()
      return "\(number / 10000).\(number % 10000)"
    }
  }

  /// pcre2api(3): 11 is PCRE2_CONFIG_VERSION; `10.42 2022-12-11` in 24 bytes at most.
  private static var pcre2: String? {
    typealias Configuration = @convention(c) (UInt32, UnsafeMutableRawPointer?) -> CInt
    guard let ask = function("pcre2_config_8", Configuration.self) else { return nil }
    var bytes = [UInt8](repeating: 0, count: 64)
    guard (1..<64).contains(ask(11, nil)), ask(11, &bytes) > 0 else { return nil }
    return String(decoding: bytes.prefix { $0 > UInt8(ascii: " ") }, as: UTF8.self)
  }

  /// A variable: `20914` is 2.9.14.
  private static var libxml2: String? {
    let variable = dlsym(nil, "xmlParserVersion")?
      .assumingMemoryBound(to: UnsafePointer<CChar>?.self)
    guard let text = variable?.pointee, let number = Int(String(cString: text)) else { return nil }
    return "\(number / 10000).\(number / 100 % 100).\(number % 100)"
  }

  /// `leptonica-1.82.0`, which the caller frees.
  private static var leptonica: String? {
    typealias Allocated = @convention(c) () -> UnsafeMutablePointer<CChar>?
    guard let text = function("getLeptonicaVersion", Allocated.self)?() else { return nil }
    defer { free(text) }
    return String(cString: text).split(separator: "-").last.map(String.init)
  }

  private static var libidn2: String? {
    typealias Checked = @convention(c) (UnsafePointer<CChar>?) -> UnsafePointer<CChar>?
    return function("idn2_check_version", Checked.self)?(nil).map { String(cString: $0) }
  }
}
