import COpenJPEG

/// A JPEG 2000 image as OpenJPEG decodes it. Owns the library's image; belongs to one thread.
final class JPEG2000Image {
  private let image: UnsafeMutablePointer<opj_image_t>
  private let components: UnsafeMutableBufferPointer<opj_image_comp_t>
  /// Pixels in a row, and rows.
  let width: Int
  let height: Int
  private let steps: [(across: Int, down: Int)]

  /// More tiles than a scan has, each of which takes memory before it is decoded.
  static let maximumTiles = 4096

  /// Bytes that the library takes for an image halved so many times: four for each sample, and what it notes
  /// of the parts that the image is coded in.
  static func memory(_ header: JPEG2000Header, halvings: Int) -> Int {
    let side = { (length: Int, step: Int) in ((length / step) >> halvings) + 1 }
    return header.components.reduce(header.bookkeeping) {
      let samples = side(header.width, $1.step.across)
        .multipliedReportingOverflow(by: side(header.height, $1.step.down))
      let bytes = samples.partialValue.multipliedReportingOverflow(by: 4)
      let sum = $0.addingReportingOverflow(bytes.partialValue)
      return samples.overflow || bytes.overflow || sum.overflow ? .max : sum.partialValue
    }
  }

  /// Decodes `bytes`, whose header is `header`, at 1/2^`halvings` of its size into `channels` channels. `nil`
  /// where they are damaged, even where the library would make something of them.
  init?(_ bytes: [UInt8], _ header: JPEG2000Header, halvings: Int, channels: Int) {
    let decoded = bytes.withUnsafeBufferPointer { buffer in
      var source = copenjpeg_source(
        bytes: buffer.baseAddress, count: buffer.count, position: 0, complaints: 0)
      let image = copenjpeg_decode(&source, header.isRaw ? 1 : 0, Int32(halvings))
      if source.complaints > 0, let image {
        opj_image_destroy(image)
        return nil as UnsafeMutablePointer<opj_image_t>?
      }
      return image
    }
    guard let decoded else { return nil }
    image = decoded
    components = UnsafeMutableBufferPointer(
      start: decoded.pointee.comps, count: Int(decoded.pointee.numcomps))
    let scale = 1 << halvings
    width = (header.width + scale - 1) / scale
    height = (header.height + scale - 1) / scale
    steps = components.map { (max(1, Int($0.dx)), max(1, Int($0.dy))) }
    // From here on it is let go of by `deinit`.
    guard components.count == channels, components.allSatisfy({ isWhole($0) }) else { return nil }
  }

  deinit { opj_image_destroy(image) }

  /// Whether a component has the samples that its size asks for.
  private func isWhole(_ component: opj_image_comp_t) -> Bool {
    let (across, down) = (max(1, Int(component.dx)), max(1, Int(component.dy)))
    return component.data != nil && component.sgnd == 0 && (1...16).contains(component.prec)
      && Int(component.w) >= (width + across - 1) / across
      && Int(component.h) >= (height + down - 1) / down
  }

  /// Writes a row as bytes, the channels of a pixel side by side.
  func row(_ y: Int, into row: UnsafeMutablePointer<UInt8>) {
    let channels = components.count
    for (channel, component) in components.enumerated() {
      let (across, down) = steps[channel]
      guard let data = component.data else { continue }
      let samples = data + (y / down) * Int(component.w)
      let bits = Int(component.prec)
      let most = (1 << bits) - 1
      for x in 0..<width {
        let value = max(0, min(most, Int(samples[across == 1 ? x : x / across])))
        row[x * channels + channel] = UInt8(
          bits == 8 ? value : bits > 8 ? value >> (bits - 8) : value * 255 / most)
      }
    }
  }
}
