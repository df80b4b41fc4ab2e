import Glibc

/// A process that cannot be taken for another one: its number, its start, and where both count.
package struct ProcessIdentity: Sendable, Equatable, CustomStringConvertible {
  package let number: Int32
  /// In clock ticks since the machine's start (proc_pid_stat(5), field 22).
  package let start: UInt64
  /// The inodes of its PID and time namespaces (namespaces(7)): the one gives numbers their meaning, the
  /// other the start.
  package let namespaces: [UInt64]
  /// The kernel's random name for this start of the machine (random(4)).
  package let boot: String

  /// The process that these tell.
  package init(number: Int32, start: UInt64, namespaces: [UInt64], boot: String) {
    self.number = number
    self.start = start
    self.namespaces = namespaces
    self.boot = boot
  }

  /// As in an owner: `4711-35213-4026531836-4026531834-7f0c…`.
  package var description: String {
    ([String(number), String(start)] + namespaces.map { String($0) } + [boot])
      .joined(separator: "-")
  }

  /// Reads what ``description`` wrote.
  package init?(_ text: String) {
    let parts = text.split(separator: "-", omittingEmptySubsequences: false)
    guard parts.count == 5, let number = Int32(parts[0]), number > 0, let start = UInt64(parts[1]),
      let numbers = UInt64(parts[2]), let time = UInt64(parts[3]), !parts[4].isEmpty
    else { return nil }
    self.init(number: number, start: start, namespaces: [numbers, time], boot: String(parts[4]))
  }

  /// This process; `nil` where there is no `/proc` to tell.
  package static let this: ProcessIdentity? = {
    guard let start = start(of: "self"), let numbers = namespace("pid"),
      let boot = firstLine("/proc/sys/kernel/random/boot_id")?.filter({ $0 != "-" }), !boot.isEmpty
    else { return nil }
    // Kernels before 5.6 have one time for all.
    return ProcessIdentity(
      number: getpid(), start: start, namespaces: [numbers, namespace("time") ?? 0], boot: boot)
  }()

  /// The name of this machine, or of what stands for one: a container.
  package static let hostName: String = {
    var name = [CChar](repeating: 0, count: 256)
    guard gethostname(&name, name.count - 1) == 0 else { return "localhost" }
    return String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }()

  /// Whether the process is no more, as far as `here` can see: it has ended (kill(2): ESRCH), or its
  /// number is another's since.
  package func isDead(seenFrom here: ProcessIdentity) -> Bool {
    guard boot == here.boot, namespaces == here.namespaces else { return false }
    if kill(number, 0) != 0, errno == ESRCH { return true }
    // A /proc of another namespace (unshare --pid without --mount-proc) shows other processes.
    guard link("/proc/self") == String(getpid()), let now = Self.start(of: String(number)) else {
      return false
    }
    return now != start
  }

  private static func start(of process: String) -> UInt64? {
    // The name, in parentheses, may hold anything; the third field comes after it.
    let fields = firstLine("/proc/\(process)/stat")?.split(separator: ")").last?.split(
      separator: " ")
    guard let fields, fields.count > 19 else { return nil }
    return UInt64(fields[19])
  }

  private static func namespace(_ kind: String) -> UInt64? {
    // `pid:[4026531836]`
    link("/proc/self/ns/\(kind)").flatMap { UInt64($0.filter { $0.isASCII && $0.isNumber }) }
  }
}

private func link(_ path: String) -> String? {
  var target = [CChar](repeating: 0, count: 256)
  let count = readlink(path, &target, target.count - 1)
  guard count > 0 else { return nil }
  return String(decoding: target.prefix(count).map(UInt8.init(bitPattern:)), as: UTF8.self)
}

private func firstLine(_ path: String) -> String? {
  guard let file = fopen(path, "re") else { return nil }
  defer { fclose(file) }
  var bytes = [UInt8](repeating: 0, count: 4096)
  let count = fread(&bytes, 1, bytes.count, file)
  guard count > 0 else { return nil }
  return String(decoding: bytes.prefix(count).prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
}
