import TesseraCL
import TesseraMemory
import TesseraReference
import TesseraWorkbench
import TestSupport
import Testing

@testable import TesseraOperators

extension OperatorsOnDevices {
  @Suite("Attention of any head")
  @MainActor struct AttentionHeadTests {
    typealias Problem = AttentionProblem

    /// As in `AttentionFormTests`.
    static let tolerance = 1e-5
    static let some: [Problem.Sequence] = [.init(count: 3), .init(history: 270, count: 2)]

    /// Head sizes that a cache rounds up, in every encoding.
    static let sizes: [Problem] = Grid.values(
      [8, 24, 40, 72, 80, 100, 112].flatMap { size in
        KVEncoding.allCases.map { Problem(heads: 4, kvHeads: 2, headDim: size, keys: $0, sequences: some) }
      },
      small: [
        .init(heads: 2, kvHeads: 1, headDim: 8, sequences: some),
        .init(heads: 2, kvHeads: 1, headDim: 40, keys: .q8_0, sequences: some),
        .init(heads: 2, kvHeads: 2, headDim: 100, valueDim: 24, keys: .q4_0, values: .f16, sequences: some),
      ])

    /// Keys and values of different encodings and sizes.
    static let mixed: [Problem] = Grid.values(
      KVEncoding.allCases.flatMap { keys in
        KVEncoding.allCases.filter { $0 != keys }.map {
          Problem(heads: 4, kvHeads: 2, headDim: 64, valueDim: 32, keys: keys, values: $0, sequences: some)
        }
      }, small: [.init(heads: 2, kvHeads: 1, headDim: 32, keys: .f16, values: .q8_0, sequences: some)])

    /// T5's bias by distance.
    static let biased: [Problem] = [
      .init(heads: 2, kvHeads: 2, headDim: 32, hasBias: true, sequences: some),
      .init(
        heads: 2, kvHeads: 1, headDim: 32, mask: .full, softCap: 20, hasSlopes: true, hasBias: true, sequences: some),
    ]

    @Test("every size and pair of encodings, and T5's bias, give the reference's result", arguments: Target.all)
    func reference(target: Target) throws {
      let bench = try target.bench()
      for problem in Self.sizes + Self.mixed + Self.biased {
        let (expected, magnitude, logSums) = try problem.reference()
        let result = try problem.runWithSums(on: bench)
        let error = worstError(result.out, expected, relativeTo: magnitude)
        #expect(error <= Self.tolerance, "\(problem): \(error)")
        let ones = [Float](repeating: 1, count: logSums.count)
        let sumError = worstError(result.logSums, logSums, relativeTo: ones)
        #expect(sumError <= Self.tolerance, "\(problem), log Σ: \(sumError)")
        let split = try problem.runWithSums(splits: 2, on: bench)
        #expect(sameBits(split.out, result.out) && sameBits(split.logSums, result.logSums), "\(problem), split")
      }
    }

    @Test("both styles give the same bits", arguments: TestDevices.all)
    func styles(device: TestDevice) throws {
      for problem in Self.sizes + Self.mixed + Self.biased {
        let results = try KernelStyle.allCases.map {
          try problem.runWithSums(on: Target(device: device, style: $0).bench())
        }
        #expect(sameBits(results[0].out, results[1].out), "\(problem)")
        #expect(sameBits(results[0].logSums, results[1].logSums), "\(problem)")
      }
    }

    @Test("encodings of keys and values give the bits of floats of the same numbers", arguments: Target.all)
    func dequantized(target: Target) throws {
      let bench = try target.bench()
      for problem in Self.sizes + Self.mixed where problem.cache.keys != .f32 || problem.cache.values != .f32 {
        let floats = problem.stored(blockSize: 16, asFloats: true)
        #expect(sameBits(try problem.runWithSums(on: bench).out, try floats.runWithSums(on: bench).out), "\(problem)")
      }
    }

    @Test("blocks behind the window need be in no table, whose place is then negative", arguments: Target.all)
    func givenBack(target: Target) throws {
      let bench = try target.bench()
      for (window, blockSize, keys) in Grid.values(
        [(7, 16, KVEncoding.f32), (40, 32, .f16), (300, 16, .q8_0)], small: [(7, 16, .f32)])
      {
        let problem = Problem(
          heads: 4, kvHeads: 2, headDim: 32, window: window, blockSize: blockSize, keys: keys,
          sequences: [.init(history: 527, count: 14), .init(history: 270, count: 1), .init(count: 3)])
        let all = try problem.runWithSums(on: bench)
        for isOneByOne in [false, true] {
          let some = try problem.runWithSums(isOneByOne: isOneByOne, givesBack: true, on: bench)
          #expect(sameBits(some.out, all.out) && sameBits(some.logSums, all.logSums), "\(problem), \(isOneByOne)")
        }
        let split = try problem.runWithSums(splits: 3, givesBack: true, on: bench)
        #expect(sameBits(split.out, all.out), "\(problem), split")
      }
    }
  }
}
