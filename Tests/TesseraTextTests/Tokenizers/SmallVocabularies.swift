import Foundation
import Testing

@testable import TesseraText

/// Small vocabularies with the ids that llama.cpp gives for a hard set of texts
/// (`Tests/Fixtures-scripts/make_tokenizer_fixtures.py`).
struct SmallVocabularies: Decodable {
  /// Byte-level BPE; the ids by pre-tokenizer, nil where they are those of gpt-2.
  struct BytePair: Decodable {
    let tokens: [String]
    let types: [Int32]
    let merges: [String]
    let expected: [String: [[Int]?]]
    let others: [String: [String: [Int]]]
  }

  /// SentencePiece; the ids by variant.
  struct Scored: Decodable {
    let tokens: [String]
    let types: [Int32]
    let scores: [Float]
    let expected: [String: [[Int]]]
  }

  let texts: [String]
  // swift-format-ignore: the script's name
  let byte_pair: BytePair
  let scored: Scored

  static func load() throws -> SmallVocabularies {
    let url = try #require(Bundle.module.url(forResource: "Fixtures/tokenizers-small", withExtension: "json"))
    return try JSONDecoder().decode(SmallVocabularies.self, from: Data(contentsOf: url))
  }

  /// The texts' bytes, some of which are no UTF-8.
  func bytes() throws -> [[UInt8]] { try texts.map { [UInt8](try #require(Data(base64Encoded: $0))) } }

  func bytePairDefinition(_ preTokenizer: String) -> TokenizerDefinition {
    var definition = TokenizerDefinition(model: .bytePair, tokens: ByteStrings(texts: byte_pair.tokens))
    definition.preTokenizer = preTokenizer
    definition.tokenTypes = byte_pair.types
    definition.merges = ByteStrings(texts: byte_pair.merges)
    definition.bosToken = 1
    definition.eosToken = 2
    definition.unknownToken = 3
    return definition
  }

  func scoredDefinition() -> TokenizerDefinition {
    var definition = TokenizerDefinition(model: .sentencePiece, tokens: ByteStrings(texts: scored.tokens))
    definition.tokenTypes = scored.types
    definition.scores = scored.scores
    definition.bosToken = 1
    definition.eosToken = 2
    definition.unknownToken = 3
    return definition
  }
}

/// Numbers that are the same in every run.
struct RepeatableGenerator: RandomNumberGenerator {
  var state: UInt64

  /// SplitMix64 (https://prng.di.unimi.it/splitmix64.c).
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var word = state
    word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
    word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
    return word ^ (word >> 31)
  }
}
