import Common

/// Finds out how a table is written from its first lines: what is between its fields, and which line
/// names its columns. Pure.
package struct TableSniffer {
  /// What stands between fields, most usual first.
  static let delimiters = Array(",\t;|".utf8)
  /// How many lines may stand before the header: titles, comments, `sep=;`.
  private static let maximumPreamble = 20

  /// What was found.
  struct Finding {
    let delimiter: UInt8
    /// Lines before the header, that of `sep=` among them.
    let preamble: Int
  }

  /// The finding for the first `lines`. The delimiter is `given`, or what the line `sep=` says, else
  /// that which makes most names of a header; `usual` where several do.
  static func find(
    _ lines: [ImportLines.Line], given: UInt8?, usual: UInt8, isKnown: (String) -> Bool
  ) -> Finding {
    let filled = lines.filter { !$0.bytes.isEmpty }.prefix(maximumPreamble)
    let declared = filled.first.flatMap { separator($0.bytes) }
    let candidates = (given ?? declared).map { [$0] } ?? [usual] + delimiters.filter { $0 != usual }
    var best: (score: Int, finding: Finding)?
    for line in filled where separator(line.bytes) == nil {
      for delimiter in candidates {
        let names = CSVReader.fields(line.bytes, delimiter: delimiter) ?? []
        let score = Set(names.map(ImportedColumns.folded)).count { isKnown($0) }
        if score > best?.score ?? 0 {
          best = (score, Finding(delimiter: delimiter, preamble: line.number - 1))
        }
      }
    }
    if let best { return best.finding }
    let first = filled.first { separator($0.bytes) == nil && $0.bytes.first != UInt8(ascii: "#") }
    // No name is known: the one that makes most of them lets the error name them.
    let bytes = first?.bytes ?? []
    let most = candidates.max { left, right in
      bytes.count { $0 == left } < bytes.count { $0 == right }
    }
    return Finding(delimiter: most ?? usual, preamble: first.map { $0.number - 1 } ?? 0)
  }

  /// `sep=;`, which Excel reads and writes.
  private static func separator(_ line: [UInt8]) -> UInt8? {
    let text = String(decoding: line, as: UTF8.self).lowercased().filter { $0 != "\"" }
    guard text.hasPrefix("sep="), text.utf8.count == 5 else { return nil }
    return text.utf8.last
  }

  /// What messages call it.
  static func name(of delimiter: UInt8) -> String {
    switch delimiter {
    case UInt8(ascii: ","): "commas"
    case UInt8(ascii: "\t"): "tabs"
    case UInt8(ascii: ";"): "semicolons"
    case UInt8(ascii: "|"): "vertical bars"
    default: Format.quoted(String(Character(Unicode.Scalar(delimiter)))) + " between fields"
    }
  }

  /// A delimiter as people name it: itself, `tab`, `\t`, `semicolon`.
  package static func delimiter(named text: String) -> UInt8? {
    switch text.lowercased() {
    case "tab", "\\t": return UInt8(ascii: "\t")
    case "comma": return UInt8(ascii: ",")
    case "semicolon": return UInt8(ascii: ";")
    case "pipe", "bar": return UInt8(ascii: "|")
    default: break
    }
    guard let byte = text.utf8.first, text.utf8.count == 1, byte < 0x80, byte != UInt8(ascii: "\""),
      byte == 0x09 || byte > 0x1F, !Character(Unicode.Scalar(byte)).isLetter,
      !Character(Unicode.Scalar(byte)).isNumber
    else { return nil }
    return byte
  }
}
