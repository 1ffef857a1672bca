/// Turns text into tokens and back, as the model that it belongs to was trained.
///
/// One from a GGUF file gives the ids that llama.cpp gives for the same bytes, one from Hugging Face's files those of
/// their tokenizers library. A tokenizer is immutable and may be used from many threads at once.
public final class Tokenizer: Sendable {
  /// The most bytes that one call encodes.
  public static let longestText = 256 << 20

  let components: TokenizerComponents
  /// Finds what steers the model: control tokens, and those that are shown but look like markers.
  let markerMatcher: SpecialTokenMatcher
  /// Finds control tokens alone.
  let controlMatcher: SpecialTokenMatcher
  /// How long tokens are.
  let lengths: TokenLengths

  init(_ components: TokenizerComponents) {
    self.components = components
    lengths = TokenLengths(components)
    let (tokens, attributes) = (components.tokens, components.attributes)
    let isControl = { (id: Int) in !attributes[id].isDisjoint(with: [.control, .unknown]) }
    let ids = tokens.indices.filter { !attributes[$0].isDisjoint(with: .special) }
    controlMatcher = SpecialTokenMatcher(ids: ids.filter(isControl), texts: tokens, attributes: attributes)
    markerMatcher = SpecialTokenMatcher(
      ids: ids.filter { isControl($0) || SpecialTokens.looksLikeMarker(tokens.slice($0)) }, texts: tokens,
      attributes: attributes)
  }

  /// A tokenizer from what a GGUF file says.
  ///
  /// - Throws: `TextError` `.unsupportedPreTokenizer` for one that is not known, `.malformedVocabulary` for a definition
  ///   that contradicts itself.
  package convenience init(_ definition: TokenizerDefinition) throws(TextError) {
    self.init(try TokenizerComponents(definition))
  }

  /// How many ids there are. A model may have more rows, for tokens that do not exist, but no fewer.
  public var vocabularyCount: Int { components.tokens.count }

  /// The token that begins a text.
  public var beginToken: Int? { components.beginToken }
  /// The token that ends a text.
  public var endToken: Int? { components.endToken }
  /// The token for what the vocabulary cannot express.
  public var unknownToken: Int? { components.unknownToken }
  /// The token that fills up a batch.
  public var paddingToken: Int? { components.paddingToken }
  /// The token between two texts.
  public var separatorToken: Int? { components.separatorToken }
  /// The token that stands for a hidden one.
  public var maskToken: Int? { components.maskToken }
  /// Whether encoding with special tokens begins with `beginToken`.
  public var addsBeginToken: Bool { beginToken != nil && components.postProcessor.beginToken == beginToken }
  /// Whether encoding with special tokens ends with `endToken`.
  public var addsEndToken: Bool { endToken != nil && components.postProcessor.endToken == endToken }
  /// The tokens at which a generation ends: those that the files name and those known by their text, such as
  /// `<|im_end|>`, `<end_of_turn>` and `<|eot_id|>`.
  public var endOfGenerationTokens: Set<Int> { components.endOfGeneration }
  /// The chat templates of the tokenizer's files by their names; the usual one is `default`. Empty for GGUF files.
  public var chatTemplates: [String: String] { components.chatTemplates }
  /// Faults in the files that are ignored, each in a sentence.
  public var notes: [String] { components.notes }

  /// The token whose text in the model's files is exactly this, as in `<|im_end|>`.
  public func token(named text: String) -> Int? { components.idsByText.id(of: Array(text.utf8)) }

  /// Whether a token steers the model and is no text; false for ids that are no token.
  public func isControl(_ id: Int) -> Bool {
    components.attributes.indices.contains(id) && !components.attributes[id].isDisjoint(with: [.control, .unknown])
  }

  /// Refuses an id that is no token.
  func check(_ id: Int) throws(TextError) {
    guard components.tokens.indices.contains(id) else {
      throw TextError(
        .tokenOutOfRange, "token \(id) is not in the vocabulary, whose ids are 0 to \(vocabularyCount - 1)")
    }
  }
}
