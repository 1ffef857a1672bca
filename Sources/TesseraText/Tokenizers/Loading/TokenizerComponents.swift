/// The parts of a tokenizer, whatever kind of file they come from.
struct TokenizerComponents: Sendable {
  /// How special tokens are found in text.
  enum SpecialRule: Sendable {
    /// llama.cpp's: all of them, and those that are found also where special tokens are not parsed.
    case longestFirst(all: SpecialTokenMatcher, userDefined: SpecialTokenMatcher)
    /// The tokenizers library's.
    case addedTokens(AddedTokens)
  }

  /// The form in which the decoder gets a token's text.
  enum PieceRule: Sendable {
    /// The text of the file: the decoder's steps do the rest.
    case asStored
    /// Bytes by the byte-level alphabet; special tokens as stored.
    case byteLevel
    /// A space for each `▁`, bytes for byte tokens; special tokens as stored.
    case escapedSpaces
  }

  /// What is done with the beginning of a text.
  enum Opening: Sendable {
    case none
    /// `▁` is a space, and one stands before the text, but not before a special token (`legacy=False` of transformers'
    /// tokenizers).
    case space(isAdded: Bool, token: Int?)
    /// `>>fr<<` is a token.
    case languageTag
  }

  /// Every token's text as the file has it; empty where an id has none.
  var tokens: ByteStrings
  var idsByText: ByteStringTable
  var attributes: [SpecialTokens.Attributes]
  var special: SpecialRule
  var opening = Opening.none
  var normalizers: [Normalizer] = []
  var preTokenizers: [PreTokenizer] = []
  var model: TokenModel
  var postProcessor: PostProcessor
  var pieces: PieceRule
  var decoder: TokenDecoder

  var languages: Languages?

  var beginToken: Int?
  var endToken: Int?
  var unknownToken: Int?
  var paddingToken: Int?
  var separatorToken: Int?
  var maskToken: Int?
  var endOfGeneration: Set<Int> = []
  /// The chat template of each name; the usual one has the name `default`.
  var chatTemplates: [String: String] = [:]
  var notes: [String] = []
}
