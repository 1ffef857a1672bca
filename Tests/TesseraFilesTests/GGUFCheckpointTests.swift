import Testing
import TesseraSystem

@testable import TesseraFiles

@Suite("GGUF checkpoints")
struct GGUFCheckpointTests {
  /// A part with one tensor of four floats, all of them `value`.
  private func part(
    _ number: UInt16, of count: UInt16 = 2, tensors: UInt32 = 2, _ tensor: String, value: Float
  ) -> GGUFBuilder {
    var builder = GGUFBuilder()
    if number == 0 { builder.add("general.name", .string, GGUFBuilder.string("first")) }
    builder.add("split.no", .uint16, GGUFBuilder.bytes(number))
    builder.add("split.count", .uint16, GGUFBuilder.bytes(count))
    builder.add("split.tensors.count", .int32, GGUFBuilder.bytes(tensors))
    builder.tensors = [.init(name: tensor, dimensions: [4], offset: 0)]
    builder.data = (0..<4).flatMap { _ in GGUFBuilder.bytes(value.bitPattern) }
    return builder
  }

  @Test("parts are read as one model, opened by the first")
  func parts() throws {
    let folder = try TemporaryFolder()
    let first = try folder.write(part(0, "a", value: 1).build(), as: "m-00001-of-00002.gguf")
    _ = try folder.write(part(1, "b", value: 2).build(), as: "m-00002-of-00002.gguf")
    let model = try GGUFCheckpoint(path: first)
    defer { withExtendedLifetime(model) {} }
    #expect(model.tensors.map(\.name) == ["a", "b"] && model.tensors.map(\.part) == [0, 1])
    #expect(try model.metadata.string("general.name") == "first")
    let tensor = try model.requiredTensor(named: "b")
    #expect(tensor.shape == [4] && tensor.type == .f32)
    #expect(try Array(model.bytes(of: tensor)) == (0..<4).flatMap { _ in GGUFBuilder.bytes(Float(2).bitPattern) })
    model.release(tensor)
    #expect(try Array(model.bytes(of: tensor).prefix(4)) == GGUFBuilder.bytes(Float(2).bitPattern))
  }

  @Test("parts that are missing, cut, misnamed or another model's are named")
  func wrongParts() throws {
    func refuse(
      _ code: FileError.Code, _ words: String, first: GGUFBuilder? = nil, second: GGUFBuilder?,
      name: String = "m-00001-of-00002.gguf", cut: Int = 0, location: SourceLocation = #_sourceLocation
    ) throws {
      let folder = try TemporaryFolder()
      let path = try folder.write((first ?? part(0, "a", value: 1)).build(), as: name)
      if let second { _ = try folder.write(second.build().dropLast(cut) + [], as: "m-00002-of-00002.gguf") }
      do {
        _ = try GGUFCheckpoint(path: path)
        Issue.record("accepted", sourceLocation: location)
      } catch {
        #expect(error.code == code && "\(error)".contains(words), "\(error)", sourceLocation: location)
      }
    }
    let second = part(1, "b", value: 2)
    try refuse(.notFound, "m-00002-of-00002.gguf: part 2 of 2 is missing", second: nil)
    try refuse(.truncated, "m-00002-of-00002.gguf", second: second, cut: 12)
    try refuse(.malformed, "'split.no' is 0", second: part(0, "b", value: 2))
    try refuse(.malformed, "'split.count' is 3", second: part(1, of: 3, "b", value: 2))
    try refuse(.malformed, "'split.tensors.count' is 7", second: part(1, tensors: 7, "b", value: 2))
    try refuse(.malformed, "'a' is in", second: part(1, "a", value: 2))
    try refuse(
      .malformed, "have 2 tensors, and the first announces 3", first: part(0, tensors: 3, "a", value: 1),
      second: part(1, tensors: 3, "b", value: 2))
    try refuse(.malformed, "must end in '-00001-of-00002.gguf'", second: second, name: "m.gguf")
    try refuse(
      .malformed, "this is part 2 of 2: name the first, ", first: second, second: nil, name: "m-00002-of-00002.gguf")
    try refuse(.missingKey, "'split.no'", second: GGUFBuilder.small())
    try refuse(.malformed, "is 65535, not 1 to", first: part(0, of: .max, "a", value: 1), second: second)
  }

