import Common
import Synchronization

/// A stand-in for Google's storage service that is fast enough not to be the limit of what is measured
/// against it (docs/portal.md): the part of the JSON API that uploading and checking need, with
/// preconditions and sessions. Contents are dropped, and the checksum that a client names is believed;
/// every bucket is there.
final class StandIn: Sendable {
  /// What is kept of an object.
  struct Object: Sendable {
    let generation: Int
    let size: Int
    /// As its uploader described it, checksum included.
    let description: JSON
  }

  private struct State {
    var objects: [String: Object] = [:]
    var sessions: [String: Session] = [:]
    var count = 0
  }

  private let state = Mutex(State())

  /// The object of that name.
  func object(_ name: String) -> Object? { state.withLock { $0.objects[name] } }

  /// Stores an object if the one of that name is of this generation now, 0 for none; `nil` if not.
  func put(
    _ name: String, size: Int, _ description: JSON, ifGeneration expected: String?
  ) -> Object? {
    state.withLock { state in
      let current = state.objects[name]?.generation ?? 0
      guard expected.map({ $0 == "\(current)" }) ?? true else { return nil }
      state.count += 1
      let object = Object(
        generation: 1_795_000_000_000_000 + state.count, size: size, description: description)
      state.objects[name] = object
      return object
    }
  }

  /// Removes an object; false where there is none.
  func remove(_ name: String) -> Bool {
    state.withLock { $0.objects.removeValue(forKey: name) != nil }
  }

  /// Begins an upload in chunks; returns its identity.
  func begin(_ name: String, _ description: JSON, ifGeneration expected: String?) -> String {
    state.withLock { state in
      state.count += 1
      let id = "s\(state.count)"
      state.sessions[id] = Session(name, description, ifGeneration: expected)
      return id
    }
  }

  /// The upload of that identity.
  func session(_ id: String) -> Session? { state.withLock { $0.sessions[id] } }

  /// Forgets an upload that is complete.
  func end(_ id: String) { state.withLock { $0.sessions[id] = nil } }
}

/// An upload in chunks, on its way.
final class Session: Sendable {
  let name: String
  let description: JSON
  let expected: String?
  private let received = Atomic<Int>(0)

  init(_ name: String, _ description: JSON, ifGeneration expected: String?) {
    self.name = name
    self.description = description
    self.expected = expected
  }

  /// Bytes that have come so far.
  var count: Int { received.load(ordering: .relaxed) }

  /// So many more have come.
  func add(_ count: Int) { received.add(count, ordering: .relaxed) }
}
