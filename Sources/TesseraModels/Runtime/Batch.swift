import TesseraMemory

/// Tokens of several sequences that run through the model together.
public struct Batch: Sendable {
  /// Consecutive tokens of one sequence, behind those it already has in the cache.
  public struct Piece: Sendable {
    public var sequence: KVSequence
    /// Token ids.
    public var tokens: [Int]

    public init(sequence: KVSequence, tokens: [Int]) {
      self.sequence = sequence
      self.tokens = tokens
    }
  }

  public var pieces: [Piece]

  public init(_ pieces: [Piece]) { self.pieces = pieces }

  public var tokenCount: Int { pieces.reduce(0) { $0 + $1.tokens.count } }
}
