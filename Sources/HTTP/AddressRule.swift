/// Which addresses a transfer may connect to. Checked on the numbers, after the name was resolved, so
/// that a name which suddenly points into the local network is of no use to a stranger.
package enum AddressRule: Sendable, Equatable {
  /// Wherever the operator says.
  case any
  /// Only addresses of the public internet: for links and redirects of a public portal.
  case publicOnly

  /// Whether an address of that many bytes (4 or 16) may be connected to.
  package func allows(_ address: [UInt8]) -> Bool {
    self == .any || Self.isPublic(address)
  }

  /// Whether an IPv4 (4 bytes) or IPv6 (16 bytes) address is one of the public internet, by the
  /// special-purpose registries of RFC 6890.
  package static func isPublic(_ address: [UInt8]) -> Bool {
    switch address.count {
    case 4: return isPublicV4(address)
    case 16:
      // IPv4 in IPv6: mapped (::ffff:0:0/96), compatible (::/96) and NAT64 (64:ff9b::/96).
      let isEmbedded =
        address[..<10].allSatisfy { $0 == 0 }
        && (address[10..<12] == [0xFF, 0xFF] || address[10..<12] == [0, 0])
      if isEmbedded || address[..<12] == [0, 0x64, 0xFF, 0x9B, 0, 0, 0, 0, 0, 0, 0, 0] {
        return isPublicV4(Array(address[12...]))
      }
      // 6to4 (2002::/16) carries an IPv4 address, too.
      if address[0] == 0x20, address[1] == 0x02 { return isPublicV4(Array(address[2..<6])) }
      // Only 2000::/3 is handed out for the internet; 2001:db8::/32 is for documents.
      return address[0] & 0xE0 == 0x20 && address[..<4] != [0x20, 0x01, 0x0D, 0xB8]
    default: return false
    }
  }

  private static func isPublicV4(_ address: [UInt8]) -> Bool {
    switch (address[0], address[1], address[2]) {
    case (0, _, _), (10, _, _), (127, _, _), (224..., _, _): false
    case (100, 64...127, _), (169, 254, _), (172, 16...31, _), (192, 168, _): false
    case (192, 0, 0), (192, 0, 2), (198, 18...19, _), (198, 51, 100), (203, 0, 113): false
    default: true
    }
  }
}
