import Foundation
import TesseraJSON
import Testing

@testable import TesseraText

@Suite("Steps that make text longer")
struct GrowthTests {
  /// A precompiled map of single bytes below 0x80: the array that the root leads to holds the bytes at 256, their
  /// values at 512.
  private static func characterMap(_ texts: [UInt8: [UInt8]]) -> [UInt8] {
    var units = [UInt32](repeating: 0, count: 1_024)
    units[0] = 256 << 10
    var store: [UInt8] = []
    for (byte, text) in texts {
      units[256 + Int(byte)] = UInt32(byte) | 1 << 8 | 768 << 10
      units[512 + Int(byte)] = UInt32(store.count)
      store += text + [0]
    }
    let words = [UInt32(units.count * 4)] + units
    return words.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) } } + store
  }

  private static func precompiled(_ texts: [UInt8: [UInt8]]) -> JSONValue {
    ["type": "Precompiled", "precompiled_charsmap": .string(Data(characterMap(texts)).base64EncodedString())]
  }

  private static func tokenizer(_ parts: JSONObject) throws -> Tokenizer {
    var document: JSONObject = [
      "model": ["type": "WordLevel", "unk_token": "a", "vocab": ["a": 0, "b": 1]]
    ]
    for (key, value) in parts.members { document[key] = value }
    return try Tokenizer(huggingFace: HuggingFaceTokenizerFiles(tokenizer: .object(document), path: "folder"))
  }

  private static func sequence(_ key: String, _ part: JSONValue, _ count: Int) -> JSONValue {
    ["type": "Sequence", key: .array([JSONValue](repeating: part, count: count))]
  }

  private static let repeated: JSONValue = [
    "type": "Replace", "pattern": ["String": "a"], "content": .string(String(repeating: "a", count: 1_024)),
  ]

  @Test("a map that gives bytes which are no UTF-8 is followed by others")
  func notUTF8() throws {
    let step = try Normalizer.steps(
      ComponentFields(Self.precompiled([0x61: [0xFF, 0xED, 0xA0, 0x80]]), path: nil, place: "normalizer"))
    var text = Array("aab".utf8)
    var limit = GrowthLimit(bytes: text.count)
    for step in step + step { try step.apply(&text, isAfterSpecial: true, &limit) }
    #expect(text.isUTF8)
    #expect(text == Array("\(String(repeating: "\u{FFFD}", count: 8))b".utf8))
  }

  @Test(
    "steps that multiply a text are an error, not memory without end",
    arguments: [
      ("normalizer", sequence("normalizers", repeated, 5), "a"),
      ("normalizer", sequence("normalizers", ["type": "ByteLevel"], 40), "é"),
      (
        "normalizer", precompiled([0x61: [UInt8](repeating: 0x62, count: 4 << 20)]),
        String(repeating: "a", count: 100_000)
      ),
      (
        "normalizer",
        sequence("normalizers", ["type": "Prepend", "prepend": .string(String(repeating: "b", count: 1_000))], 200), "a"
      ),
      ("pre_tokenizer", sequence("pretokenizers", ["type": "ByteLevel", "use_regex": false], 40), "é"),
      ("pre_tokenizer", sequence("pretokenizers", ["type": "ByteLevel"], 80), "é a"),
    ])
  func encoding(key: String, part: JSONValue, text: String) throws {
    let tokenizer = try Self.tokenizer([key: part])
    let error = #expect(throws: TextError.self) { try tokenizer.encode(text) }
    #expect(error?.code == .tooLong)
    let template = try ChatTemplate(source: "{{ messages[0].content }}")
    let conversation = Conversation(messages: [ChatMessage(role: "user", content: text)])
    let other = #expect(throws: TextError.self) { try tokenizer.prompt(of: conversation, with: template) }
    #expect(other?.code == .tooLong)
  }

  @Test("a decoder that multiplies text is an error, also token by token")
  func decoding() throws {
    for tail: [JSONValue] in [[], [["type": "Fuse"], Self.repeated]] {
      let steps = [JSONValue](repeating: Self.repeated, count: 5) + tail
      let tokenizer = try Self.tokenizer(["decoder": ["type": "Sequence", "decoders": .array(steps)]])
      let error = #expect(throws: TextError.self) { try tokenizer.decode([1, 0, 1]) }
      #expect(error?.code == .tooLong)
      var stream = StreamingDetokenizer(tokenizer)
      _ = try stream.append(1)
      #expect(throws: TextError.self) { try stream.append(0) }
    }
  }

  @Test("an added token that grows, and more parts than any tokenizer has, are errors of the file")
  func loading() throws {
    let added: JSONValue = [["id": 2, "content": "a", "special": false, "normalized": true]]
    let error = #expect(throws: TextError.self) {
      try Self.tokenizer(["added_tokens": added, "normalizer": Self.sequence("normalizers", Self.repeated, 5)])
    }
    #expect(error?.code == .tooLong)
    for (key, list, type) in [
      ("normalizer", "normalizers", "NFC"), ("pre_tokenizer", "pretokenizers", "Whitespace"),
      ("decoder", "decoders", "Fuse"),
    ] {
      let many = Self.sequence(list, ["type": .string(type)], 300)
      let error = #expect(throws: TextError.self) {
        try Self.tokenizer([key: Self.sequence(list, many, 1)])
      }
      #expect(error?.message.hasPrefix("folder/tokenizer.json: \(key): there are 302 parts") == true)
    }
  }

  @Test("a GGUF's map that multiplies a text is an error")
  func definition() throws {
    var definition = TokenizerDefinition(model: .unigram, tokens: ByteStrings(texts: ["<pad>", "</s>", "<unk>", "b"]))
    definition.scores = [0, 0, 0, -1]
    definition.addSpacePrefix = false
    definition.characterMap = Self.characterMap([0x61: [UInt8](repeating: 0x62, count: 1 << 20)])
    let tokenizer = try Tokenizer(definition)
    #expect(try tokenizer.encode("bb") == [3, 3, 1])
    let error = #expect(throws: TextError.self) { try tokenizer.encode(String(repeating: "a", count: 100_000)) }
    #expect(error?.code == .tooLong)
  }

  @Test("what grows as Unicode and byte-level vocabularies have it is none")
  func ordinary() throws {
    let tokenizer = try Self.tokenizer([
      "normalizer": ["type": "Sequence", "normalizers": [["type": "NFKC"], ["type": "Prepend", "prepend": "▁"]]],
      "pre_tokenizer": ["type": "ByteLevel", "use_regex": false],
    ])
    #expect(try tokenizer.encode(String(repeating: "\u{FDFA}", count: 10_000)) == [0])
  }
}