  @Test("a name that is not UTF-8 is opened, and shown with a replacement character")
  func nameOfBytes() throws {
    let folder = try TemporaryFolder()
    let name = String(pathBytes: [UInt8(ascii: "m"), 0xFF] + ".gguf".utf8)
    let output = try AtomicFile(path: folder.path + "/" + name)
    try output.append(GGUFBuilder.small().build())
    try output.commit()
    let model = try openCheckpoint(path: folder.path + "/" + name)
    #expect(!model.tensors.isEmpty)
    expectError(.notFound) { _ = try openCheckpoint(path: folder.path + "/m\u{FFFD}.gguf") }
    let error = FileError(.empty, path: name, "x")
    #expect(error.description == "m\u{FFFD}.gguf: x")
  }

  @Test(
    "paths keep every byte, also as text",
    arguments: [
      Array("a/é日🦊".utf8), [0xFF, 0xC3, 0x41, 0xE2, 0x82, 0xF0, 0x9F],
      [0xF4, 0x8F, 0xBE, 0x80, 0xF4, 0x8F, 0xBF, 0xBF],
      [0xED, 0xA0, 0x80], [0xC0, 0xAF], [],
    ])
  func pathBytes(bytes: [UInt8]) {
    let text = String(pathBytes: bytes)
    #expect(text.pathBytes == bytes)
    #expect(text.withPathPointer { pointer in bytes.indices.map { UInt8(bitPattern: pointer[$0]) } } == bytes)
    if let plain = String(validating: bytes, as: UTF8.self), bytes.first != 0xF4 { #expect(text == plain) }
  }

  @Test("text that describes may be any bytes; a tokenizer's may not")
  func descriptiveText() throws {
    let folder = try TemporaryFolder()
    var builder = GGUFBuilder()
    builder.add("general.name", .string, GGUFBuilder.string([0x5A, 0xE9, 0x41]))
    #expect(try GGUFCheckpoint(path: try folder.write(builder.build())).metadata.string("general.name") == "Z\u{FFFD}A")
    builder.add("tokenizer.chat_template", .string, GGUFBuilder.string([0xE9]))
    expectError(.malformed, "'tokenizer.chat_template'") {
      _ = try GGUFCheckpoint(path: try folder.write(builder.build()))
    }
    var tokens = GGUFBuilder()
    tokens.add("tokenizer.ggml.x", .array, GGUFBuilder.array(.string, count: 1, GGUFBuilder.string([0xE9])))
    let metadata = try GGUFCheckpoint(path: try folder.write(tokens.build())).metadata
    expectError(.malformed, "'tokenizer.ggml.x'") { _ = try metadata.strings("tokenizer.ggml.x") }
  }
}

@Suite("Described checkpoints")
struct DescribedCheckpointTests {
  @Test("tensors have shapes and sizes, and no bytes")
  func described() throws {
    let model = try DescribedCheckpoint(
      name: "made up",
      metadata: [
        "general.architecture": .string("llama"), "tokens": .array(MetadataArray(strings: ["a", "", "日本"])),
        "types": .array(MetadataArray(int32s: [-1, 2])), "scores": .array(MetadataArray(floats: [0.5])),
        "flags": .array(MetadataArray(bools: [true, false])),
      ],
      tensors: [StoredTensor("m", .q4_K, [3, 2, 512]), StoredTensor("s", .f32, [])])
    #expect(!model.hasData)
    let tensor = try model.requiredTensor(named: "m")
    #expect(tensor.byteCount == 6 * 2 * 144 && tensor.rowCount == 6 && tensor.columnCount == 512)
    #expect(tensor.rowByteCount == 288 && model.tensor(named: "s")?.elementCount == 1)
    #expect(try model.metadata.string("general.architecture") == "llama")
    #expect(try model.metadata.strings("tokens") == ["a", "", "日本"])
    #expect(try model.metadata.ints("types") == [-1, 2] && model.metadata.floats("scores") == [0.5])
    #expect(try model.metadata.array("flags").bools() == [true, false])
    expectError(.outOfRange, "'m'") { _ = try model.bytes(of: tensor) }
    expectError(.missingKey, "'other'") { _ = try model.requiredTensor(named: "other") }
  }

  @Test("shapes that no file could hold are refused")
  func wrongShapes() {
    expectError(.malformed, "multiples of 256") { _ = try StoredTensor("m", .q4_K, [2, 100]) }
    expectError(.malformed, "at least 1") { _ = try StoredTensor("m", .f32, [2, 0]) }
    expectError(.tooLarge, "more than any memory") { _ = try StoredTensor("m", .f32, [1 << 40, 1 << 40]) }
    expectError(.tooLarge, "more than any memory") { _ = try StoredTensor("m", .f32, [1 << 62]) }
    expectError(.malformed, "twice") {
      _ = try DescribedCheckpoint(
        name: "n", metadata: [:], tensors: [StoredTensor("m", .f32, [1]), StoredTensor("m", .f16, [1])])
    }
  }
}
