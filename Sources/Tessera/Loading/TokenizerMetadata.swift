import Foundation
import TesseraFiles
import TesseraText

extension ModelSource {
  /// A file's metadata about its tokenizer (ggml's GGUF specification, `tokenizer.ggml.*`).
  static func definition(_ metadata: Metadata) throws -> TokenizerDefinition {
    func key(_ name: String) -> String { "tokenizer.ggml.\(name)" }
    var definition = TokenizerDefinition(
      model: try .init(named: metadata.string(key("model"))),
      tokens: Self.byteStrings(try metadata.rawStrings(key("tokens"))))
    definition.preTokenizer = try metadata.optionalString(key("pre"))
    definition.tokenTypes = (try metadata.optionalInts(key("token_type")) ?? []).map { Int32(clamping: $0) }
    definition.scores = try metadata.optionalFloats(key("scores")) ?? []
    if let merges = try metadata.optionalRawStrings(key("merges")) { definition.merges = Self.byteStrings(merges) }
    definition.bosToken = try metadata.optionalInt(key("bos_token_id"))
    definition.eosToken = try metadata.optionalInt(key("eos_token_id"))
    definition.eotToken = try metadata.optionalInt(key("eot_token_id"))
    definition.eomToken = try metadata.optionalInt(key("eom_token_id"))
    definition.unknownToken = try metadata.optionalInt(key("unknown_token_id"))
    definition.paddingToken = try metadata.optionalInt(key("padding_token_id"))
    definition.separatorToken = try metadata.optionalInt(key("seperator_token_id"))
    definition.maskToken = try metadata.optionalInt(key("mask_token_id"))
    if definition.model == .wordPiece, definition.bosToken == nil {
      definition.bosToken = try metadata.optionalInt(key("cls_token_id"))
    }
    definition.addBOS = try metadata.optionalBool(key("add_bos_token"))
    definition.addEOS = try metadata.optionalBool(key("add_eos_token"))
    definition.addSpacePrefix = try metadata.optionalBool(key("add_space_prefix"))
    definition.addSeparator = try metadata.optionalBool(key("add_sep_token"))
    definition.removeExtraSpaces = try metadata.optionalBool(key("remove_extra_whitespaces"))
    definition.characterMap = (try metadata.optionalInts(key("precompiled_charsmap")) ?? []).map {
      UInt8(truncatingIfNeeded: $0)
    }
    definition.modelName = try metadata.optionalString("general.name")
    return definition
  }

  /// The keys and values by which `definition(_:)` reads a tokenizer.
  static func entries(_ definition: TokenizerDefinition) -> [(key: String, value: MetadataValue)] {
    var entries: [(key: String, value: MetadataValue)] = []
    func set(_ name: String, _ value: MetadataValue?) {
      if let value { entries.append(("tokenizer.ggml.\(name)", value)) }
    }
    set("model", .string(definition.model.rawValue))
    set("pre", definition.preTokenizer.map { .string($0) })
    set("tokens", .array(MetadataArray(byteStrings: definition.tokens)))
    set("token_type", .array(MetadataArray(int32s: definition.tokenTypes)))
    if definition.model == .bytePair { set("merges", .array(MetadataArray(byteStrings: definition.merges))) }
    func id(_ value: Int?) -> MetadataValue? { value.flatMap { UInt32(exactly: $0) }.map { .uint32($0) } }
    set("bos_token_id", id(definition.bosToken))
    set("eos_token_id", id(definition.eosToken))
    set("eot_token_id", id(definition.eotToken))
    set("eom_token_id", id(definition.eomToken))
    set("unknown_token_id", id(definition.unknownToken))
    set("padding_token_id", id(definition.paddingToken))
    // As llama.cpp spells it.
    set("seperator_token_id", id(definition.separatorToken))
    set("mask_token_id", id(definition.maskToken))
    if definition.model == .wordPiece { set("cls_token_id", id(definition.bosToken)) }
    set("add_bos_token", definition.addBOS.map { .bool($0) })
    set("add_eos_token", definition.addEOS.map { .bool($0) })
    set("add_sep_token", definition.addSeparator.map { .bool($0) })
    return entries
  }

  /// SentencePiece's tokens for the unknown and the 256 bytes, and names for the rest.
  static func byteTokens(count: Int) -> TokenizerDefinition {
    var tokens = ByteStrings()
    for id in 0..<count {
      let text = id == 0 ? "<unk>" : id <= 256 ? "<0x\(String(format: "%02X", id - 1))>" : "<\(id)>"
      tokens.append(Array(text.utf8))
    }
    var definition = TokenizerDefinition(model: .sentencePiece, tokens: tokens)
    definition.tokenTypes = (0..<count).map { $0 == 0 ? 2 : $0 <= 256 ? 6 : 1 }
    definition.unknownToken = 0
    return definition
  }

  private static func byteStrings(_ strings: RawStrings) -> ByteStrings {
    var result = ByteStrings()
    result.reserveCapacity(strings.count, byteCount: strings.count * 8)
    for index in strings.indices { strings.withBytes(at: index) { result.append($0) } }
    return result
  }
}
