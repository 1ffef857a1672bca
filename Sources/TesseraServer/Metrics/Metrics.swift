import Foundation
import Synchronization
import Tessera

/// What the server has done since it started, by model.
final class Metrics: Sendable {
  struct Model: Sendable {
    /// Finished answers by why they ended.
    var finished: [String: Int] = [:]
    var promptTokens = 0
    var cachedTokens = 0
    var generatedTokens = 0
    var firstToken = Histogram([
      0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80, 160,
    ])
    var tokenTime = Histogram([
      0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5, 5, 10,
    ])
    var latency = Histogram([0.3, 0.5, 0.8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, 120, 240, 480, 960])
    var queueTime = Histogram([
      0.3, 0.5, 0.8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, 120, 240, 480, 960,
    ])
    var promptLength = Histogram([
      1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000,
    ])
    var answerLength = Histogram([
      1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000,
    ])
  }

  struct Snapshot: Sendable {
    var models: [String: Model] = [:]
    /// Replies by path and status.
    var replies: [Key: Int] = [:]

    struct Key: Hashable, Sendable {
      let path: String
      let status: Int
    }
  }

  private let state = Mutex(Snapshot())

  var snapshot: Snapshot { state.withLock { $0 } }

  func finish(_ result: GenerationResult?, model: String) {
    guard let result else { return }
    let statistics = result.statistics
    state.withLock { state in
      state.models[model, default: Model()].add(statistics, reason: result.finishReason.rawValue)
    }
  }

  /// - Parameter path: one that is known: there are few.
  func count(_ path: String, status: Int) {
    state.withLock { $0.replies[.init(path: path, status: status), default: 0] += 1 }
  }
}

extension Metrics.Model {
  fileprivate mutating func add(_ statistics: GenerationStatistics, reason: String) {
    finished[reason, default: 0] += 1
    promptTokens += statistics.promptTokens
    cachedTokens += statistics.cachedPromptTokens
    generatedTokens += statistics.generatedTokens
    firstToken.add(statistics.timeToFirstTokenSeconds)
    if statistics.generatedTokens > 1 {
      tokenTime.add(statistics.generationSeconds / Double(statistics.generatedTokens - 1))
    }
    latency.add(statistics.timeToFirstTokenSeconds + statistics.generationSeconds)
    queueTime.add(statistics.queuedSeconds)
    promptLength.add(Double(statistics.promptTokens))
    answerLength.add(Double(statistics.generatedTokens))
  }
}

/// How many values are at most as large as each of some bounds.
struct Histogram: Sendable {
  let bounds: [Double]
  private(set) var counts: [Int]
  private(set) var count = 0
  private(set) var sum = 0.0

  init(_ bounds: [Double]) {
    self.bounds = bounds
    counts = bounds.map { _ in 0 }
  }

  mutating func add(_ value: Double) {
    for (index, bound) in bounds.enumerated() where value <= bound { counts[index] += 1 }
    count += 1
    sum += value
  }
}
