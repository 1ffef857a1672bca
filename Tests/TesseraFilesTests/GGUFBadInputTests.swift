import Testing

@testable import TesseraFiles

@Suite("Refusing absurd GGUF files")
struct GGUFBadInputTests {
  private static let impossibleShapes: [[UInt64]] = {
    let half: UInt64 = 1 << 63
    let quarter: UInt64 = 1 << 62
    let word: UInt64 = 1 << 32
    let most = half - 1
    return [
      [], [0], [4, 0], [1, 1, 1, 1, 1], [.max], [half], [quarter, 4], [word, word], [quarter / 2, 1],
      [most, most, most, most],
    ]
  }()

  /// Builds the small file with a change and expects it to be refused.
  private func refuse(
    _ code: FileError.Code, _ words: String..., sourceLocation: SourceLocation = #_sourceLocation,
    _ change: (inout GGUFBuilder) -> Void
  ) throws {
    let folder = try TemporaryFolder()
    var builder = GGUFBuilder.small()
    change(&builder)
    let path = try folder.write(builder.build())
    do {
      _ = try GGUFFile(path: path)
      Issue.record("the file was accepted", sourceLocation: sourceLocation)
    } catch {
      #expect(error.code == code, "\(error)", sourceLocation: sourceLocation)
      #expect(error.path == path && !error.description.contains("\n"), sourceLocation: sourceLocation)
      for word in words {
        #expect(error.message.contains(word), "'\(word)' is not in: \(error)", sourceLocation: sourceLocation)
      }
    }
  }

  @Test(
    "absurd counts of tensors and keys are refused before anything is allocated",
    arguments: [
      UInt64(1) << 17, 1 << 40, .max, 1 << 63, .max / 33, .max / 14,
    ])
  func absurdCounts(count: UInt64) throws {
    try refuse(.tooLarge, "number of tensors", "\(count)") { $0.tensorCount = count }
    try refuse(.tooLarge, "number of metadata keys", "\(count)") { $0.keyCount = count }
  }

  @Test("counts beyond the remaining bytes are refused")
  func countsBeyondTheFile() throws {
    try refuse(.truncated, "number of tensors", "download it again") { $0.tensorCount = 50_000 }
    try refuse(.truncated, "number of metadata keys") { $0.keyCount = 50_000 }
  }

  @Test("string lengths beyond the file are refused", arguments: [UInt64(1) << 20, .max, 1 << 63, (1 << 63) - 1])
  func stringLengths(length: UInt64) throws {
    try refuse(.truncated, "'long'", "needs \(length) bytes") { $0.add("long", .string, GGUFBuilder.bytes(length)) }
    try refuse(.truncated, "element 0", "'long'") {
      $0.add("long", .array, GGUFBuilder.array(.string, count: 1, GGUFBuilder.bytes(length)))
    }
    try refuse(.truncated, "metadata key 15") { $0.pairs.append(GGUFBuilder.bytes(length)) }
  }

  @Test("array lengths beyond the file or beyond sense are refused", arguments: MetadataType.allCases)
  func arrayLengths(type: MetadataType) throws {
    let counts: [UInt64] = [.max, 1 << 63, 1 << 32, 4_194_305]
    for count in counts {
      try refuse(.tooLarge, "'long'", "\(count)") { $0.add("long", .array, GGUFBuilder.array(type, count: count, [])) }
    }
    try refuse(.truncated, "'long'") { $0.add("long", .array, GGUFBuilder.array(type, count: 1 << 22, [])) }
  }

  @Test("arrays nested too deep are refused, and four levels are read")
  func nesting() throws {
    func nested(_ depth: Int) -> [UInt8] {
      depth == 0
        ? GGUFBuilder.array(.uint8, count: 1, [1]) : GGUFBuilder.array(.array, count: 1, nested(depth - 1))
    }
    try refuse(.tooLarge, "nested", "'deep'") { $0.add("deep", .array, nested(5)) }
    try refuse(.tooLarge, "nested", "'deep'") { $0.add("deep", .array, nested(2_000)) }
    let folder = try TemporaryFolder()
    var builder = GGUFBuilder()
    builder.add("deep", .array, nested(4))
    _ = try GGUFFile(path: try folder.write(builder.build()))
  }

  @Test("more than 65,536 arrays inside arrays are refused")
  func manyArrays() throws {
    let empty = GGUFBuilder.array(.uint8, count: 0, [])
    let many = Array(repeating: empty, count: 65_537).flatMap { $0 }
    try refuse(.tooLarge, "'many'", "65536") { $0.add("many", .array, GGUFBuilder.array(.array, count: 65_537, many)) }
  }

  @Test("unknown value types, wrong bools, empty, long and doubled keys are refused")
  func keysAndTypes() throws {
    try refuse(.malformed, "13", "'odd'") { $0.add("odd", typeNumber: 13, [0]) }
    try refuse(.malformed, "4294967295") { $0.add("odd", typeNumber: .max, [0]) }
    try refuse(.malformed, "element type", "99") {
      $0.add("odd", .array, GGUFBuilder.bytes(UInt32(99)) + GGUFBuilder.bytes(UInt64(0)))
    }
    try refuse(.malformed, "'odd'", "bool") { $0.add("odd", .bool, [2]) }
    try refuse(.malformed, "'odd'", "bool") { $0.add("odd", .array, GGUFBuilder.array(.bool, count: 2, [1, 255])) }
    try refuse(.malformed, "key 15", "empty") { $0.add("", .bool, [1]) }
    try refuse(.malformed, "'u8'", "twice") { $0.add("u8", .uint8, [7]) }
    try refuse(.tooLarge, "key 15", "65535") { $0.add(String(repeating: "k", count: 65_536), .bool, [1]) }
    try refuse(.malformed, "key 15", "UTF-8") {
      $0.pairs.append(GGUFBuilder.string([0xFF]) + GGUFBuilder.bytes(UInt32(7)) + [1])
    }
    try refuse(.malformed, "'tokenizer.odd'", "UTF-8") { $0.add("tokenizer.odd", .string, GGUFBuilder.string([0xC3])) }
  }

