// swift-tools-version: 6.1
import PackageDescription

// All modules are named that a module depends on, also through others: after a change SwiftPM compiles anew only those that name
// what changed, and what kept an old layout would damage memory.
let operators: [Target.Dependency] = [
  "TesseraCL", "TesseraKernels", "TesseraMemory", "TesseraOperators", "TesseraSystem",
]
let files: [Target.Dependency] = ["TesseraFiles", "TesseraJSON"]
let text: [Target.Dependency] = ["Jinja", "TesseraText"]
let models: [Target.Dependency] = operators + files + ["TesseraModels"]
let audio: [Target.Dependency] = files + ["TesseraAudio"]
let everything: [Target.Dependency] =
  models + text + ["TesseraAudio", "TesseraReference", "TesseraWorkbench", "Tessera"]
let deque: Target.Dependency = .product(name: "DequeModule", package: "swift-collections")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")
/// What the server speaks HTTP with.
let http: [Target.Dependency] = [
  ("HummingbirdCore", "hummingbird"), ("HTTPTypes", "swift-http-types"), ("NIOCore", "swift-nio"),
  ("NIOPosix", "swift-nio"), ("NIOHTTP1", "swift-nio"), ("NIOHTTPTypes", "swift-nio-extras"),
].map { .product(name: $0, package: $1, condition: .when(traits: ["Server"])) }

/// System libraries, and the kernels embedded in the binary.
let foundations: [Target] = [
  .systemLibrary(name: "COpenCL", pkgConfig: "OpenCL", providers: [.apt(["ocl-icd-opencl-dev", "opencl-headers"])]),
  .systemLibrary(name: "CSampleRate", pkgConfig: "samplerate", providers: [.apt(["libsamplerate0-dev"])]),
  .systemLibrary(name: "CCLBlast", pkgConfig: "clblast", providers: [.apt(["libclblast-dev"])]),
  .systemLibrary(name: "CEditLine", pkgConfig: "libedit", providers: [.apt(["libedit-dev"])]),
  .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
  .target(name: "TesseraKernels", path: "Kernels"),
]

/// Each imports only modules above it. `Tessera` alone is for users: what its functions take and give is public, all else `package`.
let modules: [Target] = [
  .target(name: "TesseraSystem", dependencies: [crypto]),
  .target(name: "TesseraJSON"),
  .target(
    name: "TesseraCL",
    dependencies: [
      "COpenCL", .target(name: "CCLBlast", condition: .when(traits: ["CLBlast"])), "TesseraSystem", deque, logging,
    ]),
  .target(name: "TesseraMemory", dependencies: ["TesseraCL", "TesseraSystem", crypto]),
  .target(name: "TesseraFiles", dependencies: ["TesseraJSON", "TesseraSystem"]),
  .target(name: "TesseraAudio", dependencies: files + ["CSampleRate", "TesseraSystem"]),
  .target(name: "Jinja", dependencies: ["TesseraJSON"]),
  .target(name: "TesseraText", dependencies: ["Jinja", "TesseraJSON"]),
  .target(name: "TesseraReference"),
  .target(name: "TesseraOperators", dependencies: ["TesseraCL", "TesseraKernels", "TesseraMemory", "TesseraSystem"]),
  .target(name: "TesseraWorkbench", dependencies: operators + ["TesseraReference"]),
  .target(name: "TesseraModels", dependencies: operators + files),
  .target(
    name: "Tessera", dependencies: models + text + ["CZlib", "TesseraAudio", "TesseraReference", "TesseraWorkbench"]),
  .target(
    name: "TesseraServer", dependencies: everything + http + [crypto, logging],
    // The chat page's parts.
    resources: [
      "page.html", "page.css", "base.js", "store.js", "markdown.js", "turns.js", "asking.js", "conversations.js",
      "controls.js",
    ].map { .embedInCode("Page/" + $0) }),
  .executableTarget(
    name: "TesseraCommand",
    dependencies: everything + [
      "CEditLine", "TesseraServer", logging,
      .product(name: "ArgumentParser", package: "swift-argument-parser"),
    ]),
]

