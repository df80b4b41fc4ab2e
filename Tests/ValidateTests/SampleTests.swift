import Testing

@testable import validate

@Suite("A sample")
struct SampleTests {
  @Test func isTheShareAndAlwaysTheSame() {
    let sample = Sample(share: 0.05)
    let ids = (1...20_000).map(String.init)
    let chosen = ids.filter(sample.contains)
    #expect((900...1100).contains(chosen.count))
    #expect(ids.filter(sample.contains) == chosen)
    // A larger one has the smaller one in it.
    #expect(chosen.allSatisfy(Sample(share: 0.1).contains))
    #expect(ids.allSatisfy(Sample(share: 1).contains))
    #expect(!ids.contains(where: Sample(share: 0).contains))
  }
}
