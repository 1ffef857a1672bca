import Foundation
import Testing

@testable import TesseraOperators

@Suite("Embedded kernels")
struct EmbeddedKernelsTests {
  private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("Kernels")

  private func files() throws -> [String] {
    try #require(FileManager.default.enumerator(atPath: Self.folder.path)).compactMap { $0 as? String }
      .filter { $0.hasSuffix(".cl") }
  }

  @Test("every kernel file of the source tree is in the binary: scripts/embed-kernels lists them")
  func complete() throws {
    let files = try files()
    #expect(files.count > 40)
    for file in files {
      #expect(throws: Never.self, "run scripts/embed-kernels: \(file)") { try KernelSource.resolved(file) }
    }
  }

  /// PoCL 3.1 makes one array for all its threads of local memory that a function names which was not inlined. A body is called once,
  /// by its kernel.
  @Test("functions that have local memory, or are given some, are always inlined")
  func inlined() throws {
    for file in try files() {
      let text = try String(contentsOf: Self.folder.appendingPathComponent(file), encoding: .utf8)
      for function in text.components(separatedBy: "\nstatic inline ").dropFirst() {
        let line = function.components(separatedBy: "\n")[0]
        let whole = line.hasSuffix("}") ? line : function.components(separatedBy: "\n}")[0]
        let parts = whole.components(separatedBy: "{")
        let (head, body) = (parts[0], parts.dropFirst().joined(separator: "{"))
        let isGiven = ["local ", "MMA_ARGUMENTS"].contains { head.contains($0) }
        let hasSome = body.contains("\n  local ")
        #expect(
          head.contains("_body(") || !(isGiven || hasSome), "\(file): INLINE (common/lanes.cl) instead: \(head)")
      }
    }
  }
}
