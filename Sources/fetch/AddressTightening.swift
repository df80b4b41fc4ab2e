import Glibc
import Transfer

extension AddressRule {
  /// What a link may lead to that came from a server at `address`: a public server may not send us
  /// into a private network.
  func tightened(after address: String?) -> AddressRule {
    guard let address, let bytes = AddressRule.bytes(of: address) else { return self }
    return AddressRule.isPublic(bytes) ? .publicOnly : self
  }

  private static func bytes(of address: String) -> [UInt8]? {
    var v4 = in_addr()
    if inet_pton(AF_INET, address, &v4) == 1 { return withUnsafeBytes(of: v4) { Array($0) } }
    var v6 = in6_addr()
    if inet_pton(AF_INET6, address, &v6) == 1 { return withUnsafeBytes(of: v6) { Array($0) } }
    return nil
  }
}
