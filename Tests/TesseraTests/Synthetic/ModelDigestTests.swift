import Foundation
import Synchronization
import TesseraFiles
import TestSupport
import Testing

@testable import Tessera

@Suite("A model's digest")
struct ModelDigestTests {
  @Test("is made once for all who ask for it meanwhile, and again where that failed")
  func shared() async throws {
    final class Counts: Sendable {
      let made = Mutex(0)
      let asked = Mutex(0)
    }
    let counts = Counts()
    let shared = SharedValue {
      let number = counts.made.withLock {
        $0 += 1
        return $0
      }
      if number == 1 { throw FileError(.system, path: "p", "once") }
      while counts.asked.withLock({ $0 < 8 }) { await Task.yield() }
      return number
    }
    await #expect(throws: FileError.self) { try await shared.value }
    await withTaskGroup(of: Int?.self) { group in
      for _ in 0..<8 {
        group.addTask {
          counts.asked.withLock { $0 += 1 }
          return try? await shared.value
        }
      }
      for await value in group { #expect(value == 2) }
    }
    #expect(counts.made.withLock { $0 } == 2)
  }

  @Test("is that of the file that was opened, whatever is at its path by then")
  func replaced() throws {
    let other = try SyntheticModel.gemma3.withFile { path in try Data(contentsOf: URL(fileURLWithPath: path)) }
    try SyntheticModel.llama.withFile { path in
      let source = try ModelSource(path: path)
      let digest = try source.digest()
      let again = try ModelSource(path: path)
      // Opened before, and asked for the first time afterward.
      try other.write(to: URL(fileURLWithPath: path), options: .atomic)
      #expect(try again.digest() == digest && source.digest() == digest)
      let replaced = try ModelSource(path: path)
      #expect(try replaced.digest() != digest)
      try FileManager.default.removeItem(atPath: path)
      #expect(try again.digest() == digest)
      // `withFile` takes it away.
      try other.write(to: URL(fileURLWithPath: path))
    }
  }

  @Test("a file that was changed where it lies tells no more what was loaded")
  func changed() throws {
    try SyntheticModel.llama.withFile { path in
      let source = try ModelSource(path: path)
      let file = try FileHandle(forUpdating: URL(fileURLWithPath: path))
      try file.seek(toOffset: try file.seekToEnd() - 1)
      try file.write(contentsOf: [7])
      try file.close()
      let error = #expect(throws: FileError.self) { try source.digest() }
      #expect(error?.code == .malformed && error?.message.contains("load the model again") == true)
    }
  }

  @Test("of a folder and an adapter: also that of their configuration")
  func folders() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("tessera-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    try FileManager.default.copyItem(
      at: URL(fileURLWithPath: try FamilyFixture.path("families/llama-longrope")), to: folder)
    let source = try ModelSource(path: folder.path)
    let digest = try source.digest()
    let config = folder.appendingPathComponent("config.json")
    let text = try String(contentsOf: config, encoding: .utf8)
    try (text + " ").write(to: config, atomically: true, encoding: .utf8)
    #expect(try source.digest() == digest && ModelSource(path: folder.path).digest() != digest)
  }
}
