import PDF
import Support
import Testing

@testable import optimize

@Suite("Equal streams")
struct EqualStreamsTests {
  static let samples = (0..<100 * 100).map { UInt8(truncatingIfNeeded: $0 * 7 + $0 / 100) }
  static let image =
    "/Type/XObject/Subtype/Image/Width 100/Height 100/BitsPerComponent 8/ColorSpace/DeviceGray"

  /// How many images a document has after equal ones were merged, and it was written.
  private func merged(
    _ streams: [([UInt8], String)], resources: String
  ) throws -> Int {
    let directory = try TemporaryDirectory()
    let source = ImageEngineTests.page("/A Do /B Do", resources: resources, streams: streams)
    let document = try PDFDocument(path: try directory.write(source, to: "in.pdf"))
    try document.mergeEqualStreams()
    let target = "\(directory.path)/out.pdf"
    try document.writeCompactly(to: target)
    let result = try PDFDocument(path: target)
    let images = try result.images(try result.pages()).images
    #expect(result.complaint() == nil)
    return images.count
  }

  @Test("Equal images become one, with their masks, wherever they are referred to")
  func images() throws {
    let resources = "/XObject<</A 5 0 R/B 6 0 R>>"
    let same = [(Self.samples, Self.image), (Self.samples, Self.image)]
    #expect(try merged(same, resources: resources) == 1)
    let masked = [
      (Self.samples, "\(Self.image)/SMask 7 0 R"), (Self.samples, "\(Self.image)/SMask 8 0 R"),
      (Self.samples, Self.image), (Self.samples, Self.image),
    ]
    #expect(try merged(masked, resources: resources) == 2)
    let form = "/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</A 5 0 R>>>>"
    let inForm = [
      (Self.samples, Self.image), (Array("/A Do".utf8), form), (Self.samples, Self.image),
    ]
    #expect(
      try merged(inForm, resources: "/XObject<</A 7 0 R/B 6 0 R>>/X[[<</Y 7 0 R>>]]") == 1)
  }

  @Test("What differs in its samples or in what is said of them stays apart")
  func others() throws {
    let resources = "/XObject<</A 5 0 R/B 6 0 R>>"
    var other = Self.samples
    other[5000] ^= 1
    #expect(
      try merged([(Self.samples, Self.image), (other, Self.image)], resources: resources)
        == 2)
    let inverted = "\(Self.image)/Decode[1 0]"
    #expect(
      try merged(
        [(Self.samples, Self.image), (Self.samples, inverted)], resources: resources
      ) == 2)
    // Pixels in black and white are counted.
    let bits = [UInt8](repeating: 0x5A, count: 1300)
    let black = Self.image.replacing("/BitsPerComponent 8", with: "/BitsPerComponent 1")
    #expect(try merged([(bits, black), (bits, black)], resources: resources) == 2)
  }
}
