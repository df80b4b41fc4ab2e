import Common
import Digest
import Glibc

/// `validate --inspect`: the process in which PDFs are parsed for `--files`. A name a line on standard
/// input, as hexadecimal digits; a finding a line on standard output.
enum InspectionMain {
  static let flag = "--inspect"

  /// Works until the input ends. Returns the exit status.
  static func run() -> Int32 {
    var lines = LineReader(descriptor: STDIN_FILENO)
    while case .line(let line)? = try? lines.next() {
      guard let path = Digest.bytes(hex: String(decoding: line, as: UTF8.self)) else {
        return ExitCode.notRecords.rawValue
      }
      let answer = JSON.object(FileInspection.finding(at: path).json)
      _ = writeAll(answer.serialized() + [UInt8(ascii: "\n")], to: STDOUT_FILENO)
    }
    return ExitCode.success.rawValue
  }
}
