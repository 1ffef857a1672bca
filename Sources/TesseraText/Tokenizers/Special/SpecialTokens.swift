/// The purpose of each token, and which tokens end a generation, worked out from types, ids and texts as llama.cpp does
/// (`llama-vocab.cpp`), because model files often say only half of it.
struct SpecialTokens: Sendable {
  /// The kinds of token.
  struct Attributes: OptionSet, Sendable {
    let rawValue: UInt8

    static let normal = Attributes(rawValue: 1)
    static let unknown = Attributes(rawValue: 2)
    static let control = Attributes(rawValue: 4)
    static let userDefined = Attributes(rawValue: 8)
    static let byte = Attributes(rawValue: 16)
    /// Takes the whitespace before it when it is found in text.
    static let stripsLeft = Attributes(rawValue: 32)
    /// Takes the whitespace after it when it is found in text.
    static let stripsRight = Attributes(rawValue: 64)

    /// Found in text before anything else is.
    static let special: Attributes = [.unknown, .control, .userDefined]

    /// From one of ggml's token types; unused and undefined tokens are nothing.
    init(tokenType: Int32) {
      switch tokenType {
      case 1: self = .normal
      case 2: self = .unknown
      case 3: self = .control
      case 4: self = .userDefined
      case 6: self = .byte
      default: self = []
      }
    }

    init(rawValue: UInt8) { self.rawValue = rawValue }
  }

  private(set) var attributes: [Attributes]
  private(set) var endOfGeneration: Set<Int> = []

  /// - Parameters:
  ///   - definition: checked already: as many types as tokens or none, ids in range.
  ///   - idOfText: the token with exactly this text.
  init(_ definition: TokenizerDefinition, idOfText: @escaping (String) -> Int?) {
    attributes = definition.tokenTypes.map { Attributes(tokenType: $0) }
    if attributes.isEmpty { attributes = [Attributes](repeating: .normal, count: definition.tokens.count) }

    for text in Self.endTexts { end(at: idOfText(text)) }
    for texts in [Self.padTexts, Self.repositoryTexts, Self.separatorTexts] {
      end(at: texts.lazy.compactMap(idOfText).first)
    }
    for text in Self.alwaysShownTexts {
      if let id = idOfText(text) { attributes[id] = .userDefined }
    }
    for id in [definition.eosToken, definition.eotToken, definition.eomToken] {
      if let id { endOfGeneration.insert(id) }
    }
    let ends = { [endOfGeneration] (text: String) in idOfText(text).map(endOfGeneration.contains) ?? false }
    // Harmony and Solar close a message, not the answer, with <|end|>.
    if (ends("<|call|>") || ends("<|calls|>")) && (ends("<|return|>") || ends("<|flush|>")) {
      unend("<|end|>", becomes: .userDefined, idOfText)
    }
    // </s> is an HTML tag where another token ends the answer.
    if ends("<|tool_response>") || ends("<|plamo:eos|>") { unend("</s>", becomes: .normal, idOfText) }
    setStripping(definition, idOfText)
  }

  private mutating func end(at id: Int?) {
    guard let id else { return }
    endOfGeneration.insert(id)
    attributes[id].insert(.control)
  }

  private mutating func unend(_ text: String, becomes attribute: Attributes, _ idOfText: @escaping (String) -> Int?) {
    guard let id = idOfText(text), endOfGeneration.remove(id) != nil else { return }
    attributes[id] = attribute
  }

  private mutating func setStripping(_ definition: TokenizerDefinition, _ idOfText: @escaping (String) -> Int?) {
    let name = definition.modelName?.lowercased() ?? ""
    let preTokenizer = definition.preTokenizer ?? ""
    if ["jina-v2-de", "jina-v2-es"].contains(preTokenizer) {
      if let id = idOfText("<mask>") { attributes[id].insert(.stripsLeft) }
    } else if name.contains("phi-3") || name.contains("phi3") {
      for id in attributes.indices where !attributes[id].isDisjoint(with: .special) {
        attributes[id].insert(.stripsRight)
      }
      for text in ["<unk>", "<s>", "<|endoftext|>"] {
        if let id = idOfText(text) { attributes[id].remove(.stripsRight) }
      }
    } else if name.contains("modern-bert"), let id = idOfText("[MASK]") {
      attributes[id].insert(.stripsLeft)
    }
  }

  /// Tokens that end an answer, whatever the file says of them.
  static let endTexts = [
    "<|eot_id|>", "<|im_end|>", "<|end|>", "<|return|>", "<|call|>", "<|flush|>", "<|calls|>", "<end_of_turn>",
    "<|endoftext|>", "</s>", "<|eom_id|>", "<EOT>", "_<EOT>", "[EOT]", "[EOS]", "<|end_of_text|>",
    "<end_of_utterance>", "<eos>", "<turn|>", "<|tool_response>", "<｜end▁of▁sentence｜>", "[e~[",
  ]
  /// Fill-in-the-middle markers after which nothing useful comes; of each row the first one that exists.
  private static let padTexts = ["<|fim_pad|>", "<fim-pad>", "<fim_pad>", "<PAD>", "[PAD]"]
  private static let repositoryTexts = ["<|fim_repo|>", "<|repo_name|>", "<fim-repo>", "<REPO>", "<reponame>"]
  private static let separatorTexts = ["<|file_sep|>"]
  /// Markers that belong to the visible text of Harmony's answers.
  private static let alwaysShownTexts = ["<|channel|>", "<|message|>", "<|start|>", "<|constrain|>"]

  /// Whether a token's text is a marker by its form, whatever the file says of it: Harmony's `<|channel|>` is shown, and
  /// files of some models call the markers of turns user defined. `<think>`, which templates look for, is none.
  static func looksLikeMarker(_ text: ArraySlice<UInt8>) -> Bool {
    ["<|", "<｜"].contains { text.starts(with: $0.utf8) }
      || ["|>", "｜>"].contains { text.reversed().starts(with: $0.utf8.reversed()) }
      || turnTexts.contains { text.elementsEqual($0.utf8) }
  }

  private static let turnTexts = ["<start_of_turn>", "[INST]", "[/INST]", "<s>"]
}
