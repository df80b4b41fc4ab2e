import Foundation

/// What lies in a folder.
enum Files {
  /// All files below a folder, as paths relative to it, sorted.
  static func all(in folder: String) -> [String] {
    var found: [String] = []
    let walk = FileManager.default.enumerator(atPath: folder)
    while let path = walk?.nextObject() as? String {
      let type = walk?.fileAttributes?[.type] as? FileAttributeType
      if type != .typeDirectory { found.append(path) }
    }
    return found.sorted()
  }

  /// A file's size in bytes; 0 where there is none.
  static func size(_ path: String) -> Int {
    (try? FileManager.default.attributesOfItem(atPath: path)[.size] as? Int) ?? 0
  }

  /// The lines of a text file; none where there is none.
  static func lines(_ path: String) -> [String] {
    FileManager.default.contents(atPath: path)
      .map { String(decoding: $0, as: UTF8.self).split(separator: "\n").map(String.init) } ?? []
  }
}
