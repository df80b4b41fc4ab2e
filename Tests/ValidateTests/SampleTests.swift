import Testing

@testable import validate

@Suite("A sample")
struct SampleTests {
  @Test(arguments: ["5%", "0%", "100%", "0.5%"])
  func read(_ text: String) { #expect(Sample(text) != nil) }

  @Test(arguments: ["", "%", "5", "101%", "-1%", "nan%", "5 %", "five%"])
  func refused(_ text: String) { #expect(Sample(text) == nil) }

  @Test func isTheShareAndAlwaysTheSame() throws {
    let sample = try #require(Sample("5%"))
    let ids = (1...20_000).map(String.init)
    let chosen = ids.filter(sample.contains)
    #expect((900...1100).contains(chosen.count))
    #expect(ids.filter(sample.contains) == chosen)
    // A larger one has the smaller one in it.
    let more = try #require(Sample("10%"))
    #expect(chosen.allSatisfy(more.contains))
    #expect(ids.allSatisfy(try #require(Sample("100%")).contains))
    #expect(!ids.contains(where: try #require(Sample("0%")).contains))
  }
}
