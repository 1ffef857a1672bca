import TesseraCL
import TesseraMemory

extension FlashAttention {
  /// Which keys a query sees.
  public enum Mask: Sendable, Equatable {
    /// Those up to its own position.
    case causal
    /// All of its sequence (encoders); a window counts in both directions.
    case full
    /// All before the tokens in flight, and of those it descends from: bits of `words` UInt32 for each query, bit i for
    /// token i in flight (SpecInfer, Miao et al. 2024).
    case tree(words: Int)

    /// The number that kernels know it by.
    var number: Int {
      switch self {
      case .causal: 0
      case .full: 1
      case .tree: 2
      }
    }

    var treeWords: Int { if case .tree(let words) = self { words } else { 1 } }
  }

  /// What a layer's attention computes.
  public struct Shape: Sendable, Equatable {
    public var headCount: Int
    public var mask: Mask
    /// A query sees this many keys up to its own; nil sees all.
    public var window: Int?
    /// These first keys are seen whatever the window (StreamingLLM, Xiao et al. 2023).
    public var sinkKeys: Int
    /// Factor of the scores, usually 1/√headDim.
    public var scale: Float
    /// Scores become cap · tanh(score / cap).
    public var softCap: Float?

    public init(
      headCount: Int, mask: Mask = .causal, window: Int? = nil, sinkKeys: Int = 0, scale: Float, softCap: Float? = nil
    ) {
      self.headCount = headCount
      self.mask = mask
      self.window = window
      self.sinkKeys = sinkKeys
      self.scale = scale
      self.softCap = softCap
    }
  }

  /// What only some forms have.
  public struct Extras: Sendable {
    /// (tokens, words) UInt32 of a tree.
    public var treeMasks: Buffer?
    /// (headCount) floats m of ALiBi: −m · |distance| is added to scores (Press et al. 2022).
    public var slopes: Buffer?
    /// (headCount) floats: exp of each is added to the softmax's denominator (gpt-oss).
    public var sinks: Buffer?
    /// (tokens, headCount) floats for log Σ exp(score), by which results over different keys can be merged.
    public var logSums: Buffer?

    public init(treeMasks: Buffer? = nil, slopes: Buffer? = nil, sinks: Buffer? = nil, logSums: Buffer? = nil) {
      self.treeMasks = treeMasks
      self.slopes = slopes
      self.sinks = sinks
      self.logSums = logSums
    }
  }

  /// How work-items share long keys: each computes some of their tiles, and a second kernel merges those in order.
  /// Results do not depend on it.
  public struct Split: Sendable {
    /// Work-items that share a tile's keys.
    public var count: Int
    /// Tokens of the batch.
    public var tokens: Int
    /// The most keys of a sequence.
    public var longest: Int
    /// At least `partialBytes`.
    public var partials: Buffer

    public init(count: Int, tokens: Int, longest: Int, partials: Buffer) {
      self.count = count
      self.tokens = tokens
      self.longest = longest
      self.partials = partials
    }

    var keyTiles: Int { (longest + TilePlan.keyTile - 1) / TilePlan.keyTile }
  }

  /// Consecutive queries of one sequence.
  public struct Tile: Sendable, BitwiseCopyable {
    public var firstToken: Int32
    public var count: Int32
    /// Where the sequence's block ids begin in the tables.
    public var tableOffset: Int32
    /// For a full mask the sequence's keys, for a tree those before it.
    public var keyCount: Int32

    public init(firstToken: Int, count: Int, tableOffset: Int, keyCount: Int = 0) {
      self.firstToken = Int32(clamping: firstToken)
      self.count = Int32(clamping: count)
      self.tableOffset = Int32(clamping: tableOffset)
      self.keyCount = Int32(clamping: keyCount)
    }
  }

  /// Refuses what the kernels do not have.
  static func check(_ shape: Shape, _ cache: CacheGeometry, _ extras: Extras, _ split: Split?) throws {
    let step = max(16, cache.element.blockElements)
    guard shape.headCount > 0, cache.kvHeadCount > 0, shape.headCount.isMultiple(of: cache.kvHeadCount),
      [cache.headDim, cache.valueDim].allSatisfy({ $0.isMultiple(of: step) && (32...576).contains($0) }),
      cache.blockSize.isMultiple(of: 16), cache.blockSize > 0, cache.blockCount > 0,
      !cache.sharesValues || cache.valueDim <= cache.headDim
    else {
      throw OperatorError(
        .shape,
        "attention of \(shape.headCount) heads over \(cache.kvHeadCount) KV heads of \(cache.headDim), values of "
          + "\(cache.valueDim), \(cache.blockCount) blocks of \(cache.blockSize): heads must be a multiple of KV heads, sizes of a head a "
          + "multiple of \(step) from 32 to 576, the block size a multiple of 16")
    }
    guard shape.sinkKeys >= 0, shape.window.map({ $0 > 0 }) ?? true, shape.softCap.map({ $0 > 0 }) ?? true else {
      throw OperatorError(
        .shape,
        "a window of \(shape.window ?? 0), \(shape.sinkKeys) sink keys, a soft cap of \(shape.softCap ?? 0): where they "
          + "are given they must be positive")
    }
    if case .tree(let words) = shape.mask {
      guard (1...32).contains(words), extras.treeMasks != nil, extras.slopes == nil,
        shape.window.map({ $0 >= words * 32 }) ?? true
      else {
        throw OperatorError(
          .shape,
          "a tree of \(words) words: 1 to 32 are possible, with masks, without ALiBi, and in a window of as many tokens"
        )
      }
    }
    if let split {
      let bytes = partialBytes(
        tokens: split.tokens, headCount: shape.headCount, valueDim: cache.valueDim, longest: split.longest)
      guard split.count > 0, split.tokens > 0, split.longest > 0, split.partials.byteCount >= bytes else {
        throw OperatorError(
          .shape,
          "keys split \(split.count) ways: for \(split.tokens) tokens over \(split.longest) keys partial results take "
            + "\(bytes) bytes, the buffer has \(split.partials.byteCount)")
      }
    }
  }
}
