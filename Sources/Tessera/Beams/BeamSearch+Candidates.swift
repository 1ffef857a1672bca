import Foundation

extension BeamSearch {
  /// A beam with one more token.
  struct Candidate {
    var parent: Int
    var token: Int
    var sum: Double
  }

  /// The best continuations of all beams: so many that, whichever of them end, enough go on.
  func candidates(_ logits: [ArraySlice<Float>]) throws(TesseraError) -> [Candidate] {
    if let token = forced.tokens[count] {
      return running.indices.map { .init(parent: $0, token: token, sum: running[$0].sum) }
    }
    let limit = max(2, 1 + ends.count) * options.width
    var candidates: [Candidate] = []
    for (parent, row) in logits.enumerated() {
      let most = Double(row.max() ?? 0)
      let logSum = log(row.reduce(0.0) { $0 + exp(Double($1) - most) }) + most
      guard logSum.isFinite else { throw TesseraError.notFinite }
      let beam = running[parent]
      var allowed = Array(row)
      var forbidden = banned + repeatedTokens(beam.tokens)
      if count < options.minTokens { forbidden += ends }
      for token in forbidden where allowed.indices.contains(token) { allowed[token] = -.infinity }
      // The others cannot be among the best of all rows.
      let bound = Self.largest(limit, of: allowed)
      for (token, logit) in allowed.enumerated() where logit >= bound && logit > -.infinity {
        candidates.append(Candidate(parent: parent, token: token, sum: beam.sum - logSum + Double(logit)))
      }
    }
    candidates.sort {
      $0.sum == $1.sum ? ($0.parent, $0.token) < ($1.parent, $1.token) : $0.sum > $1.sum
    }
    return Array(candidates.prefix(limit))
  }

  /// The `count`-th largest of a row.
  private static func largest(_ count: Int, of row: [Float]) -> Float {
    guard count < row.count else { return -.infinity }
    // The largest so far, the least of them first.
    var top = row.prefix(count).sorted()
    for value in row.dropFirst(count) where value > top[0] {
      var (low, high) = (1, top.count)
      while low < high {
        let middle = (low + high) / 2
        if top[middle] < value { low = middle + 1 } else { high = middle }
      }
      top.removeFirst()
      top.insert(value, at: low - 1)
    }
    return top[0]
  }

  /// Tokens that would repeat a sequence of `noRepeatNGram` tokens.
  private func repeatedTokens(_ tokens: [Int]) -> [Int] {
    let size = options.noRepeatNGram
    guard size > 0, tokens.count + 1 >= size else { return [] }
    let last = tokens.suffix(size - 1)
    return (0..<max(0, tokens.count - size + 1)).filter { tokens[$0..<$0 + size - 1].elementsEqual(last) }
      .map { tokens[$0 + size - 1] }
  }
}
