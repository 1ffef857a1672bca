/// How BPE splits text, by the names of the GGUF key `tokenizer.ggml.pre`.
///
/// The names are those that llama.cpp's converter writes, the rules those of its `llama-vocab.cpp`; where that has a
/// form of a pattern that differs for some letters, the published one is taken, by which the model was trained.
struct NamedPreTokenizer: Sendable {
  /// Patterns whose matches are cut out, one after another, and steps that are none.
  enum Step: Sendable, Equatable {
    case pattern(String)
    case digitGroups(atWordEnds: Bool)
  }

  /// The treatment of spaces and bytes.
  enum Alphabet: Sendable {
    /// Each byte is a character of the byte-level alphabet.
    case bytes
    /// Characters stay, and spaces are `▁`.
    case escapedSpaces
    /// Characters stay.
    case plain
  }

  var steps: [Step]
  var alphabet = Alphabet.bytes
  /// Which words that are tokens are taken as they are, whatever the merges say.
  var wholeWords = BytePairEncoder.WholeWords.none
  /// Choices of llama.cpp's where the file does not say.
  var addsBOS = false
  var addsSeparator = false

  /// The rule with a name; `default` for a file that names none.
  static func named(_ name: String?) throws(TextError) -> NamedPreTokenizer {
    guard let rule = rules[name.flatMap { $0.isEmpty ? nil : $0 } ?? "default"] else {
      throw TextError(
        .unsupportedPreTokenizer,
        "tokenizer.ggml.pre is \(TextError.quoted(Array((name ?? "").utf8))), which is unknown; known are: "
          + rules.keys.sorted().joined(separator: ", "))
    }
    return rule
  }

  /// The steps for text, with patterns compiled.
  func preTokenizers() throws(TextError) -> [PreTokenizer] {
    var result: [PreTokenizer] = []
    for step in steps {
      switch step {
      case .pattern(let pattern): result.append(.split(try TextPattern(pattern, table: .version15), .isolated))
      case .digitGroups(let atWordEnds): result.append(.digitGroups(atWordEnds: atWordEnds))
      }
    }
    if case .bytes = alphabet { result.append(.byteLevel) }
    return result
  }

  // MARK: The rules

  private static func patterns(_ patterns: String...) -> NamedPreTokenizer {
    NamedPreTokenizer(steps: patterns.map { .pattern($0) })
  }

  private func with(_ change: (inout NamedPreTokenizer) -> Void) -> NamedPreTokenizer {
    var result = self
    change(&result)
    return result
  }

