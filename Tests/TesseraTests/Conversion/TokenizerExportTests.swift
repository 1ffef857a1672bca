import Foundation
import TesseraFiles
import TesseraText
import TestSupport
import Testing

@testable import Tessera

private let miniLMPath = ProcessInfo.processInfo.environment["TESSERA_TEST_MINILM"] ?? ""

@Suite("Tokenizers of folders as GGUF files have them")
struct TokenizerExportTests {
  /// Calls `body` with a folder of GPT-2's weights and such documents.
  private func withSource(_ documents: [String: String], _ body: (ModelSource) throws -> Void) throws {
    let model = try #require(
      Bundle.module.url(forResource: "gpt2", withExtension: nil, subdirectory: "Fixtures/families"))
    try withTemporaryFolder { folder in
      for name in ["config.json", "model.safetensors"] {
        try FileManager.default.copyItem(
          at: model.appendingPathComponent(name), to: folder.appendingPathComponent(name))
      }
      for (name, text) in documents {
        let url = folder.appendingPathComponent(name)
        try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: url)
      }
      try body(ModelSource(path: folder.path))
    }
  }

  private func metadata(_ export: TokenizerExport) -> Metadata {
    Metadata(Dictionary(export.entries) { first, _ in first }, of: "written")
  }

  /// A tokenizer of bytes, a merge and two special tokens; ids 300 and 302.
  private func byteTokenizer(pattern: String, more: String = "") throws -> String {
    let bytes = SyntheticModel.tokens.prefix(256) + ["ab"]
    func json(_ value: Any) throws -> String {
      String(decoding: try JSONSerialization.data(withJSONObject: value, options: .fragmentsAllowed), as: UTF8.self)
    }
    let vocabulary = try json(Dictionary(uniqueKeysWithValues: bytes.enumerated().map { ($1, $0) }))
    return """
      {"model": {"type": "BPE", "vocab": \(vocabulary), "merges": [["a", "b"]]},
       "added_tokens": [{"id": 300, "content": "<s>", "special": true}, {"id": 302, "content": "<t>", "special": false}],
       "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
         {"type": "Split", "pattern": {"Regex": \(try json(pattern))}, "behavior": "Isolated"},
         {"type": "ByteLevel", "add_prefix_space": false, "use_regex": false}]},
       "decoder": {"type": "ByteLevel"}\(more)}
      """
  }

  private let qwen2 =
    #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#

  @Test("byte-level BPE, with the name of its pre-tokenizer and a token for each row")
  func bytePairs() throws {
    let post = """
      , "post_processor": {"type": "TemplateProcessing", "pair": [],
        "special_tokens": {"<s>": {"id": "<s>", "ids": [300], "tokens": ["<s>"]}},
        "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}]}
      """
    let documents = [
      "tokenizer.json": try byteTokenizer(pattern: qwen2, more: post),
      "tokenizer_config.json": #"{"bos_token": "<s>", "eos_token": {"content": "<s>"}, "chat_template": "{{ x }}"}"#,
    ]
    try withSource(documents) { source in
      let export = try TokenizerExport(source, vocabularySize: 304)
      let metadata = metadata(export)
      #expect(export.notes == ["two texts together are joined by other special tokens in a GGUF file"])
      #expect(try metadata.string("tokenizer.ggml.model") == "gpt2" && metadata.string("tokenizer.ggml.pre") == "qwen2")
      let tokens = try metadata.strings("tokenizer.ggml.tokens")
      #expect(tokens.count == 304 && tokens[256...] == tokens[256..<304] && tokens[256] == "ab" && tokens[302] == "<t>")
      #expect(tokens[257] == "[PAD257]" && tokens[303] == "[PAD303]")
      #expect(try metadata.ints("tokenizer.ggml.token_type").suffix(5) == [5, 3, 5, 4, 5])
      #expect(try metadata.strings("tokenizer.ggml.merges") == ["a b"])
      #expect(
        try metadata.int("tokenizer.ggml.bos_token_id") == 300 && metadata.int("tokenizer.ggml.eos_token_id") == 300)
      #expect(try metadata.bool("tokenizer.ggml.add_bos_token") && !metadata.bool("tokenizer.ggml.add_eos_token"))
      #expect(try metadata.string("tokenizer.chat_template") == "{{ x }}")

      let (folder, file) = (try source.tokenizer(), try Tokenizer(ModelSource.definition(metadata)))
      for text in ["abab 123", "<s>a<t>", "é\u{1F600}\n\n  x", "[PAD257]", ""] {
        #expect(try file.encode(text) == folder.encode(text), "\(text)")
        #expect(try file.decode(file.encode(text)) == folder.decode(folder.encode(text)), "\(text)")
      }
      // More tokens than rows are of another model.
      #expect(throws: TesseraError.self) { try TokenizerExport(source, vocabularySize: 302) }
    }
  }

  @Test("the configuration's word on what is added counts, not the template's")
  func added() throws {
    let documents = [
      "tokenizer.json": try byteTokenizer(pattern: qwen2),
      "tokenizer_config.json":
        #"{"tokenizer_class": "LlamaTokenizerFast", "bos_token": "<s>", "add_bos_token": true, "add_eos_token": false}"#,
    ]
    try withSource(documents) { source in
      let metadata = metadata(try TokenizerExport(source, vocabularySize: 303))
      #expect(try metadata.bool("tokenizer.ggml.add_bos_token"))
      let file = try Tokenizer(ModelSource.definition(metadata))
      #expect(try file.encode("a").first == 300 && file.encode("a") == source.tokenizer().encode("a"))
    }
  }

  @Test("named templates are written under llama.cpp's keys, and chosen for conversations with tools")
  func templates() throws {
    let tokenizer = try byteTokenizer(pattern: qwen2)
    func config(_ names: [String]) -> String {
      "{\"chat_template\": [\(names.map { "{\"name\": \"\($0)\", \"template\": \"of \($0)\"}" }.joined(separator: ", "))]}"
    }
    /// What the templates for conversations without and with tools render.
    func rendered(_ source: ModelSource) throws -> [String?] {
      try [false, true].map { hasTools in
        try source.chatTemplate(of: source.tokenizer(), hasTools: hasTools)?.render(
          Conversation(messages: []), bosToken: nil, eosToken: nil)
      }
    }
    let named = ["tokenizer.json": tokenizer, "tokenizer_config.json": config(["default", "tool_use", "rag", "a b"])]
    try withSource(named) { source in
      let texts = try rendered(source)
      #expect(texts == ["of default", "of tool_use"])
      let export = try TokenizerExport(source, vocabularySize: 303)
      let metadata = metadata(export)
      #expect(try metadata.string("tokenizer.chat_template") == "of default")
      #expect(try metadata.strings("tokenizer.chat_templates") == ["rag", "tool_use"])
      #expect(try metadata.string("tokenizer.chat_template.tool_use") == "of tool_use")
      #expect(export.notes.count == 1 && export.notes[0].contains("'a b'"), "\(export.notes)")
    }
    try withSource(["tokenizer.json": tokenizer, "tokenizer_config.json": config(["rag", "tool_use"])]) { source in
      let tokenizer = try source.tokenizer()
      #expect(try source.chatTemplate(of: tokenizer, hasTools: true) != nil)
      let error = #expect(throws: TesseraError.self) { try source.chatTemplate(of: tokenizer) }
      #expect(error?.code == .noChatTemplate && error?.message.contains("rag, tool_use") == true)
    }
    let files = ["chat_template.jinja": "usual", "additional_chat_templates/tool_use.jinja": "tools"]
    try withSource(files.merging(["tokenizer.json": tokenizer]) { $1 }) { source in
      let texts = try rendered(source)
      #expect(texts == ["usual", "tools"])
    }
    try withSource(["tokenizer.json": tokenizer]) { source in
      let texts = try rendered(source)
      #expect(texts == [nil, nil])
    }
    try SyntheticModel.llama.withFile({
      $0.metadata["tokenizer.chat_template"] = .string("usual")
      $0.metadata["tokenizer.chat_template.tool_use"] = .string("tools")
    }) { path in
      let source = try ModelSource(path: path)
      let texts = try rendered(source)
      #expect(texts == ["usual", "tools"])
    }
  }

  @Test("what cannot be expressed is said, and nothing is written of it")
  func inexpressible() throws {
    let bytes = try byteTokenizer(pattern: qwen2)
    for (document, word) in [
      (nil, "no tokenizer.json"), (#"{"model": {"type": "Unigram", "vocab": [["a", 0]]}}"#, "Unigram"),
      (#"{"model": {"type": "WordLevel", "vocab": {"a": 0}}, "normalizer": {"type": "Odd"}}"#, "Odd"),
      (try byteTokenizer(pattern: "x"), "pre-tokenizer"),
      (bytes.replacingOccurrences(of: "\"<t>\",", with: "\"<t>\", \"single_word\": true,"), "<t>"),
    ] {
      try withSource(document.map { ["tokenizer.json": $0] } ?? [:]) { source in
        let export = try TokenizerExport(source, vocabularySize: 400)
        #expect(export.entries.isEmpty && export.notes.count == 1 && export.notes[0].contains(word), "\(export.notes)")
        #expect(export.notes[0].contains("--tokens"), "\(export.notes)")
      }
    }
    for damaged in [
      "{", #"{"model": {"type": "BPE", "vocab": {"a": 9223372036854775807}, "merges": []}}"#,
      bytes.replacingOccurrences(of: "302", with: "9223372036854775807"),
      bytes.replacingOccurrences(of: "302", with: "-1"), bytes.replacingOccurrences(of: "302", with: "300"),
    ] {
      try withSource(["tokenizer.json": damaged]) { source in
        #expect(throws: (any Error).self) { try TokenizerExport(source, vocabularySize: 400) }
      }
    }
  }

  @Test(
    "all-MiniLM-L6-v2 gives the same ids from a file, in the scripts of India too",
    .enabled(if: !miniLMPath.isEmpty, "TESSERA_TEST_MINILM is not set"))
  func miniLM() throws {
    let source = try ModelSource(path: miniLMPath)
    let folder = try source.tokenizer()
    let export = try TokenizerExport(source, vocabularySize: folder.vocabularyCount)
    let file = try Tokenizer(ModelSource.definition(metadata(export)))
    let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appendingPathComponent("TesseraTextTests/Fixtures/tokenizer-json.json")
    let document = try #require(try JSONSerialization.jsonObject(with: Data(contentsOf: path)) as? [String: Any])
    let texts = try #require(document["texts"] as? [String])
    // ▁ in a text is taken for the mark of a word's beginning in a file.
    for text in texts.filter({ !$0.contains("▁") }) + ["हिन्दी में किताब", "বাংলা ভাষা", "தமிழ் மொழி", "ಕನ್ನಡ", "[CLS] hello [SEP]"] {
      #expect(try file.encode(text) == folder.encode(text), "\(text.debugDescription)")
    }
    #expect(try !file.encode("किताब").contains(try #require(file.unknownToken)))
  }
}
