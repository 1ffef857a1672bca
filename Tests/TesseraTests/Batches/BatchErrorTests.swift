import TesseraMemory
import TesseraModels
import TestSupport
import Testing

extension ModelSuites {
  @Suite("Batches that are refused")
  struct BatchErrorTests {
    @Test("what a step cannot do is refused, and leaves nothing behind")
    func refusals() throws {
      let runner = try SyntheticModel.llama.runner {
        ($0.sequenceCount, $0.contextLength, $0.chunkSize) = (2, 128, 100)
      }
      let other = try SyntheticModel.llama.runner { $0.contextLength = 128 }
      let sequence = runner.cache.makeSequence()
      let second = runner.cache.makeSequence()
      let before = try runner.rows([.init(sequence: sequence, tokens: [1, 2, 3])])
      let free = runner.freeBlocks
      func refuse(_ words: String, _ chunks: [Batch.Chunk], sourceLocation: SourceLocation = #_sourceLocation) {
        #expect(sourceLocation: sourceLocation) {
          _ = try runner.run(Batch(chunks))
        } throws: { ($0 as? ModelError)?.code == .badBatch && "\($0)".contains(words) }
        #expect(runner.freeBlocks == free && sequence.tokenCount == 3, sourceLocation: sourceLocation)
      }
      refuse("two chunks", [.init(sequence: sequence, tokens: [1]), .init(sequence: sequence, tokens: [2])])
      refuse("none empty", [.init(sequence: sequence, tokens: [1]), .init(sequence: second, tokens: [])])
      refuse("0 tokens", [])
      refuse("101 tokens", [.init(sequence: second, tokens: SyntheticModel.ids(101))])
      refuse("259", [.init(sequence: sequence, tokens: [4]), .init(sequence: second, tokens: [1, 259])])
      refuse("-1", [.init(sequence: second, tokens: [-1])])
      refuse("another model", [.init(sequence: other.cache.makeSequence(), tokens: [1])])
      refuse("positions", [.init(sequence: second, tokens: [1, 2], positions: [0])])
      refuse("positions", [.init(sequence: second, tokens: [1], positions: [2048])])
      refuse("49 rows", [.init(sequence: second, tokens: SyntheticModel.ids(49), outputs: .all)])
      _ = try runner.rows([.init(sequence: second, tokens: SyntheticModel.ids(100), outputs: .none)])
      #expect { try runner.rows([.init(sequence: second, tokens: SyntheticModel.ids(29))]) } throws: {
        "\($0)".contains("129") && "\($0)".contains("128")
      }
      // The sequence goes on as if nothing had been.
      let after = try runner.rows([.init(sequence: sequence, tokens: [4])])
      #expect(try after == [runner.alone([1, 2, 3, 4])[3]] && before == [runner.alone([1, 2, 3])[2]])
    }

    @Test("rows that another batch has overwritten, and rows that there are none of, are refused")
    func staleRows() throws {
      let runner = try SyntheticModel.llama.runner { ($0.sequenceCount, $0.contextLength) = (2, 128) }
      let sequence = runner.cache.makeSequence()
      for wantsLogits in [true, false] {
        let batch = Batch([.init(sequence: sequence, tokens: [1, 2], outputs: .all)])
        let old = try runner.run(batch, wantsLogits: wantsLogits)
        for rows in [0..<3, 2..<3, -1..<1, 0..<0] {
          #expect(throws: ModelError.self) { try runner.logits(old, rows: rows) }
        }
        #expect(try runner.logits(old, rows: 0..<2).count == 2 * SyntheticModel.vocabularyCount)
        let new = try runner.run(batch, wantsLogits: wantsLogits)
        #expect(throws: ModelError.self) { try runner.logits(old, rows: 0..<2) }
        #expect(throws: ModelError.self) { try runner.hidden(old) }
        #expect(try runner.logits(new, rows: 1..<2).count == SyntheticModel.vocabularyCount)
      }
    }

    @Test("token types that the model has no segment for are refused, and targets without a source")
    func inputs() throws {
      let bert = try FamilyFixture(folder: "bert", isGGUF: false).model().runner
      #expect(bert.profile.segmentCount == 2)
      func states(_ types: [Int]?) throws -> [Float] {
        let chunk = Batch.Chunk(
          sequence: bert.cache.makeSequence(), tokens: [1, 2, 3], tokenTypes: types, outputs: .all)
        return try bert.hidden(bert.run(Batch([chunk])))
      }
      for types in [[], [0], [0, 1], [0, 1, 0, 1], [0, 1, 2], [-1, 0, 0], [60_000, 0, 0], [.max, 0, 0]] {
        #expect(throws: ModelError.self) { try states(types) }
      }
      #expect(try states([0, 0, 0]) == states(nil))
      #expect(try states([0, 1, 1]) != states(nil))
      let llama = try SyntheticModel.llama.runner { $0.contextLength = 128 }
      #expect(throws: ModelError.self) {
        try llama.run(Batch([.init(sequence: llama.cache.makeSequence(), tokens: [1], tokenTypes: [0])]))
      }
      let t5 = try FamilyFixture(folder: "t5", isGGUF: false).model().runner
      #expect(throws: ModelError.self) {
        try t5.run(Batch([.init(sequence: t5.cache.makeSequence(), tokens: [0])]))
      }
    }

    @Test("a cache without room is an error that gives back what the batch reserved")
    func outOfBlocks() throws {
      let runner = try SyntheticModel.llama.runner { ($0.sequenceCount, $0.contextLength) = (2, 128) }
      let first = runner.cache.makeSequence()
      let second = runner.cache.makeSequence()
      _ = try runner.rows([
        .init(sequence: first, tokens: SyntheticModel.ids(60)),
        .init(sequence: second, tokens: SyntheticModel.ids(100)),
      ])
      let fork = try first.fork()
      let free = runner.freeBlocks
      #expect {
        // A fork's own copy of the last block, and more of the others than there are.
        try runner.rows([
          .init(sequence: fork, tokens: SyntheticModel.ids(60)), .init(sequence: first, tokens: SyntheticModel.ids(68)),
          .init(sequence: runner.cache.makeSequence(), tokens: SyntheticModel.ids(128)),
        ])
      } throws: { ($0 as? MemoryError)?.code == .outOfBlocks }
      #expect(runner.freeBlocks == free && first.tokenCount == 60 && fork.tokenCount == 60)
      second.close()
      let both = try runner.rows([
        .init(sequence: fork, tokens: [7, 8]), .init(sequence: first, tokens: [9]),
      ])
      let prefix = SyntheticModel.ids(60)
      #expect(try both == [runner.alone(prefix + [7, 8])[61], runner.alone(prefix + [9])[60]])
      first.close()
      fork.close()
      #expect(runner.freeBlocks == runner.cache.blockCounts)
    }
  }
}
