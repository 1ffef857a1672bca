import TesseraCL
import TesseraMemory
import TesseraReference
import TesseraWorkbench
import TestSupport
import Testing

@testable import TesseraOperators

extension OperatorsOnDevices {
  @Suite("What follows a product's sums")
  @MainActor struct ProductEpilogueTests {
    /// Of the sums' own magnitude: what the epilogue's rounding adds.
    static let tolerance = 2e-6

    struct Case: CustomStringConvertible {
      var hasBias = false
      var activation: Activation.Function?
      var isGated = false
      var scale: Float = 1
      var hasResidual = false

      var description: String {
        "bias \(hasBias), \(activation.map { "\($0)" } ?? "no activation"), gated \(isGated), scale \(scale), residual "
          + "\(hasResidual)"
      }
    }

    static let cases: [Case] =
      Activation.Function.allCases.map { Case(hasBias: true, activation: $0, hasResidual: true) }
      + [
        Case(scale: 0.25), Case(hasBias: true, scale: -3, hasResidual: true), Case(activation: .relu, scale: 2),
        Case(hasBias: true, activation: .geluErf, isGated: true),
        Case(hasBias: true, activation: .silu, isGated: true, scale: 0.5, hasResidual: true),
        Case(hasBias: true, activation: .clampedQuickGelu, isGated: true),
      ]

    /// Each function is a kernel to be compiled, on Intel's driver for up to two minutes where its tile has eight tokens: in a small
    /// pass all are tried with one token, and of more that which has every part.
    private static func cases(_ tokens: Int) -> [Case] {
      Grid.isSmall && tokens > 1
        ? [Case(hasBias: true, activation: .silu, isGated: true, scale: 0.5, hasResidual: true)] : cases
    }

    /// bias, then activation or gate, then scale, then residual.
    private func expected(_ a: Case, _ sums: [Float], rows: Int, bias: [Float], residual: [Float]) throws -> [Float] {
      let outputs = a.isGated ? rows / 2 : rows
      let function = try a.activation?.reference
      return (0..<sums.count / rows * outputs).map { i in
        let (token, row) = (i / outputs, i % outputs)
        func sum(_ row: Int) -> Double { Double(sums[token * rows + row]) + (a.hasBias ? Double(bias[row]) : 0) }
        var y: Double
        if a.isGated, let function {
          // Groups of 16 gates and of 16 ups alternate.
          let gate = row / 16 * 32 + row % 16
          y = function.gated(sum(gate), sum(gate + 16))
        } else {
          y = function.map { $0(sum(row)) } ?? sum(row)
        }
        y *= Double(a.scale)
        return Float(y + (a.hasResidual ? Double(residual[i]) : 0))
      }
    }

    @Test("bias, activation or gate, scale and residual follow in this order", arguments: Target.all)
    func order(target: Target) throws {
      let bench = try target.bench()
      for format in [WeightFormat.q8_0, .q4_0, .f16] {
        let units = format == .f16 ? MatrixUnits.emulated(on: bench, localBytes: 96 << 10) : nil
        let fast =
          format == .q8_0
          ? nil : try FastProduct(bench.library, tiles: bench.plan().matrix, dot: .plain, units: units)
        for tokens in Grid.values([1, 5, 14], small: [1, 5]) {
          for a in Self.cases(tokens) {
            let rows = a.isGated ? 64 : 47
            let problem = try ProductProblem(format, rows: rows, columns: 64, tokens: tokens)
            let weights = try problem.matrix(rows: rows, on: bench)
            var generator = SeededGenerator(seed: 4)
            let bias = generator.floats((rows + 15) / 16 * 16)
            let outputs = a.isGated ? rows / 2 : rows
            let residual = generator.floats(tokens * outputs)
            // From the sums as they are: what is tested is what follows.
            let sums = try problem.product(weights, fast: fast, on: bench)
            let y = try problem.product(
              weights, outputs: outputs,
              epilogue: .init(
                bias: a.hasBias ? bench.buffer(bias) : nil, activation: a.isGated ? nil : a.activation, scale: a.scale,
                residual: a.hasResidual ? bench.buffer(residual) : nil, gate: a.isGated ? a.activation : nil),
              fast: fast, on: bench)
            let expected = try expected(a, sums, rows: rows, bias: bias, residual: residual)
            let largest = sums.reduce(1) { max($0, abs($1) + 1) }
            let isSquare = a.isGated || a.activation == .reluSquared
            let magnitude = [Float](
              repeating: max(1, abs(a.scale)) * (isSquare ? largest * largest : largest), count: y.count)
            let error = worstError(y, expected, relativeTo: magnitude)
            #expect(error <= Self.tolerance, "\(format.name), \(tokens) tokens, \(a): \(error)")
          }
        }
      }
    }

    @Test("both styles give the same bits", arguments: TestDevices.all)
    func styles(device: TestDevice) throws {
      for tokens in Grid.values([5], small: [1, 5]) {
        let problem = try ProductProblem(.q8_0, rows: 64, columns: 64, tokens: tokens)
        for a in Self.cases(tokens) {
          let results = try KernelStyle.allCases.map { style in
            let bench = try Target(device: device, style: style).bench()
            var generator = SeededGenerator(seed: 4)
            return try problem.product(
              problem.matrix(rows: 64, on: bench), outputs: a.isGated ? 32 : 64,
              epilogue: .init(
                bias: bench.buffer(generator.floats(64)), activation: a.isGated ? nil : a.activation, scale: a.scale,
                gate: a.isGated ? a.activation : nil), on: bench)
          }
          #expect(sameBits(results[0], results[1]), "\(tokens) tokens, \(a)")
        }
      }
    }
  }
}
