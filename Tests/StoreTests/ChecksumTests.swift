import CCRC32C
import Crypto
import Testing

/// CRC32C by the processor and without it, against the vectors of RFC 3720, appendix B.4.
@Suite("CRC32C")
struct ChecksumTests {
  private static func hex(_ bytes: [UInt8], chunks: Int = .max) -> String {
    var checksum = CRC32C()
    var rest = bytes[...]
    repeat {
      rest.prefix(chunks).withUnsafeBytes { checksum.update($0) }
      rest = rest.dropFirst(chunks)
    } while !rest.isEmpty
    return checksum.hex
  }

  @Test(
    arguments: [
      ([], "00000000"), (Array("123456789".utf8), "e3069283"),
      (Array(repeating: 0, count: 32), "8a9136aa"), (Array(repeating: 255, count: 32), "62a8ab43"),
      (Array(0..<32), "46dd794e"), (Array((0..<32).reversed()), "113fdb5c"),
    ] as [([UInt8], String)])
  func vectors(_ bytes: [UInt8], _ expected: String) {
    #expect(Self.hex(bytes) == expected)
  }

  /// Any length, any place in memory, any chunks.
  @Test func bothWaysAgree() {
    let bytes = (0..<1000).map { UInt8(truncatingIfNeeded: $0 &* 167 ^ $0 >> 3) }
    for start in 0..<9 {
      for count in Array(0..<70) + [511, 990] {
        let part = Array(bytes[start..<min(1000, start + count)])
        let plain = bytes.withUnsafeBytes {
          conveyor_crc32c_portable(0, $0.baseAddress.map { $0 + start }, part.count)
        }
        let whole = bytes.withUnsafeBytes {
          conveyor_crc32c(0, $0.baseAddress.map { $0 + start }, part.count)
        }
        #expect(plain == whole, "\(count) bytes from \(start)")
        #expect(Self.hex(part, chunks: 1 + start) == Self.hex(part))
      }
    }
  }
}
