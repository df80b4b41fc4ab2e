import Files
import Glibc

/// A small file in which a process tells others how it fares: `FOLDER/TOOL-PID.json`, whole or absent (rename(2)). It is
/// only shown to people, so a disk that does not take it stops nothing.
struct ProcessNote: Sendable {
  private let tool: String
  private let folder: String
  private let path: String

  /// A tool's note in a folder, which is made where something has to be said.
  init(tool: String, folder: String) {
    self.tool = tool
    self.folder = folder
    path = "\(folder)/\(tool)-\(getpid()).json"
  }

  /// Says this, in place of what was said before. Not to be called by two threads at a time.
  func write(_ members: JSONObject) {
    var note: JSONObject = [
      "tool": .string(tool), "process": .int(Int(getpid())),
      "identity": ProcessIdentity.this.map { .string($0.description) },
    ]
    for member in members.members { note[member.name] = member.value }
    mkdir(folder, 0o700)
    let bytes = JSON.object(note).serialized() + [UInt8(ascii: "\n")]
    try? WholeFile.write(bytes, to: path, mode: 0o600)
  }

  /// Takes it back.
  func remove() { unlink(path) }

  /// Removes the notes of processes that were killed.
  func removeLeftBehind() {
    for note in Self.all(in: folder) where Self.isLeftBehind(note.json) { unlink(note.path) }
  }

  /// What living processes say in a folder, in the order of the files' names.
  static func current(in folder: String) -> [JSON] {
    all(in: folder).map(\.json).filter { !isLeftBehind($0) }
  }

  private static func all(in folder: String) -> [(path: String, json: JSON)] {
    Folders.names(in: folder).sorted().filter { $0.hasSuffix(".json") }.compactMap { name in
      let path = "\(folder)/\(name)"
      return (try? JSON(parsing: TextFile.lines(path).joined())).map { (path, $0) }
    }
  }

  /// Whether its process is gone, or another has its number.
  private static func isLeftBehind(_ json: JSON) -> Bool {
    if let text = json["identity"]?.string, let process = ProcessIdentity(text) {
      return ProcessIdentity.this.map(process.isDead(seenFrom:)) ?? false
    }
    guard let number = json["process"]?.int.flatMap(Int32.init(exactly:)), number > 0 else {
      return true
    }
    return kill(number, 0) != 0 && errno == ESRCH
  }
}
