/// Everything that a GGUF file says about its tokenizer, as plain values.
///
/// The fields carry what the GGUF keys `tokenizer.ggml.*` hold
/// (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md#tokenizer). An optional field is nil where the file has
/// no such key; the tokenizer then does what llama.cpp does for that model.
package struct TokenizerDefinition: Sendable {
  /// The kinds of tokenizer, by their names in `tokenizer.ggml.model`.
  package enum Model: String, Sendable, CaseIterable {
    /// Byte-level BPE, or BPE of characters where the pre-tokenizer says so.
    case bytePair = "gpt2"
    /// SentencePiece's BPE by scores.
    case sentencePiece = "llama"
    /// SentencePiece's unigram model.
    case unigram = "t5"
    /// BERT's WordPiece.
    case wordPiece = "bert"
    /// BPE of characters with `▁` for spaces.
    case gemma4 = "gemma4"

    /// The kind with a name.
    /// - Throws: `TextError` `.unsupportedModel` with the known names.
    package init(named name: String) throws(TextError) {
      guard let model = Model(rawValue: name) else {
        throw TextError(
          .unsupportedModel,
          "tokenizer.ggml.model is \(TextError.quoted(Array(name.utf8))), which is not supported; known are: gpt2 (byte-"
            + "level BPE), llama (SentencePiece), t5 (unigram), bert (WordPiece), gemma4")
      }
      self = model
    }
  }

  /// The kind of tokenizer.
  package var model: Model
  /// How BPE splits text into words before it merges: `tokenizer.ggml.pre`.
  package var preTokenizer: String?
  /// Every token's text as the file has it, in the order of their ids.
  package var tokens: ByteStrings
  /// One of ggml's token types per token: 1 normal, 2 unknown, 3 control, 4 user defined, 5 unused, 6 byte. All
  /// tokens are normal where it is empty.
  package var tokenTypes: [Int32] = []
  /// One score per token: SentencePiece's merge priority, or the logarithm of its probability. All are 0 where it is
  /// empty.
  package var scores: [Float] = []
  /// BPE's merges in the order of their priority: two tokens with a space between them.
  package var merges = ByteStrings()
  /// The token that begins a text.
  package var bosToken: Int?
  /// The token that ends a text.
  package var eosToken: Int?
  /// The token that ends a turn.
  package var eotToken: Int?
  /// The token that ends a message which is not the turn's last.
  package var eomToken: Int?
  /// The token for what the vocabulary cannot express.
  package var unknownToken: Int?
  /// The token behind each of two texts.
  package var separatorToken: Int?
  /// The token that fills up a batch.
  package var paddingToken: Int?
  /// The token that stands for a hidden one.
  package var maskToken: Int?
  /// Whether encoding with special tokens begins with `bosToken`.
  package var addBOS: Bool?
  /// Whether encoding with special tokens ends with `eosToken`.
  package var addEOS: Bool?
  /// Whether encoding with special tokens ends with `separatorToken`.
  package var addSeparator: Bool?
  /// Whether SentencePiece puts a space before the text and after each special token.
  package var addSpacePrefix: Bool?
  /// Whether unigram models take spaces in a row for one: `remove_extra_whitespaces`.
  package var removeExtraSpaces: Bool?
  /// SentencePiece's map of characters: `precompiled_charsmap`. Empty where there is none.
  package var characterMap: [UInt8] = []
  /// `general.name`: the only mark of the Phi-3 models, whose special tokens take the spaces after them.
  package var modelName: String?

  /// A definition with a model and its tokens; the other fields are set one by one.
  package init(model: Model, tokens: ByteStrings) {
    self.model = model
    self.tokens = tokens
  }
}
