import TesseraFiles
import TesseraJSON

/// A folder's tokenizer as a GGUF file has it: `tokenizer.ggml.*`, in llama.cpp's terms.
public struct TokenizerExport: Sendable {
  /// Keys and values, in order; empty where the folder has no tokenizer, or one that cannot be expressed.
  public private(set) var entries: [(key: String, value: MetadataValue)] = []
  /// Why there are no entries.
  public private(set) var note: String?

  /// - Throws: `FileError` and `JSONError` for damaged documents.
  public init(_ folder: HuggingFaceCheckpoint) throws {
    guard let document = try folder.object(.tokenizer) else {
      note = "\(folder.path) has no tokenizer.json: the file takes token ids alone (--tokens)"
      return
    }
    let config = try folder.object(.tokenizerConfig)
    do {
      try read(document, config, folder)
      if let template = try folder.text(.chatTemplate) ?? config?["chat_template"]?.stringValue {
        set("chat_template", .string(template), under: "tokenizer")
      }
    } catch let error as Inexpressible {
      entries = []
      note =
        "\(folder.path(of: .tokenizer)): \(error.what) cannot be expressed in a GGUF file, which takes token ids alone "
        + "(--tokens)"
    }
  }

  private struct Inexpressible: Error { let what: String }

  private mutating func set(_ key: String, _ value: MetadataValue, under group: String = "tokenizer.ggml") {
    entries.append(("\(group).\(key)", value))
  }

  private mutating func read(_ document: JSONFields, _ config: JSONFields?, _ folder: HuggingFaceCheckpoint) throws {
    let model = try document.fields("model")
    let kind = try model.optionalString("type") ?? (model["merges"] == nil ? "WordPiece" : "BPE")
    let vocabulary = try Vocabulary(document, model)
    switch kind {
    case "BPE":
      set("model", .string("gpt2"))
      set("pre", .string(try Self.preTokenizer(document, model)))
      set("tokens", .array(MetadataArray(strings: vocabulary.texts)))
      set("token_type", .array(MetadataArray(int32s: vocabulary.types)))
      set("merges", .array(MetadataArray(strings: try Self.merges(model))))
    case "WordPiece":
      guard try model.optionalString("continuing_subword_prefix") ?? "##" == "##",
        try document.optionalFields("normalizer")?.optionalBool("lowercase") ?? true
      else { throw Inexpressible(what: "WordPiece without lower case, or with other marks than ##") }
      set("model", .string("bert"))
      // llama.cpp marks the words' beginnings, not their continuations.
      let texts = zip(vocabulary.texts, vocabulary.types).map { text, type in
        type == 3 ? text : text.hasPrefix("##") ? String(text.dropFirst(2)) : "▁" + text
      }
      set("tokens", .array(MetadataArray(strings: texts)))
      set("token_type", .array(MetadataArray(int32s: vocabulary.types)))
      set("token_type_count", .uint32(UInt32(clamping: try folder.config.optionalInt("type_vocab_size") ?? 2)))
    default: throw Inexpressible(what: "the model \(kind)")
    }
    try readSpecial(document, config, folder, vocabulary, isBERT: kind == "WordPiece")
  }

  // MARK: Tokens

  private struct Vocabulary {
    var texts: [String]
    /// ggml's token types.
    var types: [Int32]
    var ids: [String: Int] = [:]

    init(_ document: JSONFields, _ model: JSONFields) throws {
      for (text, value) in try model.fields("vocab").object.members {
        if let id = value.intValue { ids[text] = id }
      }
      var kinds: [Int: Int32] = [:]
      for value in try document.optionalArray("added_tokens") ?? [] {
        guard let token = value.objectValue, let id = token["id"]?.intValue, let text = token["content"]?.stringValue
        else { throw Inexpressible(what: "an added token without id and content") }
        ids[text] = id
        kinds[id] = token["special"]?.boolValue == true ? 3 : 4
      }
      let count = (ids.values.max() ?? -1) + 1
      guard count == ids.count, ids.values.allSatisfy({ $0 >= 0 }) else {
        throw Inexpressible(what: "a vocabulary whose ids are not 0, 1, 2, …")
      }
      texts = [String](repeating: "", count: count)
      types = [Int32](repeating: 1, count: count)
      for (text, id) in ids { (texts[id], types[id]) = (text, kinds[id] ?? 1) }
    }
  }

