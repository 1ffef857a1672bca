import TesseraCL
import TesseraMemory
import TesseraReference
import TesseraWorkbench
import TestSupport
import Testing

@testable import TesseraOperators

extension OperatorsOnDevices {
  /// `Kernels/matmul/tiles.simt.cl`.
  @Suite("Products of many tokens in the simt style")
  @MainActor struct WideProductTests {
    private func bench(_ device: TestDevice, _ style: KernelStyle) throws -> Bench {
      try Target(device: device, style: style).bench()
    }

    /// A tile for any device: few tokens' tiles are otherwise chosen where there are many units.
    private func tuning(
      _ format: WeightFormat, tokens: Int, rows: Int = 64, items: Int = 4,
      sourceLocation: SourceLocation = #_sourceLocation
    ) -> Tuning {
      var tuning = Tuning()
      let values = ["TILE_M": tokens, "TILE_ROWS": rows, "ITEM_TOKENS": items]
      let isTaken = tuning.choose(values, for: Tuning.wide(format.tuningClass), style: .simt)
      #expect(isTaken, sourceLocation: sourceLocation)
      return tuning
    }

    @Test("have the bits of the vector style, in whole tiles and in parts", arguments: TestDevices.all)
    func bits(device: TestDevice) throws {
      // A block of 16 or 32, one of a set of scales or alone, with a minimum or without, none; quants beside the scales.
      let formats = Grid.values(
        [WeightFormat.q4_0, .q5_K, .q6_K, .q2_K, .f16, .f32, .iq3_S, .iq1_M, .tq1_0], small: [.q4_0, .q6_K])
      for format in formats {
        let problem = try ProductProblem(format, rows: 150, columns: 512, tokens: 130)
        let vector = try bench(device, .vector)
        let expected = try problem.product(problem.matrix(rows: 150, on: vector), on: vector)
        let simt = try bench(device, .simt)
        let weights = try problem.matrix(rows: 150, on: simt)
        for tokens in [32, 40, 64, 100, 130] {
          let tuning = tuning(format, tokens: tokens < 64 ? 32 : 64)
          let some = try problem.product(weights, tokens: 0..<tokens, tuning: tuning, on: simt)
          #expect(sameBits(some, Array(expected[..<(tokens * 150)])), "\(format.name), \(tokens) tokens")
        }
        #expect(simt.library.variants.contains { $0.file == "matmul/tiles.simt.cl" })
      }
    }

    @Test("have the same bits in tiles of every shape", arguments: TestDevices.all)
    func tiles(device: TestDevice) throws {
      let problem = try ProductProblem(.q4_K, rows: 72, columns: 256, tokens: 140)
      let vector = try bench(device, .vector)
      let expected = try problem.product(problem.matrix(rows: 72, on: vector), on: vector)
      let simt = try bench(device, .simt)
      let weights = try problem.matrix(rows: 72, on: simt)
      for (tokens, rows, items) in Grid.values(
        [(64, 128, 4), (64, 128, 8), (128, 128, 8), (128, 64, 4), (64, 64, 8), (32, 128, 4)], small: [(128, 64, 8)])
      {
        let tuning = tuning(.q4_K, tokens: tokens, rows: rows, items: items)
        let y = try problem.product(weights, tuning: tuning, on: simt)
        #expect(sameBits(y, expected), "\(tokens) × \(rows), \(items) an item")
      }
    }

    @Test("have the vector style's bits after biases, gates and residuals", arguments: TestDevices.all)
    func epilogues(device: TestDevice) throws {
      for isGated in [false, true] {
        let (rows, tokens) = (isGated ? 96 : 77, 45)
        let problem = try ProductProblem(.q8_0, rows: rows, columns: 64, tokens: tokens)
        var generator = SeededGenerator(seed: 5)
        let (bias, residual) = (generator.floats((rows + 15) / 16 * 16), generator.floats(tokens * rows))
        let outputs = isGated ? rows / 2 : rows
        let results = try KernelStyle.allCases.map { style in
          let bench = try bench(device, style)
          let epilogue = try MatrixProduct.Epilogue(
            bias: bench.buffer(bias), activation: isGated ? nil : .geluErf, scale: 0.5,
            residual: bench.buffer(residual), gate: isGated ? .silu : nil)
          return try problem.product(
            problem.matrix(rows: rows, on: bench), outputs: outputs, epilogue: epilogue,
            tuning: tuning(.q8_0, tokens: 32), on: bench)
        }
        #expect(sameBits(results[0], results[1]), "gated: \(isGated)")
      }
    }

    @Test("have the vector style's bits of tiny and of huge activations", arguments: TestDevices.all)
    func magnitudes(device: TestDevice) throws {
      for factor in [Float(0x1p-140), 0x1p90] {
        var problem = try ProductProblem(.q4_0, rows: 16, columns: 256, tokens: 33)
        problem.x = problem.x.map { $0 * factor }
        let results = try KernelStyle.allCases.map { style in
          let bench = try bench(device, style)
          return try problem.product(
            problem.matrix(rows: 16, on: bench), tuning: tuning(.q4_0, tokens: 32), on: bench)
        }
        #expect(!results[0].contains { !$0.isFinite } && sameBits(results[0], results[1]), "\(factor)")
      }
    }
  }
}
