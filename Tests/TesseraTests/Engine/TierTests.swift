import Foundation
import TesseraMemory
import TestSupport
import Testing

@testable import Tessera

extension ModelSuites {
  @Suite("Tiers of the prefix cache", .timeLimit(.minutes(20)))
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
  }
}
