import TesseraCL
import TesseraMemory
import TesseraReference
import TesseraWorkbench
import TestSupport
import Testing

@testable import TesseraOperators

extension OperatorsOnDevices {
  @Suite("Attention by products of small matrices")
  @MainActor struct AttentionTensorTests {
    typealias Sequence = AttentionProblem.Sequence

    /// A prompt, a chunk behind tokens, over one tile of keys and its end, and a token alone; a group of three heads.
    private func problem(headDim: Int = 64, window: Int? = nil, mask: FlashAttention.Mask = .causal) -> AttentionProblem
    {
      AttentionProblem(
        heads: 6, kvHeads: 2, headDim: headDim, mask: mask, window: window, hasSinks: window != nil, blockSize: 32,
        keys: .f16, sequences: [.init(count: 37), .init(history: 250, count: 9), .init(history: 77, count: 1)])
    }

    @Test("results are the reference's up to the rounding of queries and weights to halves", arguments: TestDevices.all)
    func reference(device: TestDevice) throws {
      let bench = try Target(device: device, style: .simt).bench()
      for problem in Grid.values(
        [problem(), problem(window: 40), problem(mask: .full), problem(headDim: 128)],
        small: [problem(), problem(window: 40)])
      {
        let (expected, magnitude, expectedSums) = try problem.reference()
        for dot in try bench.tensorDots() {
          let (out, sums) = try problem.runWithSums(tensor: dot, on: bench)
          // Halves have 11 bits: 2^-11 of a weight, and of a score as much as the query's rounding makes.
          #expect(worstError(out, expected, relativeTo: magnitude) <= 4e-3, "\(problem), \(dot)")
          #expect(zip(sums, expectedSums).allSatisfy { abs($0 - $1) <= 1e-2 }, "\(problem), \(dot)")
        }
      }
    }

    @Test("each row has the same bits alone, one by one, and with its keys split", arguments: TestDevices.all)
    func batches(device: TestDevice) throws {
      let bench = try Target(device: device, style: .simt).bench()
      let problem = problem()
      for dot in try bench.tensorDots() {
        let together = try problem.run(tensor: dot, on: bench)
        #expect(sameBits(try problem.run(isOneByOne: true, tensor: dot, on: bench), together))
        #expect(sameBits(try problem.run(splits: 2, tensor: dot, on: bench), together))
        #expect(sameBits(try problem.run(isOneByOne: true, splits: 2, tensor: dot, on: bench), together))
        #expect(sameBits(try problem.alone.flatMap { try $0.run(tensor: dot, on: bench) }, together))
        #expect(sameBits(try problem.stored(blockSize: 16).run(tensor: dot, on: bench), together))
      }
    }

    @Test("other forms keep the exact kernel's bits", arguments: TestDevices.all)
    func others(device: TestDevice) throws {
      let bench = try Target(device: device, style: .simt).bench()
      for problem in [
        AttentionProblem(heads: 4, kvHeads: 2, headDim: 64, sequences: [.init(history: 3, count: 5)]),
        AttentionProblem(heads: 4, kvHeads: 2, headDim: 64, softCap: 5, keys: .f16, sequences: [.init(count: 5)]),
        AttentionProblem(heads: 4, kvHeads: 2, headDim: 48, keys: .f16, sequences: [.init(count: 5)]),
      ] {
        #expect(
          sameBits(try problem.run(tensor: .emulatedTensor, on: bench), try problem.run(on: bench)))
      }
    }

    @Test("in fast mode too tiles have only as many rows as the device's memory holds, for forms that are exact then")
    func rows() throws {
      var limits = GPUVariants.limits
      limits.localMemoryBytes = 24 << 10
      let library = KernelLibrary(context: try #require(TestDevices.all.first).context(), style: .simt)
      for headDim in [64, 128] {
        let tiles = try TilePlan(limits: limits, headDim: headDim, style: .simt).attention
        let most = tiles.rows(isOne: false)
        #expect(most < FlashAttention.tensorRows)
        let attention = FlashAttention(library, tiles: tiles, tensor: .tensor)
        #expect(attention.tileRows(longest: 100, headCount: 8, kvHeadCount: 8) == most)
      }
    }
  }
}