  private static func merges(_ model: JSONFields) throws -> [String] {
    try model.array("merges").map { merge in
      if let text = merge.stringValue { return text }
      let parts = merge.arrayValue?.compactMap(\.stringValue) ?? []
      guard parts.count == 2, parts.allSatisfy({ !$0.contains(" ") }) else {
        throw Inexpressible(what: "a merge of tokens with spaces")
      }
      return parts.joined(separator: " ")
    }
  }

  /// llama.cpp's name of a pre-tokenizer.
  private static func preTokenizer(_ document: JSONFields, _ model: JSONFields) throws -> String {
    guard let part = try document.optionalFields("pre_tokenizer"), try model.optionalBool("byte_fallback") != true
    else {
      throw Inexpressible(what: "BPE that is not of bytes")
    }
    let steps = try part.optionalArray("pretokenizers")?.compactMap(\.objectValue) ?? [part.object]
    let kinds = steps.map { $0["type"]?.stringValue ?? "" }
    guard kinds.last == "ByteLevel", steps.last?["add_prefix_space"]?.boolValue != true else {
      throw Inexpressible(what: "the pre-tokenizer \(kinds.joined(separator: " and "))")
    }
    let usesPattern = steps.last?["use_regex"]?.boolValue ?? true
    if kinds == ["ByteLevel"], usesPattern { return "gpt-2" }
    if kinds == ["Digits", "ByteLevel"], usesPattern, steps[0]["individual_digits"]?.boolValue == true {
      return "smollm"
    }
    if kinds == ["Split", "ByteLevel"], !usesPattern,
      let pattern = steps[0]["pattern"]?.objectValue?["Regex"]?.stringValue, let name = patterns[pattern]
    {
      return name
    }
    throw Inexpressible(what: "the pre-tokenizer \(kinds.joined(separator: " and "))")
  }

  private static let patterns = [
    words(digits: #"\p{N}{1,3}"#): "llama-bpe", words(digits: #"\p{N}"#): "qwen2",
  ]

  private static func words(digits: String) -> String {
    #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|"# + digits
      + #"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
  }

  // MARK: Special tokens

  private mutating func readSpecial(
    _ document: JSONFields, _ config: JSONFields?, _ folder: HuggingFaceCheckpoint, _ vocabulary: Vocabulary,
    isBERT: Bool
  ) throws {
    func id(_ name: String) -> Int? {
      let value = config?["\(name)_token"]
      return (value?.stringValue ?? value?.objectValue?["content"]?.stringValue).flatMap { vocabulary.ids[$0] }
    }
    func set(_ key: String, _ id: Int?) {
      if let id { self.set(key, .uint32(UInt32(clamping: id))) }
    }
    let begin = isBERT ? id("cls") : id("bos") ?? (try? folder.config.optionalInt("bos_token_id")) ?? nil
    let end = isBERT ? id("sep") : id("eos") ?? (try? folder.config.optionalInt("eos_token_id")) ?? nil
    set("bos_token_id", begin)
    if !isBERT { set("eos_token_id", end) }
    set("unknown_token_id", id("unk"))
    set("padding_token_id", id("pad"))
    if isBERT {
      set("cls_token_id", begin)
      set("seperator_token_id", end)
      set("mask_token_id", id("mask"))
      return
    }
    let frame = try Self.frame(document)
    self.set("add_bos_token", .bool(frame?.first == begin.map { vocabulary.texts[$0] } && begin != nil))
    self.set("add_eos_token", .bool(frame?.last == end.map { vocabulary.texts[$0] } && end != nil))
  }

  /// The special tokens before and behind a text, "" where there is none.
  private static func frame(_ document: JSONFields) throws -> (first: String, last: String)? {
    guard var part = try document.optionalFields("post_processor") else { return nil }
    let parts = try part.optionalArray("processors")?.compactMap(\.objectValue) ?? []
    if let template = parts.first(where: { $0["type"]?.stringValue == "TemplateProcessing" }) {
      part = JSONFields(template, path: document.path)
    }
    guard try part.optionalString("type") == "TemplateProcessing" else { return nil }
    let single = try part.array("single").map { $0.objectValue?["SpecialToken"]?.objectValue?["id"]?.stringValue ?? "" }
    return (single.first ?? "", single.count > 1 ? single.last ?? "" : "")
  }
}
