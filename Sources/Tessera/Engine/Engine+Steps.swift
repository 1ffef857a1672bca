import TesseraMemory
import TesseraModels
import TesseraOperators

extension Engine {
  /// Begins to step, if nobody does.
  func start() {
    guard !isRunning, !isPaused else { return }
    isRunning = true
    Task { await run() }
  }

  private func run() async {
    while !isPaused, step() {
      await letOthersGo()
    }
    isRunning = false
  }

  /// Tells the scheduler of a token that waited for its consumer.
  func goOn(_ id: SequenceID) {
    guard let request = requests[id], request.heldSince != nil, request.isDrained else { return }
    requests[id]?.heldSince = nil
    if request.isParked {
      requests[id]?.isParked = false
      scheduler.add(
        id, promptTokens: request.tokens.count, priority: request.options.priority, arrival: id.rawValue)
    } else {
      scheduler.append(id)
    }
    start()
  }

  /// Runs one step; false where there was nothing to do.
  func step() -> Bool {
    guard let model = loaded else { return false }
    if let flight {
      self.flight = nil
      preemption.beginStep(promptTokens: nil)
      land(flight, model)
      return true
    }
    fetch(model)
    let budget = budget(model)
    let plan = scheduler.next(budget)
    for id in plan.preempted { restart(id) }
    for rejection in plan.rejected { fail(rejection.id, TesseraError(.contextFull, rejection.reason)) }
    if !scheduler.waiting.isEmpty { remind() }
    guard !plan.isEmpty else {
      preemption.beginStep(promptTokens: nil)
      return !plan.preempted.isEmpty || !plan.rejected.isEmpty
    }
    let late = begin(plan.admitted)
    // A source is all of a step's work: more than one would stop those who generate.
    let sources = plan.items.filter { requests[$0.id]?.needsSource == true }.dropFirst().map(\.id)
    run(plan.items.filter { !sources.contains($0.id) && !late.contains($0.id) }, model)
    return true
  }

  /// Begins sequences with what there is of them.
  ///
  /// - Returns: those of which it had something else than was planned: they run with the next step
  private func begin(_ admitted: [Scheduler.Plan.Admission]) -> Set<SequenceID> {
    var late: Set<SequenceID> = []
    for admission in admitted {
      do {
        let count = try begin(admission.id)
        touch(admission.id)
        if let first = requests[admission.id]?.takeFirstTurn() { totals.begin(first) }
        guard count != admission.cachedTokens else { continue }
        scheduler.setDone(admission.id, count)
      } catch { fail(admission.id, error) }
      late.insert(admission.id)
    }
    return late
  }

  /// Runs items together; where that fails each alone, so that an error ends the request alone whose it is.
  private func run(_ items: [Scheduler.Plan.Item], _ model: Loaded) {
    let isPrompts = items.allSatisfy { requests[$0.id].map { $0.tokens.count == $0.promptCount } ?? false }
    preemption.beginStep(promptTokens: isPrompts ? items.reduce(0) { $0 + $1.count } : nil)
    let result: ModelRunner.StepResult
    do {
      result = try runBatch(items, model.runner)
    } catch {
      if items.count > 1 {
        for item in items { run([item], model) }
      } else {
        for item in items where !givesWay(item.id, error) { fail(item.id, error) }
      }
      return
    }
    scheduler.didRun(items)
    // Those with a choice are saved once it is seen to be finite.
    save(items.filter { !$0.isSampled }.map(\.id), isProven: false, model)
    let (sampled, rows) = (items.filter(\.isSampled), model.runner.logitRows)
    for first in stride(from: 0, to: sampled.count, by: rows) {
      let slice = sampled[first..<min(first + rows, sampled.count)]
      do { try sample(slice, result, model) } catch { for item in slice { fail(item.id, error) } }
    }
  }

  /// Has a request wait that has found less room than was planned: blocks that one gives up may be others' beginning. It is not its
  /// fault as long as others have some.
  private func givesWay(_ id: SequenceID, _ error: any Error) -> Bool {
    guard (error as? MemoryError)?.code == .outOfBlocks, scheduler.running.count > 1 || line.isTaken else {
      return false
    }
    scheduler.preempt(id)
    restart(id)
    return true
  }

