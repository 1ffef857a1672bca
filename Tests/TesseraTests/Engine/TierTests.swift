import Foundation
import TesseraMemory
import TestSupport
import Testing

@testable import Tessera

extension ModelSuites {
  @Suite("Tiers of the prefix cache", .timeLimit(.minutes(60)))
  struct TierTests {
    @Sendable static func draw(_ options: inout GenerationOptions) {
      (options.temperature, options.topK, options.topP, options.minP) = (1.5, 0, 1, 0)
      (options.seed, options.maxTokens) = (5, 20)
    }

    private static let prompt = SyntheticModel.ids(420)

    private func load(
      _ model: SyntheticModel, _ configure: (inout LoadOptions) -> Void
    ) async throws -> LanguageModel {
      let language = try await model.loadEndless(context: 512, chunk: 64, configure: configure)
      await language.engine.loadAlways()
      return language
    }

    @Test("what the device has let go comes back from host memory", arguments: SyntheticModel.all)
    func host(model: SyntheticModel) async throws {
      let cold = try await load(model) { $0.prefixCache = false }
      let warm = try await load(model) { $0.hostCacheBytes = 64 << 20 }
      let expected = try await cold.run(Self.prompt, Self.draw)
      let first = try await warm.run(Self.prompt, Self.draw)
      #expect(first.tokens == expected.tokens && first.result?.statistics.cachedPromptTokens == 0)
      // All of the device's blocks are others' then.
      for seed in 1...2 as ClosedRange<UInt64> { _ = try await warm.run(SyntheticModel.ids(480, seed: seed)) }
      let again = try await warm.run(Self.prompt, Self.draw)
      let statistics = try #require(again.result).statistics
      #expect(again.tokens == expected.tokens && again.text == expected.text)
      #expect(statistics.cachedPromptTokens == 384 && statistics.cachedHostTokens > 300)
      #expect(statistics.cachedDiskTokens == 0)
      // A part of it is on the device still, and what follows is new.
      let longer = Array(Self.prompt.prefix(300)) + SyntheticModel.ids(100, seed: 9)
      let (a, b) = (try await cold.run(longer, Self.draw), try await warm.run(longer, Self.draw))
      #expect(a.tokens == b.tokens && b.result?.statistics.cachedPromptTokens == 256)
      let totals = await warm.engineStatistics()
      #expect(totals.hostHitTokens >= statistics.cachedHostTokens && totals.diskHitTokens == 0)
      #expect(totals.promptTokens == 2 * 420 + 2 * 480 + 400 && totals.generatedTokens > 0)
      #expect(totals.hostCache?.entries ?? 0 >= 12 && totals.diskCache == nil)
      try await warm.waitForAllBlocks()
    }

    @Test("a folder keeps it for another process; what is damaged is computed", arguments: SyntheticModel.all)
    func disk(model: SyntheticModel) async throws {
      let folder = FileManager.default.temporaryDirectory.appendingPathComponent("tessera-\(UUID().uuidString)")
      defer { try? FileManager.default.removeItem(at: folder) }
      let cold = try await load(model) { $0.prefixCache = false }
      let expected = try await cold.run(Self.prompt, Self.draw).tokens
      func configure(_ options: inout LoadOptions) {
        options.diskCache = .init(folder: folder.path, byteLimit: 64 << 20)
      }
      let writer = try await load(model, configure)
      #expect(try await writer.run(Self.prompt, Self.draw).tokens == expected)
      await writer.engine.flushTiers()

      func warm(_ configure: (inout LoadOptions) -> Void) async throws -> (tokens: [Int], cached: Int, disk: Int) {
        let run = try await load(model, configure).run(Self.prompt, Self.draw)
        let statistics = try #require(run.result).statistics
        return (run.tokens, statistics.cachedPromptTokens, statistics.cachedDiskTokens)
      }
      let first = try await warm(configure)
      #expect(first == (expected, 384, 384))
      let both = try await warm {
        configure(&$0)
        $0.hostCacheBytes = 64 << 20
      }
      #expect(both == (expected, 384, 384))
      // Another precision of the cache is another's.
      let other = try await warm {
        configure(&$0)
        ($0.keyEncoding, $0.valueEncoding) = (.f16, .f16)
      }
      #expect(other.cached == 0)
      // Every file is damaged.
      var damaged = 0
      let files = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)
      while let url = files?.nextObject() as? URL {
        guard url.pathExtension == "kv", var data = try? Data(contentsOf: url), data.count > 1000 else { continue }
        data[data.count - 9] ^= 1
        try data.write(to: url)
        damaged += 1
      }
      #expect(damaged >= 6)
      let last = try await warm(configure)
      #expect(last.tokens == expected && last.cached == 0)
    }

