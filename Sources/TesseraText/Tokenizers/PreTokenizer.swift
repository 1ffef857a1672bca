/// How byte-level BPE splits text into the words that it then merges, each on its own.
///
/// The names are those of the GGUF key `tokenizer.ggml.pre`, the rules those of llama.cpp's `llama-vocab.cpp`.
enum PreTokenizer: Sendable {
  /// What llama.cpp does for files that name no pre-tokenizer.
  case standard
  case gpt2
  /// GPT-2's words, with each number alone.
  case gpt2WithSingleNumbers
  case llama3
  case qwen2
  case qwen35

  /// Each name with its rule.
  private static let rules: [String: PreTokenizer] = {
    var rules: [String: PreTokenizer] = ["default": .standard, "qwen35": .qwen35]
    for name in [
      "gpt-2", "phi-2", "mpt", "olmo", "jais", "trillion", "granite-docling", "exaone4", "gigachat", "a.x-4.0",
      "mellum", "modern-bert", "jina-es", "jina-de", "jina-v2-es", "jina-v2-de",
    ] {
      rules[name] = .gpt2
    }
    for name in ["smollm", "starcoder", "refact", "command-r", "codeshell", "exaone", "minerva-7b", "mellum2"] {
      rules[name] = .gpt2WithSingleNumbers
    }
    for name in llama3Names + ["dbrx", "smaug-bpe"] { rules[name] = .llama3 }
    for name in [
      "qwen2", "deepseek-r1-qwen", "kormo", "f2llmv2", "megrez", "stablelm2", "hunyuan", "solar-open", "grok-2",
    ] {
      rules[name] = .qwen2
    }
    return rules
  }()

  /// The names that also mean: begin with the BOS token, and take a word that is a token as it is.
  static let llama3Names = [
    "llama3", "llama-v3", "llama-bpe", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2", "jina-v5-nano",
  ]

  /// The rule with a name; `default` for a file that names none.
  init(name: String?) throws(TextError) {
    guard let name, !name.isEmpty else {
      self = .standard
      return
    }
    guard let rule = Self.rules[name] else {
      throw TextError(
        .unsupportedPreTokenizer,
        "pre-tokenizer \(TextError.quoted(Array(name.utf8))) is unknown; known are: "
          + Self.rules.keys.sorted().joined(separator: ", "))
    }
    self = rule
  }

  /// The end of each word, as an index of scalars; the words lie side by side and the last ends with the text.
  func wordEnds(_ text: ScannedText) -> [Int] {
    let all = text.count > 0 ? [text.count] : []
    switch self {
    case .gpt2: return split(all) { WordRules.gpt2(text, $0, $1) }
    case .llama3: return split(all) { WordRules.llama3(text, $0, $1) }
    case .qwen2: return split(all) { WordRules.llama3(text, $0, $1, digits: 1) }
    case .qwen35: return split(all) { WordRules.llama3(text, $0, $1, digits: 1, letters: [.letter, .mark]) }
    case .gpt2WithSingleNumbers:
      let parts = isolate(all) { start, _ in text.classes[start].contains(.number) ? start + 1 : start }
      return split(parts) { WordRules.gpt2(text, $0, $1) }
    case .standard:
      // [\p{P}\$\+<=>\^~\|]+ then GPT-2's, then \p{N}+, then [0-9][0-9][0-9]
      let parts = isolate(all) { start, end in
        var stop = start
        while stop < end, Self.isPunctuation(text, stop) { stop += 1 }
        return stop
      }
      let words = split(parts) { WordRules.gpt2(text, $0, $1) }
      let numbers = isolate(words) { WordRules.run(text, $0, $1, of: .number) }
      return isolate(numbers) { start, end in
        let isThree = (start..<start + 3).allSatisfy { UInt8(ascii: "0")...UInt8(ascii: "9") ~= text.ascii($0, end) }
        return isThree ? start + 3 : start
      }
    }
  }

  private static func isPunctuation(_ text: ScannedText, _ index: Int) -> Bool {
    if text.classes[index].contains(.punctuation) { return true }
    switch UInt32(text.ascii(index, index + 1)) {
    case "$", "+", "<", "=", ">", "^", "~", "|": return true
    default: return false
    }
  }

  /// Splits each part into words, one after another. `wordEnd` gives the end of the word at a start.
  private func split(_ parts: [Int], _ wordEnd: (_ start: Int, _ end: Int) -> Int) -> [Int] {
    var ends: [Int] = []
    var start = 0
    for end in parts {
      while start < end {
        start = wordEnd(start, end)
        ends.append(start)
      }
    }
    return ends
  }

  /// Cuts each match of an expression out of each part. `match` gives the end of the match at a start, or the start.
  private func isolate(_ parts: [Int], _ match: (_ start: Int, _ end: Int) -> Int) -> [Int] {
    var ends: [Int] = []
    var index = 0
    for end in parts {
      while index < end {
        let stop = match(index, end)
        if stop > index {
          // What came before the match ends here, unless something ended here already.
          if index > 0, ends.last != index { ends.append(index) }
          ends.append(stop)
          index = stop
        } else {
          index += 1
        }
      }
      if ends.last != end { ends.append(end) }
    }
    return ends
  }
}

private func ~= (pattern: Unicode.Scalar, value: UInt32) -> Bool { pattern.value == value }
