import TesseraJSON

@testable import TesseraText

/// A family of chat models: its template's fixture and the tokens that steer it.
struct MarkerVocabulary: CustomStringConvertible, Sendable {
  /// What the tokenizer is made from: a GGUF's definition, or a `tokenizer.json` whose special tokens are found in the
  /// text as it is or in normalized text.
  enum Source: String, CaseIterable { case gguf, json, normalized }

  let template: String
  /// Whether a GGUF's vocabulary is SentencePiece's.
  let isScored: Bool
  let control: [String]
  let shown: [String]
  var source = Source.gguf

  var description: String { "\(template), \(source)" }

  static let families = Source.allCases.flatMap { source in
    models.map { model in
      MarkerVocabulary(
        template: model.template, isScored: model.isScored && source == .gguf, control: model.control,
        shown: model.shown, source: source)
    }
  }

  private static let models = [
    MarkerVocabulary(
      template: "chatml", isScored: false, control: ["<|im_start|>", "<|im_end|>", "<|endoftext|>"],
      shown: ["<think>", "</think>"]),
    MarkerVocabulary(
      template: "qwen3", isScored: false, control: ["<|im_start|>", "<|im_end|>", "<|endoftext|>", "<|vision_start|>"],
      shown: ["<think>", "</think>", "<tool_call>", "</tool_call>"]),
    MarkerVocabulary(
      template: "llama-3.2", isScored: false,
      control: [
        "<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>", "<|eom_id|>", "<|python_tag|>",
      ], shown: []),
    MarkerVocabulary(
      template: "gemma-3", isScored: true, control: ["<bos>", "<start_of_turn>", "<end_of_turn>", "<start_of_image>"],
      shown: ["<unused0>"]),
    MarkerVocabulary(
      template: "mistral-nemo", isScored: true,
      control: [
        "[INST]", "[/INST]", "[AVAILABLE_TOOLS]", "[/AVAILABLE_TOOLS]", "[TOOL_CALLS]", "[TOOL_RESULTS]",
        "[/TOOL_RESULTS]",
      ], shown: []),
    MarkerVocabulary(
      template: "hermes-tool-use", isScored: false, control: ["<|im_end|>", "<|begin_of_text|>"],
      shown: ["<|im_start|>", "<tool_call>", "<tools>"]),
    MarkerVocabulary(
      template: "command-r-plus", isScored: false,
      control: ["<|START_OF_TURN_TOKEN|>", "<|END_OF_TURN_TOKEN|>", "<|SYSTEM_TOKEN|>", "<|USER_TOKEN|>"], shown: []),
    MarkerVocabulary(
      template: "deepseek-r1", isScored: false,
      control: ["<｜User｜>", "<｜Assistant｜>", "<｜tool▁outputs▁begin｜>", "<｜end▁of▁sentence｜>"],
      shown: ["<think>", "</think>"]),
  ]

  /// A tokenizer of single bytes or characters, a few merges, and these tokens.
  func tokenizer() throws -> Tokenizer {
    let small = try SmallVocabularies.load()
    if source != .gguf { return try huggingFace(small.byte_pair) }
    var definition = isScored ? small.scoredDefinition() : small.bytePairDefinition("gpt-2")
    let known = isScored ? small.scored.tokens : small.byte_pair.tokens
    for (texts, type) in [(["<s>", "</s>"] + control, Int32(3)), (shown, 4)] {
      for text in texts {
        let id = known.firstIndex(of: text) ?? definition.tokens.count
        if text == "<s>" { definition.bosToken = id }
        if text == "</s>" { definition.eosToken = id }
        guard id == definition.tokens.count else {
          definition.tokenTypes[id] = type
          continue
        }
        definition.tokens.append(Array(text.utf8))
        definition.tokenTypes.append(type)
        if isScored { definition.scores.append(0) }
      }
    }
    return try Tokenizer(definition)
  }

  private func huggingFace(_ small: SmallVocabularies.BytePair) throws -> Tokenizer {
    var vocabulary = JSONObject()
    for (id, text) in small.tokens.enumerated() where small.types[id] == 1 { vocabulary[text] = .int(id) }
    let special = ["<s>", "</s>", "<unk>"] + control
    let added = (special + shown).enumerated().map { index, text -> JSONValue in
      [
        "id": .int(small.tokens.count + index), "content": .string(text), "special": .bool(index < special.count),
        "normalized": .bool(source == .normalized),
      ]
    }
    let document: JSONValue = [
      "added_tokens": .array(added), "normalizer": ["type": "NFC"],
      "pre_tokenizer": ["type": "ByteLevel", "add_prefix_space": false],
      "decoder": ["type": "ByteLevel"],
      "model": ["type": "BPE", "vocab": .object(vocabulary), "merges": .array(small.merges.map { .string($0) })],
    ]
    var files = HuggingFaceTokenizerFiles(tokenizer: document, path: "folder")
    files.tokenizerConfig = ["bos_token": "<s>", "eos_token": "</s>"]
    return try Tokenizer(huggingFace: files)
  }

  func chatTemplate() throws -> ChatTemplate { try ChatTemplate(source: TemplateFixtures.text("\(template).jinja")) }
}

extension Tokenizer {
  /// The control tokens among ids, less those that only say that text is unknown.
  func controls(in ids: [Int]) -> [Int] { ids.filter { isControl($0) && $0 != unknownToken } }
}
