import CJBIG2
import JBIG2

/// Reads JBIG2 with libjbig2dec, an independent decoder, to prove what the encoder wrote.
package enum JBIG2Decoder {
  /// The only page of an embedded stream; `nil` where the library finds none, or complains.
  package static func decode(_ bytes: [UInt8]) -> Bitmap? { Context()?.decode(bytes) }

  /// Encodes `bitmap`, and decodes the result again. `nil` unless each pixel comes back.
  package static func provenEncoding(of bitmap: Bitmap) -> [UInt8]? {
    let bytes = JBIG2.encode(bitmap)
    return Context()?.shows(bytes, bitmap) == true ? bytes : nil
  }

  private struct Context: ~Copyable {
    private let context: OpaquePointer
    /// How often the library complained.
    private let complaints: UnsafeMutablePointer<Int32>

    init?() {
      complaints = .allocate(capacity: 1)
      complaints.initialize(to: 0)
      guard let context = cjbig2_new(complaints) else {
        complaints.deallocate()
        return nil
      }
      self.context = context
    }

    deinit {
      jbig2_ctx_free(context)
      complaints.deallocate()
    }

    /// Lends the page.
    consuming func withPage<Result>(
      of bytes: [UInt8], _ body: (Jbig2Image, UnsafeBufferPointer<UInt8>) -> Result?
    ) -> Result? {
      guard jbig2_data_in(context, bytes, bytes.count) == 0, jbig2_complete_page(context) == 0,
        let page = jbig2_page_out(context)
      else { return nil }
      guard complaints.pointee == 0 else {
        jbig2_release_page(context, page)
        return nil
      }
      defer { jbig2_release_page(context, page) }
      let size = Int(page.pointee.stride) * Int(page.pointee.height)
      return body(page.pointee, UnsafeBufferPointer(start: page.pointee.data, count: size))
    }

    consuming func decode(_ bytes: [UInt8]) -> Bitmap? {
      withPage(of: bytes) { page, pixels in
        let (width, stride) = (Int(page.width), Int(page.stride))
        var rows: [UInt8] = []
        for row in 0..<Int(page.height) {
          rows += pixels[(row * stride)..<(row * stride + Bitmap.stride(width))]
        }
        return Bitmap(width: width, height: Int(page.height), bytes: rows)
      }
    }

    /// Whether the page is this bitmap, without a copy of it.
    consuming func shows(_ bytes: [UInt8], _ bitmap: Bitmap) -> Bool {
      withPage(of: bytes) { page, pixels in
        guard Int(page.width) == bitmap.width, Int(page.height) == bitmap.height else {
          return false
        }
        // What the library leaves in the last byte beyond the width is not part of the picture.
        let mask =
          bitmap.width % 8 == 0 ? 0xFF : UInt8(truncatingIfNeeded: 0xFF00 >> (bitmap.width % 8))
        let (stride, last) = (Int(page.stride), bitmap.stride - 1)
        return bitmap.bytes.withUnsafeBufferPointer { expected in
          (0..<bitmap.height).allSatisfy { row in
            let (a, b) = (row * stride, row * bitmap.stride)
            return (0..<last).allSatisfy { pixels[a + $0] == expected[b + $0] }
              && pixels[a + last] & mask == expected[b + last]
          }
        }
      } ?? false
    }
  }
}
