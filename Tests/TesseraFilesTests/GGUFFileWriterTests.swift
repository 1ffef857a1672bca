import Foundation
import Testing

@testable import TesseraFiles

@Suite("Writing GGUF files")
struct GGUFFileWriterTests {
  private func copy(_ path: String, to output: String, step: Int = .max) throws -> GGUFFileWriter {
    let model = try GGUFCheckpoint(path: path)
    defer { withExtendedLifetime(model) {} }
    let writer = try GGUFFileWriter(path: output, metadata: model.metadata, tensors: model.tensors)
    for tensor in model.tensors {
      let bytes = try model.bytes(of: tensor)
      for start in stride(from: 0, to: bytes.count, by: min(step, bytes.count)) {
        try writer.append(UnsafeRawBufferPointer(rebasing: bytes[start..<min(bytes.count, start + step)]))
      }
    }
    return writer
  }

  @Test(
    "a copy of a file of the gguf package, in pieces, has all keys, values, tensors and bytes", arguments: [7, 4096])
  func copied(step: Int) throws {
    let folder = try TemporaryFolder()
    for source in [fixture("numpy.gguf"), try folder.write(GGUFBuilder.small().build(), as: "small")] {
      try? FileManager.default.removeItem(atPath: folder.path + "/copy.gguf")
      let output = folder.path + "/copy.gguf"
      let writer = try copy(source, to: output, step: step)
      #expect(try !folder.names().contains("copy.gguf"))
      try writer.finish()
      #expect(try contents(output).count == writer.byteCount)
      let (a, b) = (try GGUFCheckpoint(path: source), try GGUFCheckpoint(path: output))
      defer { withExtendedLifetime((a, b)) {} }
      #expect(a.metadata.keys == b.metadata.keys && b.files[0].version == 3)
      for key in a.metadata.keys {
        #expect("\(describe(a.metadata[key]))" == "\(describe(b.metadata[key]))", "\(key)")
      }
      #expect(a.tensors.map(\.name) == b.tensors.map(\.name) && a.tensors.map(\.shape) == b.tensors.map(\.shape))
      for (first, second) in zip(a.tensors, b.tensors) {
        #expect(first.type == second.type, "\(first.name)")
        #expect(try Array(a.bytes(of: first)) == Array(b.bytes(of: second)), "\(first.name)")
      }
    }
  }

  /// All that a value holds, down to the bytes of strings.
  private func describe(_ value: MetadataValue?) -> [String] {
    guard case .array(let array) = value else { return ["\(String(describing: value))"] }
    if let strings = array.rawStrings { return strings.map { "\($0)" } }
    return ["\(array.elementType)"] + (0..<array.count).flatMap { describe(array[$0]) }
  }

  @Test("a file that lacks bytes is not written, and more than fit are refused")
  func sizes() throws {
    let folder = try TemporaryFolder()
    let output = folder.path + "/x.gguf"
    let tensors = [try StoredTensor("a", .f32, [2]), try StoredTensor("b", .q8_0, [2, 32])]
    let writer = try GGUFFileWriter(path: output, metadata: Metadata([:], of: "x"), tensors: tensors)
    try writer.append([UInt8](repeating: 1, count: 8))
    try writer.append([UInt8](repeating: 2, count: 60))
    expectError(.outOfRange, "'b'", "lacks 8") { try writer.finish() }
    expectError(.outOfRange, "too many", "lacks 8") { try writer.append([UInt8](repeating: 2, count: 9)) }
    #expect(try !folder.names().contains("x.gguf"))
    try writer.append([UInt8](repeating: 2, count: 8))
    expectError(.outOfRange, "too many") { try writer.append([1]) }
    try writer.finish()
    #expect(try folder.names() == ["x.gguf"])
    let model = try GGUFCheckpoint(path: output)
    defer { withExtendedLifetime(model) {} }
    #expect(try model.bytes(of: model.requiredTensor(named: "b")).allSatisfy { $0 == 2 })
  }

  @Test("what a GGUF file cannot hold is refused, and nothing is left behind")
  func refusals() throws {
    let folder = try TemporaryFolder()
    func refuse(_ word: String, _ metadata: [String: MetadataValue] = [:], _ tensors: [StoredTensor]) {
      expectError(.malformed, word) {
        _ = try GGUFFileWriter(path: folder.path + "/x", metadata: Metadata(metadata, of: "x"), tensors: tensors)
      }
    }
    refuse("64 bytes, not 1 to 63", [:], [try StoredTensor(String(repeating: "n", count: 64), .f32, [1])])
    refuse("0 bytes", [:], [try StoredTensor("", .f32, [1])])
    refuse("up to 4 sizes", [:], [try StoredTensor("a", .f32, [1, 1, 1, 1, 1])])
    refuse("two tensors", [:], [try StoredTensor("a", .f32, [1]), try StoredTensor("a", .f32, [2])])
    refuse("general.alignment", ["general.alignment": .uint32(7)], [])
    #expect(try folder.names().isEmpty)
    expectError(.notFound, "folder") {
      _ = try GGUFFileWriter(path: folder.path + "/none/x", metadata: Metadata([:], of: "x"), tensors: [])
    }
  }
}
