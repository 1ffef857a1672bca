import TesseraMemory
import TesseraOperators

/// A model's shape: sizes, and what the runtime must keep for its layers.
public struct ModelProfile: Sendable {
  /// Layers of attention of one geometry and kind, which share a pool and block tables.
  public struct AttentionGroup: Sendable {
    /// The cache's numbers of the layers.
    public var layers: [Int]
    public var headCount: Int
    public var kvHeadCount: Int
    /// Elements of a query's and key's head, and of a value's.
    public var headDim: Int
    public var valueDim: Int
    /// Values are the first elements of the keys, and nothing of their own (latent attention).
    package var sharesValues: Bool
    package var kind: KVKind
    /// How far from a query the keys lie that it sees, of an encoder; nil: any.
    package var reach: Int?

    package init(
      layers: [Int], headCount: Int, kvHeadCount: Int, headDim: Int, valueDim: Int? = nil, sharesValues: Bool = false,
      kind: KVKind = .growing
    ) {
      self.layers = layers
      self.headCount = headCount
      self.kvHeadCount = kvHeadCount
      self.headDim = headDim
      self.valueDim = valueDim ?? headDim
      self.sharesValues = sharesValues
      self.kind = kind
    }

    /// Whether queries see all keys: of a source that is complete.
    var seesAll: Bool {
      switch kind {
      case .fixed, .transient: true
      case .growing, .window: false
      }
    }

    /// The form of attention over the group's keys.
    func shape(scale: Float, softCap: Float? = nil) -> FlashAttention.Shape {
      var shape = FlashAttention.Shape(
        headCount: headCount, mask: seesAll ? .full : .causal, scale: scale, softCap: softCap)
      if case .window(let tokens, let sinks) = kind { (shape.window, shape.sinkKeys) = (tokens, sinks) }
      if let reach { shape.window = reach + 1 }
      return shape
    }
  }

  /// A source of floats in the place of token ids, always of one length: sound.
  package struct SourceFeatures: Sendable, Equatable {
    /// Tokens that the encoder makes of it, and floats that it takes for each.
    package var tokenCount, columns: Int
    /// The rate at which those floats come: rows for each token (Whisper's frames).
    package var rowsPerToken: Int
  }

  /// The architecture's name as the files have it.
  public var architecture: String
  public var layerCount: Int
  public var hiddenSize: Int
  public var intermediateSize: Int
  /// Rows of the embedding; the tokenizer may have fewer.
  public var vocabularySize: Int
  /// Tokens that the model was trained to attend over.
  public var contextLength: Int
  public var attentionGroups: [AttentionGroup]
  package var rotaryTables: [RotaryTable] = []
  /// Segments that the model tells apart (BERT's token types); 0 where it knows none.
  public var segmentCount = 0
  /// What a head behind an encoder tells apart; nil where there is none.
  public var classification: Classification?
  /// The token that a target begins with, of an encoder-decoder.
  public var decoderStartToken: Int?
  /// The form of a source that is no token ids; nil: an encoder-decoder reads token ids.
  package var sourceFeatures: SourceFeatures?
  /// The function that products are compiled with.
  package var activation: Activation.Function

  package init(
    architecture: String, layerCount: Int, hiddenSize: Int, intermediateSize: Int, vocabularySize: Int,
    contextLength: Int, attentionGroups: [AttentionGroup], rotaryTables: [RotaryTable] = [],
    activation: Activation.Function
  ) {
    self.architecture = architecture
    self.layerCount = layerCount
    self.hiddenSize = hiddenSize
    self.intermediateSize = intermediateSize
    self.vocabularySize = vocabularySize
    self.contextLength = contextLength
    self.attentionGroups = attentionGroups
    self.rotaryTables = rotaryTables
    self.activation = activation
  }

  /// Tokens that a source may have, with a context of so many.
  func sourceLength(contextLength: Int) -> Int { sourceFeatures?.tokenCount ?? contextLength }

  /// What an encoder-decoder's source is, for people.
  var sourceText: String {
    sourceFeatures.map { "sound (\($0.tokenCount) · \($0.columns) floats)" } ?? "token ids"
  }

  /// Columns of what a head makes of a hidden state: logits of tokens, or scores of labels.
  package var headColumns: Int { classification?.labels.count ?? vocabularySize }

  public var headCount: Int { attentionGroups.first?.headCount ?? 0 }
  public var kvHeadCount: Int { attentionGroups.first?.kvHeadCount ?? 0 }
  public var headDim: Int { attentionGroups.first?.headDim ?? 0 }

  /// Keys that a query of a sliding-window layer sees; nil where no layer has a window.
  public var slidingWindow: Int? {
    attentionGroups.lazy.compactMap { if case .window(let tokens, _) = $0.kind { tokens } else { nil } }.first
  }

  /// - Throws: `ModelError` for ids that are outside of the vocabulary.
  func check(_ tokens: [Int]) throws(ModelError) {
    guard let token = tokens.first(where: { !(0..<vocabularySize).contains($0) }) else { return }
    throw ModelError(.badBatch, "token id \(token): the vocabulary has \(vocabularySize), ids begin at 0")
  }

  /// The cache's layout.
  ///
  /// - Parameter contextLength: of fixed groups too, unless sources have a length of their own.
  func cacheLayout(contextLength: Int, keys: KVEncoding, values: KVEncoding) throws(MemoryError) -> KVCacheLayout {
    var groups: [KVGroup] = []
    for group in attentionGroups {
      // What lives for one step is never rounded.
      let (keyEncoding, valueEncoding) =
        group.kind == .transient ? (.f32, .f32) : (keys, group.sharesValues ? keys : values)
      let kind: KVKind =
        if case .fixed = group.kind { .fixed(capacity: sourceLength(contextLength: contextLength)) } else { group.kind }
      groups.append(
        try KVGroup(
          layers: group.layers,
          geometry: KVGeometry(
            kvHeadCount: group.kvHeadCount, keyDim: keyEncoding.padded(group.headDim),
            valueDim: valueEncoding.padded(group.valueDim), sharesValues: group.sharesValues, keys: keyEncoding,
            values: valueEncoding),
          kind: kind))
    }
    return try KVCacheLayout(groups: groups)
  }
}
