import TesseraCL
import TesseraMemory
import TesseraReference
import TesseraWorkbench
import TestSupport
import Testing

@testable import TesseraOperators

extension OperatorsOnDevices {
  @Suite("Flash attention")
  @MainActor struct FlashAttentionTests {
    /// Of Σ p|v|: an error of a score moves its key's share, and scores here sum up to 256 products.
    static let tolerance = 4e-6

    /// Key counts around the edges of 16 keys, of a tile of 256 keys and of blocks; prompts, chunks behind a history, and
    /// single tokens.
    static let ragged: [AttentionProblem.Sequence] = Grid.values(
      [
        .init(count: 1), .init(count: 15), .init(count: 16), .init(count: 17), .init(count: 63),
        .init(history: 63, count: 1), .init(history: 64, count: 1), .init(history: 1, count: 64),
        .init(history: 37, count: 93), .init(history: 129, count: 1), .init(history: 253, count: 5),
        .init(history: 511, count: 1), .init(history: 540, count: 16),
      ], small: [.init(count: 3), .init(history: 15, count: 2)])

    static let problems: [AttentionProblem] = Grid.values(
      [
        .init(heads: 9, kvHeads: 3, headDim: 64, sequences: ragged),
        .init(heads: 9, kvHeads: 3, headDim: 64, window: 5, softCap: 30, blockSize: 64, sequences: ragged),
        .init(heads: 9, kvHeads: 3, headDim: 64, blockSize: 64, keys: .f16, sequences: ragged),
        .init(heads: 1, kvHeads: 1, headDim: 64, window: 64, keys: .f16, sequences: ragged),
        .init(heads: 1, kvHeads: 1, headDim: 32, window: 5, sequences: ragged),
        .init(heads: 8, kvHeads: 2, headDim: 96, window: 64, blockSize: 64, sequences: ragged),
        .init(heads: 8, kvHeads: 2, headDim: 128, softCap: 20, sequences: ragged),
        .init(
          heads: 8, kvHeads: 2, headDim: 128, window: 100, softCap: 50, blockSize: 64, keys: .f16, sequences: ragged),
        .init(heads: 4, kvHeads: 1, headDim: 256, window: 100, blockSize: 64, sequences: ragged),
        .init(heads: 4, kvHeads: 1, headDim: 256, keys: .f16, sequences: ragged),
      ],
      small: [
        .init(heads: 2, kvHeads: 1, headDim: 32, window: 5, softCap: 20, sequences: ragged),
        .init(heads: 2, kvHeads: 2, headDim: 32, keys: .f16, sequences: ragged),
      ])

    @Test("a ragged batch attends like the reference, and unwritten cache memory is never seen", arguments: Target.all)
    func ragged(target: Target) throws {
      let bench = try target.bench()
      for problem in Self.problems {
        let (expected, magnitude, _) = try problem.reference()
        let error = worstError(try problem.run(on: bench), expected, relativeTo: magnitude)
        #expect(error <= Self.tolerance, "\(problem): \(error)")
      }
    }

    @Test("a query's result is the same one by one, in a prompt and in any chunks of it", arguments: Target.all)
    func chunks(target: Target) throws {
      let bench = try target.bench()
      for problem in Self.problems {
        let prompt = try problem.run(on: bench)
        #expect(sameBits(try problem.run(isOneByOne: true, on: bench), prompt), "\(problem), one by one")
        #expect(sameBits(try problem.run(chunk: 3, on: bench), prompt), "\(problem), chunks of 3")
      }
    }

    @Test(
      "a token decoded before its successors are cached has the bits that it has in the prompt", arguments: Target.all)
    func decode(target: Target) throws {
      let bench = try target.bench()
      for (headDim, element) in Grid.values(
        [(64, KVEncoding.f32), (64, .f16), (64, .q4_0), (256, .f32)], small: [(32, .f32)])
      {
        let whole = AttentionProblem(
          heads: 4, kvHeads: 2, headDim: headDim, keys: element, sequences: [.init(count: Grid.isSmall ? 5 : 70)])
        let prompt = try whole.run(on: bench)
        let width = 4 * headDim
        for position in Grid.values([0, 14, 15, 16, 63, 64, 69], small: [3]) {
          let step = whole.token(at: position)
          #expect(
            sameBits(
              try step.run(isOneByOne: true, on: bench), Array(prompt[position * width..<(position + 1) * width])),
            "\(whole), position \(position)")
        }
      }
    }

    @Test("both styles give the same bits", arguments: TestDevices.all)
    func styles(device: TestDevice) throws {
      for problem in Self.problems {
        let results = try KernelStyle.allCases.map { try problem.run(on: Target(device: device, style: $0).bench()) }
        #expect(sameBits(results[0], results[1]), "\(problem)")
      }
    }

    @Test(
      "positions are data: a tile's queries may stand anywhere, in any order, more than once", arguments: Target.all)
    func positions(target: Target) throws {
      let bench = try target.bench()
      for window in [nil, 5] {
        let problem = AttentionProblem(
          heads: 4, kvHeads: 2, headDim: Grid.isSmall ? 32 : 64, window: window,
          sequences: [.init(history: 66, count: 4, positions: [69, 7, 7, 0])])
        let (expected, magnitude, _) = try problem.reference()
        let error = worstError(try problem.run(on: bench), expected, relativeTo: magnitude)
        #expect(error <= Self.tolerance, "\(problem): \(error)")
      }
    }

    @Test("huge scores give the largest key all the weight, without an overflow", arguments: Target.all)
    func hugeScores(target: Target) throws {
      let bench = try target.bench()
      var problem = AttentionProblem(
        heads: 2, kvHeads: 1, headDim: Grid.isSmall ? 32 : 64, sequences: [.init(history: 20, count: 2)])
      problem.scaleQueries(by: 1e6)
      let (expected, magnitude, _) = try problem.reference()
      let error = worstError(try problem.run(on: bench), expected, relativeTo: magnitude)
      #expect(error <= Self.tolerance, "\(error)")
    }

    @Test("shapes that the kernels do not serve are refused")
    func refusals() throws {
      let bench = try #require(Target.all.first).bench()
      for (heads, kvHeads, headDim, blockSize) in [
        (5, 2, 64, 16), (4, 0, 64, 16), (0, 1, 64, 16), (4, 2, 0, 16), (4, 2, 592, 16), (4, 2, 64, 24), (4, 2, 64, 0),
      ] {
        let any = try bench.output(16)
        #expect(throws: OperatorError.self, "\(heads)/\(kvHeads) heads of \(headDim), blocks of \(blockSize)") {
          try FlashAttention(bench.library, tiles: bench.plan().attention).enqueue(
            q: any, qStride: 64, keys: any, values: any, tables: any, tiles: any, tileCount: 1, tileRows: 1,
            positions: any, into: any, shape: .init(headCount: heads, scale: 1),
            cache: .init(kvHeadCount: kvHeads, headDim: headDim, blockCount: 1, blockSize: blockSize), on: bench.queue)
        }
      }
    }
  }
}
