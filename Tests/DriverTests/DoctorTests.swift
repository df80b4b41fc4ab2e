import Common
import Glibc
import Support
import Testing

@testable import driver

@Suite("The doctor's findings")
struct DoctorTests {
  @Test("A line each; the exit code is that of the first thing that is missing")
  func findings() {
    let fine = Doctor.Finding("index", .fine, "5,280\n")
    let missing = Doctor.Finding("gs", .missing(78), "not installed\nand needed\n")
    let open = Doctor.Finding("destination", .open, "not named")
    #expect(fine.line == "ok       index: 5,280")
    #expect(missing.line == "MISSING  gs: not installed; and needed")
    #expect(open.line == "-        destination: not named")
    #expect(Doctor.Finding("fetch", .fine).line == "ok       fetch")
    #expect(Doctor.Finding.code(of: [fine, open]) == 0)
    #expect(Doctor.Finding.code(of: [fine, .init("portals", .missing(69)), missing]) == 69)
  }

  @Test("Little room on the disk is a finding before it is the end of a run")
  func space() {
    #expect(Doctor.space(10 << 30, at: "s").state == .fine)
    #expect(Doctor.space(Doctor.leastSpace, at: "s").state == .fine)
    let little = Doctor.space(Doctor.leastSpace - 1, at: "s")
    #expect(little.state == .missing(ToolExit.inputOutput.rawValue))
    #expect(
      little.text.contains("a run needs 256.0 MiB") || little.text.contains("a run needs 256 MiB"),
      "\(little)")
  }

  @Test("Programs are found where they are looked for, and plugins by their own name")
  func programs() throws {
    let folder = try TemporaryDirectory()
    try folder.write("#!/bin/sh\n", to: "conveyor-stamp")
    try folder.write("#!/bin/sh\n", to: "conveyor-dull")
    chmod("\(folder.path)/conveyor-stamp", 0o755)
    let programs = Tables.programs(["CONVEYOR_PLUGIN_PATH": "/nowhere:\(folder.path)"])
    #expect(try programs.find("fetch") == "\(Tables.folder)/fetch")
    #expect(try programs.find("stamp") == "\(folder.path)/conveyor-stamp")
    for (name, code) in [
      ("dull", ToolExit.configuration), ("Stamp", .usage), ("../stamp", .usage), ("", .usage),
    ] {
      let error = #expect(throws: Fatal.self) { try programs.find(name) }
      #expect(error?.code == code, "\(name)")
    }
    let typo = #expect(throws: Fatal.self) { try programs.find("docter") }
    #expect(typo?.message.contains("did you mean doctor?") == true)
    let none = Programs(environment: [:], beside: folder.path)
    #expect(throws: Fatal.self) { try none.find("fetch") }
  }

  @Test("A program's words, and how a signal ended it")
  func run() throws {
    let programs = Tables.programs()
    let said = try programs.run(
      path: "/bin/sh", ["sh", "-c", "echo one; echo two >&2; exit 3"], .captured)
    #expect(said.status == 3 && said.lines == ["one", "two"])
    let killed = try programs.run(path: "/bin/sh", ["sh", "-c", "kill -9 $$"], .dropped)
    #expect(killed.status == 1 && killed.text.contains("sh was ended by signal 9, SIGKILL"))
    #expect(throws: Fatal.self) { try programs.run(path: "/nowhere/sh", ["sh"], .dropped) }
  }
}

@Suite("What a run needs")
struct PreflightTests {
  private func preflight(_ words: [String], _ folder: String) throws -> Preflight {
    let programs = Tables.programs()
    let settings = try RunSettings(words, for: .run, try Tables.built.get(), environment: [:])
    return Preflight(settings: settings, programs: programs, stagesFolder: folder)
  }

  @Test("The pipeline of a stage file; no tool twice at its ends")
  func pipeline() throws {
    let folder = try TemporaryDirectory()
    for (name, pipeline) in [
      ("plain", nil), ("own", "[fetch, stamp, upload]"), ("bad", "[fetch, Stamp]"),
      ("twice", "[fetch, validate]"), ("path", "['../fetch']"),
    ] as [(String, String?)] {
      let line = pipeline.map { "pipeline: \($0)\n" } ?? ""
      try folder.write("books: [1-9]\n\(line)", to: "stage-\(name).yaml")
    }
    let preflight = try preflight([], folder.path)
    #expect(try preflight.pipeline("stage-plain") == ["fetch", "optimize", "upload"])
    #expect(
      try preflight.pipeline("\(folder.path)/stage-own.yaml") == ["fetch", "stamp", "upload"])
    for name in ["bad", "twice", "path", "none"] {
      let error = #expect(throws: Fatal.self) { try preflight.pipeline("stage-\(name)") }
      #expect(error?.code == .configuration, "\(name)")
    }
    #expect(Preflight.stageNames(in: folder.path).first == "stage-bad")
  }

  @Test(
    "What is not named is asked for",
    arguments: [
      ([], "which stage? --stage NAME; there are: stage-a"),
      (["--stage", "stage-a"], "which index?"),
      (["--stage", "stage-a", "--index", "x"], "where to?"),
    ])
  func unnamed(_ words: [String], _ message: String) throws {
    let folder = try TemporaryDirectory()
    try folder.write("books: [1-9]\n", to: "stage-a.yaml")
    let error = #expect(throws: Fatal.self) { try preflight(words, folder.path).plan() }
    #expect(error?.code == .usage && error?.message.hasPrefix(message) == true)
  }
}

@Suite("A plan for the script")
struct PlanLinesTests {
  @Test("Words with line ends, backslashes and nothing in them arrive as they are")
  func words() throws {
    let odd = ["", " ", "a b", "a\nb", "\\n", "*", "=", "'\"$(x)`", "%s", "é"]
    let plan = PlanLines(
      variables: ["X=a\nb"], programs: [.init(name: "x", isPlugin: true, words: odd)], judge: ["j"],
      end: ["e"])
    #expect(plan.text.split(separator: "\n").allSatisfy { $0.hasPrefix("=") })
    // As bin/conveyor reads it.
    let script = #"""
      IFS=$'\n'; set -f
      for line in $1; do printf -v "words[${#words[@]}]" %b "${line:1}"; done
      printf '%s\0' "${words[@]}"
      """#
    let read = try Tables.programs().run(
      path: "/bin/bash", ["bash", "-c", script, "bash", plan.text], .captured)
    let expected =
      ["environment", "1", "X=a\nb", "plugin", "\(odd.count)"] + odd + [
        "judge", "1", "j", "end", "1", "e",
      ]
    #expect(
      read.text.split(separator: "\0", omittingEmptySubsequences: false).dropLast().map(String.init)
        == expected)
  }
}
