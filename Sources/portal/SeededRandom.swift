/// Reproducible chance. Each purpose and number has a sequence of its own, so that one more draw in
/// one place changes nothing elsewhere.
///
/// SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014). The
/// library's `random(in:using:)` is not used: what it draws may differ between Swift releases.
struct SeededRandom {
  /// What is drawn.
  enum Purpose: UInt64 {
    case index = 1
    case text, appearance, page, paper, padding, absent, broken, direct, markup, fault, latency
  }

  private var state: UInt64

  init(seed: Int, _ purpose: Purpose, _ number: Int = 0) {
    state = UInt64(bitPattern: Int64(seed)) &* 0x9E37_79B9_7F4A_7C15
    state = next() ^ (purpose.rawValue &* 0xD1B5_4A32_D192_ED03)
    state = next() ^ UInt64(bitPattern: Int64(number))
  }

  /// 64 random bits.
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var bits = state
    bits = (bits ^ (bits >> 30)) &* 0xBF58_476D_1CE4_E5B9
    bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
    return bits ^ (bits >> 31)
  }

  /// A number of 0..<1.
  mutating func unit() -> Double { Double(next() >> 11) / 9_007_199_254_740_992 }

  /// True in `share` of all draws.
  mutating func chance(_ share: Double) -> Bool { unit() < share }

  /// A number of the range, each equally likely.
  mutating func number(_ range: ClosedRange<Int>) -> Int {
    range.lowerBound + Int(next().multipliedFullWidth(by: UInt64(range.count)).high)
  }

  /// One of the elements, each equally likely.
  mutating func pick<Element>(_ elements: [Element]) -> Element {
    elements[number(0...(elements.count - 1))]
  }
}