/// How fast each kernel is, beside what the device allows: docs/benchmarks.md.
let benchmarks: [Target] = [
  // Statistics and reports: no device.
  .target(name: "BenchmarkReports", path: "Benchmarks/Sources/BenchmarkReports"),
  // The kernels that measure the roofs, embedded in the binary.
  .target(name: "BenchmarkProbes", path: "Benchmarks/Sources/BenchmarkProbes"),
  .executableTarget(
    name: "TesseraBenchmarks",
    dependencies: operators + [
      "BenchmarkReports", "BenchmarkProbes", "TesseraReference", "TesseraWorkbench",
      .product(name: "ArgumentParser", package: "swift-argument-parser"),
    ],
    path: "Benchmarks/Sources/TesseraBenchmarks"),
  .testTarget(
    name: "BenchmarkReportsTests", dependencies: ["BenchmarkReports"], path: "Benchmarks/Tests/BenchmarkReportsTests"),
]

/// One test target a module.
let tests: [Target] = [
  .target(name: "TestSupport", dependencies: ["TesseraCL", "TesseraJSON", "TesseraSystem"], path: "Tests/TestSupport"),
  .testTarget(name: "TesseraSystemTests", dependencies: ["TesseraSystem"]),
  .testTarget(name: "TesseraJSONTests", dependencies: ["TesseraJSON"]),
  .testTarget(
    name: "TesseraCLTests", dependencies: ["COpenCL", "TesseraCL", "TesseraJSON", "TesseraSystem", "TestSupport"]),
  .testTarget(
    name: "TesseraMemoryTests",
    dependencies: ["TesseraCL", "TesseraJSON", "TesseraMemory", "TesseraSystem", "TestSupport"]),
  .testTarget(
    name: "TesseraFilesTests", dependencies: files + ["TesseraSystem", "TestSupport"], resources: [.copy("Fixtures")]),
  .testTarget(
    name: "TesseraAudioTests", dependencies: audio + ["TesseraSystem", "TestSupport"], resources: [.copy("Fixtures")]),
  .testTarget(
    name: "JinjaTests", dependencies: ["Jinja", "TesseraJSON", "TestSupport"], resources: [.copy("Fixtures")]),
  .testTarget(
    name: "TesseraTextTests", dependencies: text + ["TesseraJSON", "TestSupport"], resources: [.copy("Fixtures")]),
  .testTarget(name: "TesseraReferenceTests", dependencies: ["TesseraReference"], resources: [.copy("Fixtures")]),
  .testTarget(
    name: "TesseraOperatorsTests", dependencies: operators + ["TesseraReference", "TesseraWorkbench", "TestSupport"]),
  .testTarget(
    name: "TesseraCommandTests",
    dependencies: operators + ["TesseraCommand", "TesseraWorkbench", "TestSupport"]),
  .testTarget(
    name: "TesseraServerTests", dependencies: everything + ["TesseraServer", "TestSupport"] + http),
  .testTarget(name: "TesseraTests", dependencies: everything + ["TestSupport"], resources: [.copy("Fixtures")]),
]

let package = Package(
  name: "tessera",
  products: [
    .library(name: "Tessera", targets: ["Tessera"]),
    .library(name: "TesseraServer", targets: ["TesseraServer"]),
    .executable(name: "tessera", targets: ["TesseraCommand"]),
    .executable(name: "tessera-benchmarks", targets: ["TesseraBenchmarks"]),
  ],
  traits: [
    // Needs libclblast-dev. No model uses it: tests and benchmarks do.
    .trait(name: "CLBlast", description: "Dense float32 products through CLBlast, where it is faster."),
    .trait(name: "Server", description: "The command's `serve`: a server that speaks OpenAI's interface."),
    .default(enabledTraits: ["Server"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
    .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
    .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    .package(url: "https://github.com/apple/swift-nio-extras", from: "1.34.1"),
    .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: []),
  ],
  targets: foundations + modules + benchmarks + tests,
  swiftLanguageModes: [.v6],
  cLanguageStandard: .c2x
)
