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

    @Test("a second model is refused where the first leaves too little")
    func secondModel() throws {
      let plan = try draft(.llama, context: 4096).memory
      var limits = DeviceLimits(
        name: "host", isCPU: true, vectorWidth: 8, localMemoryBytes: 1 << 20, maxWorkGroupSize: 4096,
        globalMemoryBytes: 64 << 30, maxAllocationBytes: 16 << 30, baseAddressAlignment: 128)
      let machine = 4 * plan.totalBytes
      limits.free = FreeMemory(byteCount: machine, reason: "of a machine")
      try plan.check(limits: limits)
      limits.free = FreeMemory(byteCount: machine - 3 * plan.totalBytes - plan.totalBytes / 2, reason: "what is left")
      #expect { try plan.check(limits: limits) } throws: { "\($0)".contains("what is left") }
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
