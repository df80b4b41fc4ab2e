import Common
import Support
import Testing

/// What the portal sees of several processes that share a limiter (promise P6).
@Suite("One budget for all processes")
struct PolitenessTests {
  private func lines(_ portal: SamplePortal, _ numbers: ClosedRange<Int>) -> [String] {
    numbers.map { #"{"id":"\#($0)","url":"\#(portal.base)/documents/\#($0).pdf"}"# }
  }

  @Test("Requests stay the delay apart, over threads, processes and a kill -9")
  func delay() throws {
    let folder = try TemporaryDirectory()
    let portal = try SamplePortal(in: folder.path, ["--document-size", "2000"])
    let programs = try (0..<4).map { number in
      try Program(
        "fetch",
        [
          "--state", "\(folder.path)/state\(number)", "--limiter", "\(folder.path)/limiter.sqlite",
          "--rate-limit-delay", "0.05", "--workers", "4",
        ],
        input: Array(
          (lines(portal, (number * 20 + 1)...(number * 20 + 20)).joined(separator: "\n") + "\n")
            .utf8))
    }
    #expect(eventually { portal.requests.count >= 20 })
    programs[0].signal(9)
    for program in programs.dropFirst() { #expect(program.wait().code == 0) }
    let starts = portal.requests.compactMap { $0["start"]?.int }.sorted()
    #expect(starts.count >= 60)
    let gaps = zip(starts, starts.dropFirst()).map { $1 - $0 }
    // A busy machine may hold a request up between our clock and the portal's, and so shorten a
    // gap; it cannot shorten the sum, nor make two requests one.
    let span = Double((starts.last ?? 0) - (starts.first ?? 0)) / 1e9
    #expect(span >= Double(gaps.count) * 0.05 - 0.05)
    #expect(gaps.filter { $0 < 25_000_000 }.count <= gaps.count / 50)
  }

  @Test("Retry-After holds for the other process, too")
  func pause() throws {
    let folder = try TemporaryDirectory()
    let portal = try SamplePortal(
      in: folder.path, ["--document-size", "2000", "--fault", "429=10%", "--retry-after", "1"])
    let programs = try (0..<2).map { number in
      try Program(
        "fetch",
        [
          "--state", "\(folder.path)/state\(number)", "--limiter", "\(folder.path)/limiter.sqlite",
          "--rate-limit-delay", "0.02", "--workers", "4", "--retries", "20", "--retry-base", "0.01",
        ],
        input: Array(
          (lines(portal, (number * 20 + 1)...(number * 20 + 20)).joined(separator: "\n") + "\n")
            .utf8))
    }
    for program in programs { #expect(program.wait().code == 0) }
    let requests = portal.requests.sorted { ($0["start"]?.int ?? 0) < ($1["start"]?.int ?? 0) }
    let refusals = requests.filter { $0["status"]?.int == 429 }.compactMap { $0["start"]?.int }
    #expect(!refusals.isEmpty)
    for refusal in refusals {
      // What was on its way when the portal refused may still arrive; after that, silence.
      let during = requests.compactMap { $0["start"]?.int }
        .filter { $0 > refusal + 150_000_000 && $0 < refusal + 950_000_000 }
      #expect(during.isEmpty)
    }
  }
}
