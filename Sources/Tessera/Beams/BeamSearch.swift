import Foundation

/// The bookkeeping of a beam search, step by step, in the order in which `transformers` has it: results are equal.
struct BeamSearch {
  struct Beam: Equatable {
    /// Of the prompt and of the answer so far.
    var tokens: [Int]
    /// The sum of log-probabilities.
    var sum: Double
  }

  struct Finished: Equatable {
    var tokens: [Int]
    var score: Double
    var isEnded: Bool
  }

  let options: BeamSearchOptions
  private let promptCount: Int
  private let maxCount: Int
  let forced: ForcedTokens
  let ends: Set<Int>
  /// Tokens that are never generated.
  let banned: [Int]

  /// What goes on, the best first.
  private(set) var running: [Beam]
  /// The best first, at most `width`.
  private(set) var finished: [Finished] = []
  private(set) var isOver = false
  /// Tokens of each answer so far.
  private(set) var count = 0
  /// Whether a beam that goes on may still be better than the worst of the finished.
  private var isImprovable = true

  /// - Parameters:
  ///   - prompt: what all answers continue, at least one token.
  ///   - maxCount: the most tokens of an answer, at least one.
  ///   - forced: tokens that every answer has.
  init(
    _ prompt: [Int], options: BeamSearchOptions, maxCount: Int, forced: ForcedTokens = .init(), ends: Set<Int>,
    banned: [Int] = []
  ) {
    (self.options, self.maxCount, self.forced, self.ends, self.banned) = (options, maxCount, forced, ends, banned)
    promptCount = prompt.count
    running = [Beam(tokens: prompt, sum: 0)]
  }

  /// Goes on by one token.
  ///
  /// - Parameter logits: of each beam that runs, (running, vocabularySize).
  /// - Returns: for each beam that runs now, whose continuation it is among those before.
  /// - Throws: `TesseraError.notFinite`.
  mutating func advance(_ logits: [ArraySlice<Float>]) throws(TesseraError) -> [Int] {
    let candidates = try candidates(logits)
    guard !candidates.isEmpty else { return giveUp() }
    let isCutOff = count == forced.endIndex
    count += 1
    let width = options.width
    var parents: [Int] = []
    var next: [Beam] = []
    var ended: [Finished] = []
    var goesOn = false
    for (rank, candidate) in candidates.enumerated() {
      let isEnd = ends.contains(candidate.token)
      let tokens = running[candidate.parent].tokens + [candidate.token]
      if !isEnd, count < maxCount {
        goesOn = true
        guard next.count < width else { continue }
        next.append(Beam(tokens: tokens, sum: candidate.sum))
        parents.append(candidate.parent)
      } else if rank < width {
        let score = candidate.sum / pow(Double(count), options.lengthPenalty)
        let answer = Array(tokens.dropFirst(promptCount).dropLast(isEnd ? 1 : 0))
        ended.append(Finished(tokens: answer, score: score, isEnded: isEnd && !isCutOff))
      }
    }
    if isImprovable, !(isFull && options.stopping == .early) { add(ended) }
    running = next
    // Once it cannot, it never can.
    isImprovable = isImprovable && canImprove
    isOver = !isImprovable || (isFull && options.stopping == .early) || !goesOn
    return parents
  }

  /// Nothing may follow: the answers end where they are.
  private mutating func giveUp() -> [Int] {
    add(
      running.map {
        let score = $0.sum / pow(Double(max(1, count)), options.lengthPenalty)
        return Finished(tokens: Array($0.tokens.dropFirst(promptCount)), score: score, isEnded: false)
      })
    (running, isOver) = ([], true)
    return []
  }

  private var isFull: Bool { finished.count == options.width }

  private var canImprove: Bool {
    guard let best = running.first else { return false }
    guard isFull, let worst = finished.last else { return true }
    let length = options.stopping == .never && options.lengthPenalty > 0 ? maxCount : count
    return best.sum / pow(Double(length), options.lengthPenalty) > worst.score
  }

  private mutating func add(_ ended: [Finished]) {
    // Of equal ones those that were there come first.
    let all = (finished + ended).enumerated().sorted {
      $0.element.score == $1.element.score ? $0.offset < $1.offset : $0.element.score > $1.element.score
    }
    finished = all.prefix(options.width).map(\.element)
  }
}
