import TesseraMemory

/// Tokens of several sequences that run through the model together.
package struct Batch: Sendable {
  /// The tokens whose hidden states, or logits, are wanted.
  package enum Outputs: Sendable {
    case none
    /// The last token.
    case last
    case all
  }

  /// Consecutive tokens of one sequence, behind those that it already has in the cache.
  package struct Chunk: Sendable {
    package var sequence: KVSequence
    /// Token ids.
    package var tokens: [Int]
    /// The position of each, by which rotations and learned positions go; nil: its row in the cache.
    package var positions: [Int]?
    /// The segment that each belongs to, of models that tell segments apart; nil: the first.
    package var tokenTypes: [Int]?
    /// What a source has in the place of ids, which are not looked at (`ModelProfile.SourceFeatures`).
    var features: [Float] = []
    package var outputs: Outputs

    package init(
      sequence: KVSequence, tokens: [Int], positions: [Int]? = nil, tokenTypes: [Int]? = nil, outputs: Outputs = .last
    ) {
      self.sequence = sequence
      self.tokens = tokens
      self.positions = positions
      self.tokenTypes = tokenTypes
      self.outputs = outputs
    }

    var outputCount: Int {
      switch outputs {
      case .none: 0
      case .last: tokens.isEmpty ? 0 : 1
      case .all: tokens.count
      }
    }
  }

  package var chunks: [Chunk]

  package init(_ chunks: [Chunk]) { self.chunks = chunks }

  package var tokenCount: Int { chunks.reduce(0) { $0 + $1.tokens.count } }
  /// Rows of the result: the wanted tokens', in the order of the chunks.
  package var outputCount: Int { chunks.reduce(0) { $0 + $1.outputCount } }
}
