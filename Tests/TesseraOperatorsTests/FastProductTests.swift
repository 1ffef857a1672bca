import TesseraCL
import TesseraMemory
import TesseraReference
import TesseraWorkbench
import TestSupport
import Testing

@testable import TesseraOperators

extension OperatorsOnDevices {
  @Suite("Products with activations of 8 bits")
  @MainActor struct FastProductTests {
    /// Of Σ|x||w|, beside the reference's product of the activations as they are rounded.
    static let tolerance = 1e-6
    /// As of exact products: every tile for some formats.
    static func tokenCounts(_ format: WeightFormat) -> [Int] {
      Grid.values([.q4_1, .q6_K].contains(format) ? [1, 2, 7, 8, 12, 13, 49] : [1, 12, 49], small: [1, 2])
    }
    static let formats: [WeightFormat] = [.q4_0, .q4_1, .q5_0, .q5_1, .q8_0, .q4_K, .q5_K, .q6_K]

    /// The sums of integers that a device has in a style.
    private func dots(_ bench: Bench) throws -> [IntegerDot] {
      let profile = bench.queue.context.device.profile
      var dots = [IntegerDot.plain]
      if profile.integerDotProduct { dots.append(.khronos) }
      if let capability = profile.computeCapability, !capability.lexicographicallyPrecedes([6, 1]) {
        dots.append(.dp4a)
      }
      if bench.library.style == .vector, let best = try IntegerDot.bestX86(bench.library) {
        dots += best == .x86VNNI ? [.x86, .x86VNNI] : [best]
      }
      return dots
    }

    private func fast(_ bench: Bench, _ dot: IntegerDot) throws -> FastProduct {
      try #require(
        try FastProduct(bench.library, tiles: try bench.plan().matrix, dot: dot))
    }

    private func rounded(_ problem: ProductProblem) throws -> ProductProblem {
      var rounded = problem
      rounded.x = try ReferenceQuantizedActivations.rounded(problem.x)
      return rounded
    }