    @Test("of requests that wait at most two have blocks loaded, a score as room is left, and all get theirs")
    func fewLoaded() async throws {
      let language = try await load(.llama) { $0.hostCacheBytes = 64 << 20 }
      let engine = language.engine
      let prompts = (0..<4).map { SyntheticModel.ids(130, seed: UInt64($0)) }
      var alone: [[Int]] = []
      for prompt in prompts { alone.append(try await language.run(prompt, Self.draw).tokens) }
      let scored = try await language.score(tokens: Self.prompt, continuation: [1, 2])
      // It has all blocks, and keeps them while nobody reads it.
      var large: RequestHandle? = try await language.request(SyntheticModel.ids(480, seed: 9))
      _ = try await large?.next()
      await engine.pause()
      var handles: [RequestHandle] = []
      for prompt in prompts { handles.append(try await language.request(prompt, Self.draw)) }
      var most = 0
      // Blocks are loaded on a thread of their own.
      for _ in 0..<100_000 where most < 2 {
        await engine.stepOnce()
        try await Task.sleep(for: .milliseconds(1))
        most = max(most, await engine.loadedCount())
      }
      for _ in 0..<100 {
        await engine.stepOnce()
        try await Task.sleep(for: .milliseconds(1))
        most = max(most, await engine.loadedCount())
      }
      #expect(most == 2 && large != nil)
      // They have 4 of a context's 8 blocks: of the score's 6 no more than 4 are loaded beside them.
      let hits = try #require(await language.engineStatistics().hostCache).hits
      #expect(try await language.score(tokens: Self.prompt, continuation: [1, 2]) == scored)
      #expect(try #require(await language.engineStatistics().hostCache).hits == hits + 4)
      #expect(await engine.loadedCount() == 2)
      large = nil
      await engine.resume()
      for (handle, tokens) in zip(handles, alone) {
        var run = GenerationRun()
        while let event = try await handle.next() { run.add(event) }
        #expect(run.tokens == tokens && run.result?.statistics.cachedPromptTokens == 128)
      }
      try await language.waitForAllBlocks()
    }

    @Test("blocks behind which the numbers are not finite are stored nowhere")
    func notFinite() async throws {
      let language = try await SyntheticModel.llama.loadEndless(
        SyntheticModel.tokenOfNaN, configure: { $0.hostCacheBytes = 64 << 20 })
      let clean = SyntheticModel.ids(130).map { $0 == 5 ? 6 : $0 }
      await #expect { _ = try await language.run([5] + clean) } throws: { ($0 as? TesseraError)?.code == .notFinite }
      #expect(await language.engineStatistics().hostCache?.entries == 0)
      _ = try await language.run(clean)
      #expect(await language.engineStatistics().hostCache?.entries == 2)
    }

    /// A model whose token 5 has an embedding of NaN.
    private static func faulty(_ folder: URL) async throws -> LanguageModel {
      let language = try await SyntheticModel.llama.loadEndless(
        context: 512, chunk: 64,
        SyntheticModel.tokenOfNaN,
        configure: {
          $0.hostCacheBytes = 64 << 20
          $0.diskCache = .init(folder: folder.path, byteLimit: 64 << 20)
        })
      await language.engine.loadAlways()
      return language
    }

    /// Runs a prompt: whether its choice is not finite, once all that goes to the stores is there.
    private static func isNotFinite(_ tokens: [Int], _ language: LanguageModel) async -> Bool {
      var code: TesseraError.Code?
      do { _ = try await language.run(tokens) } catch { code = (error as? TesseraError)?.code }
      await language.engine.flushTiers()
      return code == .notFinite
    }

