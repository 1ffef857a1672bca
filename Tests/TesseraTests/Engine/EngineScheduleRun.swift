import Synchronization
import TesseraMemory

@testable import Tessera

/// Works that run between steps, and what was wrong with them.
private final class Works: Sendable {
  private let state = Mutex<(begun: Int, ended: Int, faults: [String])>((0, 0, []))
  var isEmpty: Bool { state.withLock { $0.begun == $0.ended } }
  var faults: [String] { state.withLock { $0.faults } }

  func begin(_ body: @escaping @Sendable () async throws -> String?) {
    state.withLock { $0.begun += 1 }
    Task.detached { [self] in
      let fault: String?
      do { fault = try await body() } catch { fault = "\(error)" }
      state.withLock {
        $0.ended += 1
        if let fault { $0.faults.append(fault) }
      }
    }
  }
}

/// A schedule that runs on an engine, step by step; it stays with the engine's thread.
private final class ScheduleRun {
  struct Member {
    let id: SequenceID
    let known: Int
    let tokens: Int
    var answer = KnownRequest.Answer()
    var isRead = true
    var isOver = false
  }

  let known: [KnownRequest]
  var members: [Member] = []
  var faults: [String] = []
  /// Whether logits are compared, for which the host waits at each step.
  let readsLogits: Bool

  init(_ known: [KnownRequest], readsLogits: Bool) { (self.known, self.readsLogits) = (known, readsLogits) }

  /// Works beside the requests.
  let works = Works()

  /// A request that goes on, by any number.
  func member(_ number: Int) -> Int? {
    guard !members.isEmpty, !members[number % members.count].isOver else { return nil }
    return number % members.count
  }

  func watch(_ id: SequenceID, _ index: Int, _ logits: ArraySlice<Float>) {
    guard let member = members.first(where: { $0.id == id }) else { return }
    let expected = known[member.known].answer.logits
    if !expected.indices.contains(index) || !zip(logits, expected[index]).allSatisfy({ $0.bitPattern == $1 }) {
      faults.append("request \(member.known): other logits for token \(index)")
    }
  }

  func check(_ member: Member, _ result: GenerationResult) {
    let expected = known[member.known].answer
    let count = min(member.tokens, expected.tokens.count)
    if member.answer.tokens != Array(expected.tokens.prefix(count)) {
      faults.append("request \(member.known): tokens \(member.answer.tokens), not \(expected.tokens.prefix(count))")
    }
    if member.answer.logprobs != Array(expected.logprobs.prefix(count)) {
      faults.append("request \(member.known): other log-probabilities")
    }
    if result.statistics.generatedTokens != count {
      faults.append("request \(member.known): \(result.statistics.generatedTokens) tokens are counted")
    }
  }
}

extension Engine {
  /// Steps that may pass in which nothing is seen to happen.
  private static let mostIdleSteps = 2000

  /// What a request gets alone; nobody else is there.
  func alone(_ request: KnownRequest) throws -> KnownRequest.Answer {
    var answer = KnownRequest.Answer()
    watcher = { _, _, logits in answer.logits.append(logits.map(\.bitPattern)) }
    defer { watcher = nil }
    let id = try submit(request.prompt, request.options)
    var isOver = false
    while !isOver {
      _ = step()
      while !isOver, let event = try requests[id]?.take() {
        guard case .token(let token)? = event else {
          isOver = true
          continue
        }
        answer.add(token)
        goOn(id)
      }
    }
    abandon(id)
    while flight != nil { _ = step() }
    return answer
  }

