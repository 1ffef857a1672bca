// swift-tools-version: 6.1
import PackageDescription

// Serves a model from inside a program; only the path is special.
let package = Package(
  name: "Serve",
  dependencies: [.package(name: "tessera", path: "../..")],
  targets: [
    .executableTarget(
      name: "Serve",
      dependencies: [
        .product(name: "Tessera", package: "tessera"), .product(name: "TesseraServer", package: "tessera"),
      ])
  ],
  swiftLanguageModes: [.v6]
)
