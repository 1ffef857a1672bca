/// Everything that a model file says about its tokenizer, as plain values.
///
/// The fields carry what the GGUF keys `tokenizer.ggml.*` hold
/// (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md#tokenizer). An optional field is nil where the file has
/// no such key; the tokenizer then does what llama.cpp does for that model.
public struct TokenizerDefinition: Sendable {
  /// The kind of tokenizer: `gpt2` is byte-level BPE, `llama` is SentencePiece.
  public var model: String
  /// How byte-level BPE splits text into words before it merges: `tokenizer.ggml.pre`.
  public var preTokenizer: String?
  /// Every token's text as the file has it, in the order of their ids.
  public var tokens: ByteStrings
  /// One of ggml's token types per token: 1 normal, 2 unknown, 3 control, 4 user defined, 5 unused, 6 byte. All
  /// tokens are normal where it is empty.
  public var tokenTypes: [Int32] = []
  /// One score per token, SentencePiece's merge priority. All are 0 where it is empty.
  public var scores: [Float] = []
  /// Byte-level BPE's merges in the order of their priority: two tokens with a space between them.
  public var merges = ByteStrings()
  /// The token that begins a text.
  public var bosToken: Int?
  /// The token that ends a text.
  public var eosToken: Int?
  /// The token that ends a turn.
  public var eotToken: Int?
  /// The token that ends a message which is not the turn's last.
  public var eomToken: Int?
  /// The token for what the vocabulary cannot express.
  public var unknownToken: Int?
  /// The token that fills up a batch.
  public var paddingToken: Int?
  /// Whether encoding with special tokens begins with `bosToken`.
  public var addBOS: Bool?
  /// Whether encoding with special tokens ends with `eosToken`.
  public var addEOS: Bool?
  /// Whether SentencePiece puts a space before the text and after each special token.
  public var addSpacePrefix: Bool?
  /// `general.name`: the only mark of the Phi-3 models, whose special tokens take the spaces after them.
  public var modelName: String?

  /// A definition with a model and its tokens; the other fields are set one by one.
  public init(model: String, tokens: ByteStrings) {
    self.model = model
    self.tokens = tokens
  }
}
