import TesseraJSON
import Testing

@testable import TesseraText

@Suite("Hugging Face's tokenizer files")
struct HuggingFaceFilesTests {
  private static let plain = """
    {"added_tokens": [{"id": 3, "content": "<s>", "special": true}, {"id": 4, "content": "</s>", "special": true}],
     "pre_tokenizer": {"type": "WhitespaceSplit"},
     "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": ["a b"]}}
    """

  private static func load(
    _ text: String = plain, config: String? = nil, map: String? = nil, generation: String? = nil
  ) throws -> Tokenizer {
    var files = HuggingFaceTokenizerFiles(tokenizer: try JSONValue(parsing: text), path: "folder")
    files.tokenizerConfig = try config.map { try JSONValue(parsing: $0) }
    files.specialTokensMap = try map.map { try JSONValue(parsing: $0) }
    files.generationConfig = try generation.map { try JSONValue(parsing: $0) }
    return try Tokenizer(huggingFace: files)
  }

  @Test("names, ends and templates come from all files")
  func names() throws {
    let tokenizer = try Self.load(
      config: #"""
        {"bos_token": {"content": "<s>"}, "eos_token": null, "pad_token": "<none>", "chat_template": [
          {"name": "default", "template": "A"}, {"name": "tool_use", "template": "B"}],
         "added_tokens_decoder": {"5": {"content": "<|im_end|>", "special": true}}}
        """#,
      map: #"{"eos_token": "</s>", "unk_token": {"content": "a"}}"#, generation: #"{"eos_token_id": [4, 2, 99]}"#)
    #expect(tokenizer.beginToken == 3 && tokenizer.endToken == 4 && tokenizer.unknownToken == 0)
    #expect(tokenizer.endOfGenerationTokens == [2, 4, 5])
    #expect(tokenizer.chatTemplates == ["default": "A", "tool_use": "B"])
    #expect(tokenizer.vocabularyCount == 6 && tokenizer.token(named: "<|im_end|>") == 5)
    #expect(tokenizer.notes.count == 2 && tokenizer.notes.contains { $0.contains("99") })
    #expect(try tokenizer.encode("ab<s>b a<|im_end|>") == [2, 3, 1, 0, 5])
    #expect(try tokenizer.encode("b<s>", parseSpecial: false) == [1])
    #expect(try Self.load(generation: #"{"eos_token_id": 2}"#).endOfGenerationTokens == [2, 4])
  }

  @Test("text that reads like an added token is none where special tokens are not parsed")
  func plainMarkers() throws {
    let words = Self.plain.replacing(
      #""type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": ["a b"]"#,
      with: #""type": "WordLevel", "unk_token": "a", "vocab": {"a": 0, "b": 1, "ab": 2}"#)
    #expect(try Self.load(words).encode("ab <s> b") == [2, 3, 1])
    #expect(try Self.load(words).encode("ab <s> b", parseSpecial: false) == [2, 0, 1])
    let whole = Self.plain.replacing(#""merges""#, with: #""ignore_merges": true, "merges""#)
    #expect(try Self.load(whole).encode("ab <s> b", parseSpecial: false) == [2, 1])
  }

  @Test("Llama's tokenizers add BOS and EOS as the configuration says, others as the template says")
  func ends() throws {
    func config(_ name: String, _ end: Bool) -> String {
      #"{"tokenizer_class": "\#(name)", "bos_token": "<s>", "eos_token": "</s>", "add_eos_token": \#(end)}"#
    }
    #expect(try Self.load(config: config("LlamaTokenizerFast", true)).encode("ab") == [3, 2, 4])
    #expect(try Self.load(config: config("LlamaTokenizer", false)).encode("ab") == [3, 2])
    #expect(try Self.load(config: config("Qwen2Tokenizer", true)).encode("ab") == [2])
    #expect(try Self.load(config: config("LlamaTokenizer", false)).addsBeginToken)
  }

  @Test(
    "damaged and unknown parts are refused with file and field",
    arguments: [
      (#""type": "BPE""#, #""type": "LSTM""#, TextError.Code.unsupportedModel, "LSTM"),
      (#""type": "WhitespaceSplit""#, #""type": "Magic""#, .unsupportedComponent, "pre_tokenizer"),
      (#""type": "WhitespaceSplit""#, #""type": 5"#, .malformedFile, "type"),
      (#""type": "WhitespaceSplit""#, #""type": "Split", "pattern": {"Regex": "(a"}"#, .unsupportedPattern, "(a"),
      (#""type": "WhitespaceSplit""#, #""type": "FixedLength", "length": -1"#, .malformedFile, "length"),
      (#""type": "WhitespaceSplit""#, #""type": "Punctuation", "behavior": "Burned""#, .unsupportedComponent, "Burned"),
      (#""id": 3"#, #""id": -3"#, .tokenOutOfRange, "<s>"),
      (#""id": 3"#, #""id": 1e300"#, .malformedFile, "added_tokens[0]"),
      (#""id": 3"#, #""id": 9000000"#, .tokenOutOfRange, "9000000"),
      (#""id": 3"#, #""id": 4"#, .malformedVocabulary, "same id 4"),
      (#""id": 3"#, #""id": 1"#, .malformedVocabulary, "same id 1"),
      (#""ab": 2"#, #""ab": "2""#, .malformedFile, "'ab'"),
      (#""ab": 2"#, #""ab": 9223372036854775807"#, .tokenOutOfRange, "ab"),
      (#""ab": 2"#, #""ab": 1"#, .malformedVocabulary, "same id"),
      (#"["a b"]"#, #"["ab"]"#, .malformedFile, "merges[0]"),
      (#"["a b"]"#, #"[["a"]]"#, .malformedFile, "merges[0]"),
      (#"["a b"]"#, #"["b a"]"#, .malformedVocabulary, "merges"),
      (#"["a b"]"#, #"{}"#, .malformedFile, "merges"),
      (#""merges""#, #""dropout": 0.5, "merges""#, .unsupportedComponent, "dropout"),
      (#""vocab": {"a": 0, "b": 1, "ab": 2}"#, #""vocab": {}"#, .malformedVocabulary, "vocab"),
      (#""vocab": {"a": 0, "b": 1, "ab": 2}"#, #""vocab": [1]"#, .malformedFile, "vocab"),
      (#""model""#, #""modell""#, .malformedFile, "model"),
      (#""pre_tokenizer""#, #""normalizer""#, .unsupportedComponent, "normalizer"),
      (#""pre_tokenizer""#, #""decoder""#, .unsupportedComponent, "decoder"),
      (#""pre_tokenizer""#, #""post_processor""#, .unsupportedComponent, "post-processor"),
      (
        #""pre_tokenizer": {"type": "WhitespaceSplit"}"#,
        #""post_processor": {"type": "BertProcessing", "sep": ["x", 77], "cls": ["x", 0]}"#, .tokenOutOfRange, "77"
      ),
      (
        #""pre_tokenizer": {"type": "WhitespaceSplit"}"#,
        #""normalizer": {"type": "Precompiled", "precompiled_charsmap": "AAAA"}"#, .malformedVocabulary, "character map"
      ),
      (
        #""type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}"#,
        #""type": "Unigram", "unk_id": 7, "vocab": [["a", 0.5]]"#, .tokenOutOfRange, "unk_id"
      ),
      (
        #""type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}"#,
        #""type": "Unigram", "vocab": [["a", NaN]]"#, .malformedFile, "vocab[0]"
      ),
    ])
  func refused(old: String, new: String, code: TextError.Code, name: String) throws {
    let text = Self.plain.replacing(old, with: new)
    #expect(text != Self.plain)
    let error = try #require(throws: TextError.self) { try Self.load(text) }
    #expect(error.code == code, "\(error)")
    #expect(error.message.contains(name) && error.message.contains("folder/tokenizer.json"), "\(error)")
  }

  @Test("a cyclic, deep or huge file is an error, soon")
  func huge() throws {
    let deep = String(repeating: #"{"type":"Sequence","normalizers":["#, count: 30)
    let nested = deep + String(repeating: "]}", count: 30)
    #expect(throws: JSONError.self) {
      try Self.load(#"{"normalizer": "# + nested + String(repeating: "[", count: 1 << 20))
    }
    let files = Self.plain.replacing(
      #""pre_tokenizer": {"type": "WhitespaceSplit"}"#, with: #""normalizer": "# + nested)
    #expect(try Self.load(files).encode("ab", addSpecial: false) == [2])
    #expect(throws: JSONError.self) { try JSONValue(parsing: [UInt8](repeating: 0x5B, count: 50_000_000)) }
  }

  @Test("mutated files are refused or work, but never trap")
  func mutated() throws {
    var generator = RepeatableGenerator(state: 11)
    let whole = Array(Self.plain.utf8)
    var loaded = 0
    for _ in 0..<400 {
      var bytes = whole
      for _ in 0..<Int.random(in: 1...3, using: &generator) {
        let index = Int.random(in: 0..<bytes.count, using: &generator)
        switch Int.random(in: 0..<3, using: &generator) {
        case 0: bytes[index] = Array(#"{}[]:,"019-eab"#.utf8).randomElement(using: &generator) ?? 0
        case 1: bytes.remove(at: index)
        default: bytes.insert(bytes[Int.random(in: 0..<bytes.count, using: &generator)], at: index)
        }
      }
      guard let json = try? JSONValue(parsing: bytes),
        let tokenizer = try? Tokenizer(huggingFace: HuggingFaceTokenizerFiles(tokenizer: json, path: ""))
      else { continue }
      loaded += 1
      if let ids = try? tokenizer.encode("ab <s> ba é") { _ = try tokenizer.decode(ids) }
    }
    #expect(loaded > 20)
  }
}
