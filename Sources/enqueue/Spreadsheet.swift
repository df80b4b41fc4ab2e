import Common
import Glibc
import Subprocesses

/// A spreadsheet of Excel, which Debian's `xlsx2csv` makes a table of: a helper program with limits,
/// without network and, where the system can, without leave to change any file.
enum Spreadsheet {
  /// Seconds of processor time: a million rows take about a hundred.
  private static let seconds = 1800
  /// Bytes of address space: it holds all texts of a workbook, not its rows.
  private static let memory = 4 << 30

  /// Whether a file is a spreadsheet that is read this way, by what it begins with. Throws for those
  /// that are not read, with what to do.
  static func isOne(_ path: String, _ descriptor: Int32) throws(Fatal) -> Bool {
    var bytes = [UInt8](repeating: 0, count: 100)
    let count = pread(descriptor, &bytes, bytes.count, 0)
    guard count > 4, bytes.starts(with: "PK\u{03}\u{04}".utf8) else { return false }
    guard bytes.firstRange(of: Array("opendocument".utf8)) == nil else {
      throw Fatal(
        .configuration,
        "\(path) is an OpenDocument spreadsheet, which is not read. Save it as .xlsx or .csv.")
    }
    return true
  }

  /// Lets `body` read the rows of a sheet as CSV, until `stop` is requested. `sheet` is its name, or its number from 1.
  static func withRows<T>(
    _ path: String, sheet: String?, stop: ShutdownSignal, _ body: (Int32) throws -> T
  ) throws -> T {
    guard let program = ProgramPath.find(ProgramPath.candidates("xlsx2csv", searchPath)) else {
      throw Fatal(
        .configuration,
        "\(path) is a spreadsheet, and xlsx2csv, which reads it, is not on PATH. Install it "
          + "(apt-get install xlsx2csv), or save the sheet as CSV.")
    }
    guard
      let file = realpath(path, nil).map({ pointer in
        defer { free(pointer) }
        return String(cString: pointer)
      }), let folder = Folder(), let words = tmpfile()
    else { throw Fatal(.inputOutput, "cannot read \(path): \(String(cString: strerror(errno)))") }
    defer { fclose(words) }
    let rows = try pipe()
    defer { close(rows.output) }
    let nowhere = open("/dev/null", O_RDONLY | O_CLOEXEC)
    let launch = Launch(
      path: program, arguments: ["xlsx2csv"] + arguments(sheet) + [file], environment: environment,
      directory: folder.path, input: nowhere, output: rows.input, errors: fileno(words),
      isChildless: true, isOffline: true, isConfined: true, processorSeconds: seconds,
      memory: memory, fileSize: 1 << 16)
    let started = Result { () throws(Launch.Failure) in try launch.start() }
    close(nowhere)
    close(rows.input)
    guard case .success(let process) = started else {
      throw Fatal(.inputOutput, "cannot start \(program): \(reason(of: started))")
    }
    let answer = Result { try body(rows.output) }
    // A reader that has stopped leaves it with a pipe that stays full.
    if stop.isRequested || (try? answer.get()) == nil { kill(process, SIGKILL) }
    let end = drain(rows.output, process)
    // A terminal's Ctrl+C ends it, too.
    if stop.isRequested { return try answer.get() }
    // A sheet that is not there makes an empty table; its own words say why.
    if case .failure = answer, said(words).isEmpty { return try answer.get() }
    guard end == .status(0), said(words).isEmpty else {
      throw Fatal(
        .configuration,
        "\(path) cannot be read to its end as a spreadsheet: xlsx2csv \(end). \(said(words))")
    }
    return try answer.get()
  }

  private static var searchPath: String? { getenv("PATH").map { String(cString: $0) } }

  private static let environment = [
    "PATH=/usr/local/bin:/usr/bin:/bin", "LC_ALL=C.UTF-8", "PYTHONDONTWRITEBYTECODE=1",
    "PYTHONIOENCODING=utf-8",
  ]

  private static func arguments(_ sheet: String?) -> [String] {
    // Dates as a database writes them, whatever a cell's format is.
    let dates = ["-f", "%Y-%m-%d %H:%M:%S"]
    guard let sheet else { return dates }
    return dates + (Int(sheet) == nil ? ["-n", sheet] : ["-s", sheet])
  }

  private static func pipe() throws(Fatal) -> (output: Int32, input: Int32) {
    do throws(Launch.Failure) { return try Launch.makePipe() } catch {
      throw Fatal(.inputOutput, "cannot make a pipe: \(error)")
    }
  }

  private static func reason(of result: Result<pid_t, Launch.Failure>) -> String {
    if case .failure(let failure) = result { "\(failure)" } else { "" }
  }

  /// Reads what is left, so that it can end, and waits for its end.
  private static func drain(_ descriptor: Int32, _ process: pid_t) -> Launch.End {
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = read(descriptor, &buffer, buffer.count)
      if count > 0 || count < 0 && errno == EINTR { continue }
      return Launch.wait(for: process)
    }
  }

  /// The last line of what it said.
  private static func said(_ file: UnsafeMutablePointer<FILE>) -> String {
    var bytes = [UInt8](repeating: 0, count: 1 << 16)
    let count = max(0, pread(fileno(file), &bytes, bytes.count, 0))
    let lines = String(decoding: bytes.prefix(count), as: UTF8.self).split(separator: "\n")
    return Format.printable(String(lines.last ?? "").prefix(200).description)
  }

  /// An empty folder to run in, which is removed afterwards.
  private final class Folder {
    let path: String

    init?() {
      var template = Array("/tmp/conveyor-import-XXXXXX".utf8CString)
      guard mkdtemp(&template) != nil else { return nil }
      path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit { rmdir(path) }
  }
}
