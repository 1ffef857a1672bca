import TesseraCL
import TesseraFiles
import TesseraMemory
import TesseraModels
import TestSupport
import Testing

@testable import Tessera

extension ModelSuites {
  @Suite("Models of random weights")
  struct RandomModelTests {
    private func small(_ format: WeightFormat, seed: UInt32 = 1) -> RandomModel {
      var model = RandomModel(
        name: "small", layerCount: 2, hiddenSize: 256, intermediateSize: 512, headCount: 4, kvHeadCount: 2)
      (model.vocabularySize, model.contextLength, model.format, model.seed) = (512, 64, format, seed)
      return model
    }

    private func logits(_ model: RandomModel) async throws -> [Float] {
      try await LanguageModel.load(ModelSource(model)).allLogits([1, 300, 17])
    }

    @Test(
      "random weights give finite logits that differ, the same for the same seed",
      arguments: Grid.values([WeightFormat.q4_K, .q8_0, .iq2_XS, .f16], small: [.q4_K]))
    func formats(format: WeightFormat) async throws {
      let first = try await logits(small(format))
      #expect(first.count == 3 * 512 && first.allSatisfy(\.isFinite))
      #expect(Set(first).count > 3 * 400)
      #expect(try await logits(small(format)).map(\.bitPattern) == first.map(\.bitPattern))
      #expect(try await logits(small(format, seed: 2)) != first)
    }

    @Test("generation and measurement work without a file's tokenizer")
    func generation() async throws {
      let language = try await LanguageModel.load(ModelSource(small(.q4_K)))
      var options = GenerationOptions()
      options.maxTokens = 4
      var count = 0
      for try await event in language.generate(tokens: [5, 6], options: options) {
        if case .token = event { count += 1 }
      }
      #expect((1...4).contains(count))
      #expect(try await language.measure(promptTokens: 8, generatedTokens: 2, depth: 0).prompt > 0)
    }

    @Test("the plan of a large model is computed and refused like a file's")
    func plans() throws {
      let draft = try ModelDraft(RandomModel.llama70B.checkpoint(), on: Device.select(nil))
      let limits = DeviceLimits(
        name: "small", isCPU: false, vectorWidth: 4, localMemoryBytes: 48 << 10, maxWorkGroupSize: 1024,
        globalMemoryBytes: 24 << 30, maxAllocationBytes: 6 << 30, baseAddressAlignment: 128)
      let plan = draft.memory
      #expect((39_000_000_000..<40_000_000_000).contains(plan.weightsBytes))
      #expect(throws: MemoryError.self) { try plan.check(limits: limits) }
      // All but the embeddings.
      #expect(plan.weightsBytes - draft.weightBytesPerToken - 128_256 * 8192 * 9 / 16 < 1 << 20)
    }

    @Test("a Mixtral reads two of eight experts for a token, as many bytes as a dense model twice as wide as one")
    func experts() throws {
      func bytes(_ model: RandomModel) throws -> Int {
        try ModelDraft(model.checkpoint(), on: Device.select(nil)).weightBytesPerToken
      }
      let (mixtral, dense) = (try bytes(.mixtralSmall), try bytes(.mixtralSmallDense))
      // But for the router, in float32, whose rows are a panel.
      #expect(mixtral - dense == 16 * 32 * 2048 * 4)
      var model = small(.q4_K)
      model.topK = 1
      #expect(throws: ModelError.self) { try model.checkpoint() }
    }

    @Test("a vocabulary that cannot be sampled from is refused before anything is loaded")
    func vocabulary() throws {
      var model = small(.q4_K)
      model.vocabularySize = 1 << 20
      _ = try ModelDraft(model.checkpoint(), on: Device.select(nil))
      model.vocabularySize += 1
      #expect { _ = try ModelDraft(model.checkpoint(), on: Device.select(nil)) } throws: {
        ($0 as? ModelError)?.code == .unsupportedFeature && "\($0)".contains("1048577") && "\($0)".contains("1048576")
      }
    }

    @Test("sizes that make no model are refused")
    func refusals() throws {
      var model = small(.q4_K)
      model.hiddenSize = 100
      #expect(throws: FileError.self) { try model.checkpoint() }
      model = small(.q4_K)
      model.headCount = 0
      #expect(throws: ModelError.self) { try model.checkpoint() }
      model = small(.f32)
      model.vocabularySize = .max / 2
      #expect(throws: FileError.self) { try model.checkpoint() }
      let file = try small(.q4_0).checkpoint()
      #expect(!file.hasData && file.tensor(named: "output.weight") != nil)
      #expect(throws: FileError.self) { try file.bytes(of: file.requiredTensor(named: "output.weight")) }
    }
  }
}
