import TesseraCL
import TesseraMemory
import TesseraModels
import TestSupport
import Testing

@testable import Tessera

extension ModelSuites {
  /// GPUs allow often a quarter of their memory in one buffer.
  @Suite("The largest buffer")
  struct LargestAllocationTests {
    private func runner(largest: Int?) throws -> ModelRunner {
      var model = RandomModel(
        name: "small", layerCount: 2, hiddenSize: 1024, intermediateSize: 4096, headCount: 16, kvHeadCount: 8)
      (model.vocabularySize, model.format) = (512, .q4_0)
      var options = ModelRunner.Options()
      (options.contextLength, options.sequenceCount, options.chunkSize) = (2048, 2, 8)
      (options.largestAllocation, options.style) = (largest, try LoadOptions.requestedStyle())
      return try ModelRunner(model.checkpoint(), on: Device.select(nil), options: options)
    }

    @Test("weights and a cache that fit no single buffer lie in several, and give the same bits")
    func split() throws {
      let whole = try runner(largest: nil)
      let pool = try #require(whole.plan.groups.map(\.largestPoolBytes).max())
      let most = max(whole.plan.largestWeightBytes, pool, whole.plan.stagingBytes)
      #expect(whole.plan.weightsBytes > most && whole.plan.kvBytes > most && whole.cache.wholeBuffer != nil)
      let parts = try runner(largest: most)
      #expect(parts.cache.wholeBuffer == nil && parts.heap.limits.maxAllocationBytes == most)
      #expect(parts.plan == whole.plan && parts.heap.peakBytes <= parts.plan.totalBytes)
      let ids = SyntheticModel.ids(9).map { $0 % 512 }
      func rows(_ runner: ModelRunner) throws -> [Row] {
        let sequence = runner.cache.makeSequence()
        defer { sequence.close() }
        return try [ids[0..<8], ids[8..<9]].flatMap {
          try runner.rows([.init(sequence: sequence, tokens: Array($0), outputs: .all)])
        }
      }
      let expected = try rows(whole)
      #expect(expected.count == 9)
      #expect(try rows(parts) == expected)
    }

    @Test("a matrix or a layer's keys that fit no buffer are refused with the numbers, and with what to do")
    func refused() throws {
      let whole = try runner(largest: nil)
      let (weight, pool) = (whole.plan.largestWeightBytes, whole.plan.groups[0].largestPoolBytes)
      func message(_ largest: Int) throws -> String {
        let error = #expect(throws: MemoryError.self) { _ = try runner(largest: largest) }
        #expect(error?.code == .overMaxAllocation)
        return try #require(error).message
      }
      let ofWeight = try message(weight - 1)
      #expect(ofWeight.contains("\(weight)") && ofWeight.contains("smaller model"))
      let ofPool = try message(pool - 1)
      #expect(ofPool.contains("\(pool)") && ofPool.contains("--context"))
    }
  }
}
