import Foundation
import TesseraFiles
import TestSupport
import Testing

@testable import Tessera

@Suite("A model's digest")
struct ModelDigestTests {
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
