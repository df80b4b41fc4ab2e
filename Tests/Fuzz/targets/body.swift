import PDF
import HTTP
@testable import fetch

/// A body of any bytes: what it is by its beginning, what it is unpacked, and that a charset makes text of it
/// which is UTF-8 without NULs, however that was cut into chunks.
@_cdecl("LLVMFuzzerTestOneInput") public func fuzz(_ data: UnsafePointer<UInt8>, _ size: Int)
  -> CInt
{
  let bytes = UnsafeRawBufferPointer(start: data, count: size)
  if case .pdf(let offset) = ContentKind(bytes) {
    precondition(offset <= 1024 - 1 && bytes[offset...].starts(with: "%PDF-".utf8))
  }
  for isDeflate in [false, true] {
    guard let inflater = Inflater(beginning: bytes, isDeflate: isDeflate) else { continue }
    var total = 0
    _ = try? inflater.unpack(bytes) { chunk in
      total += chunk.count
      return total < 1 << 20
    }
    precondition(total < 1 << 20 + 1 << 17)
  }
  guard size > 1 else { return 0 }
  let labels = ["utf-8", "windows-1252", "shift_jis", "utf-16", "gbk", "koi8-r"]
  guard let charset = Charset(label: labels[Int(data[0]) % labels.count]) else { return 0 }
  func decoded(by step: Int) -> [UInt8] {
    guard var decoder = CharsetDecoder(charset) else { return [] }
    var text: [UInt8] = []
    for start in stride(from: 1, to: size, by: step) {
      text += decoder.decode(
        UnsafeRawBufferPointer(rebasing: bytes[start..<min(size, start + step)]))
    }
    return text + decoder.finish()
  }
  // How many marks a broken character leaves depends on where it was cut.
  for step in [size, 1 + Int(data[0]) % 7] {
    let text = decoded(by: step)
    precondition(!text.contains(0) && String(validating: text, as: UTF8.self) != nil)
  }
  return 0
}