  private func runBatch(_ items: [Scheduler.Plan.Item], _ runner: ModelRunner) throws -> ModelRunner.StepResult {
    for item in items {
      guard let request = requests[item.id], let source = request.source, request.needsSource else { continue }
      _ = try runner.runSource(source, of: request.sequence)
    }
    let batch = Batch(
      items.compactMap { item in
        requests[item.id].map {
          .init(
            sequence: $0.sequence, tokens: Array($0.tokens[item.first..<item.first + item.count]),
            outputs: item.isSampled ? .last : .none)
        }
      })
    return try runner.run(batch, wantsLogits: batch.outputCount <= runner.logitRows)
  }

  /// - Parameter items: with their indices, which are their rows of the result.
  private func sample(
    _ items: ArraySlice<Scheduler.Plan.Item>, _ result: ModelRunner.StepResult, _ model: Loaded
  ) throws {
    try watch(items.map(\.id), result, from: items.startIndex, model.runner)
    // What a grammar allows is looked up while the step runs.
    if items.contains(where: { requests[$0.id]?.hasGrammar == true }) { try model.runner.send() }
    let rows = items.compactMap { row(of: $0.id) }
    if model.runner.isLaunched, items.startIndex == 0, items.count == result.rowCount {
      return land(try Flight(ids: items.map(\.id), choices: model.sampler.enqueue(rows, of: result)), model)
    }
    try Flight.check(rows.count, of: items.count)
    let choices = try model.sampler.sample(rows, of: result, from: items.startIndex)
    for (item, choice) in zip(items, choices) { take(choice, for: item.id, goesOn: false, model) }
  }

  /// How a request's next token is chosen; where it cannot be, the request ends, and its row of the logits is read for nobody.
  ///
  /// - Parameter tokensAhead: tokens behind the last one that are not known yet.
  func row(of id: SequenceID, ahead tokensAhead: Int = 0) -> SamplingRow? {
    do { return try requests[id]?.samplingRow(ahead: tokensAhead) } catch {
      fail(id, error)
      return SamplingRow()
    }
  }

  /// Tells tests of the logits that tokens are chosen of.
  ///
  /// - Parameter tokensAhead: tokens of each that are not known yet.
  func watch(
    _ ids: [SequenceID?], _ result: ModelRunner.StepResult, from first: Int = 0, ahead tokensAhead: Int = 0,
    _ runner: ModelRunner
  ) throws {
    guard let watcher, !ids.isEmpty else { return }
    let (logits, size) = (try runner.logits(result, rows: first..<first + ids.count), runner.profile.vocabularySize)
    for (row, id) in ids.enumerated() {
      guard let id, let request = requests[id] else { continue }
      watcher(
        id, request.tokens.count - request.promptCount + tokensAhead, logits[row * size..<(row + 1) * size])
    }
  }

  // MARK: Blocks

  private func budget(_ model: Loaded) -> CacheBudget {
    CacheBudget(
      model.runner.cache, model.runner.chunkSize, requests, waiting: scheduler.waiting.map(\.id),
      isTiered: model.tiers != nil)
  }

  /// Takes blocks for work that is no request: those of the last request that runs. One whose blocks others share gives none, so it
  /// is its turn only where all are so: what is another's alone then is given next.
  func makeRoom() -> Bool {
    let running = scheduler.running
    let last =
      running.last { requests[$0.id]?.sequence.ownBlocks.contains { $0 > 0 } ?? false }
      ?? running.last { requests[$0.id].map { $0.sequence.tokenCount > 0 } ?? false }
    guard let last else { return false }
    scheduler.preempt(last.id)
    restart(last.id)
    return true
  }

  /// Runs work again as long as it lacks blocks and somebody gives them.
  func withRoom<T>(_ makeRoom: () -> Bool, _ body: () throws -> T) throws -> T {
    while true {
      do { return try body() } catch let error as MemoryError where error.code == .outOfBlocks {
        guard makeRoom() else { throw error }
      }
    }
  }

  /// Looks later whether requests still wait for the blocks of one whose token nobody has asked for.
  private func remind() {
    guard !isReminded, scheduler.running.contains(where: { requests[$0.id]?.heldSince != nil }) else { return }
    isReminded = true
    // An engine that nobody has any more is not kept for it.
    Task { [weak self, patience] in
      try? await Task.sleep(for: patience)
      await self?.parkReminded()
    }
  }

  private func parkReminded() {
    isReminded = false
    park(patience)
  }

  /// Takes the blocks of the last request that has been held for so long, if others lack them.
  func park(_ patience: Duration) {
    let last = scheduler.running.last { entry in
      requests[entry.id]?.heldSince.map { .now - $0 >= patience } ?? false
    }
    if let id = last?.id, let model = loaded, scheduler.lacksRoom(budget(model)) { restart(id) }
    start()
  }
}
