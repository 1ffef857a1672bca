// swift-tools-version: 6.1
import PackageDescription

// How fast each kernel is, beside what the device allows. Building and running: docs/benchmarks.md
let package = Package(
  name: "Benchmarks",
  products: [.executable(name: "tessera-benchmarks", targets: ["TesseraBenchmarks"])],
  traits: [
    .trait(name: "CLBlast", description: "CLBlast's products beside Tessera's."),
    .default(enabledTraits: ["CLBlast"]),
  ],
  dependencies: [
    .package(name: "tessera", path: "..", traits: [.trait(name: "CLBlast", condition: .when(traits: ["CLBlast"]))]),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
  ],
  targets: [
    // Statistics and reports: no device.
    .target(name: "BenchmarkReports"),
    // The kernels that measure the roofs, embedded in the binary.
    .target(name: "BenchmarkProbes"),
    .executableTarget(
      name: "TesseraBenchmarks",
      dependencies: [
        "BenchmarkReports", "BenchmarkProbes",
        .product(name: "TesseraOperators", package: "tessera"),
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ]),
    .testTarget(name: "BenchmarkReportsTests", dependencies: ["BenchmarkReports"]),
  ],
  swiftLanguageModes: [.v6],
  cLanguageStandard: .c2x
)
