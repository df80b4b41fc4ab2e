import Common

extension IndexURL {
  /// A name for the index's folder among those of its user: what people call it, and what tells it apart.
  public var folderName: String {
    let name = identity.split(separator: "/").last.map(String.init) ?? "index"
    // FNV-1a: the same for the same index in every run, which Swift's own hashes are not.
    let hash = identity.utf8.reduce(UInt64(0xCBF2_9CE4_8422_2325)) {
      ($0 ^ UInt64($1)) &* 0x100_0000_01B3
    }
    let digits = Format.padded(String(hash, radix: 16), 16)
    return "\(Format.percentEncoded(String(name.prefix(60))))-\(digits.prefix(8))"
  }
}
