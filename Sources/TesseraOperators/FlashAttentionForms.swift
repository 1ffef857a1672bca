import TesseraCL
import TesseraMemory

extension FlashAttention {
  /// Which keys a query sees.
  package enum Mask: Sendable, Equatable {
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

  /// The attention that a layer computes.
  package struct Shape: Sendable, Equatable {
    package var headCount: Int
    package var mask: Mask
    /// A query sees this many keys up to its own; nil sees all.
    package var window: Int?
    /// These first keys are seen whatever the window (StreamingLLM, Xiao et al. 2023).
    package var sinkKeys: Int
    /// Factor of the scores, usually 1/√headDim.
    package var scale: Float
    /// Scores become cap · tanh(score / cap).
    package var softCap: Float?

    package init(
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

  /// Values added to scores by distance (T5, Raffel et al. 2020).
  package struct Bias: Sendable {
    /// (headCount, 2 · reach + 1) floats: of keys so far before the query, up to so far behind it.
    package var table: any DeviceMemory
    /// Greater distances have the value of this one.
    package var reach: Int

    package init(table: any DeviceMemory, reach: Int) { (self.table, self.reach) = (table, reach) }
  }

  /// Inputs of optional features.
  package struct Extras: Sendable {
    /// (tokens, words) UInt32 of a tree.
    package var treeMasks: (any DeviceMemory)?
    /// (headCount) floats m of ALiBi: −m · |distance| is added to scores (Press et al. 2022).
    package var slopes: (any DeviceMemory)?
    /// (headCount) floats: exp of each is added to the softmax's denominator (gpt-oss).
    package var sinks: (any DeviceMemory)?
    package var bias: Bias?
    /// (tokens, headCount) floats for log Σ exp(score), by which results over different keys can be merged.
    package var logSums: (any DeviceMemory)?

    package init(
      treeMasks: (any DeviceMemory)? = nil, slopes: (any DeviceMemory)? = nil, sinks: (any DeviceMemory)? = nil,
      bias: Bias? = nil, logSums: (any DeviceMemory)? = nil
    ) {
      self.treeMasks = treeMasks
      self.slopes = slopes
      self.sinks = sinks
      self.bias = bias
      self.logSums = logSums
    }
  }

  /// How work-items share long keys: each computes some of their tiles, and a second kernel merges those in order.
  /// Results do not depend on it.
  package struct Split: Sendable {
    /// Work-items that share a tile's keys.
    package var count: Int
    /// Tokens of the tiles: `tokens` from `firstToken` on.
    package var firstToken: Int
    package var tokens: Int
    /// The most keys of a sequence.
    package var longest: Int
    /// At least `partialBytes`.
    package var partials: any DeviceMemory

    package init(count: Int, firstToken: Int = 0, tokens: Int, longest: Int, partials: any DeviceMemory) {
      self.count = count
      self.firstToken = firstToken
      self.tokens = tokens
      self.longest = longest
      self.partials = partials
    }

    var keyTiles: Int { (longest + TilePlan.keyTile - 1) / TilePlan.keyTile }
  }

  /// Consecutive queries of one sequence.
  package struct Tile: Sendable, BitwiseCopyable {
    package var firstToken: Int32
    package var count: Int32
    /// Where the sequence's block ids begin in the tables.
    package var tableOffset: Int32
    /// For a full mask the sequence's keys, for a tree those before it.
    package var keyCount: Int32

    package init(firstToken: Int, count: Int, tableOffset: Int, keyCount: Int = 0) {
      self.firstToken = Int32(clamping: firstToken)
      self.count = Int32(clamping: count)
      self.tableOffset = Int32(clamping: tableOffset)
      self.keyCount = Int32(clamping: keyCount)
    }
  }

  /// Refuses what the kernels do not have.
  static func check(_ shape: Shape, _ cache: CacheGeometry, _ extras: Extras, _ split: Split?) throws {
    guard shape.headCount > 0, cache.kvHeadCount > 0, shape.headCount.isMultiple(of: cache.kvHeadCount),
      [cache.queryDim, cache.resultDim].allSatisfy({ (1...576).contains($0) }),
      cache.blockSize.isMultiple(of: 16), cache.blockSize > 0, cache.blockCount > 0,
      !cache.sharesValues || cache.resultDim <= cache.queryDim
    else {
      throw OperatorError(
        .shape,
        "attention of \(shape.headCount) heads over \(cache.kvHeadCount) KV heads of \(cache.queryDim), values of "
          + "\(cache.resultDim), \(cache.blockCount) blocks of \(cache.blockSize): heads must be a multiple of KV heads, "
          + "heads' sizes from 1 to 576, the block size a multiple of 16")
    }
    guard shape.sinkKeys >= 0, shape.window.map({ $0 > 0 }) ?? true, shape.softCap.map({ $0 > 0 }) ?? true,
      extras.bias.map({ $0.reach >= 0 }) ?? true
    else {
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
      guard split.count > 0, split.tokens > 0, split.longest > 0 else {
        throw OperatorError(
          .shape, "keys split \(split.count) ways for \(split.tokens) tokens over \(split.longest) keys: all positive")
      }
    }
  }
}
