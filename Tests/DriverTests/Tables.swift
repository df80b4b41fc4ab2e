import Common
import Foundation
import Testing

@testable import driver

/// What the built tools say of themselves: the driver reads the same.
enum Tables {
  static let folder: String = {
    let bundle = CommandLine.arguments.first { $0.hasSuffix(".xctest") } ?? "."
    return URL(fileURLWithPath: bundle).deletingLastPathComponent().path
  }()

  static func programs(_ environment: [String: String] = [:]) -> Programs {
    let inherited = ProcessInfo.processInfo.environment.filter {
      ["PATH", "HOME", "LD_LIBRARY_PATH"].contains($0.key)
    }
    return Programs(environment: inherited.merging(environment) { $1 }, beside: folder)
  }

  static let built = Result { try Driver.table(programs()) }

  /// A tool's help as `--experimental-dump-help` prints it.
  static func help(_ arguments: String, more: String = "") throws -> JSON {
    try JSON(
      parsing: #"{"command":{"commandName":"x","arguments":["# + arguments + "]" + more
        + "},\"serializationVersion\":0}")
  }

  /// One option in it.
  static func option(_ name: String, kind: String = "option", _ more: String = "") -> String {
    #"{"kind":"\#(kind)","names":[{"kind":"long","name":"\#(name)"}],"preferredName":{"kind":"long","name":"\#(name)"},"#
      + #""abstract":"About \#(name).","valueName":"\#(name)"\#(more)}"#
  }
}
