import Common
import Store

/// A key from any template and any value is one that no store and no directory is led astray by.
/// Before the first line end stands the template, behind it what fills it.
@_cdecl("LLVMFuzzerTestOneInput") public func fuzz(_ data: UnsafePointer<UInt8>, _ size: Int)
  -> CInt
{
  let parts = UnsafeBufferPointer(start: data, count: size)
    .split(separator: UInt8(ascii: "\n"), maxSplits: 1, omittingEmptySubsequences: false)
    .map { String(decoding: $0, as: UTF8.self) }
  guard let template = try? Template(parts[0]) else { return 0 }
  let value = parts.count > 1 ? parts[1] : nil
  guard let key = try? ObjectKey(filling: template, for: "1", { _ in value }) else { return 0 }
  precondition((1...ObjectKey.maximumBytes).contains(key.text.utf8.count))
  precondition(!key.text.utf8.contains { $0 < 0x20 || $0 == 0x7F || $0 == UInt8(ascii: "\\") })
  precondition(key.segments.allSatisfy { !["", ".", ".."].contains($0) })
  precondition((try? ObjectKey(key.text)) == key)
  // A value is a part of a segment, and makes no new one.
  let slashes = { (text: String) in text.utf8.count { $0 == UInt8(ascii: "/") } }
  precondition(slashes(key.text) <= slashes(parts[0]))
  return 0
}
