import CPCRE2
import Common
import Glibc

/// A regular expression of a portal file, compiled once. PCRE2 tries one way after the other, as the syntax
/// with its back references has it, and some patterns have more ways than there is time: it is stopped.
final class Pattern: Sendable {
  /// Why a text was not searched to its end. The page is not known to match, nor not to.
  struct TooSlow: Error, CustomStringConvertible {
    let pattern: String
    var description: String { "the pattern \(Format.quoted(pattern)) takes too long" }
  }

  /// Nanoseconds that one search may take.
  private static let longest: Int64 = 700_000_000
  /// Steps between two looks at the clock.
  private static let stride = 4096
  /// KiB that a search may use to remember ways that it has not tried.
  private static let heap: UInt32 = 20_000

  let text: String
  private let code: Code

  /// The compiled expression, which nothing changes and threads may share (pcre2api(3), "Multithreading").
  private struct Code: @unchecked Sendable {
    let pointer: OpaquePointer
  }

  /// `nil` where the text is no regular expression.
  init?(_ text: String, ignoresCase: Bool = false) {
    var failure: Int32 = 0
    var place = 0
    let options = conveyor_pcre2_options | (ignoresCase ? conveyor_pcre2_caseless : 0)
    let bytes = Array(text.utf8)
    guard let code = pcre2_compile_8(bytes, bytes.count, options, &failure, &place, nil) else {
      return nil
    }
    self.text = text
    self.code = Code(pointer: code)
  }

  deinit { pcre2_code_free_8(code.pointer) }

  /// How a search goes on.
  private final class Search {
    let deadline = Time.monotonic() + Pattern.longest
    let isOver: () -> Bool
    var steps = 0

    init(_ isOver: @escaping () -> Bool) { self.isOver = isOver }

    func mayGoOn() -> Bool {
      steps += 1
      return !steps.isMultiple(of: Pattern.stride)
        || (Time.monotonic() < deadline && !isOver())
    }
  }

  /// The first match in a text of UTF-8: its first group, or the whole where it has none or that did not
  /// take part; `nil` where there is none. `isOver` is asked now and then, and true ends the search.
  func firstMatch(
    in text: [UInt8], isOver: @escaping () -> Bool = { false }
  ) throws(TooSlow) -> String? {
    try matches(in: text, limit: 1, isOver: isOver).first
  }

  /// The first matches, `limit` at most, each as ``firstMatch(in:isOver:)`` has it.
  func matches(
    in text: [UInt8], limit: Int, isOver: @escaping () -> Bool = { false }
  ) throws(TooSlow) -> [String] {
    guard let data = pcre2_match_data_create_from_pattern_8(code.pointer, nil),
      let context = pcre2_match_context_create_8(nil)
    else { throw TooSlow(pattern: self.text) }
    defer {
      pcre2_match_data_free_8(data)
      pcre2_match_context_free_8(context)
    }
    let search = Search(isOver)
    pcre2_set_heap_limit_8(context, Self.heap)
    pcre2_set_match_limit_8(context, .max)
    pcre2_set_depth_limit_8(context, .max)
    pcre2_set_callout_8(
      context,
      { _, search in
        guard let search else { return PCRE2_ERROR_CALLOUT }
        return Unmanaged<Search>.fromOpaque(search).takeUnretainedValue().mayGoOn()
          ? 0 : PCRE2_ERROR_CALLOUT
      }, Unmanaged.passUnretained(search).toOpaque())
    var found: [String] = []
    var offset = 0
    while found.count < limit, offset <= text.count {
      let count = withExtendedLifetime(search) {
        pcre2_match_8(code.pointer, text, text.count, offset, 0, data, context)
      }
      if count == PCRE2_ERROR_NOMATCH { break }
      guard count > 0, let places = pcre2_get_ovector_pointer_8(data) else {
        throw TooSlow(pattern: self.text)
      }
      // A group that did not take part has PCRE2_UNSET, the largest number, in both places.
      let group = count > 1 && places[2] <= text.count ? 2 : 0
      let (start, end) = (Int(places[group]), Int(places[group + 1]))
      found.append(String(decoding: text[min(start, end)..<end], as: UTF8.self))
      // Behind what matched, and after an empty match one character further.
      offset = max(Int(places[1]), offset)
      if places[1] <= places[0] {
        offset += 1
        while offset < text.count, text[offset] & 0xC0 == 0x80 { offset += 1 }
      }
    }
    return found
  }
}

extension RecordError {
  /// A search that was stopped, as the document carries it.
  init(_ error: Pattern.TooSlow) {
    self.init(
      .portalError,
      """
      the pattern \(Format.quoted(error.pattern)) of the portal file takes too long on this page and was \
      stopped. Write it without a repetition inside of a repetition
      """)
  }
}