    private static func fileCount(_ folder: URL) -> Int {
      let all = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)
      return all?.compactMap { $0 as? URL }.count { $0.pathExtension == "kv" } ?? 0
    }

    @Test("what a prompt has stored on its way goes again where its choice turns out not to be finite")
    func lateFault() async throws {
      let folder = FileManager.default.temporaryDirectory.appendingPathComponent("tessera-\(UUID().uuidString)")
      defer { try? FileManager.default.removeItem(at: folder) }
      let language = try await Self.faulty(folder)
      let clean = SyntheticModel.ids(200).map { $0 == 5 ? 6 : $0 }
      #expect(await Self.isNotFinite(clean + [5], language))
      let none = await language.engineStatistics()
      #expect(none.hostCache?.entries == 0 && Self.fileCount(folder) == 0)
      // What another has shown to be right stays, and is used: the fault is behind it.
      _ = try await language.run(Array(clean.prefix(140)))
      #expect(await Self.isNotFinite(clean + [5], language))
      let shown = await language.engineStatistics()
      #expect(shown.hostCache?.entries == 2 && Self.fileCount(folder) == 2)
      // What a process has left that was killed meanwhile goes with the first who fails by it: also on the device.
      let names = try await language.engine.names(of: clean + [5])
      let size = try await language.engine.withRunner { $0.cache.layout.storedBlockBytes }
      await language.engine.store(names[2], parent: names[1], [UInt8](repeating: 0xff, count: size))
      let again = try await Self.faulty(folder)
      await language.engine.flushTiers()
      #expect(Self.fileCount(folder) == 3)
      #expect(await Self.isNotFinite(clean, again))
      #expect(Self.fileCount(folder) == 0)
      let run = try await again.run(clean)
      #expect(run.result?.statistics.cachedPromptTokens == 0)
    }

    @Test("a beginning that is used on the device alone stays in the stores while others come and go")
    func hotPrefix() async throws {
      let folder = FileManager.default.temporaryDirectory.appendingPathComponent("tessera-\(UUID().uuidString)")
      defer { try? FileManager.default.removeItem(at: folder) }
      // Room for 10 blocks of host memory, and of the folder, each.
      let probe = try await load(.llama) { _ in }
      let size = try await probe.engine.withRunner { $0.cache.layout.storedBlockBytes }
      let configure: @Sendable (inout LoadOptions) -> Void = {
        $0.hostCacheBytes = 10 * (size + 1024)
        $0.diskCache = .init(folder: folder.path, byteLimit: 11 * (size + 1024))
      }
      let language = try await SyntheticModel.llama.loadEndless(
        sequences: 4, context: 512, chunk: 64, configure: configure)
      let hot = Array(Self.prompt.prefix(200))
      _ = try await language.run(hot) { $0.maxTokens = 2 }
      for seed in 20..<32 as Range<UInt64> {
        _ = try await language.run(SyntheticModel.ids(150, seed: seed)) { $0.maxTokens = 2 }
        let run = try await language.run(hot) { $0.maxTokens = 2 }
        let statistics = try #require(run.result).statistics
        #expect(statistics.cachedPromptTokens == 192 && statistics.cachedHostTokens + statistics.cachedDiskTokens == 0)
      }
      await language.engine.flushTiers()
      let names = try await language.engine.names(of: hot)
      let statistics = await language.engineStatistics()
      #expect(statistics.hostCache?.evictions ?? 0 > 10 && statistics.diskCache?.evictions ?? 0 > 10)
      #expect(names.count == 3)
      let found = (await language.engine.inHost(names), await language.engine.onDisk(names))
      #expect(found == (3, 3))
      let cold = try await language.engine.names(of: SyntheticModel.ids(150, seed: 20))
      #expect(await language.engine.onDisk(cold) == 0)
    }

    @Test("a context whose positions turn keys otherwise has a folder's blocks of its own")
    func rotations() async throws {
      let folder = FileManager.default.temporaryDirectory.appendingPathComponent("tessera-\(UUID().uuidString)")
      defer { try? FileManager.default.removeItem(at: folder) }
      let fixture = try URL(fileURLWithPath: FamilyFixture.path("families/llama-longrope"))
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      try FileManager.default.copyItem(
        at: fixture.appendingPathComponent("model.safetensors"), to: folder.appendingPathComponent("model.safetensors"))
      // Contexts on both sides of the original one hold whole blocks.
      let config = try String(contentsOf: fixture.appendingPathComponent("config.json"), encoding: .utf8)
      try config.replacingOccurrences(of: "_embeddings\": 128", with: "_embeddings\": 512")
        .replacingOccurrences(of: "_embeddings\": 32", with: "_embeddings\": 128")
        .write(to: folder.appendingPathComponent("config.json"), atomically: true, encoding: .utf8)
      func run(context: Int, isStored: Bool = true) async throws -> (tokens: [Int], cached: Int) {
        var options = LoadOptions()
        (options.contextLength, options.prefixCache) = (context, isStored)
        if isStored { options.diskCache = .init(folder: folder.path + "/blocks", byteLimit: 64 << 20) }
        let language = try await LanguageModel.load(from: folder, options: options)
        await language.engine.loadAlways()
        let run = try await language.run((0..<100).map { 3 + $0 * 37 % 60 }) {
          Self.draw(&$0)
          $0.logitBias = [2: -.infinity]
        }
        await language.engine.flushTiers()
        return (run.tokens, try #require(run.result).statistics.cachedPromptTokens)
      }
      let cold = try await run(context: 512, isStored: false)
      let short = try await run(context: 128)
      #expect(short.tokens != cold.tokens)
      #expect(try await run(context: 512) == (cold.tokens, 0))
      #expect(try await run(context: 512) == (cold.tokens, 64))
      #expect(try await run(context: 128) == (short.tokens, 64))
    }
  }
}