  @Test(
    "alignments that are not powers of two of at least 8 are refused",
    arguments: [UInt32(0), 1, 4, 31, 33, 1 << 31, .max])
  func alignments(alignment: UInt32) throws {
    try refuse(.malformed, "general.alignment", "\(alignment)") {
      $0.pairs.remove(at: 1)
      $0.add("general.alignment", uint32: alignment)
    }
    try refuse(.wrongType, "general.alignment") {
      $0.pairs.remove(at: 1)
      $0.add("general.alignment", .string, GGUFBuilder.string("32"))
    }
  }

  @Test(
    "tensor shapes that cannot be are refused",
    arguments: impossibleShapes)
  func shapes(dimensions: [UInt64]) throws {
    let folder = try TemporaryFolder()
    var builder = GGUFBuilder.small()
    builder.tensors[0].dimensions = dimensions
    let path = try folder.write(builder.build())
    #expect(throws: FileError.self) { try GGUFFile(path: path) }
  }

  @Test("shape errors name the tensor and the reason")
  func shapeErrors() throws {
    try refuse(.malformed, "'a'", "5 dimensions") { $0.tensors[0].dimensions = [1, 1, 1, 1, 1] }
    try refuse(.malformed, "'a'", "0 dimensions") { $0.tensors[0].dimensions = [] }
    try refuse(.malformed, "'a'", "4294967295 dimensions") { $0.tensors[0].dimensionCount = .max }
    try refuse(.malformed, "'a'", "dimension of 0") { $0.tensors[0].dimensions = [4, 0] }
    try refuse(.tooLarge, "'a'", "64 bits") { $0.tensors[0].dimensions = [1 << 32, 1 << 32] }
    try refuse(.tooLarge, "'a'", "64 bits") { $0.tensors[0].dimensions = [1 << 61, 1] }
    try refuse(.truncated, "'a'", "download it again") { $0.tensors[0].dimensions = [1 << 40] }
    try refuse(.malformed, "'b'", "33", "Q4_0", "32") { $0.tensors[1].dimensions = [33] }
  }

  @Test("removed and unknown tensor types are refused by name or number")
  func types() throws {
    let removed: [(UInt32, String)] = [
      (4, "Q4_2"), (5, "Q4_3"), (31, "Q4_0_4_4"), (32, "Q4_0_4_8"), (33, "Q4_0_8_8"), (36, "IQ4_NL_4_4"),
      (37, "IQ4_NL_4_8"), (38, "IQ4_NL_8_8"),
    ]
    for (number, name) in removed {
      try refuse(.unsupportedType, "'a'", name, "removed") { $0.tensors[0].type = number }
    }
    for number in [UInt32(43), 1_000, .max] {
      try refuse(.unsupportedType, "'a'", "\(number)") { $0.tensors[0].type = number }
    }
  }

  @Test("misplaced, overlapping and doubled tensors are refused")
  func places() throws {
    try refuse(.malformed, "'b'", "33", "alignment 32") { $0.tensors[1].offset = 33 }
    try refuse(.malformed, "'a'", "'b'", "overlap") { $0.tensors[1].offset = 0 }
    try refuse(.malformed, "overlap") { $0.tensors[0].dimensions = [9] }
    try refuse(.truncated, "'c'") { $0.tensors[2].offset = 96 }
    try refuse(.truncated, "'c'") { $0.tensors[2].offset = 1 << 62 }
    try refuse(.truncated, "'c'") { $0.tensors[2].offset = UInt64(Int.max) - 31 }
    try refuse(.malformed, "'c'") { $0.tensors[2].offset = .max - 31 }
    try refuse(.malformed, "'a'", "twice") { $0.tensors[1].name = "a" }
    try refuse(.malformed, "tensor 0", "empty") { $0.tensors[0].name = "" }
    try refuse(.tooLarge, "tensor 0", "1024") { $0.tensors[0].name = String(repeating: "n", count: 1_025) }
  }

  @Test("other versions and big-endian files are refused with the remedy")
  func versions() throws {
    try refuse(.unsupportedVersion, "is 1") { $0.version = 1 }
    try refuse(.unsupportedVersion, "is 4") { $0.version = 4 }
    try refuse(.unsupportedVersion, "big-endian") { $0.version = UInt32(3).byteSwapped }
  }

  @Test("what is not GGUF is refused with a guess at what it is")
  func otherFiles() throws {
    let folder = try TemporaryFolder()
    let cases: [(String, String)] = [
      ("version https://git-lfs.github.com/spec/v1\n", "git lfs pull"), ("<!DOCTYPE html><html>", "web page"),
      ("lmggxxxx", "older GGML"), ("PK\u{3}\u{4}", "archive"), ("12345678{\"a\":1}", "safetensors"), ("GGU", "ends"),
      ("hello, world", "does not begin"), ("gguf\u{3}\0\0\0", "does not begin"),
    ]
    for (text, word) in cases {
      let path = try folder.write(Array(text.utf8))
      expectError(.notGGUF, word) { _ = try GGUFFile(path: path) }
    }
  }

  @Test("control characters of names do not reach the terminal")
  func printableNames() throws {
    try refuse(.malformed, "\\u{1b}") { $0.add("\u{1B}[31m\n", .bool, [2]) }
  }
}
