import Foundation
import TestSupport
import Testing

@testable import TesseraFiles

@Suite("Reading GGUF files")
struct GGUFReadingTests {
  @Test("every metadata type that the gguf package writes is read back with its value")
  func metadataOfThePackage() throws {
    let metadata = try GGUFFile(path: fixture("numpy.gguf")).metadata
    #expect(metadata.keys.first == "general.architecture")
    #expect(try metadata.string("general.architecture") == "fixture")
    #expect(try metadata.int("n.uint8") == 255)
    #expect(try metadata.int("n.int8") == -128)
    #expect(try metadata.int("n.uint16") == 65_535)
    #expect(try metadata.int("n.int16") == -32_768)
    #expect(try metadata.int("n.uint32") == 4_294_967_295)
    #expect(try metadata.int("n.int32") == -2_147_483_648)
    #expect(try metadata.int("n.int64") == .min)
    if case .uint64(let value) = metadata["n.uint64"] { #expect(value == .max) } else { Issue.record("not a uint64") }
    expectError(.wrongType, "'n.uint64'") { _ = try metadata.int("n.uint64") }
    #expect(try metadata.float("n.float32") == 0.1)
    #expect(try metadata.double("n.float64") == 0.1)
    #expect(try metadata.bool("n.true"))
    #expect(try !metadata.bool("n.false"))
    #expect(try metadata.string("n.string") == "Straße 🦊\n")
    #expect(try metadata.string("n.empty") == "")
  }

  @Test("every array that the gguf package writes is read back with its elements")
  func arraysOfThePackage() throws {
    let metadata = try GGUFFile(path: fixture("numpy.gguf")).metadata
    #expect(try metadata.ints("a.int32") == [-1, 0, 7])
    #expect(try metadata.floats("a.float32") == [0.5, -2.0])
    #expect(try metadata.array("a.bool").bools() == [true, false, true])
    #expect(try metadata.strings("a.strings") == ["a", "", "Ġthe", "日本"])
    #expect(Array(try metadata.rawStrings("a.bytes")) == [[0xFF, 0xFE], Array("ok".utf8)])
    #expect(try metadata.strings("a.bytes") == ["\u{FFFD}\u{FFFD}", "ok"])
    #expect(try metadata.array("a.arrays").arrays().map { try $0.ints() } == [[1, 2], [3]])
    expectError(.wrongType, "'a.uint64'") { _ = try metadata.ints("a.uint64") }
    let values = try metadata.array("a.uint64")
    #expect(values.count == 2)
    if case .uint64(let value) = values[0] { #expect(value == 1 << 63) } else { Issue.record("not a uint64") }
    #expect(values[1]?.intValue == 1)
    #expect(values[2] == nil)
    #expect(values[-1] == nil)
  }

  @Test("tensors have the types, shapes, places and bytes that the gguf package reads back")
  func tensorsOfThePackage() throws {
    let file = try GGUFFile(path: fixture("numpy.gguf"))
    defer { withExtendedLifetime(file) {} }
    #expect(file.version == 3)
    #expect(file.alignment == 64)
    let rows = try String(contentsOfFile: fixture("numpy_gguf_tensors.txt"), encoding: .utf8).split(separator: "\n")
    #expect(rows.count == file.tensors.count && rows.count == 16)
    for (row, tensor) in zip(rows, file.tensors) {
      let fields = row.split(separator: " ").map(String.init)
      try #require(fields.count == 6)
      #expect(tensor.name == fields[0])
      #expect(tensor.type.name == fields[1])
      #expect(tensor.dimensions == fields[2].split(separator: ",").compactMap { Int($0) })
      #expect(String(tensor.fileOffset) == fields[3])
      #expect(String(tensor.byteCount) == fields[4])
      #expect(String(try file.bytes(of: tensor).reduce(0) { $0 + Int($1) }) == fields[5])
      #expect(tensor.rowByteCount * tensor.rowCount == tensor.byteCount)
      #expect(file.tensor(named: tensor.name) == tensor)
    }
    #expect(file.tensor(named: "absent") == nil)
    expectError(.missingKey, "'absent'") { _ = try file.requiredTensor(named: "absent") }
  }

  @Test("block sizes, byte sizes, names and removed types are those of the ggml library")
  func typeTable() throws {
    let rows = try String(contentsOfFile: fixture("ggml_types.txt"), encoding: .utf8).split(separator: "\n")
    var known = 0
    for row in rows {
      let fields = row.split(separator: " ").map(String.init)
      try #require(fields.count == 4)
      let number = try #require(UInt32(fields[0]))
      if fields[3] == "0" {
        #expect(GGMLType(rawValue: number) == nil && GGMLType.removedName(number) != nil)
        continue
      }
      let type = try #require(GGMLType(rawValue: number), "\(row)")
      #expect(type.name == fields[1].uppercased())
      #expect(String(type.blockElementCount) == fields[2], "\(type)")
      #expect(String(type.blockByteCount) == fields[3], "\(type)")
      known += 1
    }
    #expect(known == GGMLType.allCases.count)
  }

  @Test("versions 2 and 3 are read alike")
  func versions() throws {
    let folder = try TemporaryFolder()
    var builder = GGUFBuilder.small()
    for version in [2, 3] {
      builder.version = UInt32(version)
      let file = try GGUFFile(path: try folder.write(builder.build()))
      defer { withExtendedLifetime(file) {} }
      #expect(file.version == version)
      #expect(file.tensors.map(\.name) == ["a", "b", "c"])
      #expect(try Array(file.bytes(of: file.requiredTensor(named: "b"))) == (32..<50).map { UInt8($0) })
      #expect(try file.metadata.array("nested").arrays().map(\.elementType) == [.uint8, .string])
    }
  }

  @Test("a file without tensors or keys is read")
  func nothingInside() throws {
    let folder = try TemporaryFolder()
    let file = try GGUFFile(path: try folder.write(GGUFBuilder().build()))
    defer { withExtendedLifetime(file) {} }
    #expect(file.tensors.isEmpty && file.metadata.keys.isEmpty && file.alignment == 32)
  }

  @Test("a tensor's bytes stay readable after their memory is released, and while metadata alone is kept")
  func releasedBytes() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(GGUFBuilder.small().build())
    let file = try GGUFFile(path: path)
    defer { withExtendedLifetime(file) {} }
    let tensor = try file.requiredTensor(named: "a")
    let before = Array(try file.bytes(of: tensor))
    file.release(tensor)
    #expect(Array(try file.bytes(of: tensor)) == before)
    let strings = try GGUFFile(path: path).metadata.rawStrings("strings")
    #expect(Array(strings) == [Array("a".utf8), [], Array("日本".utf8)])
  }

  @Test("getters refuse wrong types by name, and optional ones give nil only for absent keys")
  func getters() throws {
    let folder = try TemporaryFolder()
    let metadata = try GGUFFile(path: try folder.write(GGUFBuilder.small().build())).metadata
    expectError(.missingKey, "'absent'") { _ = try metadata.int("absent") }
    expectError(.wrongType, "'f32'", "an integer", "float32") { _ = try metadata.int("f32") }
    expectError(.wrongType, "'u8'", "a string") { _ = try metadata.optionalString("u8") }
    expectError(.wrongType, "'ints'", "array of int16") { _ = try metadata.optionalRawStrings("ints") }
    expectError(.wrongType, "'strings'") { _ = try metadata.floats("strings") }
    expectError(.wrongType, "'u8'", "an array") { _ = try metadata.ints("u8") }
    #expect(try metadata.optionalInt("absent") == nil)
    #expect(try metadata.optionalStrings("absent") == nil)
    #expect(try metadata.optionalBool("bool") == true)
    #expect(try metadata.optionalInts("ints") == [-1, 2])
    #expect(try metadata.float("u16") == 700)
  }

  @Test("a vocabulary of 262,144 tokens opens without copying them")
  func largeVocabulary() throws {
    let folder = try TemporaryFolder()
    let tokens = (0..<262_144).map { "token \($0)" }
    var builder = GGUFBuilder()
    builder.add("tokens", .array, GGUFBuilder.strings(tokens))
    let path = try folder.write(builder.build())
    let start = processorTime()
    let file = try GGUFFile(path: path)
    // Far above what it takes, far below what work that grows with the square would.
    #expect(processorTime() - start < .seconds(2))
    #expect(try file.metadata.strings("tokens") == tokens)
  }
}
