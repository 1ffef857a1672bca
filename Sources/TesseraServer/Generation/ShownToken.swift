import Tessera

/// A token as answers show it.
struct ShownToken: Sendable {
  typealias Alternative = (id: Int, logprob: Float)

  var id: Int
  /// Nil where it is not known: of a prompt's first token.
  var logprob: Float?
  /// The likeliest in its place, the likeliest first.
  var alternatives: [Alternative]

  init(id: Int, logprob: Float?, alternatives: [Alternative] = []) {
    (self.id, self.logprob, self.alternatives) = (id, logprob, alternatives)
  }

  init(_ token: GeneratedToken) {
    self.init(id: token.id, logprob: token.logprob, alternatives: token.topLogprobs.map { ($0.id, $0.logprob) })
  }
}
