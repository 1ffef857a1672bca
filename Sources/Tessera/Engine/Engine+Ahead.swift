import TesseraMemory
import TesseraModels
import TesseraOperators

/// Steps whose tokens the host does not know yet, where a queue launches them: the device takes what it chose as the next step's
/// tokens, and the host reads the choices while that step runs. So one that ends with such a token is found a step late; what was
/// computed behind it is thrown away.
struct Flight {
  /// Of each row the sequence that wants its choice; nil where nobody does any more.
  var ids: [SequenceID?]
  /// Nil while the step runs and how they are chosen is yet to be found, of the tokens before.
  private(set) var choices: BatchSampler.Pending?

  /// A step whose choices are made later.
  init(ids: [SequenceID]) { self.ids = ids }

  /// - Throws: `OperatorError` if it is not one choice for each: one would be another's, or never come.
  init(ids: [SequenceID], choices: BatchSampler.Pending) throws {
    self.init(ids: ids)
    try choose(choices)
  }

  mutating func choose(_ choices: BatchSampler.Pending) throws {
    try Self.check(choices.rowCount, of: ids.count)
    self.choices = choices
  }

  static func check(_ rows: Int, of requests: Int) throws(OperatorError) {
    guard rows == requests else {
      throw OperatorError(.shape, "\(rows) choices for \(requests) requests")
    }
  }
}

extension Engine {
  /// Reads what a step has chosen, once the next one is on its way where that can be.
  func land(_ landing: Flight, _ model: Loaded) {
    let result = ahead(of: landing, model)
    do {
      let choices = try landing.choices?.values() ?? []
      try Flight.check(choices.count, of: landing.ids.count)
      for (id, choice) in zip(landing.ids, choices) {
        if let id { take(choice, for: id, goesOn: result != nil, model) }
      }
    } catch {
      for case let id? in landing.ids { fail(id, error) }
    }
    // While the step runs, the host finds how to choose behind it: masks of grammars, penalties.
    if let result, flight?.choices == nil { choose(of: result, model) }
  }

  /// Enqueues the choices of a step that is on its way.
  ///
  /// - Parameter tokensAhead: tokens of each that are not known yet.
  private func choose(of result: ModelRunner.StepResult, ahead tokensAhead: Int = 0, _ model: Loaded) {
    guard let ids = flight?.ids, ids.contains(where: { $0 != nil }) else { return flight = nil }
    do {
      try watch(ids, result, ahead: tokensAhead, model.runner)
      // Of those that have ended meanwhile nobody reads the choice.
      let rows = ids.map { id in id.flatMap { row(of: $0, ahead: tokensAhead) } ?? SamplingRow() }
      try flight?.choose(model.sampler.enqueue(rows, of: result))
    } catch {
      for case let id? in ids { fail(id, error) }
      flight = nil
    }
  }

  /// Enqueues the step behind one whose choices nobody has read, and its choices, unless these depend on what is not read yet; nil
  /// where the host must know it before the step: it is not the same sequences that go on, one of them ends for sure, or its consumer
  /// has not taken the last token.
  private func ahead(of last: Flight, _ model: Loaded) -> ModelRunner.StepResult? {
    let (runner, ids) = (model.runner, last.ids.compactMap { $0 })
    guard ids.count == last.ids.count, ids.count <= runner.logitRows, scheduler.waiting.isEmpty,
      let choices = last.choices,
      ids.allSatisfy({ requests[$0]?.canRunAhead(contextLength: runner.contextLength) == true })
    else { return nil }
    var next = scheduler
    for id in ids { next.append(id) }
    let plan = next.next(CacheBudget(runner.cache, runner.chunkSize, requests, waiting: []))
    guard plan.preempted.isEmpty, plan.rejected.isEmpty, plan.items.map(\.id) == ids,
      plan.items.allSatisfy({ $0.count == 1 && $0.isSampled })
    else { return nil }
    let batch = Batch(
      ids.compactMap { id in
        // The device puts the token in the place of this one.
        requests[id].map { .init(sequence: $0.sequence, tokens: [0], outputs: .last) }
      })
    // Where there is no room, others give way once the host knows the tokens.
    guard let result = try? runner.run(batch, feeding: choices.results) else { return nil }
    next.didRun(plan.items)
    scheduler = next
    flight = Flight(ids: ids)
    if ids.allSatisfy({ requests[$0]?.canChooseAhead == true }) { choose(of: result, ahead: 1, model) }
    return result
  }

  /// Takes a sampled token of a request.
  ///
  /// - Parameter goesOn: the step behind it is on its way.
  func take(_ choice: TokenSampler.Choice, for id: SequenceID, goesOn: Bool, _ model: Loaded) {
    guard requests[id]?.isFinished == false else { return }
    guard let token = choice.id else {
      return fail(id, TesseraError.notFinite)
    }
    do {
      try requests[id]?.append(
        token, of: choice, isEnd: model.endTokens.contains(token),
        contextLength: model.runner.contextLength, peakDeviceBytes: model.runner.heap.peakBytes)
    } catch { return fail(id, error) }
    totals.generatedTokens += 1
    save([id], isProven: true, model)
    if requests[id]?.isFinished == true {
      settle(id)
    } else if !goesOn {
      if requests[id]?.isDrained == true { scheduler.append(id) } else { requests[id]?.heldSince = .now }
    }
  }

  /// Lets go of what a step on its way computes for a request that ends or begins anew.
  func dropFlight(of id: SequenceID) {
    guard let index = flight?.ids.firstIndex(of: id) else { return }
    flight?.ids[index] = nil
  }
}
