import Foundation
import Testing

@testable import TesseraFiles

@Suite("Safetensors files")
struct SafetensorsTests {
  /// A file of a header and `dataByteCount` bytes 0, 1, 2…
  private func file(_ header: String, dataByteCount: Int, headerByteCount: UInt64? = nil) -> [UInt8] {
    GGUFBuilder.bytes(headerByteCount ?? UInt64(header.utf8.count)) + Array(header.utf8)
      + (0..<dataByteCount).map { UInt8(truncatingIfNeeded: $0) }
  }

  private func refuse(
    _ code: FileError.Code, _ word: String, _ header: String, dataByteCount: Int = 16,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(file(header, dataByteCount: dataByteCount))
    expectError(code, word, sourceLocation: sourceLocation) { _ = try SafetensorsFile(path: path) }
  }

  @Test("every type that the safetensors package writes is read back")
  func allTypes() throws {
    let file = try SafetensorsFile(path: fixture("all_types.safetensors"))
    #expect(file.metadata == ["format": "pt", "note": "Straße"])
    #expect(file.tensors.count == 14)
    let types: [(String, SafetensorsType)] = [
      ("float32", .f32), ("float16", .f16), ("bfloat16", .bf16), ("float64", .f64), ("int8", .i8), ("int16", .i16),
      ("int32", .i32), ("int64", .i64), ("uint8", .u8), ("bool", .bool),
    ]
    for (name, type) in types {
      let tensor = try #require(file.tensor(named: "t." + name))
      #expect(tensor.type == type && tensor.shape == [2, 3] && tensor.byteCount == 6 * type.bitCount / 8)
    }
    #expect(file.tensor(named: "t.float8_e4m3fn")?.type == .f8E4M3)
    #expect(file.tensor(named: "t.float8_e5m2")?.type == .f8E5M2)
    #expect(file.tensor(named: "t.scalar")?.shape == [])
    #expect(file.tensor(named: "t.nothing")?.shape == [0, 4])
    let floats = try #require(file.tensor(named: "t.float32"))
    #expect(try Array(file.bytes(of: floats)) == (0..<6).flatMap { GGUFBuilder.bytes(Float($0).bitPattern) })
    file.release(floats)
    #expect(file.tensor(named: "absent") == nil)
  }

  @Test("a model's shards are found through their index")
  func shards() throws {
    let weights = try HuggingFaceCheckpoint(path: fixture("sharded")).weights
    #expect(weights.files.flatMap { $0.tensors.map(\.name) }.sorted() == ["a.weight", "b.weight"])
    #expect(weights.files.count == 2)
    let (file, tensor) = try #require(weights.tensor(named: "b.weight"))
    #expect(try Array(file.bytes(of: tensor).prefix(4)) == GGUFBuilder.bytes(Float(2).bitPattern))
    #expect(weights.tensor(named: "absent") == nil)
  }

