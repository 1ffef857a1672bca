import Foundation
import TesseraJSON
import Testing

@testable import TesseraText

@Suite("Tokenizers of folders in the terms of GGUF files")
struct DefinitionExportTests {
  private func export(_ tokenizer: Tokenizer, _ notes: inout [String]) throws -> Tokenizer {
    try Tokenizer(TokenizerDefinition(of: tokenizer, modelName: "test", notes: &notes))
  }

  @Test("ids are the folder's for hard texts, special tokens in them and around them")
  func same() throws {
    let fixture = try TokenizerJSONFixture()
    var checked = 0
    for name in ["byte-level BPE", "added tokens, plain", "WordPiece"] {
      // ▁ is what marks words in a file.
      let json = try fixture.tokenizer(named: name).json.text()
      let folder = try tokenizer(name == "WordPiece" ? json.replacingOccurrences(of: "▁", with: "@") : json)
      var notes: [String] = []
      let file = try export(folder, &notes)
      #expect(notes.contains { $0.contains("20 characters") } == (name == "WordPiece"), "\(notes)")
      for text in fixture.texts {
        // Words of any length are cut in a file, and letters are those of Unicode 15.1.
        let isLong = name == "WordPiece" && text.split(separator: " ").contains { $0.unicodeScalars.count > 20 }
        let isNew = text.unicodeScalars.contains { scalar in
          scalar.properties.age.map { ($0.major, $0.minor) > (15, 1) } ?? false
        }
        if isLong || isNew || name == "WordPiece" && text.contains("▁") { continue }
        for isSpecial in [true, false] {
          let ids = try folder.encode(text, addSpecial: isSpecial, parseSpecial: isSpecial)
          #expect(
            try file.encode(text, addSpecial: isSpecial, parseSpecial: isSpecial) == ids,
            "\(name) on \(text.debugDescription)")
          checked += 1
        }
      }
      #expect(file.beginToken == folder.beginToken || folder.beginToken == nil)
      #expect(folder.endOfGenerationTokens.isSubset(of: file.endOfGenerationTokens))
    }
    #expect(checked > 250)
  }

  @Test("marks within words are found by their bytes: a sign that follows one is a part of it to people alone")
  func signs() throws {
    let tokens = ["[UNK]", "[CLS]", "[SEP]", "क", "##ि", "##ा", "##त", "e", "##\u{301}", "##x"]
    let vocabulary = tokens.enumerated().map { "\"\($1)\": \($0)" }.joined(separator: ", ")
    let folder = try tokenizer(
      """
      {"model": {"type": "WordPiece", "unk_token": "[UNK]", "vocab": {\(vocabulary)}},
       "added_tokens": [{"id": 0, "content": "[UNK]", "special": true}],
       "normalizer": {"type": "BertNormalizer", "strip_accents": true}, "pre_tokenizer": {"type": "BertPreTokenizer"}}
      """)
    var notes: [String] = []
    let file = try export(folder, &notes)
    for (text, ids) in [("कात", [3, 5, 6]), ("कि", [3, 4]), ("ex", [7, 9]), ("क", [3]), ("त", [0])] {
      #expect(try folder.encode(text) == ids && file.encode(text) == ids, "\(text)")
    }
    #expect(file.token(named: "ा") == 5 && file.token(named: "▁क") == 3 && !file.addsBeginToken)
  }

  private func tokenizer(_ json: String, config: String? = nil) throws -> Tokenizer {
    var files = HuggingFaceTokenizerFiles(tokenizer: try JSONValue(parsing: Array(json.utf8)), path: "model")
    files.tokenizerConfig = try config.map { try JSONValue(parsing: Array($0.utf8)) }
    return try Tokenizer(huggingFace: files)
  }

  /// A fixture's document with another value at a place.
  private func changed(_ name: String, _ path: [String], _ json: String) throws -> Tokenizer {
    func set(_ value: JSONValue, _ path: ArraySlice<String>, _ new: JSONValue) -> JSONValue {
      guard let key = path.first, var object = value.objectValue else { return new }
      object[key] = set(object[key] ?? .null, path.dropFirst(), new)
      return .object(object)
    }
    let document = try TokenizerJSONFixture().tokenizer(named: name).json
    let new = try JSONValue(parsing: Array(json.utf8))
    return try Tokenizer(
      huggingFace: HuggingFaceTokenizerFiles(tokenizer: set(document, path[...], new), path: "model"))
  }

  @Test("what would give plain text other ids is refused by name")
  func refused() throws {
    let bytes = "byte-level BPE"
    let cases: [(String, [String], String, String)] = [
      (bytes, ["normalizer"], #"{"type": "Lowercase"}"#, "normalizer"),
      (bytes, ["normalizer"], #"{"type": "NFKC"}"#, "normalizer"),
      (bytes, ["normalizer"], #"{"type": "Replace", "pattern": {"String": "a"}, "content": "b"}"#, "normalizer"),
      (bytes, ["pre_tokenizer"], #"{"type": "ByteLevel", "add_prefix_space": true}"#, "pre-tokenizer"),
      (bytes, ["pre_tokenizer"], #"{"type": "Whitespace"}"#, "not of bytes"),
      (
        bytes, ["pre_tokenizer"], #"{"type": "ByteLevel", "add_prefix_space": false, "use_regex": false}"#,
        "pre-tokenizer"
      ),
      (
        bytes, ["pre_tokenizer"],
        #"""
        {"type": "Sequence", "pretokenizers": [{"type": "Split", "pattern": {"String": "\\p{N}"}, "behavior": "Isolated"},
          {"type": "ByteLevel", "add_prefix_space": false}]}
        """#, "pattern"
      ),
      (bytes, ["model", "ignore_merges"], "true", "pre-tokenizer with these merges"),
      (bytes, ["decoder"], "null", "decoder"),
      (
        bytes, ["post_processor"],
        #"""
        {"type": "TemplateProcessing", "pair": [], "special_tokens": {"x": {"id": "x", "ids": [0, 1]}},
          "single": [{"SpecialToken": {"id": "x", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}]}
        """#, "post-processor"
      ),
      ("WordPiece", ["normalizer", "lowercase"], "false", "normalizer"),
      ("WordPiece", ["normalizer", "strip_accents"], "false", "normalizer"),
      ("WordPiece", ["normalizer", "handle_chinese_chars"], "false", "normalizer"),
      ("WordPiece", ["normalizer"], "null", "normalizer"),
      ("WordPiece", ["pre_tokenizer"], #"{"type": "Whitespace"}"#, "pre-tokenizer"),
      ("WordPiece", ["model", "continuing_subword_prefix"], #""@@""#, "##"),
    ]
    for (name, path, json, word) in cases {
      let tokenizer = try changed(name, path, json)
      var notes: [String] = []
      let error = #expect(throws: TextError.self) { try export(tokenizer, &notes) }
      #expect(
        error?.code == .unsupportedComponent && error?.message.contains(word) == true,
        "\(json): \(error?.message ?? "")")
    }
    for (name, word) in [
      ("Unigram", "Unigram"), ("WordLevel", "WordLevel"), ("BPE with bytes", "not of bytes"),
      ("added tokens, word", "'n'"), ("added tokens, left", "'n'"),
    ] {
      let tokenizer = try TokenizerJSONFixture().tokenizer(named: name).tokenizer()
      var notes: [String] = []
      let error = #expect(throws: TextError.self) { try export(tokenizer, &notes) }
      #expect(error?.message.contains(word) == true, "\(name): \(error?.message ?? "")")
    }
    // A byte that is no token.
    var document = try #require(try TokenizerJSONFixture().tokenizer(named: bytes).json.objectValue)
    var model = try #require(document["model"]?.objectValue)
    var vocabulary = try #require(model["vocab"]?.objectValue)
    vocabulary["unused"] = vocabulary["Ā"]
    vocabulary["Ā"] = nil
    model["vocab"] = .object(vocabulary)
    document["model"] = .object(model)
    let lacking = try Tokenizer(huggingFace: HuggingFaceTokenizerFiles(tokenizer: .object(document), path: "model"))
    var notes: [String] = []
    #expect(throws: TextError.self) { try export(lacking, &notes) }
  }

  @Test("NFC is left out with a note; text that has that form gets the folder's ids")
  func composed() throws {
    let folder = try changed("byte-level BPE", ["normalizer"], #"{"type": "NFC"}"#)
    var notes: [String] = []
    let file = try export(folder, &notes)
    #expect(notes.contains { $0.contains("NFC") })
    #expect(try file.encode("é naïve") == folder.encode("e\u{301} naïve"))
  }

  @Test("ends of answers that are known by no text are named, and rows without tokens are padded")
  func endsAndPadding() throws {
    let fixture = try TokenizerJSONFixture().tokenizer(named: "byte-level BPE")
    var files = HuggingFaceTokenizerFiles(tokenizer: fixture.json, path: "model")
    files.tokenizerConfig = ["bos_token": "<s>", "eos_token": "</s>"]
    files.generationConfig = ["eos_token_id": [1, 7, 9, 11]]
    var notes: [String] = []
    var definition = try TokenizerDefinition(of: Tokenizer(huggingFace: files), modelName: "", notes: &notes)
    #expect(definition.eosToken == 1 && definition.eotToken == 7 && definition.eomToken == 9)
    #expect(notes.contains { $0.contains("token 11") } && !notes.contains { $0.contains("token 9") })
    let count = definition.tokens.count
    definition.pad(to: count + 3)
    let padded = try Tokenizer(definition)
    #expect(padded.vocabularyCount == count + 3 && padded.token(named: "[PAD\(count + 2)]") == count + 2)
    #expect(definition.tokenTypes.suffix(4) == [1, 5, 5, 5])
    #expect(try padded.encode("[PAD\(count)]", addSpecial: false).contains(count) == false)
    definition.pad(to: 1)
    #expect(definition.tokens.count == count + 3)
  }
}
