import TesseraMemory
import TesseraModels

/// How the engine makes room, and what it has measured for that.
struct PreemptionState: Sendable {
  /// Bytes of host memory that sequences may be swapped to.
  var swapLimit = 0
  /// Bytes that are there now.
  var swappedBytes = 0
  var costs = PreemptionCosts()
  /// Which way is taken; nil: the cheaper one.
  var forced: Preemption?
  /// How often each way was taken.
  var counts: [Preemption: Int] = [:]
  /// When the last step that had nothing but prompts began, and how many tokens it had.
  private var prompts: (start: ContinuousClock.Instant, tokens: Int)?

  /// Says that a step begins, right behind the one before.
  ///
  /// - Parameter tokens: nil for a step that has more than prompts, or where nothing follows.
  mutating func beginStep(promptTokens tokens: Int?) {
    let now = ContinuousClock.now
    if let prompts { costs.didCompute(tokens: prompts.tokens, seconds: (now - prompts.start).seconds) }
    prompts = tokens.map { (now, $0) }
  }
}

extension Engine {
  /// Takes the blocks of a request that waits again. One whose token nobody has asked for yet waits outside of the schedule:
  /// run anew, it would get that token twice.
  func restart(_ id: SequenceID) {
    dropFlight(of: id)
    guard let runner = loaded?.runner, let sequence = requests[id]?.sequence else { return }
    let swap = swapOut(id, runner)
    if sequence.tokenCount > 0 { preemption.counts[swap == nil ? .recompute : .swap, default: 0] += 1 }
    requests[id]?.restart(runner.cache.makeSequence(adapter: sequence.adapter), swap: swap)
    guard requests[id]?.heldSince != nil else { return }
    scheduler.remove(id)
    requests[id]?.isParked = true
  }

  /// Copies a request's blocks to the host, if that is worth it and there is room.
  private func swapOut(_ id: SequenceID, _ runner: ModelRunner) -> KVSwap? {
    guard let request = requests[id], !runner.takesSource, request.sequence.tokenCount > 0 else { return nil }
    let sequence = request.sequence
    do {
      // A step that was on its way has run a token that nobody knows.
      if sequence.tokenCount >= request.tokens.count { try sequence.truncate(to: request.tokens.count - 1) }
      let bytes = runner.swapBytes(sequence)
      let choice = preemption.forced ?? preemption.costs.choice(tokens: sequence.tokenCount, bytes: bytes)
      guard choice == .swap, bytes <= preemption.swapLimit - preemption.swappedBytes else { return nil }
      // A step that still runs is no part of the copy.
      try runner.finish()
      let start = ContinuousClock.now
      let swap = try runner.swapOut(sequence)
      preemption.costs.didCopy(bytes: swap.byteCount, seconds: (.now - start).seconds)
      preemption.swappedBytes += swap.byteCount
      return swap
    } catch {
      // Its tokens are there.
      return nil
    }
  }

  /// Begins a request's sequence with what was swapped out or what the cache has of it.
  ///
  /// - Returns: tokens that need not be computed
  func begin(_ id: SequenceID) throws -> Int {
    guard let runner = loaded?.runner else { return 0 }
    guard let swap = requests[id]?.swap else {
      // What cannot be restored may still be attached.
      if let count = try? restore(id, runner), count > 0 { return count }
      return try requests[id]?.attach() ?? 0
    }
    defer { dropSwap(of: id) }
    do {
      let start = ContinuousClock.now
      try requests[id]?.swapIn(on: runner)
      preemption.costs.didCopy(bytes: swap.byteCount, seconds: (.now - start).seconds)
      return swap.tokenCount
    } catch {
      // There is less room than was thought: what the cache has takes none.
      return try requests[id]?.attach() ?? 0
    }
  }

  /// Frees what a request has in host memory.
  func dropSwap(of id: SequenceID) {
    guard let swap = requests[id]?.swap else { return }
    preemption.swappedBytes -= swap.byteCount
    requests[id]?.swap = nil
  }
}