  @Test("an index that leaves its folder or contradicts its shards is refused")
  func wrongIndex() throws {
    let folder = try TemporaryFolder()
    expectError(.notFound, "download the model's weights") { _ = try SafetensorsFolder(path: folder.path) }
    let shard = try contents(fixture("sharded/model-00001-of-00002.safetensors"))
    _ = try folder.write(shard, as: "a.safetensors")
    func refuse(_ code: FileError.Code, _ index: String) throws {
      _ = try folder.write(Array(index.utf8), as: "model.safetensors.index.json")
      expectError(code) { _ = try SafetensorsFolder(path: folder.path) }
    }
    try refuse(.malformed, #"{"weight_map":{"a.weight":"../a.safetensors"}}"#)
    try refuse(.malformed, #"{"weight_map":{"a.weight":"/etc/passwd"}}"#)
    try refuse(.malformed, #"{"weight_map":{"a.weight":".."}}"#)
    try refuse(.malformed, #"{"weight_map":{"a.weight":7}}"#)
    try refuse(.malformed, #"{"weight_map":{"other":"a.safetensors"}}"#)
    try refuse(.notFound, #"{"weight_map":{"a.weight":"absent.safetensors"}}"#)
    try refuse(.malformed, #"{"weight_map":{}}"#)
    try refuse(.missingKey, "{}")
    try refuse(.wrongType, #"{"weight_map":[]}"#)
  }

  @Test("headers that contradict the format are refused")
  func wrongHeaders() throws {
    func tensor(_ type: String, _ shape: String, _ offsets: String) -> String {
      "{\"t\":{\"dtype\":\"\(type)\",\"shape\":\(shape),\"data_offsets\":\(offsets)}}"
    }
    let folder = try TemporaryFolder()
    _ = try SafetensorsFile(path: try folder.write(file(tensor("F32", "[4]", "[0,16]"), dataByteCount: 16)))
    try refuse(.unsupportedType, "'F33'", tensor("F33", "[4]", "[0,16]"))
    try refuse(.malformed, "needs 12", tensor("F32", "[3]", "[0,16]"))
    try refuse(.malformed, "below 0", tensor("F32", "[-4]", "[0,16]"))
    try refuse(.malformed, "below 0", tensor("F32", "[4.5]", "[0,16]"))
    try refuse(.malformed, "64 bits", tensor("F32", "[4294967296,4294967296]", "[0,16]"))
    try refuse(.malformed, "whole number", tensor("F32", "[4611686018427387904]", "[0,16]"))
    try refuse(.malformed, "whole number", tensor("F4", "[3]", "[0,16]"))
    try refuse(.malformed, "range", tensor("F32", "[4]", "[16,0]"))
    try refuse(.malformed, "range", tensor("F32", "[4]", "[0]"))
    try refuse(.malformed, "range", tensor("F32", "[4]", "[-16,0]"))
    try refuse(.truncated, "download", tensor("F32", "[5]", "[0,20]"))
    try refuse(.truncated, "download", tensor("U8", "[1099511627776]", "[0,1099511627776]"))
    try refuse(.malformed, "hole", tensor("F32", "[2]", "[8,16]"))
    try refuse(.malformed, "follow", tensor("F32", "[2]", "[0,8]"))
    try refuse(
      .malformed, "overlaps",
      """
      {"a":{"dtype":"F32","shape":[3],"data_offsets":[0,12]},"b":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}}
      """)
    try refuse(.malformed, "described", #"{"t":{"dtype":"F32","shape":[4]}}"#)
    try refuse(.malformed, "described", #"{"t":7}"#)
    try refuse(.malformed, "__metadata__", #"{"__metadata__":{"a":1}}"#, dataByteCount: 0)
    try refuse(.malformed, "twice", #"{"t":1,"t":1}"#)
    try refuse(.malformed, "line 1", "{")
  }

  @Test(
    "header lengths beyond the file or the limit are refused",
    arguments: [
      UInt64(20), 1 << 20, 100_000_000, 100_000_001, 1 << 40, 1 << 63, .max,
    ])
  func headerLengths(count: UInt64) throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(file("{}", dataByteCount: 8, headerByteCount: count))
    expectError(count > 100_000_000 ? .tooLarge : .truncated) { _ = try SafetensorsFile(path: path) }
  }

  @Test("other files are refused")
  func otherFiles() throws {
    let folder = try TemporaryFolder()
    expectError(.truncated) { _ = try SafetensorsFile(path: try folder.write([1, 2, 3])) }
    expectError(.notSafetensors) { _ = try SafetensorsFile(path: fixture("numpy.gguf")) }
    expectError(.isFolder) { _ = try SafetensorsFile(path: folder.path) }
    expectError(.empty) { _ = try SafetensorsFile(path: try folder.write([])) }
  }

  @Test("a file cut anywhere is refused, and flipped bits never end in a trap")
  func damage() throws {
    let folder = try TemporaryFolder()
    let bytes = try contents(fixture("all_types.safetensors"))
    for count in 0..<bytes.count {
      let path = try folder.write(Array(bytes[..<count]))
      #expect(throws: FileError.self) { try SafetensorsFile(path: path) }
    }
    for seed in 0..<1_000 {
      let path = try folder.write(flipped(bytes, seed: UInt64(seed)))
      guard let file = try? SafetensorsFile(path: path) else { continue }
      for tensor in file.tensors { _ = try file.bytes(of: tensor).reduce(0) { $0 + Int($1) } }
    }
  }
}
