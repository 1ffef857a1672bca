import Foundation
import Testing

@testable import TesseraOperators

@Suite("Embedded kernels")
struct EmbeddedKernelsTests {
  @Test("every kernel file of the source tree is in the binary: scripts/embed-kernels lists them")
  func complete() throws {
    let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let folder = package.appendingPathComponent("Kernels")
    let files = try #require(FileManager.default.enumerator(atPath: folder.path)).compactMap { $0 as? String }
      .filter { $0.hasSuffix(".cl") }
    #expect(files.count > 40)
    for file in files {
      #expect(throws: Never.self, "run scripts/embed-kernels: \(file)") { try KernelSource.resolved(file) }
    }
  }
}
