import TesseraCL
import TesseraMemory
import TesseraReference
import TesseraWorkbench
import TestSupport
import Testing

@testable import TesseraOperators

extension OperatorsOnDevices {
  @Suite("Forms of attention")
  @MainActor struct AttentionFormTests {
    typealias Problem = AttentionProblem

    /// Of Σ p|v|, and for logarithms of sums absolute: scores here sum up to 576 products, and are up to 30.
    static let tolerance = 1e-5

    /// Around the edges of groups of 16 keys and of the second tile of 256.
    static let some: [Problem.Sequence] = Grid.values(
      [.init(count: 18), .init(history: 255, count: 1), .init(history: 256, count: 3), .init(history: 527, count: 14)],
      small: [.init(count: 3), .init(history: 15, count: 2)])
    static let few: [Problem.Sequence] = Grid.values(
      [.init(count: 3), .init(history: 270, count: 2)], small: [.init(history: 15, count: 2)])
    static let trees: [Problem.Sequence] = Grid.values(
      [.init(count: 5), .init(history: 250, count: 20), .init(history: 300, count: 40)],
      small: [.init(history: 15, count: 5)])

    static let masks: [Problem] = Grid.values(
      [
        .init(heads: 6, kvHeads: 2, headDim: 64, mask: .full, sequences: some),
        .init(heads: 2, kvHeads: 2, headDim: 48, mask: .full, window: 33, sequences: some),
        .init(heads: 4, kvHeads: 2, headDim: 64, window: 40, sinkKeys: 4, sequences: some),
        .init(heads: 4, kvHeads: 1, headDim: 32, mask: .tree(words: 2), sequences: trees),
        .init(heads: 4, kvHeads: 2, headDim: 64, mask: .tree(words: 3), window: 96, sinkKeys: 2, sequences: trees),
        .init(heads: 8, kvHeads: 8, headDim: 64, hasSlopes: true, sequences: some),
        .init(heads: 4, kvHeads: 2, headDim: 64, mask: .full, hasSlopes: true, sequences: some),
        .init(heads: 4, kvHeads: 2, headDim: 64, window: 100, hasSinks: true, sequences: some),
        .init(
          heads: 4, kvHeads: 2, headDim: 64, window: 100, sinkKeys: 4, softCap: 30, hasSlopes: true, hasSinks: true,
          keys: .q8_0, sequences: some),
      ],
      small: [
        .init(heads: 2, kvHeads: 1, headDim: 32, mask: .full, window: 7, sequences: some),
        .init(heads: 2, kvHeads: 1, headDim: 32, mask: .tree(words: 1), sequences: trees),
        .init(
          heads: 2, kvHeads: 1, headDim: 32, window: 5, sinkKeys: 2, hasSlopes: true, hasSinks: true, sequences: some),
      ])

    static let sizes: [Problem] = Grid.values(
      [
        .init(heads: 4, kvHeads: 2, headDim: 80, sequences: some),
        .init(heads: 4, kvHeads: 2, headDim: 112, keys: .f16, sequences: few),
        .init(heads: 4, kvHeads: 4, headDim: 192, valueDim: 128, sequences: few),
        .init(heads: 4, kvHeads: 4, headDim: 192, valueDim: 128, keys: .q8_0, sequences: few),
        .init(heads: 5, kvHeads: 1, headDim: 64, sequences: some),
        .init(heads: 14, kvHeads: 2, headDim: 64, sequences: few),
        .init(heads: 17, kvHeads: 1, headDim: 32, sequences: few),
        .init(heads: 20, kvHeads: 1, headDim: 576, valueDim: 512, sharesValues: true, sequences: few),
        .init(heads: 16, kvHeads: 1, headDim: 576, valueDim: 512, keys: .q8_0, sharesValues: true, sequences: few),
        .init(heads: 3, kvHeads: 1, headDim: 64, valueDim: 32, keys: .q4_0, sharesValues: true, sequences: few),
        .init(heads: 4, kvHeads: 2, headDim: 64, blockSize: 256, keys: .q8_0, sequences: some),
        .init(heads: 4, kvHeads: 2, headDim: 96, blockSize: 32, keys: .q4_0, sequences: some),
        .init(heads: 4, kvHeads: 1, headDim: 512, sequences: few),
      ],
      small: [
        .init(heads: 3, kvHeads: 1, headDim: 48, sequences: some),
        .init(heads: 2, kvHeads: 1, headDim: 64, valueDim: 32, keys: .q8_0, sequences: some),
        .init(heads: 2, kvHeads: 1, headDim: 32, keys: .q4_0, sequences: some),
        .init(heads: 5, kvHeads: 1, headDim: 64, valueDim: 32, sharesValues: true, sequences: some),
      ])

