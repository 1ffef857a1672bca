import TestSupport

@testable import Tessera

/// What happens to an engine, and with what bounds it runs: drawn by a number.
struct EngineSchedule: CustomStringConvertible {
  enum Action: Equatable {
    /// A request of those that are known, for so many tokens.
    case arrive(Int, priority: Int, tokens: Int, isSalted: Bool)
    /// A beam search, or the score of a continuation, of a known prompt: it runs between the steps that follow.
    case beams(Int)
    case score(Int)
    case steps(Int)
    /// A request's tokens are read no more, or read again; numbers are counted round the requests there were.
    case stall(Int)
    case read(Int)
    case drop(Int)
    case cancel(Int)
    /// The last request gives up its blocks, or the last that is not read.
    case preempt
    case park
    /// The device forgets what nobody uses.
    case evict
  }

  let number: Int
  let limits: Scheduler.Limits
  let way: Preemption
  var actions: [Action] = []

  var description: String { "schedule \(number), \(way), \(limits):\n" + actions.map { "  \($0)\n" }.joined() }

  /// - Parameters:
  ///   - known: the requests; those of one prompt lie side by side, `variants` each.
  ///   - chunk: tokens of a step, at most.
  init(_ number: Int, known: Int, variants: Int, context: Int, chunk: Int) {
    var random = SeededNumbers(seed: UInt64(number) &* 0x9e37_79b9)
    func below(_ bound: Int) -> Int { random.below(bound) }
    func one<T>(_ values: [T]) -> T { values[below(values.count)] }
    var limits = Scheduler.Limits()
    limits.tokenBudget = min(chunk, one([1, 4, 16, 16, 64, chunk, chunk]))
    limits.maxSequences = one([1, 2, 3, 8, 256])
    limits.quantum = one([1, 16, 64, 128])
    limits.growth = one([1, 16, 64])
    limits.patience = one([1, 20, 512])
    limits.contextLength = context
    self.number = number
    self.limits = limits
    way = one([.swap, .recompute])
    // Few prompts, so that they meet what was computed of them.
    let prompts = (0..<1 + below(3)).map { _ in below(known / variants) }
    func request() -> Int { one(prompts) * variants + below(variants) }
    var count = 0
    for _ in 0..<3 + below(12) {
      switch below(18) {
      case 0..<6:
        // Several answers to one prompt, as `n` asks for.
        let (first, several) = (request(), below(3) == 0 ? 2 + below(3) : 1)
        let (tokens, isSalted) = (1 + below(12), below(8) == 0)
        for more in 0..<several {
          let index = first / variants * variants + (first + more) % variants
          actions.append(.arrive(index, priority: below(3), tokens: tokens, isSalted: isSalted))
          count += 1
        }
      case 6..<10: actions.append(.steps(1 + below(one([2, 6, 20]))))
      case 10: actions.append(one([.stall(below(max(1, count))), .read(below(max(1, count)))]))
      case 11: actions.append(one([.drop(below(max(1, count))), .cancel(below(max(1, count)))]))
      // Somebody runs by then.
      case 12, 13: actions += [.steps(1 + below(3)), one([.preempt, .preempt, .park])]
      // Somebody wants what the device had, while others still run or once all have ended.
      case 14, 15:
        actions += [.steps(one([4, 40])), .evict]
        actions.append(.arrive(request(), priority: below(3), tokens: 1 + below(12), isSalted: false))
        count += 1
      default: actions.append(one([.beams(request()), .score(request())]))
      }
    }
  }

  private init(_ other: EngineSchedule, _ actions: [Action]) {
    (number, limits, way) = (other.number, other.limits, other.way)
    self.actions = actions
  }

  /// The same with as few actions as still fail.
  func shrunk(_ fails: (EngineSchedule) async throws -> Bool) async rethrows -> EngineSchedule {
    var (schedule, index) = (self, 0)
    while index < schedule.actions.count {
      var fewer = schedule.actions
      fewer.remove(at: index)
      let smaller = EngineSchedule(schedule, fewer)
      if try await fails(smaller) { schedule = smaller } else { index += 1 }
    }
    return schedule
  }
}

/// A request, and what it gets where nobody else is there.
struct KnownRequest: Sendable {
  /// All that an answer is, to the bit.
  struct Answer: Equatable, Sendable {
    var tokens: [Int] = []
    /// Of each token the log-probabilities that were asked for.
    var logprobs: [[UInt32]] = []
    /// Of each token the logits that it was chosen of.
    var logits: [[UInt32]] = []

    mutating func add(_ token: GeneratedToken) {
      tokens.append(token.id)
      logprobs.append(
        [token.logprob?.bitPattern ?? 0] + token.topLogprobs.flatMap { [UInt32($0.id), $0.logprob.bitPattern] })
    }
  }

  static let variants = 6
  static let mostTokens = 12

  let prompt: [Int]
  let options: GenerationOptions
  var answer = Answer()
  /// Of a beam search, and of a score of the answer.
  var beams: [UInt64] = []
  var scores: [UInt64] = []

  init(_ prompt: [Int], variant: Int, seed: Int) throws {
    self.prompt = prompt
    var options = GenerationOptions()
    (options.maxTokens, options.seed) = (Self.mostTokens, UInt64(seed))
    options.topLogprobs = [nil, 0, 5][seed % 3]
    switch variant {
    case 0: break
    case 1: (options.temperature, options.topK, options.topP, options.minP) = (1.3, 0, 1, 0)
    case 2: (options.temperature, options.topK, options.topP) = (0.8, 20, 0.9)
    case 3:
      (options.temperature, options.repeatPenalty, options.presencePenalty) = (1, 1.4, 0.4)
    case 4:
      options.temperature = 1.2
      options.constraint = try .regex("([a-f]{1,3}[0-9]){3,9}")
    default: (options.temperature, options.logitBias) = (1, [97: 3, 98: -.infinity])
    }
    self.options = options
  }

  /// The first prompts of requests begin alike, in part for more than a block. Their lengths leave few different rests of chunks and
  /// blocks, so that most steps have a shape that was prepared before.
  static func all(longest: Int) throws -> [KnownRequest] {
    let base = SyntheticModel.ids(longest, seed: 99)
    func own(_ count: Int, _ seed: Int) -> [Int] { SyntheticModel.ids(count, seed: UInt64(seed)) }
    let prompts: [[Int]] = [
      base, base.prefix(130) + own(6, 2), base.prefix(longest - 64) + own(8, 1), Array(base.prefix(129)),
      Array(base.prefix(72)), base.prefix(64) + own(40, 3), Array(base.prefix(40)), own(1, 4), own(8, 5), own(40, 6),
      own(64, 7), own(65, 8),
      own(104, 9), own(129, 10),
    ]
    return try prompts.enumerated().flatMap { index, prompt in
      try (0..<variants).map { try KnownRequest(prompt, variant: $0, seed: index * variants + $0) }
    }
  }
}
