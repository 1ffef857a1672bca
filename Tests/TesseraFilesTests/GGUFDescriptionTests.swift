import TesseraFiles
import Testing

@Suite("GGUF descriptions without a file")
struct GGUFDescriptionTests {
  @Test("metadata and shapes are there, bytes are not")
  func description() throws {
    let file = try GGUFFile(
      describing: "no file", metadata: ["a": .uint32(3)],
      tensors: [("x", .q4_K, [512, 3]), ("y", .f32, [5])])
    #expect(try file.metadata.int("a") == 3 && !file.hasData && file.mappedFile.path == "no file")
    let x = try file.requiredTensor(named: "x")
    #expect(x.rowCount == 3 && x.rowByteCount == 288 && x.byteCount == 864)
    #expect(throws: FileError.self) { try file.bytes(of: x) }
    #expect(throws: FileError.self) { try file.metadata.string("a") }
    file.release(x)
  }

  @Test(
    "shapes that no file can have are refused", arguments: [[], [0, 4], [100, 4], [256, .max], [.max / 2 - 255, 8]])
  func refusals(dimensions: [Int]) {
    #expect(throws: FileError.self) {
      try GGUFFile(describing: "no file", metadata: [:], tensors: [("x", .q4_K, dimensions)])
    }
  }
}
