import TesseraMemory
import TesseraModels
import TestSupport
import Testing

extension ModelSuites {
  @Suite("Prepared steps")
  struct PreparedStepTests {
    @Test("a shape is prepared once, however often it runs")
    func decoding() throws {
      let runner = try SyntheticModel.llama.runner { ($0.sequenceCount, $0.contextLength) = (9, 512) }
      let sequences = (0..<8).map { _ in runner.cache.makeSequence() }
      func step(_ tokens: [Int]) throws -> Int {
        let before = runner.preparedCount
        _ = try runner.run(Batch(sequences.map { .init(sequence: $0, tokens: tokens) }))
        return runner.preparedCount - before
      }
      #expect(try step(SyntheticModel.ids(20)) == 1)
      var prepared = 0
      for token in 0..<100 { prepared += try step([token]) }
      // All of them have less than a tile of keys.
      #expect(prepared == 1)
      for sequence in sequences { try sequence.truncate(to: 0) }
      #expect(try step(SyntheticModel.ids(20)) == 0)
      #expect(try step([7]) == 0)
    }

    @Test(
      "a sequence that grows is prepared anew only where its keys are split in more", arguments: KernelStyle.allCases)
    func splits(style: KernelStyle) throws {
      let runner = try SyntheticModel.llama.runner {
        ($0.contextLength, $0.chunkSize, $0.style) = (2048, 250, style)
      }
      let sequence = runner.cache.makeSequence()
      let ids = SyntheticModel.ids(250)
      // With 1 to 7 tiles of keys, which are split at powers of two, on a GPU at those above, if the device has the cores.
      for most in style == .vector ? [1, 2, 2, 3, 3, 3, 3] : [1, 2, 3, 3, 4, 4, 4] {
        _ = try runner.run(Batch([.init(sequence: sequence, tokens: ids, outputs: .none)]))
        for token in 0..<3 { _ = try runner.run(Batch([.init(sequence: sequence, tokens: [token])])) }
        // Beside the prompt's.
        #expect(runner.preparedCount <= 1 + most)
      }
    }
  }
}
