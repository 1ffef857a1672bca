// swift-tools-version: 6.1
import PackageDescription

// Uses Tessera as any package would; only the path is special. Without traits nothing of the server is fetched.
let package = Package(
  name: "Chat",
  dependencies: [.package(name: "tessera", path: "../..", traits: [])],
  targets: [
    .executableTarget(name: "Chat", dependencies: [.product(name: "Tessera", package: "tessera")])
  ],
  swiftLanguageModes: [.v6]
)
