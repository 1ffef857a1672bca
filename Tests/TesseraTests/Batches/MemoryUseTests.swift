import TesseraCL
import TesseraFiles
import TesseraMemory
import TesseraModels
import TesseraOperators
import TestSupport
import Testing

@testable import Tessera

extension ModelSuites {
  @Suite("Memory that models plan and take")
  struct MemoryUseTests {
    private func draft(
      _ model: SyntheticModel, context: Int, sequences: Int = 1, _ change: (inout GGUFWriter) -> Void = { _ in }
    ) throws -> ModelDraft {
      var options = ModelRunner.Options()
      (options.contextLength, options.sequenceCount) = (context, sequences)
      return try model.withFile {
        $0.metadata["\(model.architecture).context_length"] = .uint32(UInt32(context))
        change(&$0)
      } _: {
        try ModelDraft(openCheckpoint(path: $0), on: Device.select(nil), options: options)
      }
    }

    @Test("64 sequences of 32,768 tokens plan 64 times one's cache")
    func manySequences() throws {
      let one = try draft(.llama, context: 32_768).memory
      let many = try draft(.llama, context: 32_768, sequences: 64).memory
      #expect(many.kvBytes == 64 * one.kvBytes)
      // Two layers of one head of 32 floats, keys and values.
      #expect(one.kvBytes == 32_768 * 2 * 2 * 32 * 4)
      // Steps are not larger, but for the tables of blocks.
      #expect(many.workspaceBytes - one.workspaceBytes < 64 * 32_768)
      #expect(many.weightsBytes == one.weightsBytes)
    }

    @Test("layers with a window plan what the window needs")
    func windows() throws {
      let plan = try draft(.gemma3, context: 8192) {
        $0.metadata["gemma3.attention.sliding_window"] = .uint32(512)
      }.memory
      let uniform = 8192 * 6 * 2 * 32 * 4
      #expect(plan.kvBytes * 10 <= uniform * 4 && plan.kvBytes > uniform / 6)
    }

    @Test("a second model is refused where a loaded one leaves too little, run or not, and loads when that is gone")
    func secondModel() throws {
      // Sequences of 32,768 tokens whose caches nobody touches.
      let one = try draft(.llama, context: 32_768).memory.kvBytes
      func free() throws -> Int { DeviceLimits(try Device.select(nil)).defaultBudgetBytes / one }
      func load(_ sequences: Int) throws -> ModelRunner {
        try SyntheticModel.llama.withFile {
          $0.metadata["llama.context_length"] = .uint32(32_768)
        } _: {
          var options = ModelRunner.Options()
          (options.contextLength, options.sequenceCount) = (32_768, sequences)
          return try ModelRunner(openCheckpoint(path: $0), on: Device.select(nil), options: options)
        }
      }
      let count = try free() * 6 / 10
      var first: ModelRunner? = try load(count)
      // Other processes' memory comes and goes: what is too much is what is too much now.
      let left = try free()
      #expect(left < count * 10 / 6)
      let tooMany = max(count, left * 3 / 2)
      #expect { try load(tooMany) } throws: {
        ($0 as? MemoryError)?.code == .overBudget && "\($0)".contains("reserved")
      }
      #expect(first?.cache.sequenceCount == 0)
      first = nil
      _ = try load(count)
    }

