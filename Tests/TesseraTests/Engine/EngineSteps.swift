import Foundation
import TesseraMemory
import TestSupport

@testable import Tessera

extension Engine {
  /// Leaves steps to `stepOnce`.
  func pause() { isPaused = true }

  func resume() {
    isPaused = false
    start()
  }

  @discardableResult
  func stepOnce() -> Bool { step() }

  /// Tokens that a request has beyond its prompt.
  func isParked(_ id: SequenceID) -> Bool { requests[id]?.isParked == true }

  func generatedCount(_ id: SequenceID) -> Int { requests[id].map { $0.tokens.count - $0.promptCount } ?? 0 }
  /// The sequences whose choices are still to be read; nil where no step is on its way.
  func flightIDs() -> [SequenceID]? { flight?.ids.compactMap { $0 } }
  func waitingIDs() -> [SequenceID] { scheduler.waiting.map(\.id) }
  func requestCount() -> Int { requests.count }
  func force(_ way: Preemption?) { preemption.forced = way }
  func preemptions(_ way: Preemption) -> Int { preemption.counts[way] ?? 0 }
  func swappedBytes() -> Int { preemption.swappedBytes }
  func setSwapLimit(_ bytes: Int) { preemption.swapLimit = bytes }
  func loadAlways() { loadsAlways = true }
  /// Waiting requests for which blocks were loaded.
  func loadedCount() -> Int { scheduler.waiting.count { requests[$0.id]?.fetch.blocks.isEmpty == false } }
  func flushTiers() { loaded?.tiers?.store.flush() }
  /// Names of a prompt's full blocks.
  func names(of prompt: [Int]) throws -> [KVBlockKey] {
    var chain = try model().prefixes?.chain(adapter: nil, salt: nil)
    chain?.append(prompt)
    return chain?.names ?? []
  }
  func store(_ name: KVBlockKey, parent: KVBlockKey?, _ bytes: [UInt8]) {
    loaded?.tiers?.store.store(name, parent: parent, bytes)
  }
  /// How many of these blocks the host's memory has, and the folder.
  func inHost(_ names: [KVBlockKey]) -> Int {
    let before = loaded?.tiers?.host?.statistics.hits ?? 0
    for name in names { _ = loaded?.tiers?.host?.load(name) }
    return (loaded?.tiers?.host?.statistics.hits ?? 0) - before
  }
  func onDisk(_ names: [KVBlockKey]) -> Int { names.count { loaded?.tiers?.disk?.contains($0) == true } }
  /// Reads the choices of a step that has none.
  func landNothing(_ ids: [SequenceID]) throws { land(Flight(ids: ids), try model()) }
  func isIdle() -> Bool { scheduler.isEmpty && flight == nil }
  func closeSequence(_ id: SequenceID) { requests[id]?.sequence.close() }
}

extension LanguageModel {
  /// A request whose events the test fetches itself.
  func request(
    _ prompt: [Int], source: [Int]? = nil, _ configure: (inout GenerationOptions) -> Void = { _ in }
  ) async throws -> RequestHandle {
    var options = GenerationOptions()
    configure(&options)
    return try await RequestHandle(GenerationStream(model: self, options: options) { (prompt, source) })
  }

  func freeBlocks() async throws -> [Int] {
    try await engine.withRunner { runner in
      runner.cache.layout.groups.indices.map { runner.cache.freeBlockCount(group: $0) }
    }
  }

  func allBlocks() async throws -> [Int] { try await engine.withRunner { $0.cache.blockCounts } }

  /// Waits until nobody holds a block. A block that is never given back is the suite's time limit.
  func waitForAllBlocks() async throws {
    let all = try await allBlocks()
    while try await freeBlocks() != all { await Task.yield() }
  }

  /// Several runs at once.
  func runTogether(
    _ prompts: [[Int]], _ configure: @escaping @Sendable (Int, inout GenerationOptions) -> Void
  ) async throws -> [GenerationRun] {
    try await withThrowingTaskGroup(of: (Int, GenerationRun).self) { group in
      for (index, prompt) in prompts.enumerated() {
        group.addTask { (index, try await self.run(prompt) { configure(index, &$0) }) }
      }
      let runs = try await group.reduce(into: [Int: GenerationRun]()) { $0[$1.0] = $1.1 }
      return prompts.indices.compactMap { runs[$0] }
    }
  }
}

extension SyntheticModel {
  /// The model without an end token, so that lengths are known.
  func loadEndless(
    sequences: Int = 1, context: Int = 256, chunk: Int = 512, patience: Duration = .seconds(30),
    style: KernelStyle? = nil, _ change: (inout GGUFWriter) -> Void = { _ in },
    configure: (inout LoadOptions) -> Void = { _ in }
  ) async throws -> LanguageModel {
    var options = LoadOptions()
    (options.sequenceCount, options.contextLength, options.chunkSize) = (sequences, context, chunk)
    options.style = style
    configure(&options)
    var writer = writer()
    writer.metadata["tokenizer.ggml.token_type"] = .int32s(Self.tokens.map { $0.count > 1 ? 4 : 1 })
    writer.metadata["tokenizer.ggml.eos_token_id"] = nil
    writer.metadata["tokenizer.ggml.tokens"] = .strings(Self.tokens.map { $0.count > 1 ? "x\($0)" : $0 })
    change(&writer)
    let url = FileManager.default.temporaryDirectory.appendingPathComponent("tessera-\(UUID().uuidString).gguf")
    defer { try? FileManager.default.removeItem(at: url) }
    try writer.write(to: url)
    let path = url.path
    return try await LanguageModel.load(
      Engine(patience: patience), options, since: .now, progress: { _ in }
    ) { try ModelSource(path: path) }
  }
}
