import TesseraOperators
import TesseraText

/// What was learned of a model's vocabulary under the grammars of requests; it stays with the engine's thread.
final class ConstraintCache {
  /// Grammars that are kept, the last ones asked for.
  static let limit = 16

  private let tokenizer: Tokenizer?
  private let vocabularySize: Int
  private let endTokens: Set<Int>
  private var trie: TokenTrie?
  /// The last one asked for stands last.
  private(set) var known: [(constraint: TokenConstraint, masks: GrammarMasks)] = []

  init(_ tokenizer: Tokenizer?, vocabularySize: Int, endTokens: Set<Int>) {
    (self.tokenizer, self.vocabularySize, self.endTokens) = (tokenizer, vocabularySize, endTokens)
  }

  /// The beginning of an answer.
  /// - Throws: `TesseraError` `.noTokenizer`; `TextError` for a tokenizer whose tokens have no text of their own.
  func begin(_ constraint: TokenConstraint) throws -> GrammarProgress {
    if let index = known.firstIndex(where: { $0.constraint == constraint }) {
      known.append(known.remove(at: index))
    } else {
      let masks = try GrammarMasks(constraint.grammar, try tokens())
      if known.count == Self.limit { known.removeFirst() }
      known.append((constraint, masks))
    }
    return known[known.count - 1].masks.begin()
  }

  /// The vocabulary; it is made when it is asked for.
  private func tokens() throws -> TokenTrie {
    if let trie { return trie }
    guard let tokenizer else {
      throw TesseraError(
        .noTokenizer, "the model has no tokenizer, so its answers are no text that a constraint could be about")
    }
    let new = try TokenTrie(tokenizer, vocabularySize: vocabularySize, endTokens: endTokens)
    trie = new
    return new
  }
}

extension SamplingRow {
  /// Allows no token but those with which the grammar goes on.
  ///
  /// - Parameter forced: the token that the answer must have here.
  /// - Throws: `TesseraError`, `GrammarError` where none is left.
  mutating func hold(to progress: GrammarProgress, forced: Int?) throws {
    var mask = try progress.mask()
    guard mask.contains(where: { $0 != 0 }) else {
      throw GrammarError(.noToken, "the model's vocabulary has no token with which the text could follow its grammar")
    }
    if let allowed { mask = zip(mask, allowed).map { $0 & $1 } }
    for entry in bias where entry.value == -.infinity { mask[entry.id / 32] &= ~(1 << UInt32(entry.id % 32)) }
    guard mask.contains(where: { $0 != 0 }) else {
      throw TesseraError(
        .badOption,
        forced.map { "the answer should have token \($0) here, which its grammar does not allow: change firstTokens" }
          ?? "allowedTokens and logitBias leave no token here that the answer's grammar allows")
    }
    allowed = mask
  }
}
