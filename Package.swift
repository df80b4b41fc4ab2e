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

/// What `--version` names; `make build` sets it. Not asked of git here, where each commit would link all tools anew.
let commit = Context.environment["CONVEYOR_COMMIT"].flatMap { $0.isEmpty ? nil : $0 }

/// A C library that Debian ships, seen through its module map.
func system(_ name: String, pkgConfig: String, apt: String) -> Target {
  .systemLibrary(name: name, pkgConfig: pkgConfig, providers: [.apt([apt])])
}

func library(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

/// One of the tools, or the sample portal: an executable on the shared command line.
func tool(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .executableTarget(
    name: name, dependencies: ["Common", "CLI", "Files", argumentParser, logging] + dependencies,
    swiftSettings: strict)
}

func tests(_ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []) -> Target {
  .testTarget(
    name: name, dependencies: dependencies + ["Common", "Files", "Support"], exclude: exclude,
    swiftSettings: strict)
}

let package = Package(
  name: "conveyor",
  products: [
    "enqueue", "fetch", "optimize", "upload", "validate", "queue", "dashboard", "notify", "portal",
  ].map { .executable(name: $0, targets: [$0]) }
    + [.executable(name: "conveyor-driver", targets: ["driver"])],
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
    system("CDeflate", pkgConfig: "libdeflate", apt: "libdeflate-dev"),
    system("CXML2", pkgConfig: "libxml-2.0", apt: "libxml2-dev"),
    system("CPCRE2", pkgConfig: "libpcre2-8", apt: "libpcre2-dev"),
    system("CPostgres", pkgConfig: "libpq", apt: "libpq-dev"),
    system("CLeptonica", pkgConfig: "lept", apt: "libleptonica-dev"),
    system("COpenJPEG", pkgConfig: "libopenjp2", apt: "libopenjp2-7-dev"),
    system("CJBIG2", pkgConfig: "jbig2dec", apt: "libjbig2dec0-dev"),
    system("CMicroHTTPD", pkgConfig: "libmicrohttpd", apt: "libmicrohttpd-dev"),
    // Debian's package has no file for pkg-config.
    .systemLibrary(name: "CWslay", providers: [.apt(["libwslay-dev"])]),

    .target(name: "CMemory"),
    .target(
      name: "CVersion", cSettings: commit.map { [.define("CONVEYOR_COMMIT", to: "\"\($0)\"")] }),
    library("Files", ["CFiles"]),
    library("Common", ["CMemory", "CVersion", "Files", logging]),
    library("CLI", ["Common", "Config", argumentParser, logging]),
    library("Config", ["Common", "Files", .product(name: "Yams", package: "Yams")]),
    .target(name: "CProcess"),
    library("Subprocesses", ["CProcess"]),
    .target(name: "CCRC32C"),
    .systemLibrary(name: "CFiles"),
    library("Crypto", ["CCRC32C", "CCrypto", "Files"]),
    library("JBIG2", []),
    .target(name: "CJPEG", linkerSettings: [.linkedLibrary("jpeg")]),
    library("Inspection", ["Common", "Crypto", "Files", "PDF", "PageImages", "Subprocesses"]),
    library("Images", ["CJBIG2", "CJPEG", "CLeptonica", "COpenJPEG", "JBIG2", "PDF"]),
    library("PDF", ["CDeflate", "CQPDF", "CZlib"]),
    library("PageImages", ["CZlib", "Files", "PDF"]),
    library("HTTP", ["CCurl", "CText", "Common"]),
    library(
      "SQLite", ["Common", grdb, .product(name: "GRDBSQLite", package: "GRDB.swift")]),
    library("Redis", ["Common", "HTTP"]),
    library(
      "Limiter", ["Common", "Postgres", "Redis", "SQLite", grdb]),
    library(
      "Checkpoint",
      ["Common", "Crypto", "SQLite", grdb, .product(name: "GRDBSQLite", package: "GRDB.swift")]),
    library("Postgres", ["Common", "CPostgres"]),
    library("Index", ["CZlib", "Common", "Files", "Postgres", "SQLite", grdb]),
    library("Page", ["Checkpoint", "Common", "Files", "Index"]),
    library("Store", ["Common", "Crypto", "Files", "HTTP", "Subprocesses", logging]),

    tool("enqueue", ["Index", "Subprocesses", "Config"]),
    tool(
      "fetch",
      [
        "CPCRE2", "CXML2", "CZlib", "Crypto", "Inspection", "PDF", "PageImages", "Config",
        "Checkpoint", "Limiter", "SQLite", "Subprocesses", "HTTP",
      ]),
    tool("optimize", ["Crypto", "Images", "PDF", "Subprocesses"]),
    tool("upload", ["Crypto", "Config", "Store"]),
    tool(
      "validate",
      [
        "Crypto", "Index", "Inspection", "Page", "PDF", "Subprocesses", "Config", "Checkpoint",
        "Limiter", "SQLite", "Store",
      ]),
    tool("queue", ["Redis"]),
    tool("dashboard", ["CMicroHTTPD", "CWslay", "Config", "Crypto", "Index", "Limiter", "Page"]),
    tool("notify", ["Crypto", "HTTP", "SQLite", grdb]),
    tool("portal", ["CLeptonica", "Crypto", "Index"]),
    tool("driver", ["Subprocesses", "Config"]),

    .target(
      name: "Support", dependencies: ["Common"], path: "Tests/Support",
      exclude: ["postgres-server.sh", "redis-server.sh"], swiftSettings: strict),
    tests("CommonTests", ["Config"]),
    tests("IndexTests", ["CZlib", "Index", "Postgres", "Config"]),
    tests("StateTests", ["Checkpoint", "Limiter", "Redis", "SQLite", grdb]),
    tests("QueueTests", ["queue", "Redis", logging]),
    tests("RedisTests", ["Redis"]),
    tests("StoreTests", ["CCRC32C", "Store", "Crypto", "HTTP", logging], exclude: ["Servers"]),
    tests("DriverTests", ["driver", "Config"]),
    tests("EnqueueTests", ["enqueue", "Index", "Config"]),
    tests("FetchTests", ["fetch", "CZlib", "Inspection", "PDF", "Config", "HTTP"]),
    tests("ImagesTests", ["Images", "JBIG2", "PDF", "Subprocesses"]),
    tests("PageImagesTests", ["PageImages", "PDF"], exclude: ["reference.py"]),
    tests("OptimizeTests", ["optimize", "PDF", "Subprocesses"]),
    tests("NotifyTests", ["notify", grdb]),
    tests("PortalTests", ["portal"]),
    tests("ToolTests", ["CLI", "Crypto", "Index", "Config"], exclude: ["Receivers"]),
    tests("ValidateTests", ["CLI", "Index", "Inspection", "Config", "Page", "Store", "validate"]),
    tests("DashboardTests", ["Index", "Limiter", "Page", "dashboard"], exclude: ["metrics.py"]),
  ],
  swiftLanguageModes: [.v6]
)
