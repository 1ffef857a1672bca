import Foundation
import Testing

@testable import TesseraFiles

@Suite("Hugging Face checkpoints")
struct HuggingFaceCheckpointTests {
  /// A safetensors file of tensors with a type, one row of two elements each, and bytes 0, 1, 2…
  static func safetensors(_ tensors: [(name: String, type: String, byteCount: Int)]) -> [UInt8] {
    var offset = 0
    var members: [String] = []
    for tensor in tensors {
      members.append(
        "\"\(tensor.name)\":{\"dtype\":\"\(tensor.type)\",\"shape\":[1,2],"
          + "\"data_offsets\":[\(offset),\(offset + tensor.byteCount)]}")
      offset += tensor.byteCount
    }
    let header = Array("{\(members.joined(separator: ","))}".utf8)
    return GGUFBuilder.bytes(UInt64(header.count)) + header + (0..<offset).map { UInt8(truncatingIfNeeded: $0) }
  }

  /// The files of a small model in two shards.
  static func files() -> [String: [UInt8]] {
    [
      "config.json": Array(#"{"model_type":"llama","hidden_size":2}"#.utf8),
      "model.safetensors.index.json": Array(
        #"{"metadata":{"total_size":20},"weight_map":{"a":"a.safetensors","b":"b.safetensors","c":"b.safetensors"}}"#
          .utf8),
      "a.safetensors": safetensors([("a", "F32", 8)]),
      "b.safetensors": safetensors([("b", "BF16", 4), ("c", "F16", 4), ("mask", "BOOL", 2)]),
      "tokenizer.json": Array(#"{"model":{"type":"BPE"}}"#.utf8),
      "chat_template.jinja": Array("{{ messages }}".utf8),
      "modules.json": Array(#"[{"idx":0,"path":""}]"#.utf8),
    ]
  }

  private func folder(_ files: [String: [UInt8]]) throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    for (name, bytes) in files { _ = try folder.write(bytes, as: name) }
    return folder
  }

  @Test("blocks and scales of MXFP4 are one tensor, with the bytes that a GGUF file has")
  func blocksAndScales() throws {
    // Three rows of a block: elements 0, 1, 2 … of 4 bits, two a byte, others, and the first ones again.
    let half: [UInt8] = [0x10, 0x32, 0x54, 0x76, 0x98, 0xba, 0xdc, 0xfe]
    let blocks = half + half
    let others = (16..<32).map { UInt8($0) }
    let header =
      #"{"w_blocks":{"dtype":"U8","shape":[3,1,16],"data_offsets":[0,48]},"#
      + #""w_scales":{"dtype":"U8","shape":[3,1],"data_offsets":[48,51]},"#
      + #""v_blocks":{"dtype":"U8","shape":[1,16],"data_offsets":[51,67]}}"#
    var file: [UInt8] = GGUFBuilder.bytes(UInt64(header.utf8.count)) + Array(header.utf8)
    file += blocks + others + blocks + [127, 120, 1] + blocks
    let folder = try folder(["config.json": Array("{}".utf8), "model.safetensors": file])
    let model = try HuggingFaceCheckpoint(path: folder.path)
    defer { withExtendedLifetime((folder, model)) {} }
    #expect(model.unreadableTensors == ["v_blocks": "U8"])
    let tensor = try model.requiredTensor(named: "w")
    #expect(model.tensors.count == 1 && tensor.type == .mxfp4 && tensor.shape == [3, 32] && tensor.byteCount == 51)
    var rows: [[UInt8]] = []
    for row in 0..<2 { try model.withRows(row..<row + 1, of: tensor) { rows.append(Array($0)) } }
    // Byte j has the elements j and j + 16, which are alike in the first row.
    let alike: [UInt8] = (0..<16).map { $0 | $0 << 4 }
    #expect(rows[0] == [127] + alike)
    // Of bytes 16, 17 … and 24, 25 …
    #expect(Array(rows[1].prefix(5)) == [120, 0x80, 0x11, 0x91, 0x11] && rows[1].count == 17)
    expectError(.outOfRange, "'w'") { _ = try model.bytes(of: tensor) }
    try model.withRows(StridedRows(0..<3, length: 1, every: 2), of: tensor) {
      #expect(Array($0) == [127] + alike + [1] + alike)
    }
    #expect(throws: FileError.self) { try model.withRows(1..<4, of: tensor) { _ in } }
    model.release(tensor)
  }

  @Test("a folder is opened by its path, its configuration or one of its weights' files")
  func opened() throws {
    let folder = try folder(Self.files())
    try FileManager.default.createDirectory(atPath: folder.path + "/1_Pooling", withIntermediateDirectories: true)
    _ = try folder.write(Array(#"{"pooling_mode_mean_tokens":true}"#.utf8), as: "1_Pooling/config.json")
    for name in ["", "/", "/config.json", "/a.safetensors", "/model.safetensors.index.json"] {
      let model = try #require(try openCheckpoint(path: folder.path + name) as? HuggingFaceCheckpoint)
      defer { withExtendedLifetime(model) {} }
      #expect(model.tensors.map(\.name).sorted() == ["a", "b", "c"], "\(name)")
      let tensor = try model.requiredTensor(named: "b")
      #expect(tensor.type == .bf16 && tensor.shape == [1, 2] && tensor.rowCount == 1 && tensor.part == 1)
      #expect(try Array(model.bytes(of: tensor)) == [0, 1, 2, 3])
      model.release(tensor)
      #expect(model.unreadableTensors == ["mask": "BOOL"] && model.tensor(named: "mask") == nil)
      expectError(.unsupportedType, "'mask'", "'BOOL'", "BF16") { _ = try model.requiredTensor(named: "mask") }
      expectError(.missingKey, "'absent'") { _ = try model.requiredTensor(named: "absent") }
      #expect(try model.config.int("hidden_size") == 2)
      #expect(try model.object(.tokenizer)?.fields("model").string("type") == "BPE")
      #expect(try model.text(.chatTemplate) == "{{ messages }}")
      #expect(try model.json(.modules)?.arrayValue?.count == 1)
      #expect(try model.object(.pooling)?.bool("pooling_mode_mean_tokens") == true)
      #expect(try model.object(.generationConfig) == nil && model.text(.sentenceBert) == nil)
      #expect(try model.json(.generationConfig) == Optional.none)
      expectError(.wrongType, "an array") { _ = try model.object(.modules) }
    }
  }

  @Test("a file beside the model's own weights is not taken for them")
  func otherWeights() throws {
    var files = Self.files()
    files["adapter.safetensors"] = Self.safetensors([("lora", "F32", 8)])
    files["model.fp16.safetensors.index.json"] = files["model.safetensors.index.json"]
    let sharded = try folder(files)
    for name in ["adapter.safetensors", "model.fp16.safetensors.index.json"] {
      expectError(.notFound, sharded.path + "/a.safetensors") {
        _ = try openCheckpoint(path: sharded.path + "/" + name)
      }
    }
    files["model.safetensors"] = Self.safetensors([("only", "F32", 8)])
    let single = try folder(files)
    for name in ["adapter.safetensors", "a.safetensors", "model.safetensors.index.json"] {
      expectError(.notFound, single.path + "/model.safetensors") {
        _ = try openCheckpoint(path: single.path + "/" + name)
      }
    }
    #expect(try openCheckpoint(path: single.path + "/model.safetensors").tensors.map(\.name) == ["only"])
  }

  @Test("a file beside an index goes before it, as with transformers")
  func singleFile() throws {
    var files = Self.files()
    files["model.safetensors"] = Self.safetensors([("only", "F32", 8)])
    let folder = try folder(files)
    #expect(try HuggingFaceCheckpoint(path: folder.path).tensors.map(\.name) == ["only"])
  }

  @Test("folders that lack a file, or whose files contradict each other, are refused with the file's name")
  func wrongFolders() throws {
    func refuse(
      _ code: FileError.Code, _ words: String, location: SourceLocation = #_sourceLocation,
      _ change: (inout [String: [UInt8]]) -> Void
    ) throws {
      var files = Self.files()
      change(&files)
      let folder = try folder(files)
      do {
        _ = try openCheckpoint(path: folder.path)
        Issue.record("accepted", sourceLocation: location)
      } catch {
        #expect(error.code == code && "\(error)".contains(words), "\(error)", sourceLocation: location)
      }
    }
    func index(_ map: String) -> [UInt8] { Array("{\"weight_map\":{\(map)}}".utf8) }
    let name = "model.safetensors.index.json"
    try refuse(.notFound, "no config.json") { $0["config.json"] = nil }
    try refuse(.wrongType, "config.json: the text holds an array") { $0["config.json"] = Array("[]".utf8) }
    try refuse(.empty, "config.json") { $0["config.json"] = [] }
    try refuse(.malformed, "config.json") { $0["config.json"] = Array("{\"a\":".utf8) }
    try refuse(.notFound, "neither model.safetensors nor") { $0[name] = nil }
    try refuse(.notFound, "pytorch_model.bin is not read") {
      $0[name] = nil
      $0["pytorch_model.bin"] = [1]
    }
    try refuse(.notFound, "b.safetensors: this shard, which") { $0["b.safetensors"] = nil }
    try refuse(.truncated, "b.safetensors: the tensor") { $0["b.safetensors"] = $0["b.safetensors"]?.dropLast(1) }
    try refuse(.malformed, "b.safetensors: the tensor 'a' is in") {
      $0["b.safetensors"] = Self.safetensors([("b", "F32", 8), ("c", "F32", 8), ("a", "F32", 8)])
    }
    try refuse(.malformed, "the tensor 'd' is not in 'a.safetensors'") { $0[name] = index(#""d":"a.safetensors""#) }
    try refuse(.malformed, "the tensor 'b' is not in 'a.safetensors'") {
      $0[name] = index(#""b":"a.safetensors","c":"b.safetensors""#)
    }
    for path in ["../a.safetensors", "/a.safetensors", "x/a.safetensors", "..", ".", ""] {
      try refuse(.malformed, "'a' is not mapped to the name of a file") { $0[name] = index("\"a\":\"\(path)\"") }
    }
    try refuse(.malformed, "'weight_map' names no tensor") { $0[name] = index("") }
    try refuse(.notSafetensors, "a.safetensors") { $0["a.safetensors"] = GGUFBuilder.small().build() }
    try refuse(.malformed, "overlaps") {
      let header =
        #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"x":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}"#
      $0["a.safetensors"] = GGUFBuilder.bytes(UInt64(header.utf8.count)) + header.utf8 + Array(repeating: 0, count: 12)
    }
  }

  @Test("a folder where a file is expected, and other files, are refused")
  func wrongKinds() throws {
    let folder = try folder(Self.files())
    try FileManager.default.removeItem(atPath: folder.path + "/b.safetensors")
    try FileManager.default.createDirectory(atPath: folder.path + "/b.safetensors", withIntermediateDirectories: true)
    expectError(.isFolder, "a folder") { _ = try openCheckpoint(path: folder.path) }
    expectError(.notGGUF, "not a GGUF file") { _ = try openCheckpoint(path: folder.path + "/tokenizer.json") }
    expectError(.notFound, "no such file") { _ = try openCheckpoint(path: folder.path + "/absent") }
    expectError(.notFound, "no such file") { _ = try openCheckpoint(path: folder.path + "/absent/config.json") }
    expectError(.notFound, "empty") { _ = try openCheckpoint(path: "") }
    let text = try self.folder(Self.files().merging(["chat_template.jinja": [0xFF]]) { $1 })
    let model = try HuggingFaceCheckpoint(path: text.path)
    expectError(.malformed, "not UTF-8") { _ = try model.text(.chatTemplate) }
  }

  @Test("600 folders with a file of flipped bits, cut or gone are refused or read to the end")
  func damage() throws {
    let folder = try folder(Self.files())
    let sources = Self.files()
    let names = sources.keys.sorted()
    var refused = 0
    for seed in 0..<600 {
      var generator = SeededGenerator(seed: UInt64(seed))
      let name = try #require(names.randomElement(using: &generator))
      let source = try #require(sources[name])
      switch seed % 6 {
      case 0: try FileManager.default.removeItem(atPath: folder.path + "/" + name)
      case 1: _ = try folder.write(Array(source.prefix(Int.random(in: 0..<source.count, using: &generator))), as: name)
      default: _ = try folder.write(flipped(source, seed: UInt64(seed)), as: name)
      }
      do {
        let model = try HuggingFaceCheckpoint(path: folder.path)
        defer { withExtendedLifetime(model) {} }
        for tensor in model.tensors { _ = try model.bytes(of: tensor).reduce(0) { $0 + Int($1) } }
        for document in HuggingFaceDocument.allCases { _ = try model.json(document) }
      } catch {
        refused += 1
        #expect(!error.description.contains("\n") && error.message.count < 1_000)
      }
      _ = try folder.write(source, as: name)
    }
    #expect(refused > 200 && refused < 600)
  }
}
