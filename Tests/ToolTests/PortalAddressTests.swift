import Common
import Foundation
import Support
import Testing

/// The county's server is a real one: nothing but a run that means it may ask it.
@Suite("The address of the delivered portals") struct PortalAddressTests {
  /// Not spelled here either.
  private static let host = ["tools", ["madison", "co"].joined(separator: "-"), "net"].joined(
    separator: ".")

  @Test("Only the two portal files, and their tests, name the host") func onlyInTwoFiles() throws {
    var naming: Set<String> = []
    var read = 0
    for folder in [
      ".ci", "Benchmarks", "Sources", "Tests", "bin", "docs", "examples", "portals", "scripts",
      "sql", "stages",
      "README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "Makefile", "Package.swift",
      "download_validator", "download_mid_filtered_documents.sh",
    ] {
      let top = "\(sourceTree)/\(folder)"
      let files = Files.all(in: top).map { "\(folder)/\($0)" }
      for file in files.isEmpty ? [folder] : files {
        guard let data = FileManager.default.contents(atPath: "\(sourceTree)/\(file)") else {
          continue
        }
        read += 1
        if data.range(of: Data(Self.host.utf8)) != nil { naming.insert(file) }
      }
    }
    #expect(read > 300)
    let owners = naming.filter { !$0.contains(".tests/") }
    #expect(owners == ["portals/historical.yaml", "portals/mid.yaml"])
    let others = naming.subtracting(owners)
    #expect(
      others.allSatisfy {
        $0.hasPrefix("portals/mid.tests/") || $0.hasPrefix("portals/historical.tests/")
      })
  }

  @Test("The demo talks to this machine alone") func demo() throws {
    let folder = try TemporaryDirectory()
    let trace = folder.path + "/trace"
    let end = try Program(
      "/usr/bin/env",
      [
        "strace", "-f", "-qq", "-e", "trace=connect,sendto,sendmsg,sendmmsg", "-o", trace,
        "\(sourceTree)/examples/demo", "--dir", folder.path + "/demo", "--documents", "8",
        "--delay", "0.01",
      ],
      environment: [
        "CONVEYOR": "\(sourceTree)/bin/conveyor", "CONVEYOR_BIN": builtTools,
        "CONVEYOR_PORTAL_BASE": "",
      ], directory: folder.path
    ).wait()
    #expect(end.code == 0, "\(end.errors)")
    let addresses = Files.lines(trace).filter { $0.contains("AF_INET") }
    #expect(addresses.contains { $0.contains("127.0.0.1") }, "the trace shows the sample portal")
    let away = addresses.filter { line in
      !line.contains("127.0.0.1") && !line.contains("::1") && !line.contains("0.0.0.0")
        && !line.contains("AF_UNSPEC")
    }
    #expect(away == [], "neither a name server nor another host")
  }
}
