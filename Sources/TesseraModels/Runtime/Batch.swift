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

  /// The rows whose hidden states, and logits, are wanted.
  public enum Outputs: Sendable {
    /// Every token's.
    case all
    /// The last token's of each piece, in the order of the pieces; the last layer then does little more than them.
    case last
  }

  public var pieces: [Piece]
  public var outputs: Outputs

  public init(_ pieces: [Piece], outputs: Outputs = .all) {
    self.pieces = pieces
    self.outputs = outputs
  }

  public var tokenCount: Int { pieces.reduce(0) { $0 + $1.tokens.count } }

  /// The tokens whose hidden states are wanted; nil for all of them.
  var outputRows: [Int]? {
    guard outputs == .last, pieces.contains(where: { $0.tokens.count > 1 }) else { return nil }
    var end = 0
    return pieces.compactMap { piece in
      end += piece.tokens.count
      return piece.tokens.isEmpty ? nil : end - 1
    }
  }
}
