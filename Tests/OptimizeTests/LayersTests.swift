import Glibc
import Subprocesses
import Support
import Testing

@testable import optimize

/// What a process that is kept in cannot do. Each holds where the system offers it.
@Suite("Layers of isolation")
struct LayersTests {
  /// The exit status of a shell's command line that was started so, in `directory`.
  private func shell(
    _ command: String, in directory: TemporaryDirectory, isOffline: Bool = false,
    isConfined: Bool = false
  ) throws -> Launch.End {
    let nowhere = open("/dev/null", O_RDWR | O_CLOEXEC)
    defer { close(nowhere) }
    let pid = try Launch(
      path: "/bin/sh", arguments: ["sh", "-c", command], environment: ["PATH=/usr/bin:/bin"],
      directory: directory.path, input: nowhere, output: nowhere, errors: nowhere,
      isOffline: isOffline, isConfined: isConfined
    ).start()
    return Launch.wait(for: pid)
  }

  @Test(
    "Nothing outside of the working directory is changed", .enabled(if: Launch.layers.isConfined))
  func confined() throws {
    let outside = try TemporaryDirectory()
    let directory = try TemporaryDirectory()
    try outside.write([1], to: "there")
    let there = "\(outside.path)/there"
    func isAllowed(_ command: String) throws -> Bool {
      try shell(command, in: directory, isConfined: true) == .status(0)
    }
    #expect(try isAllowed("echo x > in && mv in out && rm out && mkdir d && rmdir d"))
    #expect(try isAllowed("cat \(there) > /dev/null"))
    for command in ["echo x > \(there)", "rm \(there)", "echo x > \(outside.path)/new"] {
      #expect(try !isAllowed(command), "\(command)")
    }
    #expect(TemporaryDirectory.read(there) == [1])
    #expect(outside.names == ["there"])
  }

  @Test("There is no network but one of its own", .enabled(if: Launch.layers.isOffline))
  func offline() throws {
    let directory = try TemporaryDirectory()
    let devices = "test \"$(sed 1,2d /proc/net/dev | cut -d: -f1 | tr -d ' ')\" = lo"
    let routes = "test -z \"$(sed 1d /proc/net/route)\""
    #expect(try shell("\(devices) && \(routes)", in: directory, isOffline: true) == .status(0))
  }
}
