import Foundation
import TesseraFiles
import TestSupport
import Testing

@testable import Tessera

@Suite("Tokenizers of folders as GGUF files have them")
struct TokenizerExportTests {
  private func export(_ tokenizer: String?, config: String = "{}") throws -> TokenizerExport {
    let model = try #require(
      Bundle.module.url(forResource: "gpt2", withExtension: nil, subdirectory: "Fixtures/families"))
    return try withTemporaryFolder { folder in
      for name in ["config.json", "model.safetensors"] {
        try FileManager.default.copyItem(
          at: model.appendingPathComponent(name), to: folder.appendingPathComponent(name))
      }
      for (name, text) in [("tokenizer.json", tokenizer), ("tokenizer_config.json", config)] {
        if let text { try Data(text.utf8).write(to: folder.appendingPathComponent(name)) }
      }
      return try TokenizerExport(HuggingFaceCheckpoint(path: folder.path))
    }
  }

  private func text(_ export: TokenizerExport, _ key: String) -> String? {
    guard let value = export.entries.first(where: { $0.key == "tokenizer.\(key)" })?.value else { return nil }
    if let array = value.arrayValue {
      return (0..<array.count).map { index in
        array[index].map { $0.stringValue ?? $0.intValue.map(String.init) ?? "?" } ?? "?"
      }.joined(separator: " ")
    }
    return value.stringValue ?? value.intValue.map(String.init) ?? value.boolValue.map { "\($0)" }
  }

  @Test("byte-level BPE, with the name of its pre-tokenizer")
  func bytePairs() throws {
    let pattern =
      #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|"#
      + #"\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"#
    let document = """
      {"model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": [["a", "b"]]},
       "added_tokens": [{"id": 3, "content": "<s>", "special": true}, {"id": 4, "content": "<t>", "special": false}],
       "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
         {"type": "Split", "pattern": {"Regex": "\(pattern)"}, "behavior": "Isolated"},
         {"type": "ByteLevel", "add_prefix_space": false, "use_regex": false}]},
       "post_processor": {"type": "TemplateProcessing", "single": [
         {"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}]}}
      """
    let result = try export(
      document, config: #"{"bos_token": "<s>", "eos_token": {"content": "<s>"}, "chat_template": "{{ x }}"}"#)
    #expect(result.note == nil && text(result, "ggml.model") == "gpt2" && text(result, "ggml.pre") == "qwen2")
    #expect(text(result, "ggml.tokens") == "a b ab <s> <t>" && text(result, "ggml.token_type") == "1 1 1 3 4")
    #expect(text(result, "ggml.merges") == "a b" && text(result, "chat_template") == "{{ x }}")
    #expect(text(result, "ggml.bos_token_id") == "3" && text(result, "ggml.eos_token_id") == "3")
    #expect(text(result, "ggml.add_bos_token") == "true" && text(result, "ggml.add_eos_token") == "false")
  }

  @Test("WordPiece, whose words are marked at their beginnings")
  func wordPieces() throws {
    let document = """
      {"model": {"type": "WordPiece", "vocab": {"[CLS]": 0, "[SEP]": 1, "go": 2, "##ing": 3, "[UNK]": 4}},
       "added_tokens": [{"id": 0, "content": "[CLS]", "special": true}, {"id": 1, "content": "[SEP]", "special": true},
         {"id": 4, "content": "[UNK]", "special": true}],
       "normalizer": {"type": "BertNormalizer", "lowercase": true}}
      """
    let names = #"{"cls_token": "[CLS]", "sep_token": "[SEP]", "unk_token": "[UNK]"}"#
    let result = try export(document, config: names)
    #expect(text(result, "ggml.model") == "bert" && text(result, "ggml.tokens") == "[CLS] [SEP] ▁go ing [UNK]")
    #expect(text(result, "ggml.cls_token_id") == "0" && text(result, "ggml.seperator_token_id") == "1")
    let cased = document.replacingOccurrences(of: #""lowercase": true"#, with: #""lowercase": false"#)
    #expect(try export(cased, config: names).entries.isEmpty)
  }

  @Test("what cannot be expressed is said, and nothing is written of it")
  func inexpressible() throws {
    for (document, word) in [
      (nil, "no tokenizer.json"), (#"{"model": {"type": "Unigram", "vocab": {}}}"#, "Unigram"),
      (
        #"{"model": {"type": "BPE", "vocab": {"a": 0}, "merges": []}, "pre_tokenizer": {"type": "Whitespace"}}"#,
        "Whitespace"
      ),
      (#"{"model": {"type": "BPE", "vocab": {"a": 1}, "merges": []}}"#, "ids"),
    ] {
      let result = try export(document)
      #expect(result.entries.isEmpty && result.note?.contains(word) == true, "\(result.note ?? "")")
    }
    #expect(throws: (any Error).self) { try export("{") }
  }
}
