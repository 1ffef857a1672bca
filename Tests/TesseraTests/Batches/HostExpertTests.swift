import TesseraCL
import TesseraFiles
import TesseraMemory
import TesseraModels
import TesseraOperators
import TestSupport
import Testing

extension ModelSuites {
  @Suite("Experts in host memory")
  struct HostExpertTests {
    /// Of a folder's model: bytes of an expert on the device.
    static let expertBytes = [
      "gpt-oss-mxfp4": 3 * 32 * 18, "mixtral": 3 * 32 * 32 * 2, "deepseek-v3": 3 * 32 * 32 * 4,
    ]

    private func runner(_ folder: String, places: Int?, _ style: KernelStyle) throws -> ModelRunner {
      var options = ModelRunner.Options()
      (options.sequenceCount, options.contextLength, options.style) = (3, 64, style)
      options.expertMemory = try places.map { $0 * (try #require(Self.expertBytes[folder])) }
      return try FamilyFixture(folder: folder, isGGUF: false).model(options).runner
    }

    /// Prompts of mixed lengths together, then a token of each: the rows of logits.
    private func rows(_ runner: ModelRunner) throws -> [Row] {
      let sequences = (0..<3).map { _ in runner.cache.makeSequence() }
      defer { for sequence in sequences { sequence.close() } }
      let lengths = [9, 1, 23]
      func ids(_ count: Int, _ seed: Int) -> [Int] {
        SyntheticModel.ids(count, seed: UInt64(seed)).map { $0 % runner.profile.vocabularySize }
      }
      let prompts = zip(sequences, lengths).enumerated().map { index, pair in
        Batch.Chunk(sequence: pair.0, tokens: ids(pair.1, index + 1), outputs: .all)
      }
      var rows = try runner.rows(prompts)
      for step in 0..<4 {
        rows += try runner.rows(
          sequences.enumerated().map { index, sequence in
            .init(sequence: sequence, tokens: ids(1, 10 * step + index), outputs: .last)
          })
      }
      return rows
    }

    @Test(
      "results are those of all experts on the device, however few places there are",
      arguments: [
        ("gpt-oss-mxfp4", KernelStyle.simt), ("gpt-oss-mxfp4", .vector), ("mixtral", .simt), ("deepseek-v3", .simt),
      ])
    func sameBits(folder: String, style: KernelStyle) throws {
      let plain = try runner(folder, places: nil, style)
      #expect(plain.hasExperts && plain.expertStatistics == nil && plain.plan.experts == nil)
      let expected = try rows(plain)
      #expect(plain.expertReads.all == 0)
      for places in style == .vector ? [2] : [1, 2, 5, 100] {
        let runner = try runner(folder, places: places, style)
        #expect(try rows(runner) == expected, "\(places) places")
        let statistics = try #require(runner.expertStatistics)
        #expect(statistics.hits + statistics.misses == runner.expertReads.chosen && statistics.misses > 0)
        #expect(statistics.bytes == statistics.misses * (Self.expertBytes[folder] ?? 0) && statistics.seconds > 0)
        #expect(runner.expertReads.chosen < runner.expertReads.all)
        // All come once where there is a place for each.
        if places == 100 {
          #expect(try rows(runner) == expected)
          #expect(runner.expertStatistics?.misses == statistics.misses)
        }
        runner.resetExperts()
        let after = try #require(runner.expertStatistics)
        #expect(after.bytes == 0 && after.hits == 0 && runner.expertReads.all == 0)
      }
    }

    @Test("a model that is larger than the device's memory runs with its experts elsewhere")
    func largerThanTheDevice() throws {
      var model = RandomModel(
        name: "small", layerCount: 2, hiddenSize: 256, intermediateSize: 512, headCount: 4, kvHeadCount: 2)
      (model.vocabularySize, model.contextLength, model.expertCount, model.topK) = (512, 64, 8, 2)
      let bytes = 3 * 256 * 512 * 9 / 16
      func runner(expertMemory: Int?, budget: Int? = nil) throws -> ModelRunner {
        var options = ModelRunner.Options()
        (options.sequenceCount, options.style) = (3, .simt)
        (options.expertMemory, options.memoryBudget) = (expertMemory, budget)
        let device = try #require(TestDevices.all.first).context().device
        return try ModelRunner(model.checkpoint(), on: device, options: options)
      }
      let whole = try runner(expertMemory: nil)
      let plan = try runner(expertMemory: 2 * bytes).plan
      let budget = plan.totalBytes
      #expect(budget < whole.plan.totalBytes && plan.experts == .init(bytes: 16 * bytes, deviceBytes: 2 * bytes))
      #expect(throws: MemoryError.self) { try runner(expertMemory: nil, budget: budget) }
      let small = try runner(expertMemory: 2 * bytes, budget: budget)
      #expect(try rows(small) == rows(whole))
      #expect(small.heap.peakBytes <= budget)
    }

    @Test("experts that were chosen are counted where that is asked for, and nothing else changes")
    func counted() throws {
      let runner = try runner("mixtral", places: nil, .simt)
      let expected = try rows(runner)
      runner.watchesExperts = true
      #expect(try rows(runner) == expected)
      let reads = runner.expertReads
      // Five steps of two layers with five experts; a token has two.
      #expect(reads.all == 5 * 2 * 5 && reads.chosen >= 5 * 2 * 2 && reads.chosen < reads.all)
    }

    @Test("memory for less than an expert, or of a model without any, is refused with what it takes")
    func refusals() throws {
      let fixture = FamilyFixture(folder: "mixtral", isGGUF: false)
      var options = ModelRunner.Options()
      options.expertMemory = 3 * 32 * 32 * 2 - 1
      let error = #expect(throws: MemoryError.self) { try fixture.model(options) }
      #expect(error?.message.contains("--expert-memory 1") == true)
      #expect(throws: ModelError.self) { try FamilyFixture(folder: "gpt2", isGGUF: false).model(options) }
    }
  }
}
