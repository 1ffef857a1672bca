import TesseraMemory
import TesseraModels
import TestSupport
import Testing

extension ModelSuites {
  @Suite("Batches of several sequences", .timeLimit(.minutes(60)))
  struct BatchTests {
    private static let lengths = [1, 40, 9, 130, 2, 75]
    private let streams = lengths.enumerated().map { SyntheticModel.ids($1, seed: UInt64(100 + $0)) }

    @Test("each sequence's logits are those that it has alone, in any order of chunks", arguments: SyntheticModel.all)
    func together(model: SyntheticModel) throws {
      let runner = try model.runner { $0.sequenceCount = 6 }
      let alone = try streams.map { try runner.alone($0) }
      #expect(Set(alone.flatMap { $0 }).count > Self.lengths.reduce(0, +) - 20)
      for order in [[0, 1, 2, 3, 4, 5], [3, 0, 5, 4, 1, 2]] {
        let all = streams.map { Progress($0, runner.cache.makeSequence()) }
        try Progress.run(order.map { (all[$0], 1000) }, on: runner)
        for (progress, expected) in zip(all, alone) { #expect(progress.rows == expected, "order \(order)") }
      }
    }

    @Test("chunks of every size, beside each other, give the same bits", arguments: SyntheticModel.all, [1, 7, 64])
    func chunks(model: SyntheticModel, size: Int) throws {
      let runner = try model.runner { $0.sequenceCount = 6 }
      let all = streams.map { Progress($0, runner.cache.makeSequence()) }
      while all.contains(where: { $0.left > 0 }) { try Progress.run(all.map { ($0, size) }, on: runner) }
      for (progress, stream) in zip(all, streams) { #expect(try progress.rows == runner.alone(stream)) }
    }

    @Test("prompts run beside tokens of other sequences", arguments: SyntheticModel.all)
    func prefillBesideDecode(model: SyntheticModel) throws {
      let runner = try model.runner { $0.sequenceCount = 6 }
      let all = streams.map { Progress($0, runner.cache.makeSequence()) }
      // The long ones in pieces, the others token by token, not always all of them.
      for step in 0..<200 where all.contains(where: { $0.left > 0 }) {
        let pieces = all.enumerated().filter { (step + $0.offset) % 5 > 0 }.map { index, progress in
          (progress, index == 3 ? 23 : index == 5 && step % 2 == 0 ? 11 : 1)
        }
        try Progress.run(step % 2 == 0 ? pieces : pieces.reversed(), on: runner)
      }
      for (progress, stream) in zip(all, streams) { #expect(try progress.rows == runner.alone(stream)) }
    }

    @Test("forks of one prefix share its blocks, and differ from there on")
    func forks() throws {
      let runner = try SyntheticModel.llama.runner { ($0.sequenceCount, $0.contextLength) = (6, 256) }
      for prefix in [1, 63, 64, 100] {
        let common = SyntheticModel.ids(prefix, seed: 3)
        let root = runner.cache.makeSequence()
        _ = try runner.rows([.init(sequence: root, tokens: common, outputs: .none)])
        let free = runner.freeBlocks
        var all = [Progress(common + SyntheticModel.ids(30, seed: 50), root)]
        for index in 1..<5 {
          all.append(Progress(common + SyntheticModel.ids(20 + index, seed: UInt64(50 + index)), try root.fork()))
        }
        #expect(runner.freeBlocks == free)
        for size in [1, 1, 5, 100] { try Progress.run(all.map { ($0, size) }, on: runner) }
        for progress in all {
          #expect(progress.rows == Array(try runner.alone(progress.tokens).dropFirst(prefix)), "prefix \(prefix)")
        }
      }
    }

    @Test("a window that has given its blocks back changes no bit", arguments: [1, 7, 64])
    func windows(size: Int) throws {
      let runner = try SyntheticModel.gemma3.runner {
        ($0.sequenceCount, $0.contextLength, $0.chunkSize) = (4, 768, 256)
      }
      let streams = [700, 310, 620].enumerated().map { SyntheticModel.ids($1, seed: UInt64(20 + $0)) }
      let all = streams.map { Progress($0, runner.cache.makeSequence()) }
      // Most of it in large steps, the end in small ones, where blocks of the last tiles are given back.
      for progress in all {
        while progress.left > 40 { try Progress.run([(progress, min(64, progress.left - 40))], on: runner) }
      }
      let group = try #require(
        runner.cache.layout.groups.firstIndex { if case .window = $0.kind { true } else { false } })
      let table = try #require(all.first?.sequence.tables)[group]
      #expect(table.firstBlock > 0)
      while all.contains(where: { $0.left > 0 }) { try Progress.run(all.map { ($0, size) }, on: runner) }
      for (progress, stream) in zip(all, streams) { #expect(try progress.rows == runner.alone(stream)) }
    }

    @Test("32 sequences decode together")
    func many() throws {
      let runner = try SyntheticModel.llama.runner {
        ($0.sequenceCount, $0.contextLength, $0.chunkSize) = (32, 128, 256)
      }
      let streams = (0..<32).map { SyntheticModel.ids(3 + $0 % 7 * 4, seed: UInt64($0)) }
      let all = streams.map { Progress($0, runner.cache.makeSequence()) }
      try Progress.run(all.enumerated().map { ($1, 1 + $0 % 9) }, on: runner)
      while all.contains(where: { $0.left > 0 }) { try Progress.run(all.map { ($0, 1) }, on: runner) }
      for (progress, stream) in zip(all, streams) { #expect(try progress.rows == runner.alone(stream)) }
    }

    @Test("only wanted rows come, in the order of the chunks")
    func outputs() throws {
      let runner = try SyntheticModel.llama.runner { $0.sequenceCount = 6 }
      let alone = try streams.map { try runner.alone($0) }
      for round in 0..<4 {
        let outputs: [Batch.Outputs] = (0..<6).map { [.none, .last, .all][($0 + round) % 3] }
        let order = round % 2 == 0 ? [0, 1, 2, 3, 4, 5] : [4, 2, 0, 5, 3, 1]
        let rows = try runner.rows(
          order.map { .init(sequence: runner.cache.makeSequence(), tokens: streams[$0], outputs: outputs[$0]) })
        let expected = order.flatMap { index -> [Row] in
          switch outputs[index] {
          case .none: []
          case .last: [alone[index].last ?? []]
          case .all: alone[index]
          }
        }
        #expect(rows == expected, "\(outputs)")
      }
      let sequence = runner.cache.makeSequence()
      let result = try runner.run(Batch([.init(sequence: sequence, tokens: [1, 2, 3], outputs: .none)]))
      #expect(result.rowCount == 0 && sequence.tokenCount == 3)
    }
  }
}
