// swift-tools-version: 6.2
import PackageDescription

// Dependencies point one way: tools → libraries → Common. `docs/architecture.md` has the picture.

let strict: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .treatAllWarnings(as: .error),
]

let argumentParser: Target.Dependency = .product(
  name: "ArgumentParser", package: "swift-argument-parser")
let grdb: Target.Dependency = .product(name: "GRDB", package: "GRDB.swift")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")

/// A C library that Debian ships, seen through its module map.
func system(_ name: String, pkgConfig: String, apt: String) -> Target {
  .systemLibrary(name: name, pkgConfig: pkgConfig, providers: [.apt([apt])])
}

func library(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

/// One of the five tools, or the sample portal: an executable on the shared command line.
func tool(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .executableTarget(
    name: name, dependencies: ["Common", "CLI", argumentParser, logging] + dependencies,
    swiftSettings: strict)
}

func tests(_ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []) -> Target {
  .testTarget(
    name: name, dependencies: dependencies + ["Common", "Support"], exclude: exclude,
    swiftSettings: strict)
}

let package = Package(
  name: "conveyor",
  products: ["enqueue", "fetch", "optimize", "upload", "validate", "portal"].map {
    .executable(name: $0, targets: [$0])
  },
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
    .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.0"),
  ],
  targets: [
    system("CCurl", pkgConfig: "libcurl", apt: "libcurl4-openssl-dev"),
    system("CText", pkgConfig: "libidn2", apt: "libidn2-dev"),
    system("CCrypto", pkgConfig: "libcrypto", apt: "libssl-dev"),
    system("CQPDF", pkgConfig: "libqpdf", apt: "libqpdf-dev"),
    system("CZlib", pkgConfig: "zlib", apt: "zlib1g-dev"),
    system("CXML2", pkgConfig: "libxml-2.0", apt: "libxml2-dev"),
    system("CPCRE2", pkgConfig: "libpcre2-8", apt: "libpcre2-dev"),
    system("CPostgres", pkgConfig: "libpq", apt: "libpq-dev"),
    system("CLeptonica", pkgConfig: "lept", apt: "libleptonica-dev"),
    system("COpenJPEG", pkgConfig: "libopenjp2", apt: "libopenjp2-7-dev"),
    system("CJBIG2", pkgConfig: "jbig2dec", apt: "libjbig2dec0-dev"),

    .target(name: "CMemory"),
    library("Common", ["CMemory", logging]),
    library("CLI", ["Common", "Stages", argumentParser, logging]),
    library("Stages", ["Common", .product(name: "Yams", package: "Yams")]),
    .target(name: "CProcess"),
    library("Processes", ["CProcess"]),
    .target(name: "CCRC32C"),
    .systemLibrary(name: "CFiles"),
    library("Digest", ["CCRC32C", "CCrypto", "CFiles"]),
    library("JBIG2", []),
    .target(name: "CJPEG", linkerSettings: [.linkedLibrary("jpeg")]),
    library("Inspection", ["Common", "Digest", "PDF", "Processes"]),
    library("Images", ["CJBIG2", "CJPEG", "CLeptonica", "COpenJPEG", "JBIG2", "PDF"]),
    library("PDF", ["CQPDF", "CZlib"]),
    library("Transfer", ["CCurl", "CText", "Common"]),
    library(
      "State", ["Common", "Postgres", grdb, .product(name: "GRDBSQLite", package: "GRDB.swift")]),
    library("Postgres", ["Common", "CPostgres"]),
    library("Index", ["CZlib", "Common", "Postgres", "Stages", grdb]),
    library("Store", ["Common", "Digest", "Transfer", logging]),

    tool("enqueue", ["Index", "Processes", "Stages"]),
    tool(
      "fetch",
      ["CPCRE2", "CXML2", "CZlib", "Digest", "Inspection", "PDF", "Stages", "State", "Transfer"]),
    tool("optimize", ["Digest", "Images", "PDF", "Processes"]),
    tool("upload", ["Digest", "Stages", "Store"]),
    tool(
      "validate", ["Digest", "Index", "Inspection", "PDF", "Processes", "Stages", "State", "Store"]),
    tool("portal", ["CLeptonica", "Digest", "Index"]),

    .target(
      name: "Support", dependencies: ["Common"], path: "Tests/Support",
      exclude: ["postgres-server.sh"], swiftSettings: strict),
    tests("CommonTests", ["Stages"]),
    tests("IndexTests", ["CZlib", "Index", "Postgres", "Stages"]),
    tests("StateTests", ["State"]),
    tests("StoreTests", ["CCRC32C", "Store", "Digest", "Transfer", logging], exclude: ["Servers"]),
    tests("EnqueueTests", ["enqueue", "Index", "Stages"]),
    tests("FetchTests", ["fetch", "CZlib", "Inspection", "PDF", "Stages", "Transfer"]),
    tests("ImagesTests", ["Images", "JBIG2", "PDF", "Processes"]),
    tests("OptimizeTests", ["optimize", "PDF", "Processes"]),
    tests("PortalTests", ["portal"]),
    tests("ToolTests", ["CLI", "Digest", "Index", "Stages"]),
    tests("ValidateTests", ["CLI", "Index", "Inspection", "Stages", "Store", "validate"]),
  ],
  swiftLanguageModes: [.v6]
)
