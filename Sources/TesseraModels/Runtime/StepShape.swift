import TesseraMemory
import TesseraOperators

/// All that decides a step's commands: steps of one shape differ only in the data that their inputs hold.
struct StepShape: Hashable, Sendable {
  /// The part of a model that runs.
  enum Part: Hashable, Sendable {
    /// A decoder, or all of an encoder.
    case model
    /// The encoder of an encoder-decoder, and the keys and values that its decoder sees.
    case source
    /// The logits of rows that are there already.
    case logits
  }

  enum Result: Hashable, Sendable {
    case hidden
    case logits
    case nothing
  }

  /// The attention tiles of one group.
  struct Group: Hashable, Sendable {
    /// Of chunks of several tokens.
    var tileCount = 0
    /// Work-items that share the keys of a tile, of one token and of several.
    var singleSplits = 1
    var splits = 1
  }

  var part = Part.model
  /// The first layers, which alone run; nil: all, and the norm behind them.
  var layerCount: Int?
  var result = Result.nothing
  var tokenCount: Int
  /// Chunks of one token, which come first.
  var singleCount = 0
  var groups: [Group] = []
  /// Rows whose results are wanted.
  var outputCount: Int
  /// Whether these are not simply all tokens, in order.
  var selectsOutputs = false
  var hasTokenTypes = false
  /// Of all tokens, and of the rows that are wanted, where these are not all.
  var adapterTokens = AdapterRows()
  var adapterOutputs = AdapterRows()
  /// Whether the host counts the experts that were chosen, for which it looks at each layer's.
  var watchesExperts = false
}
