/// The adaptive binary arithmetic coder of ITU-T T.88, Annex E.2 ("MQ"). Owns its memory. Names of
/// registers are those of the standard: the interval `a`, the code `c`, the bits until a byte is
/// due `ct`.
struct ArithmeticEncoder: ~Copyable {
  /// For each context its state: a row of ``Probability/table``.
  private let states: UnsafeMutablePointer<UInt8>
  private let table: UnsafeMutablePointer<Probability>
  private var output: UnsafeMutablePointer<UInt8>
  private var capacity: Int
  /// The last byte of the output, to which a carry may still be added. The one at 0 is not part of
  /// it: it stands for "the byte before the first".
  private var last = 0
  private var a: UInt32 = 0x8000
  private var c: UInt32 = 0
  private var ct = 12

  /// INITENC (Figure E.10), with all contexts in state 0.
  init(contexts: Int) {
    states = .allocate(capacity: contexts)
    states.initialize(repeating: 0, count: contexts)
    table = .allocate(capacity: Probability.table.count)
    for (index, row) in Probability.table.enumerated() { (table + index).initialize(to: row) }
    capacity = 1 << 16
    output = .allocate(capacity: capacity)
    output[0] = 0
  }

  deinit {
    states.deallocate()
    table.deallocate()
    output.deallocate()
  }

  /// Makes room for so many decisions. Each shifts the code by 15 bits at most, and a byte holds
  /// seven at least.
  mutating func reserve(decisions: Int) {
    let needed = last + 3 * decisions + 16
    guard needed > capacity else { return }
    let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: max(needed, 2 * capacity))
    larger.update(from: output, count: last + 1)
    output.deallocate()
    output = larger
    capacity = max(needed, 2 * capacity)
  }

  /// ENCODE (Figure E.3): one decision, for which there must be room.
  @inline(__always)
  mutating func encode(_ bit: UInt8, in context: Int) {
    let row = table[Int(states[context])]
    a &-= row.qe
    if bit == row.moreProbable {  // CODEMPS, Figure E.7
      if a & 0x8000 != 0 {
        c &+= row.qe
        return
      }
      if a < row.qe { a = row.qe } else { c &+= row.qe }
      states[context] = row.afterMoreProbable
    } else {  // CODELPS, Figure E.6
      if a < row.qe { c &+= row.qe } else { a = row.qe }
      states[context] = row.afterLessProbable
    }
    renormalize()
  }

  /// The same as so many calls of ``encode(_:in:)``. As long as the interval needs no
  /// renormalization, each takes the same amount off it, so that most of a blank page is a few
  /// multiplications.
  mutating func encode(_ bit: UInt8, in context: Int, times: Int) {
    var left = UInt32(clamping: times)
    while left > 0 {
      let row = table[Int(states[context])]
      let steps = bit == row.moreProbable ? min(left, (a &- 0x8000) / row.qe) : 0
      a &-= steps &* row.qe
      c &+= steps &* row.qe
      left &-= steps
      guard left > 0 else { return }
      encode(bit, in: context)
      left &-= 1
    }
  }

  /// RENORME (Figure E.8), several shifts at a time.
  @inline(__always)
  private mutating func renormalize() {
    var shift = a.leadingZeroBitCount &- 16
    a &<<= UInt32(truncatingIfNeeded: shift)
    while shift >= ct {
      c &<<= UInt32(truncatingIfNeeded: ct)
      shift &-= ct
      writeByte()
    }
    c &<<= UInt32(truncatingIfNeeded: shift)
    ct &-= shift
  }

  /// BYTEOUT (Figure E.9). After a byte of 0xFF the next has room for a carry.
  private mutating func writeByte() {
    if output[last] != 0xFF, c >= 0x800_0000 {
      output[last] &+= 1
      c &= 0x7FF_FFFF
    }
    let isStuffed = output[last] == 0xFF
    let bits: UInt32 = isStuffed ? 20 : 19
    last += 1
    output[last] = UInt8(truncatingIfNeeded: c >> bits)
    c &= (1 << bits) - 1
    ct = isStuffed ? 7 : 8
  }

  /// FLUSH (Figures E.11 and E.12): all that was encoded, with the marker at its end.
  consuming func finish() -> [UInt8] {
    let limit = c &+ a
    c |= 0xFFFF
    if c >= limit { c &-= 0x8000 }
    for _ in 0..<2 {
      c &<<= UInt32(truncatingIfNeeded: ct)
      writeByte()
    }
    let end = output[last] == 0xFF ? last : last + 1
    return Array(UnsafeBufferPointer(start: output + 1, count: max(0, end - 1))) + [0xFF, 0xAC]
  }
}

/// A state of the probability estimation, for one of the two values that may be more probable.
struct Probability {
  let qe: UInt32
  let moreProbable: UInt8
  let afterMoreProbable: UInt8
  let afterLessProbable: UInt8

  /// Two rows for each of Table E.1: 0 is more probable, 1 is.
  static let table: [Probability] = rows.enumerated().flatMap { index, row in
    (0..<2).map { value in
      let less = row.switches ? 1 - value : value
      return Probability(
        qe: row.qe, moreProbable: UInt8(value),
        afterMoreProbable: UInt8(2 * row.nmps + value),
        afterLessProbable: UInt8(2 * row.nlps + less))
    }
  }

  /// Table E.1: Qe, NMPS, NLPS, SWITCH.
  private static let rows: [(qe: UInt32, nmps: Int, nlps: Int, switches: Bool)] = [
    (0x5601, 1, 1, true), (0x3401, 2, 6, false), (0x1801, 3, 9, false), (0x0AC1, 4, 12, false),
    (0x0521, 5, 29, false), (0x0221, 38, 33, false), (0x5601, 7, 6, true), (0x5401, 8, 14, false),
    (0x4801, 9, 14, false), (0x3801, 10, 14, false), (0x3001, 11, 17, false),
    (0x2401, 12, 18, false), (0x1C01, 13, 20, false), (0x1601, 29, 21, false),
    (0x5601, 15, 14, true), (0x5401, 16, 14, false), (0x5101, 17, 15, false),
    (0x4801, 18, 16, false), (0x3801, 19, 17, false), (0x3401, 20, 18, false),
    (0x3001, 21, 19, false), (0x2801, 22, 19, false), (0x2401, 23, 20, false),
    (0x2201, 24, 21, false), (0x1C01, 25, 22, false), (0x1801, 26, 23, false),
    (0x1601, 27, 24, false), (0x1401, 28, 25, false), (0x1201, 29, 26, false),
    (0x1101, 30, 27, false), (0x0AC1, 31, 28, false), (0x09C1, 32, 29, false),
    (0x08A1, 33, 30, false), (0x0521, 34, 31, false), (0x0441, 35, 32, false),
    (0x02A1, 36, 33, false), (0x0221, 37, 34, false), (0x0141, 38, 35, false),
    (0x0111, 39, 36, false), (0x0085, 40, 37, false), (0x0049, 41, 38, false),
    (0x0025, 42, 39, false), (0x0015, 43, 40, false), (0x0009, 44, 41, false),
    (0x0005, 45, 42, false), (0x0001, 45, 43, false), (0x5601, 46, 46, false),
  ]
}
