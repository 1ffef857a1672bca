// swift-tools-version: 6.1
import PackageDescription

/// The operators' room and those that it is built on.
let operators: [Target.Dependency] = ["TesseraCL", "TesseraMemory", "TesseraOperators"]

let package = Package(
  name: "tessera",
  products: [
    .library(
      name: "Tessera",
      targets: [
        "Tessera", "TesseraModels", "TesseraOperators", "TesseraText", "TesseraFiles", "TesseraMemory", "TesseraCL",
      ]),
    // The operators alone, and what checks and times them: for `Benchmarks/`.
    .library(
      name: "TesseraOperators",
      targets: ["TesseraWorkbench", "TesseraReference", "TesseraOperators", "TesseraMemory", "TesseraCL"]),
    .executable(name: "tessera", targets: ["TesseraCommand"]),
  ],
  traits: [
    .trait(name: "CLBlast", description: "Dense float32 products through CLBlast, where it is faster."),
    .default(enabledTraits: ["CLBlast"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
  ],
  targets: [
    // System libraries, and the kernels embedded in the binary.
    .systemLibrary(name: "COpenCL", pkgConfig: "OpenCL", providers: [.apt(["ocl-icd-opencl-dev", "opencl-headers"])]),
    .systemLibrary(name: "CCLBlast", pkgConfig: "clblast", providers: [.apt(["libclblast-dev"])]),
    .target(name: "TesseraKernels", path: "Kernels"),

    // Rooms: each imports only rooms above it. All are named that a room depends on, also through others: after a change
    // SwiftPM compiles anew only those that name what changed, and what kept an old layout would damage memory.
    .target(
      name: "TesseraCL", dependencies: ["COpenCL", .target(name: "CCLBlast", condition: .when(traits: ["CLBlast"]))]),
    .target(name: "TesseraMemory", dependencies: ["TesseraCL"]),
    .target(name: "TesseraFiles"),
    .target(name: "TesseraText"),
    .target(name: "TesseraReference"),
    .target(name: "TesseraOperators", dependencies: ["TesseraCL", "TesseraMemory", "TesseraKernels"]),
    .target(name: "TesseraModels", dependencies: operators + ["TesseraFiles"]),
    .target(name: "TesseraWorkbench", dependencies: operators),
    .target(name: "Tessera", dependencies: operators + ["TesseraFiles", "TesseraModels", "TesseraText"]),
    .executableTarget(
      name: "TesseraCommand",
      dependencies: operators + [
        "Tessera", "TesseraFiles", "TesseraModels", "TesseraReference", "TesseraText", "TesseraWorkbench",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ]),

    // One test target a room.
    .target(name: "TestSupport", dependencies: ["TesseraCL"], path: "Tests/TestSupport"),
    .testTarget(name: "TesseraCLTests", dependencies: ["COpenCL", "TesseraCL", "TestSupport"]),
    .testTarget(name: "TesseraMemoryTests", dependencies: ["TesseraCL", "TesseraMemory", "TestSupport"]),
    .testTarget(
      name: "TesseraFilesTests", dependencies: ["TesseraFiles", "TestSupport"], resources: [.copy("Fixtures")]),
    .testTarget(
      name: "TesseraTextTests", dependencies: ["TesseraText", "TestSupport"], resources: [.copy("Fixtures")]),
    .testTarget(
      name: "TesseraReferenceTests", dependencies: ["TesseraReference"], resources: [.copy("Fixtures")]),
    .testTarget(
      name: "TesseraOperatorsTests",
      dependencies: operators + ["TesseraKernels", "TesseraReference", "TesseraWorkbench", "TestSupport"]),
    .testTarget(name: "TesseraCommandTests", dependencies: ["TesseraCommand", "TestSupport"]),
    .testTarget(
      name: "TesseraTests",
      dependencies: operators + ["Tessera", "TesseraFiles", "TesseraModels", "TesseraText", "TestSupport"],
      resources: [.copy("Fixtures")]),
  ],
  swiftLanguageModes: [.v6],
  cLanguageStandard: .c2x
)
