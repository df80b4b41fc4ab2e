/// A cache that forgets what was not used lately, bounded in bytes.
///
/// It keeps two generations. What is used moves to the younger one; when that has half of the
/// bytes, the older one is dropped and the younger takes its place.
struct Generations<Key: Hashable, Value> {
  private let limit: Int
  private var young: [Key: Value] = [:]
  private var old: [Key: Value] = [:]
  private var youngBytes = 0
  private let size: (Value) -> Int

  /// Keeps values of at most `limit` bytes in all.
  init(limit: Int, size: @escaping (Value) -> Int) {
    self.limit = limit
    self.size = size
  }

  /// The value, which then counts as used.
  mutating func use(_ key: Key) -> Value? {
    if let value = young[key] { return value }
    guard let value = old.removeValue(forKey: key) else { return nil }
    keep(value, for: key)
    return value
  }

  /// Adds a value, unless it is too large to be kept with others.
  mutating func keep(_ value: Value, for key: Key) {
    let bytes = size(value)
    guard bytes <= limit / 2, young[key] == nil else { return }
    if youngBytes + bytes > limit / 2 {
      old = young
      young = [:]
      youngBytes = 0
    }
    young[key] = value
    youngBytes += bytes
  }
}