    @Test(
      "the commands that are planned for a token and for a prompt are launched, with sampling and the cache's",
      arguments: SyntheticModel.all)
    func commands(model: SyntheticModel) throws {
      var options = ModelRunner.Options()
      (options.contextLength, options.chunkSize, options.style) = (64, 20, .simt)
      let (draft, runner) = try model.withFile { _ in
      } _: {
        let checkpoint = try openCheckpoint(path: $0)
        return (
          try ModelDraft(checkpoint, on: Device.select(nil), options: options),
          try ModelRunner(checkpoint, on: Device.select(nil), options: options)
        )
      }
      let costs = try #require(try draft.costs())
      let sampler = try BatchSampler(runner)
      let sequence = runner.cache.makeSequence()
      func launches(_ tokens: [Int]) throws -> Int {
        let before = runner.launchCount
        _ = try sampler.sample([SamplingRow()], of: runner.run(Batch([.init(sequence: sequence, tokens: tokens)])))
        return runner.launchCount - before
      }
      #expect(try launches(SyntheticModel.ids(20)) == costs.prompt.launches)
      #expect(try launches([1]) == costs.decode.launches)
      #expect(costs.decode.bytes > 0 && costs.prompt.operations > costs.decode.operations)
      let functions = Set(try draft.variants().map(\.variant.function))
      #expect(functions.isSuperset(of: ["clear_blocks", "survey", "threshold", "weigh", "draw", "matmul"]))
    }

    @Test(
      "whatever runs, the device's memory stays within the plan", arguments: SyntheticModel.all, KernelStyle.allCases)
    func peak(model: SyntheticModel, style: KernelStyle) throws {
      let runner = try model.runner {
        ($0.sequenceCount, $0.contextLength, $0.chunkSize, $0.style) = (6, 512, 128, style)
      }
      let sampler = try BatchSampler(runner)
      var row = SamplingRow()
      (row.temperature, row.repetitionPenalty, row.topTokens) = (1, 1.5, 256)
      row.occurrences = (0..<SyntheticModel.vocabularyCount).map { .init(id: $0, count: 1) }
      row.bias = (0..<SyntheticModel.vocabularyCount).map { .init(id: $0, value: 1) }
      row.allowed = [UInt32](repeating: .max, count: (SyntheticModel.vocabularyCount + 31) / 32)
      let all = (0..<6).map { Progress(SyntheticModel.ids(400, seed: UInt64($0)), runner.cache.makeSequence()) }
      // Every mix of single tokens and pieces, near and far, more shapes than are kept.
      for counts in [
        [128, 0, 0, 0, 0, 0], [1, 127, 0, 0, 0, 0], [1, 1, 1, 1, 1, 123], [20, 20, 20, 20, 20, 20],
        [100, 1, 1, 1, 1, 1],
        [0, 100, 0, 1, 0, 0], [1, 2, 1, 1, 1, 1], [1, 1, 1, 1, 1, 1], [3, 2, 1, 1, 1, 0], [1, 0, 0, 0, 0, 0],
        [4, 4, 0, 0, 0, 0], [1, 3, 1, 3, 0, 0], [8, 0, 0, 0, 0, 0], [7, 1, 0, 0, 0, 0], [1, 0, 2, 0, 0, 5],
        [2, 2, 2, 1, 0, 0], [0, 64, 0, 60, 0, 0], [1, 0, 0, 0, 0, 7], [0, 48, 0, 0, 0, 0], [5, 5, 5, 5, 5, 5],
      ] {
        try Progress.run(zip(all, counts).filter { $0.1 > 0 }.map { ($0.0, $0.1) }, on: runner)
        let count = counts.count { $0 > 0 }
        let result = try runner.run(
          Batch(all.prefix(count).map { .init(sequence: try $0.sequence.fork(), tokens: [1]) }))
        _ = try sampler.sample(Array(repeating: row, count: count), of: result)
      }
      let many = all[0].sequence
      try many.truncate(to: 0)
      let result = try runner.run(
        Batch([.init(sequence: many, tokens: SyntheticModel.ids(runner.logitRows), outputs: .all)]))
      _ = try sampler.sample(Array(repeating: row, count: runner.logitRows), of: result)
      #expect(runner.heap.peakBytes <= runner.plan.totalBytes)
      #expect(runner.heap.bytesInUse(by: .workspace) <= runner.plan.workspaceBytes)
      #expect(runner.heap.bytesInUse(by: .kvCache) == runner.plan.kvBytes)
    }
  }
}
