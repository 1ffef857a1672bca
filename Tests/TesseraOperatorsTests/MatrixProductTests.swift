import TesseraCL
import TesseraMemory
import TesseraReference
import TesseraWorkbench
import TestSupport
import Testing

@testable import TesseraOperators

extension OperatorsOnDevices {
  @Suite("Matrix products")
  @MainActor struct MatrixProductTests {
    /// Of Σ|x||w|: sums in float32 of up to 512 terms, in blocks of 32.
    static let tolerance = 1e-6
    /// One format of each way to unpack.
    static let examples: [WeightFormat] = [.f16, .q8_0, .q4_1, .q5_K, .q6_K, .q2_K, .iq4_NL, .iq2_XS, .tq1_0]

    /// Every tile, whole and in part, for the examples; for the others the least and the largest tile, or the least
    /// alone: each is a kernel to be compiled.
    static func tokenCounts(_ format: WeightFormat) -> [Int] {
      let isExample = examples.contains(format)
      return Grid.values(isExample ? [1, 2, 7, 8, 12, 13, 49] : [1, 12, 49], small: isExample ? [1, 2] : [1])
    }

    @Test(
      "every format's products are the reference's, and a token's do not depend on its batch", arguments: Target.all)
    func formats(target: Target) throws {
      let bench = try target.bench()
      for format in WeightFormat.allCases {
        let longest = Self.tokenCounts(format).max() ?? 1
        for columns in Grid.values([256, 512], small: [256]) {
          let problem = try ProductProblem(format, rows: 96, columns: columns, tokens: longest)
          for rows in Grid.values([16, 31, 48, 96], small: [31]) {
            let weights = try problem.matrix(rows: rows, on: bench)
            let (expected, magnitude) = try problem.reference(rows: rows)
            let batch = try problem.product(weights, on: bench)
            let error = worstError(batch, expected, relativeTo: magnitude)
            #expect(error <= Self.tolerance, "\(format.name) \(rows) × \(columns): \(error)")
            for tokens in Self.tokenCounts(format) {
              let some = try problem.product(weights, tokens: 0..<tokens, on: bench)
              #expect(
                sameBits(some, Array(batch[..<(tokens * rows)])),
                "\(format.name) \(rows) × \(columns), \(tokens) tokens of \(longest)")
            }
            for token in Set([longest / 2, longest - 1]) {
              let alone = try problem.product(weights, tokens: token..<token + 1, on: bench)
              #expect(
                sameBits(alone, Array(batch[token * rows..<(token + 1) * rows])),
                "\(format.name) \(rows) × \(columns), token \(token) alone")
            }
          }
        }
      }
    }

    @Test("both styles give the same bits", arguments: TestDevices.all)
    func styles(device: TestDevice) throws {
      let (rows, columns, tokens) = Grid.isSmall ? (17, 256, 2) : (47, 512, 13)
      for format in Grid.values(WeightFormat.allCases, small: Self.examples) {
        let problem = try ProductProblem(format, rows: rows, columns: columns, tokens: tokens)
        let results = try KernelStyle.allCases.map { style in
          let bench = try Target(device: device, style: style).bench()
          let weights = try problem.matrix(rows: rows, on: bench)
          return try problem.product(weights, on: bench) + problem.product(weights, tokens: 1..<2, on: bench)
        }
        #expect(sameBits(results[0], results[1]), "\(format.name)")
      }
    }

    /// Beside up to 16 tokens, where simt work-groups share rows, and one more.
    @Test("any number of tokens gives the vector style's bits, gated ones too", arguments: TestDevices.all)
    func fewTokens(device: TestDevice) throws {
      for (format, columns) in Grid.values([(WeightFormat.q4_1, 160), (.q6_K, 768), (.q5_0, 96)], small: [(.q5_0, 96)])
      {
        let problem = try ProductProblem(format, rows: 96, columns: columns, tokens: 17)
        let benches = try KernelStyle.allCases.map { try Target(device: device, style: $0).bench() }
        for tokens in 1...17 {
          let results = try benches.map { bench in
            let weights = try problem.matrix(rows: 96, on: bench)
            return try problem.product(weights, tokens: 0..<tokens, on: bench)
              + problem.product(weights, tokens: 0..<tokens, outputs: 48, epilogue: .init(gate: .silu), on: bench)
          }
          #expect(sameBits(results[0], results[1]), "\(format.name), \(tokens) tokens")
        }
      }
    }

    /// The vector style multiplies activations by powers of two: nothing may underflow or overflow by it.
    @Test("both styles give the same bits of tiny and of huge activations", arguments: TestDevices.all)
    func magnitudes(device: TestDevice) throws {
      for format in Grid.values(Self.examples, small: [.q4_1]) {
        for factor in [Float(0x1p-140), 0x1p-120, 0x1p90] {
          var problem = try ProductProblem(format, rows: 16, columns: 256, tokens: 2)
          problem.x = problem.x.map { $0 * factor }
          let results = try KernelStyle.allCases.map { style in
            let bench = try Target(device: device, style: style).bench()
            let weights = try problem.matrix(rows: 16, on: bench)
            return try problem.product(weights, on: bench) + problem.product(weights, tokens: 1..<2, on: bench)
          }
          #expect(!results[0].contains { !$0.isFinite }, "\(format.name) × \(factor)")
          #expect(sameBits(results[0], results[1]), "\(format.name) × \(factor)")
        }
      }
    }

    @Test("a matrix of many rows is the reference's, however its groups are shared out", arguments: Target.all)
    func manyRows(target: Target) throws {
      let bench = try target.bench()
      for format in Grid.values([WeightFormat.q4_1, .q6_K], small: []) {
        let problem = try ProductProblem(format, rows: 4113, columns: 256, tokens: 2)
        let weights = try problem.matrix(rows: 4113, on: bench)
        let (expected, magnitude) = try problem.reference(rows: 4113)
        let pair = try problem.product(weights, on: bench)
        let error = worstError(pair, expected, relativeTo: magnitude)
        #expect(error <= Self.tolerance, "\(format.name): \(error)")
        #expect(
          sameBits(try problem.product(weights, tokens: 1..<2, on: bench), Array(pair[4113...])), "\(format.name)")
      }
    }

    @Test("bias and residual are added to the sums, in place and inside wider rows", arguments: Target.all)
    func epilogues(target: Target) throws {
      let bench = try target.bench()
      let (rows, columns) = (47, 256)
      for format in Grid.values([WeightFormat.q4_0, .q8_0, .q5_K, .bf16], small: [.q4_0]) {
        for tokens in Grid.values([1, 5, 30], small: [1, 13]) {
          let problem = try ProductProblem(format, rows: rows, columns: columns, tokens: tokens)
          let weights = try problem.matrix(rows: rows, on: bench)
          var generator = SeededGenerator(seed: 9)
          let bias = generator.floats(rows)
          // Read in whole groups of rows.
          let padded = bias + [.nan]
          let stride = rows + 5
          let wide = generator.floats(tokens * stride)
          let residual = inside(wide, rows: rows, stride: stride)
          let (plain, magnitude) = try problem.reference(rows: rows)
          let biases = Array([[Float]](repeating: bias, count: tokens).joined())
          let what: Comment = "\(format.name), \(tokens) tokens"

          let biased = try problem.product(weights, epilogue: .init(bias: bench.buffer(padded)), on: bench)
          #expect(
            worstError(biased, sum(plain, biases), relativeTo: sum(magnitude, biases.map(abs))) <= Self.tolerance, what)

          let both = try problem.product(
            weights, epilogue: .init(bias: bench.buffer(padded), residual: bench.buffer(residual)), on: bench)
          let expected = try ReferenceMatrixProduct.product(
            x: problem.x, weights: Array(problem.weights[..<(rows * columns)]), tokenCount: tokens, rowCount: rows,
            columnCount: columns, bias: bias, residual: residual)
          let total = sum(sum(magnitude, biases.map(abs)), residual.map(abs))
          #expect(worstError(both, expected, relativeTo: total) <= Self.tolerance, what)

          // In place: y is the residual, and floats between the rows stay.
          let y = try bench.buffer(wide)
          _ = try problem.product(
            weights, into: y, yStride: stride, epilogue: .init(residual: y), on: bench)
          let written = try bench.floats(y)
          #expect(
            worstError(
              inside(written, rows: rows, stride: stride), sum(plain, residual),
              relativeTo: sum(magnitude, residual.map(abs))) <= Self.tolerance,
            what)
          for token in 0..<tokens {
            let gap = token * stride + rows..<(token + 1) * stride
            #expect(sameBits(Array(written[gap]), Array(wide[gap])), what)
          }
        }
      }
    }

    @Test("gated products are the reference's activation of gates times ups", arguments: Target.all)
    func gates(target: Target) throws {
      let bench = try target.bench()
      for (function, reference) in [
        (Activation.Function.silu, ReferenceGatedActivation.swiGLU), (.geluTanh, .geGLU),
      ] {
        for (format, half) in Grid.values(
          [(WeightFormat.q4_1, 16), (.q8_0, 80), (.q4_K, 48), (.f16, 32), (.q4_1, 2064)], small: [(.q4_1, 16)])
        {
          let problem = try ProductProblem(format, rows: 2 * half, columns: 256, tokens: 14)
          let weights = try problem.matrix(rows: 2 * half, on: bench)
          let (sums, magnitudes) = try problem.reference(rows: 2 * half)
          var expected: [Float] = []
          var magnitude: [Float] = []
          for token in 0..<14 {
            for row in 0..<half {
              let gate = token * 2 * half + row / 16 * 32 + row % 16
              let up = gate + 16
              expected.append(Float(reference.activation(Double(sums[gate])) * Double(sums[up])))
              // Both activations have slopes under 1.2 and are smaller than their argument.
              magnitude.append(
                1.2 * abs(sums[up]) * magnitudes[gate] + abs(sums[gate]) * magnitudes[up] + abs(sums[gate] * sums[up]))
            }
          }
          for tokens in Grid.values([14, 1, 3], small: [2, 1]) {
            let y = try problem.product(
              weights, tokens: 0..<tokens, outputs: half, epilogue: .init(gate: function), on: bench)
            let error = worstError(
              y, Array(expected[..<(tokens * half)]), relativeTo: Array(magnitude[..<(tokens * half)]))
            #expect(error <= Self.tolerance, "\(function) \(format.name) \(half), \(tokens) tokens: \(error)")
          }
        }
      }
    }

    @Test("a norm in a product gives the bits of the norm before it", arguments: Target.all)
    func norms(target: Target) throws {
      let bench = try target.bench()
      for (format, columns, tokens) in Grid.values(
        [(WeightFormat.q4_1, 96, 1), (.q6_K, 512, 2), (.f16, 32, 3), (.q8_0, 416, 16)],
        small: [(.q4_1, 96, 1), (.q8_0, 288, 9)])
      {
        let problem = try ProductProblem(format, rows: 47, columns: columns, tokens: tokens)
        let weights = try problem.matrix(rows: 47, on: bench)
        var generator = SeededGenerator(seed: 3)
        let norm = MatrixProduct.Norm(weight: try bench.buffer(generator.floats(columns)), epsilon: 1e-5)
        let product = MatrixProduct(bench.library, tiles: try bench.plan().matrix)
        let x = try bench.buffer(problem.x)
        let (y, normed) = (try bench.output(tokens * 47), try bench.output(tokens * columns))
        let space = MatrixProduct.Workspace(packed: normed, sums: normed)
        guard product.fusesNorm(tokens: tokens) else {
          #expect(target.style == .vector)
          #expect(throws: OperatorError.self) {
            try product.enqueue(x, weights, into: y, tokens: tokens, norm: norm, workspace: space, on: bench.queue)
          }
          continue
        }
        try product.enqueue(x, weights, into: y, tokens: tokens, norm: norm, workspace: space, on: bench.queue)
        try RMSNorm(bench.library).enqueue(
          x, weight: norm.weight, into: normed, rows: .init(columns: columns), count: tokens, epsilon: norm.epsilon,
          on: bench.queue)
        let expected = try bench.output(tokens * 47)
        try product.enqueue(normed, weights, into: expected, tokens: tokens, workspace: space, on: bench.queue)
        #expect(
          sameBits(try bench.floats(y), try bench.floats(expected)), "\(format.name) × \(columns), \(tokens) tokens")
      }
    }

    @Test("no tokens and gates of odd groups are refused")
    func refusals() throws {
      let bench = try #require(Target.all.first).bench()
      let problem = try ProductProblem(.q8_0, rows: 48, columns: 64, tokens: 5)
      let weights = try problem.matrix(rows: 48, on: bench)
      #expect(throws: OperatorError.self) { try problem.product(weights, tokens: 0..<0, on: bench) }
      #expect(throws: OperatorError.self) {
        try problem.product(weights, outputs: 24, epilogue: .init(gate: .silu), on: bench)
      }
    }

    private func sum(_ a: [Float], _ b: [Float]) -> [Float] { zip(a, b).map { $0 + $1 } }

    /// The first `rows` floats of each row of `stride`.
    private func inside(_ wide: [Float], rows: Int, stride: Int) -> [Float] {
      Swift.stride(from: 0, to: wide.count, by: stride).flatMap { wide[$0..<$0 + rows] }
    }
  }
}