  private static let rules: [String: NamedPreTokenizer] = {
    typealias P = PublishedPatterns
    var rules: [String: NamedPreTokenizer] = [:]
    func add(_ names: String..., rule: NamedPreTokenizer) { for name in names { rules[name] = rule } }
    add("default", rule: patterns(#"[\p{P}\$\+<=>\^~\|]+"#, P.gpt2, #"\p{N}+"#, "[0-9][0-9][0-9]"))
    let gpt2 = patterns(P.gpt2)
    add(
      "gpt-2", "phi-2", "mpt", "olmo", "jais", "trillion", "granite-docling", "exaone4", "gigachat", "a.x-4.0",
      "mellum", "modern-bert", "jina-es", "jina-de", "jina-v2-es", "jina-v2-de", rule: gpt2)
    add("jina-v1-en", "jina-v2-code", "roberta-bpe", rule: gpt2.with { $0.addsSeparator = true })
    add(
      "smollm", "starcoder", "refact", "command-r", "codeshell", "exaone", "minerva-7b", "mellum2",
      rule: patterns(#"\p{N}"#, P.gpt2))
    add("falcon", rule: patterns(#"[\p{P}\$\+<=>\^~\|`]+"#, P.gpt2, "[0-9][0-9][0-9]"))
    let llama3 = patterns(P.llama3)
    add(
      "llama3", "llama-v3", "llama-bpe", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2", "jina-v5-nano",
      rule: llama3.with { ($0.wholeWords, $0.addsBOS) = (.all, true) })
    add("dbrx", "smaug-bpe", "glm4", "chatglm-bpe", rule: llama3)
    add("minicpm5", rule: patterns(#"\p{N}{1,3}"#, P.minicpm5).with { $0.wholeWords = .all })
    add("jais-2", rule: patterns(P.jais2))
    add(
      "qwen2", "deepseek-r1-qwen", "kormo", "f2llmv2", "megrez", "stablelm2", "hunyuan", "solar-open", "grok-2",
      rule: patterns(P.qwen2))
    add("qwen35", rule: patterns(P.qwen35))
    add("ufakzeka", rule: patterns(P.ufakzeka))
    add("laguna", rule: patterns(#"[^\n]+|[\n]+"#, P.qwen2))
    add("exaone-moe", rule: patterns(P.exaoneMoE))
    add("seed-coder", rule: patterns(P.seedCoder))
    add("bailingmoe", "bailingmoe2", "llada-moe", rule: patterns(P.bailing))
    let o200k = patterns(P.o200k)
    add("gpt-4o", "llama4", "kanana2", "talkie", "minimax-m2", rule: o200k)
    add("granite-embed-multi-97m", rule: o200k.with { $0.wholeWords = .all })
    add(
      "tiny_aya", "cohere2moe",
      rule: o200k.with { $0.steps.insert(.digitGroups(atWordEnds: true), at: 0) })
    add("tekken", rule: patterns(P.tekken).with { ($0.wholeWords, $0.addsBOS) = (.all, true) })
    add("kimi-k2", rule: patterns(P.kimiK2))
    add("youtu", rule: patterns(P.youtuScripts, P.youtu).with { $0.wholeWords = .all })
    add(
      "deepseek-llm",
      rule: patterns(
        #"[\r\n]"#, P.deepSeekLetters, P.deepSeekPunctuation, #"\s+$"#, P.deepSeekIdeographs, #"\p{N}+"#))
    add(
      "deepseek-coder", rule: patterns(#"[\r\n]"#, #"\s?\p{L}+"#, #"\s?\p{P}+"#, P.deepSeekIdeographs, #"\p{N}"#))
    let deepSeek3 = patterns(#"\p{N}{1,3}"#, P.kanaIdeographs, P.deepSeek3)
    add("deepseek-v3", "hunyuan-dense", "joyai-llm", "hy_v4", rule: deepSeek3)
    add("spark2_5", rule: patterns(#"\p{N}{1,3}"#, P.kanaIdeographs, P.spark, #"\p{N}"#))
    add(
      "afmoe",
      rule: NamedPreTokenizer(steps: [.digitGroups(atWordEnds: false), .pattern(P.afmoeScripts), .pattern(P.deepSeek3)])
    )
    add("superbpe", rule: NamedPreTokenizer(steps: [.pattern(#"\p{N}+"#), .digitGroups(atWordEnds: false)]))
    add("poro-chat", "bloom", "gpt3-finnish", rule: patterns(P.bloom))
    add("viking", rule: patterns(P.bloom, #"\p{N}"#))
    add(
      "chameleon",
      rule: patterns(
        "<sentinel:[0-9]+>", "(IMGIMG)((A|B|C|D|E|F|G|H|I){1,4})Z", #"([\t\n]|    |  )"#, #"\p{N}"#,
        #"[\p{P}!-/:-@\[-`{-~]"#, P.gpt2
      ).with { $0.addsBOS = true })
    let lines = patterns(#"[^\n]+|[\n]+"#).with { $0.alphabet = .escapedSpaces }
    add("gemma4", "granite-embed-multi-311m", rule: lines.with { ($0.wholeWords, $0.addsBOS) = (.newlines, true) })
    add("sarvam-moe", rule: lines)
    add("whitespace", rule: patterns(#"\S+"#).with { $0.alphabet = .plain })
    return rules
  }()
}