    @Test(
      "every format's products are the reference's of rounded activations, and a token's do not depend on its batch",
      arguments: Target.all)
    func formats(target: Target) throws {
      let bench = try target.bench()
      // Intel's driver takes a minute over all words of a tile of scalar dot products.
      let dots = try dots(bench).filter { $0 != .khronos || target.style == .simt }
      for format in Self.formats {
        let longest = Self.tokenCounts(format).max() ?? 1
        for columns in Grid.values([256, 512], small: [256]) {
          let problem = try ProductProblem(format, rows: 96, columns: columns, tokens: longest)
          for rows in Grid.values([31, 96], small: [31]) {
            let weights = try problem.matrix(rows: rows, on: bench)
            let (expected, magnitude) = try rounded(problem).reference(rows: rows)
            for dot in dots {
              let fast = try fast(bench, dot)
              guard fast.serves(format) else { continue }
              let batch = try problem.product(weights, fast: fast, on: bench)
              let error = worstError(batch, expected, relativeTo: magnitude)
              #expect(error <= Self.tolerance, "\(format.name) \(rows) × \(columns), \(dot): \(error)")
              for tokens in Self.tokenCounts(format) {
                let some = try problem.product(weights, tokens: 0..<tokens, fast: fast, on: bench)
                #expect(
                  sameBits(some, Array(batch[..<(tokens * rows)])),
                  "\(format.name) \(rows) × \(columns), \(dot), \(tokens) tokens of \(longest)")
              }
              let alone = try problem.product(weights, tokens: longest - 1..<longest, fast: fast, on: bench)
              #expect(
                sameBits(alone, Array(batch[(longest - 1) * rows..<longest * rows])),
                "\(format.name) \(rows) × \(columns), \(dot), the last token alone")
            }
          }
        }
      }
    }

    @Test("both styles and all sums of integers give the same bits", arguments: TestDevices.all)
    func styles(device: TestDevice) throws {
      let (rows, columns, tokens) = Grid.isSmall ? (17, 256, 2) : (47, 512, 13)
      for format in Self.formats {
        let problem = try ProductProblem(format, rows: rows, columns: columns, tokens: tokens)
        var results: [(what: String, bits: [Float])] = []
        for style in KernelStyle.allCases {
          let bench = try Target(device: device, style: style).bench()
          let weights = try problem.matrix(rows: rows, on: bench)
          for dot in try dots(bench) where dot != .khronos || style == .simt {
            let fast = try fast(bench, dot)
            guard fast.serves(format) else { continue }
            results.append(("\(dot), \(style)", try problem.product(weights, fast: fast, on: bench)))
          }
        }
        for result in results.dropFirst() {
          #expect(sameBits(result.bits, results[0].bits), "\(format.name): \(result.what)")
        }
      }
    }

    @Test(
      "many tokens by products of small matrices have the bits of plain sums", arguments: TestDevices.all)
    func tensor(device: TestDevice) throws {
      let bench = try Target(device: device, style: .simt).bench()
      let plain = try fast(bench, .plain)
      let dots = try bench.tensorDots()
      for format in Grid.values(Self.formats, small: [.q4_0, .q5_1, .q6_K]) {
        // Of one block of 32 at a time, and of two; in the last panel half a group of rows; in two tiles of tokens.
        let columns = [.q4_K, .q5_K, .q6_K].contains(format) ? 256 : 96
        for (rows, columns, tokens) in Grid.values([(73, columns, 67), (64, 512, 17)], small: [(73, columns, 67)]) {
          let problem = try ProductProblem(format, rows: 96, columns: columns, tokens: tokens)
          let weights = try problem.matrix(rows: rows, on: bench)
          let expected = try problem.product(weights, fast: plain, on: bench)
          for dot in dots {
            let result = try problem.product(weights, fast: try fast(bench, dot), on: bench)
            #expect(sameBits(result, expected), "\(format.name) \(rows) × \(columns), \(tokens) tokens, \(dot)")
          }
        }
      }
      // What follows the sums.
      let problem = try ProductProblem(.q4_0, rows: 96, columns: 96, tokens: 67)
      let weights = try problem.matrix(rows: 96, on: bench)
      var generator = SeededGenerator(seed: 9)
      let (bias, residual) = (try bench.buffer(generator.floats(96)), try bench.buffer(generator.floats(67 * 96)))
      for dot in dots {
        let tensor = try fast(bench, dot)
        for epilogue in [MatrixProduct.Epilogue(bias: bias, residual: residual), .init(gate: .silu)] {
          let outputs = epilogue.isGated ? 48 : 96
          #expect(
            sameBits(
              try problem.product(weights, outputs: outputs, epilogue: epilogue, fast: tensor, on: bench),
              try problem.product(weights, outputs: outputs, epilogue: epilogue, fast: plain, on: bench)), "\(dot)")
        }
      }
    }

    @Test(
      "weights of 16 bits meet rounded activations, any number of tokens with the same bits", arguments: TestDevices.all
    )
    func halves(device: TestDevice) throws {
      let bench = try Target(device: device, style: .simt).bench()
      let dots = try bench.tensorDots()
      for (format, tolerance) in [(WeightFormat.f16, 5e-4), (.bf16, 4e-3)] {
        let (rows, tokens) = (73, 67)
        var problem = try ProductProblem(format, rows: 96, columns: 96, tokens: tokens)
        // Beyond what halves reach.
        for column in 0..<96 { problem.x[96 + column] *= 1e6 }
        let weights = try problem.matrix(rows: rows, on: bench)
        let (expected, magnitude) = try problem.reference(rows: rows)
        for dot in dots {
          let fast = try fast(bench, dot)
          #expect(fast.serves(format))
          let batch = try problem.product(weights, fast: fast, on: bench)
          let error = worstError(batch, expected, relativeTo: magnitude)
          #expect(error <= tolerance, "\(format.name), \(dot): \(error)")
          for range in [0..<1, 1..<2, 0..<16, 3..<20] {
            #expect(
              sameBits(
                try problem.product(weights, tokens: range, fast: fast, on: bench),
                Array(batch[range.lowerBound * rows..<range.upperBound * rows])), "\(format.name), \(dot), \(range)")
          }
        }
      }
    }

    @Test(
      "products of small matrices, and what feeds them, are what the emulation makes them", arguments: TestDevices.all)
    func probe(device: TestDevice) throws {
      let bench = try Target(device: device, style: .simt).bench()
      let answers = try IntegerDot.probe(bench.library, defines: [.init("EMULATED", 1)])
      #expect(answers == [UInt32](repeating: 3, count: 32))
      if try IntegerDot.best(bench.library) == .tensor { #expect(try IntegerDot.hasTensor(bench.library)) }
    }

    @Test("bias, residual and gate follow as after exact products", arguments: Target.all)
    func epilogues(target: Target) throws {
      let bench = try target.bench()
      let fast = try fast(bench, dots(bench).last ?? .plain)
      for format in Grid.values([WeightFormat.q4_1, .q6_K], small: [.q4_1]) {
        for tokens in Grid.values([1, 14], small: [2]) {
          let problem = try ProductProblem(format, rows: 96, columns: 256, tokens: tokens)
          let weights = try problem.matrix(rows: 96, on: bench)
          var generator = SeededGenerator(seed: 9)
          let (bias, residual) = (generator.floats(96), generator.floats(tokens * 96))
          let plain = try problem.product(weights, fast: fast, on: bench)
          let both = try problem.product(
            weights, epilogue: .init(bias: bench.buffer(bias), residual: bench.buffer(residual)), fast: fast, on: bench)
          #expect(sameBits(both, plain.indices.map { plain[$0] + bias[$0 % 96] + residual[$0] }), "\(format.name)")
          let gated = try problem.product(weights, outputs: 48, epilogue: .init(gate: .silu), fast: fast, on: bench)
          var worst = 0.0
          for i in gated.indices {
            let gate = i / 48 * 96 + i % 48 / 16 * 32 + i % 16
            let expected = ReferenceGatedActivation.swiGLU.activation(Double(plain[gate])) * Double(plain[gate + 16])
            worst = max(worst, abs(Double(gated[i]) - expected) / max(abs(expected), 1e-6))
          }
          #expect(worst <= 1e-5, "\(format.name)")
        }
      }
    }

    @Test(
      "blocks of zeros, of huge and of tiny activations are rounded; a NaN and an infinity show", arguments: Target.all)
    func extremes(target: Target) throws {
      let bench = try target.bench()
      let fast = try fast(bench, dots(bench).last ?? .plain)
      var problem = try ProductProblem(.q4_0, rows: 32, columns: 64, tokens: 5)
      let weights = try problem.matrix(rows: 32, on: bench)
      for i in 0..<64 {
        problem.x[i] = 0
        problem.x[64 + i] *= i < 32 ? 1e30 : 1e-30
      }
      problem.x[3 * 64 + 7] = .nan
      problem.x[4 * 64 + 40] = .infinity
      let y = try problem.product(weights, fast: fast, on: bench)
      #expect(y[..<32].allSatisfy { $0 == 0 })
      let (expected, magnitude) = try rounded(problem).reference(rows: 32)
      let finite = 32..<3 * 32
      #expect(
        worstError(Array(y[finite]), Array(expected[finite]), relativeTo: Array(magnitude[finite])) <= Self.tolerance)
      #expect(y[(3 * 32)...].allSatisfy { !$0.isFinite })
    }

    @Test("formats without integers keep the exact product's bits")
    func others() throws {
      let bench = try #require(Target.all.first).bench()
      let fast = try fast(bench, .plain)
      let others = WeightFormat.allCases.filter { !Self.formats.contains($0) }
      for format in Grid.values(others, small: [.f16]) {
        #expect(!fast.serves(format))
        let problem = try ProductProblem(format, rows: 32, columns: 256, tokens: 3)
        let weights = try problem.matrix(rows: 32, on: bench)
        let exact = try problem.product(weights, on: bench)
        #expect(sameBits(try problem.product(weights, fast: fast, on: bench), exact))
      }
    }
  }
}