    @Test("every form gives the reference's result and log-sum-exp", arguments: Target.all)
    func reference(target: Target) throws {
      let bench = try target.bench()
      for problem in Self.masks + Self.sizes {
        let (expected, magnitude, logSums) = try problem.reference()
        let result = try problem.runWithSums(on: bench)
        let error = worstError(result.out, expected, relativeTo: magnitude)
        #expect(error <= Self.tolerance, "\(problem): \(error)")
        let ones = [Float](repeating: 1, count: logSums.count)
        let sumError = worstError(result.logSums, logSums, relativeTo: ones)
        #expect(sumError <= Self.tolerance, "\(problem), log Σ: \(sumError)")
      }
    }

    @Test(
      "a row has the same bits in a prompt, one by one, with its keys split, in other blocks and alone",
      arguments: Target.all)
    func sameBitsAnyway(target: Target) throws {
      let bench = try target.bench()
      for problem in Self.masks + Self.sizes {
        let prompt = try problem.runWithSums(on: bench)
        #expect(
          sameBits(try problem.runWithSums(isOneByOne: true, on: bench).out, prompt.out), "\(problem), one by one")
        for splits in [2, 5] {
          let split = try problem.runWithSums(isOneByOne: splits == 2, splits: splits, on: bench)
          #expect(sameBits(split.out, prompt.out), "\(problem), \(splits) splits")
          #expect(sameBits(split.logSums, prompt.logSums), "\(problem), log Σ of \(splits) splits")
        }
        let stored = problem.stored(blockSize: problem.cache.blockSize == 48 ? 16 : 48)
        #expect(sameBits(try stored.runWithSums(on: bench).out, prompt.out), "\(problem), blocks of 48")
        #expect(
          sameBits(try problem.alone.flatMap { try $0.runWithSums(on: bench).out }, prompt.out), "\(problem), alone")
      }
    }

    @Test("both styles give the same bits in every form", arguments: TestDevices.all)
    func styles(device: TestDevice) throws {
      for problem in Self.masks + Self.sizes {
        let results = try KernelStyle.allCases.map {
          try problem.runWithSums(on: Target(device: device, style: $0).bench())
        }
        #expect(sameBits(results[0].out, results[1].out), "\(problem)")
        #expect(sameBits(results[0].logSums, results[1].logSums), "\(problem)")
      }
    }

    @Test("a quantized cache gives the bits of a float cache of the same numbers", arguments: Target.all)
    func dequantized(target: Target) throws {
      let bench = try target.bench()
      for problem in (Self.masks + Self.sizes) where problem.cache.keys != .f32 || problem.cache.values != .f32 {
        let floats = problem.stored(blockSize: 16, asFloats: true)
        #expect(sameBits(try problem.runWithSums(on: bench).out, try floats.runWithSums(on: bench).out), "\(problem)")
      }
    }

    @Test("rounding the cache moves a result by no more than its type's share", arguments: Target.all)
    func roundedCaches(target: Target) throws {
      let bench = try target.bench()
      // Root mean square, of the result's. Keys are uniform in ±2, queries in ±3: an element of a key is off by 0.29 steps
      // of 2/2048, 2/127 or 2/8, a score by 1.7 times that, and so much is its weight off, relatively.
      for (element, bound) in [(KVEncoding.f16, 1e-3), (.q8_0, 2e-2), (.q4_0, 0.3)] {
        let problem = Problem(heads: 4, kvHeads: 2, headDim: 64, keys: element, sequences: Self.some)
        let (exact, _, _) = try problem.reference(isRounded: false)
        let errors = zip(try problem.runWithSums(on: bench).out, exact).map { Double($0 - $1) }
        let error = (sumOfSquares(errors) / sumOfSquares(exact.map(Double.init))).squareRoot()
        #expect(error <= bound && error > bound / 30, "\(element): \(error)")
      }
    }

    private func sumOfSquares(_ x: [Double]) -> Double { x.reduce(0) { $0 + $1 * $1 } }

    @Test("attentions over parts of the keys merge to the attention over all", arguments: Target.all)
    func merge(target: Target) throws {
      let bench = try target.bench()
      let (heads, size, count) = (4, 32, Grid.isSmall ? 20 : 90)
      let whole = Problem(heads: heads, kvHeads: heads, headDim: size, sequences: [.init(history: count - 1, count: 1)])
      let (expected, magnitude, logSums) = try whole.reference()
      // The first keys are a window's sinks, the others its window.
      let parts = try [(nil, count / 3), (count - count / 3, count)].map { window, keys in
        try whole.part(window: window, keyCount: keys).runWithSums(on: bench)
      }
      let attention = FlashAttention(bench.library, tiles: try bench.plan(headDim: size).attention)
      let (out, sums) = (try bench.output(heads * size), try bench.output(heads))
      try attention.enqueueMerge(
        results: bench.buffer(parts.flatMap(\.out)), logSums: bench.buffer(parts.flatMap(\.logSums)), parts: 2,
        rows: heads, valueDim: size, into: out, outLogSums: sums, on: bench.queue)
      // Rows are read in vectors of 16.
      #expect(throws: OperatorError.self) {
        try attention.enqueueMerge(
          results: out, logSums: sums, parts: 1, rows: heads, valueDim: 24, into: out, outLogSums: sums,
          on: bench.queue)
      }
      #expect(worstError(try bench.floats(out), expected, relativeTo: magnitude) <= Self.tolerance)
      #expect(
        worstError(try bench.floats(sums), logSums, relativeTo: [Float](repeating: 1, count: heads)) <= Self.tolerance)
    }

    @Test("forms that the kernels do not have are refused")
    func refusals() throws {
      let bench = try #require(Target.all.first).bench()
      let any = try bench.output(16)
      typealias Shape = FlashAttention.Shape
      let cases: [(Shape, CacheGeometry, FlashAttention.Extras, FlashAttention.Split?)] = [
        (
          Shape(headCount: 2, window: 0, scale: 1), .init(kvHeadCount: 1, headDim: 64, blockCount: 1, blockSize: 16),
          .init(), nil
        ),
        (
          Shape(headCount: 2, sinkKeys: -1, scale: 1), .init(kvHeadCount: 1, headDim: 64, blockCount: 1, blockSize: 16),
          .init(), nil
        ),
        (Shape(headCount: 2, scale: 1), .init(kvHeadCount: 1, headDim: 64, blockCount: 0, blockSize: 16), .init(), nil),
        (
          Shape(headCount: 2, mask: .tree(words: 2), scale: 1),
          .init(kvHeadCount: 1, headDim: 64, blockCount: 1, blockSize: 16),
          .init(), nil
        ),
        (
          Shape(headCount: 2, mask: .tree(words: 2), window: 63, scale: 1),
          .init(kvHeadCount: 1, headDim: 64, blockCount: 1, blockSize: 16), .init(treeMasks: any), nil
        ),
        (
          Shape(headCount: 2, mask: .tree(words: 1), scale: 1),
          .init(kvHeadCount: 1, headDim: 64, blockCount: 1, blockSize: 16),
          .init(treeMasks: any, slopes: any), nil
        ),
        (
          Shape(headCount: 2, scale: 1),
          .init(kvHeadCount: 1, headDim: 64, valueDim: 96, blockCount: 1, blockSize: 16, sharesValues: true), .init(),
          nil
        ),
        (
          Shape(headCount: 2, scale: 1), .init(kvHeadCount: 1, headDim: 64, blockCount: 1, blockSize: 16), .init(),
          .init(count: 2, tokens: 0, longest: 300, partials: any)
        ),
      ]
      for (shape, cache, extras, split) in cases {
        #expect(throws: OperatorError.self, "\(shape) \(cache)") {
          try FlashAttention(bench.library, tiles: bench.plan().attention).enqueue(
            q: any, qStride: 64, keys: any, values: any, tables: any, tiles: any, tileCount: 1, tileRows: 1,
            positions: any, into: any, shape: shape, cache: cache, extras: extras, split: split, on: bench.queue)
        }
      }
    }
  }
}
