import Files
import Common
import Glibc

/// A program in Python from a folder of the tests, in the virtual environment that `make test-servers` makes, with
/// pipes to its input and from its output. Ends with its owner.
package final class Python: Sendable {
  private let process: pid_t
  private let input: Int32
  private let output: Int32

  /// Starts it. `folder` is below `Tests`. Without the virtual environment there is nothing to test against, and the test has to
  /// fail rather than pass in silence.
  package init(
    _ script: String, _ arguments: [String], in folder: String = "StoreTests/Servers"
  ) throws {
    let here = #filePath.split(separator: "/").dropLast(1)
    let root = "/" + here.dropLast(2).joined(separator: "/")
    let python = root + "/.build/venv/bin/python"
    guard access(root + "/.build/venv/ready", R_OK) == 0 else {
      throw Missing("\(root)/.build/venv is missing: run `make test-servers`")
    }
    let path = root + "/Tests/\(folder)/" + script
    var toChild: [Int32] = [-1, -1]
    var fromChild: [Int32] = [-1, -1]
    guard pipe(&toChild) == 0, pipe(&fromChild) == 0 else { throw Missing("no pipe") }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, toChild[0], 0)
    posix_spawn_file_actions_adddup2(&actions, fromChild[1], 1)
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
    for end in toChild + fromChild { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    var words: [UnsafeMutablePointer<CChar>?] = ([python, path] + arguments).map { strdup($0) }
    words.append(nil)
    defer { for word in words { free(word) } }
    var process: pid_t = 0
    let failure = posix_spawn(&process, python, &actions, nil, words, environ)
    close(toChild[0])
    close(fromChild[1])
    guard failure == 0 else {
      // No process of number 0 is left behind: its end would be that of all in our group.
      close(toChild[1])
      close(fromChild[0])
      throw Missing("cannot start \(python): \(String(cString: strerror(failure)))")
    }
    input = toChild[1]
    output = fromChild[0]
    self.process = process
  }

  deinit {
    kill(process, SIGKILL)
    close(input)
    close(output)
    var status: Int32 = 0
    waitpid(process, &status, 0)
  }

  /// Sends a line.
  package func write(_ line: String) { _ = writeAll(Array((line + "\n").utf8), to: input) }

  /// The next line of its output.
  package func line() throws -> String {
    var bytes: [UInt8] = []
    var byte: UInt8 = 0
    while read(output, &byte, 1) == 1 {
      if byte == UInt8(ascii: "\n") { return String(decoding: bytes, as: UTF8.self) }
      bytes.append(byte)
    }
    throw Missing("the program in Python ended: \(String(decoding: bytes, as: UTF8.self))")
  }

  /// Something that the test needs is not there.
  package struct Missing: Error, CustomStringConvertible {
    /// What it is.
    package let description: String

    /// What.
    package init(_ description: String) { self.description = description }
  }
}

/// An emulated store on a free port with one empty bucket, `test-bucket`. Ends with its owner.
package struct Emulator: Sendable {
  /// `gs` or `s3`.
  package let kind: String
  /// Where it listens.
  package let url: String
  private let server: Python

  /// Starts one of a kind.
  package init(_ kind: String) throws {
    self.kind = kind
    server = try Python("serve.py", [kind, "test-bucket"])
    let port = try JSON(parsing: try server.line())["port"]?.int ?? 0
    url = "http://127.0.0.1:\(port)"
  }

  /// What the vendor's own client sees under a name.
  package func readBack(_ name: String) throws -> JSON {
    let reader = try Python("read_back.py", [kind, url, "test-bucket", name])
    return try JSON(parsing: try reader.line())
  }

  /// What the vendor's own client sees of a bucket's lifecycle.
  package func lifecycle(of bucket: String) throws -> JSON {
    let reader = try Python("lifecycle.py", [url, bucket])
    return try JSON(parsing: try reader.line())
  }

  /// What is done to an object behind everybody's back.
  package enum Tampering: Sendable {
    case delete
    /// Cut to half its length.
    case cut
    /// As long as before, and other bytes; what is noted beside it stays.
    case replace
    case add
  }

  /// Has the vendor's own client do it.
  package func tamper(_ how: Tampering, _ name: String) throws {
    let tamper = try Python("tamper.py", [kind, url, "test-bucket", "\(how)", name])
    guard try tamper.line() == "done" else { throw Python.Missing("\(name) is as before") }
  }

  /// The variables that lead our tools to it.
  package var environment: [String: String] {
    kind == "gs"
      ? ["STORAGE_EMULATOR_HOST": url]
      : [
        "AWS_ENDPOINT_URL": url, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
      ]
  }
}
