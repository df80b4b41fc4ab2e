import Common
import PDF
import Support
import Testing

@testable import PageImages

/// Images by other people's encoders; what came of them is looked at by other people's decoders (`reference.py`).
@Suite struct ReferenceTests {
  @Test func `each sample is as another decoder sees it`() throws {
    let folder = try TemporaryDirectory()
    let reference = try Python("reference.py", [folder.path], in: "PageImagesTests")
    let cases = try #require(JSON(parsing: reference.line()).object)
    #expect(cases.members.count > 180)
    for member in cases.members {
      let (name, kind) = (member.name, member.value)
      let path = "\(folder.path)/\(name)"
      do throws(PageImageError) {
        _ = try PageImages.combine([path], to: "\(path).pdf")
      } catch {
        #expect(error.kind.rawValue == kind.string, "\(name): \(error)")
        continue
      }
      #expect(kind.string == nil, "\(name)")
      reference.write(name)
      let answer = try JSON(parsing: reference.line())
      #expect(answer["problems"]?.array?.isEmpty == true, "\(answer)")
    }
  }
}