  /// Runs a schedule on a paused engine that does nothing else.
  ///
  /// - Returns: what was not as it is alone.
  func run(_ schedule: EngineSchedule, _ known: [KnownRequest], on model: LanguageModel, salt: String) async throws
    -> [String]
  {
    let run = ScheduleRun(known, readsLogits: schedule.number % 2 == 0)
    watcher = run.readsLogits ? { run.watch($0, $1, $2) } : nil
    defer { watcher = nil }
    scheduler = Scheduler(limits: schedule.limits)
    preemption.forced = schedule.way
    for action in schedule.actions {
      switch action {
      case .arrive(let index, let priority, let tokens, let isSalted):
        var options = known[index].options
        (options.maxTokens, options.priority) = (tokens, priority)
        options.cacheSalt = salt + (isSalted ? " apart" : "")
        let id = try submit(known[index].prompt, options)
        run.members.append(.init(id: id, known: index, tokens: tokens))
      case .beams(let index):
        let request = known[index]
        run.works.begin {
          try await model.beamBits(request, salt: salt) == request.beams ? nil : "request \(index): other beams"
        }
      case .score(let index):
        let request = known[index]
        run.works.begin {
          try await model.scoreBits(request, salt: salt) == request.scores ? nil : "request \(index): other scores"
        }
      case .steps(let count):
        for _ in 0..<count { _ = try await stepAndRead(run) }
      case .stall(let number): if let member = run.member(number) { run.members[member].isRead = false }
      case .read(let number): if let member = run.member(number) { run.members[member].isRead = true }
      case .drop(let number):
        guard let member = run.member(number) else { continue }
        run.members[member].isOver = true
        abandon(run.members[member].id)
      case .cancel(let number):
        guard let member = run.member(number) else { continue }
        let id = run.members[member].id
        requests[id]?.finish(.cancelled)
        settle(id)
        run.members[member].isOver = true
        abandon(id)
      case .preempt: _ = makeRoom()
      case .park: park(.zero)
      case .evict: evict()
      }
    }
    try await finish(run)
    return run.faults
  }

  private func finish(_ run: ScheduleRun) async throws {
    for index in run.members.indices { run.members[index].isRead = true }
    var idle = 0
    while run.members.contains(where: { !$0.isOver }) || !run.works.isEmpty {
      idle = try await stepAndRead(run) || !run.works.isEmpty ? 0 : idle + 1
      guard idle < Self.mostIdleSteps else { return run.faults.append("there is no end") }
    }
    while flight != nil { _ = step() }
    run.faults += run.works.faults
    let cache = loaded?.runner.cache
    let counts = cache?.blockCounts ?? []
    if counts.indices.contains(where: { cache?.freeBlockCount(group: $0) != counts[$0] }) {
      run.faults.append("blocks are not given back")
    }
    if cache?.sequenceCount != 0 || !requests.isEmpty || preemption.swappedBytes != 0 || !scheduler.isEmpty {
      run.faults.append("something is left")
    }
  }

  /// A step, and what it gave those who read; whether anything happened.
  private func stepAndRead(_ run: ScheduleRun) async throws -> Bool {
    var isBusy = step()
    while requests.values.contains(where: \.fetch.isLoading) { await letOthersGo() }
    if !run.works.isEmpty { await letOthersGo() }
    for index in run.members.indices where run.members[index].isRead && !run.members[index].isOver {
      let id = run.members[index].id
      while !run.members[index].isOver, let event = try requests[id]?.take() {
        isBusy = true
        switch event {
        case .token(let token)?:
          run.members[index].answer.add(token)
          goOn(id)
        case .finished(let result)?:
          run.check(run.members[index], result)
          run.members[index].isOver = true
          abandon(id)
        case nil: run.members[index].isOver = true
        }
      }
    }
    return isBusy
  }

  /// Hands out all blocks that nobody uses, so that their contents are forgotten.
  private func evict() {
    guard let cache = loaded?.runner.cache else { return }
    loaded?.tiers?.store.flush()
    let sequence = cache.makeSequence()
    defer { sequence.close() }
    var count = 0
    while (try? sequence.reserve(count + 64)) != nil { count += 64 }
  }
}

extension LanguageModel {
  /// The answers of a search, and their scores' bits.
  func beamBits(_ request: KnownRequest, salt: String?) async throws -> [UInt64] {
    var options = BeamSearchOptions()
    (options.width, options.maxTokens, options.endTokens, options.cacheSalt) = (2, 5, [], salt)
    return try await beamSearch(tokens: request.prompt, options: options).answers.flatMap {
      $0.tokens.map { UInt64($0) } + [$0.score.bitPattern]
    }
  }

  /// The bits of the score of the answer that the request got.
  func scoreBits(_ request: KnownRequest, salt: String?) async throws -> [UInt64] {
    try await score(tokens: request.prompt, continuation: request.answer.tokens, cacheSalt: salt)
      .logProbabilities.map(\.bitPattern)
  }
}
