import TesseraCL
import TesseraMemory
import TesseraReference
import TesseraWorkbench
import TestSupport
import Testing

@testable import TesseraOperators

extension OperatorsOnDevices {
  @Suite("LayerNorm")
  @MainActor struct LayerNormTests {
    /// Of |y| and what is added to it, and of the largest |x − mean|, whose rounding the mean's has part in.
    static let tolerance = 2e-6
    static let columnCounts = Grid.values(
      [1, 15, 16, 17, 64, 255, 256, 257, 768, 1000, 4100, 5003], small: [15, 64, 257, 4100])

    private struct Input {
      var x, weight, bias, residual: [Float]

      init(rows: Int, columns: Int) {
        var generator = SeededGenerator(seed: UInt64(columns))
        // Far from zero, so that a mean that is not taken away shows.
        x = generator.floats(rows * columns, magnitude: 3).map { $0 + 7 }
        (weight, bias) = (generator.floats(columns), generator.floats(columns))
        residual = generator.floats(rows * columns)
      }
    }

    private func run(
      _ input: Input, columns: Int, rows: Int, hasBias: Bool, hasResidual: Bool, inPlace: Bool = false, on bench: Bench
    ) throws -> [Float] {
      let x = try bench.buffer(input.x)
      let y = try inPlace ? x : bench.output(input.x.count)
      try LayerNorm(bench.library).enqueue(
        x, weight: bench.buffer(input.weight), bias: hasBias ? bench.buffer(input.bias) : nil, into: y,
        rows: .init(columns: columns), count: rows, epsilon: 1e-5,
        residual: hasResidual ? bench.buffer(input.residual) : nil, on: bench.queue)
      return try bench.floats(y)
    }

    @Test("rows of every length are the reference's, with and without bias and residual", arguments: Target.all)
    func rows(target: Target) throws {
      let bench = try target.bench()
      for columns in Self.columnCounts {
        let input = Input(rows: 3, columns: columns)
        for (hasBias, hasResidual) in [(false, false), (true, false), (false, true), (true, true)] {
          let expected = try ReferenceLayerNorm.normalize(
            x: input.x, weight: input.weight, bias: hasBias ? input.bias : nil, rowCount: 3, columnCount: columns,
            epsilon: 1e-5, residual: hasResidual ? input.residual : nil)
          let y = try run(input, columns: columns, rows: 3, hasBias: hasBias, hasResidual: hasResidual, on: bench)
          let magnitude = expected.indices.map { i in
            // |x − mean| is at most 6, and 1/√variance about 0.6; a lone column has no variance.
            (columns == 1 ? 0 : 4 * abs(input.weight[i % columns])) + (hasBias ? abs(input.bias[i % columns]) : 0)
              + (hasResidual ? abs(input.residual[i]) : 0)
          }
          let error = worstError(y, expected, relativeTo: magnitude)
          #expect(error <= Self.tolerance, "\(columns) columns, bias \(hasBias), residual \(hasResidual): \(error)")
        }
        let apart = try run(input, columns: columns, rows: 3, hasBias: true, hasResidual: false, on: bench)
        let inPlace = try run(
          input, columns: columns, rows: 3, hasBias: true, hasResidual: false, inPlace: true, on: bench)
        #expect(sameBits(apart, inPlace), "\(columns) columns, in place")
      }
    }

    @Test("both styles give the same bits", arguments: TestDevices.all)
    func styles(device: TestDevice) throws {
      for columns in Self.columnCounts {
        let input = Input(rows: 3, columns: columns)
        let results = try KernelStyle.allCases.map { style in
          try run(
            input, columns: columns, rows: 3, hasBias: true, hasResidual: true,
            on: Target(device: device, style: style).bench())
        }
        #expect(sameBits(results[0], results[1]), "\(columns) columns")
      }
    }

    @Test("heads inside wider rows are normalized, and what surrounds them stays", arguments: Target.all)
    func heads(target: Target) throws {
      let bench = try target.bench()
      let (heads, columns, stride) = (2, 17, 40)
      let input = Input(rows: 6, columns: columns)
      var x = [Float](repeating: -5, count: 3 * stride)
      for row in 0..<3 { x.replaceSubrange(row * stride..<row * stride + 34, with: input.x[row * 34..<(row + 1) * 34]) }
      let y = try bench.buffer(x)
      try LayerNorm(bench.library).enqueue(
        y, weight: bench.buffer(input.weight), into: y, rows: .init(heads: heads, columns: columns, stride: stride),
        count: 3, epsilon: 1e-5, on: bench.queue)
      let plain = try run(input, columns: columns, rows: 6, hasBias: false, hasResidual: false, on: bench)
      for row in 0..<3 { x.replaceSubrange(row * stride..<row * stride + 34, with: plain[row * 34..<(row + 1) * 34]) }
      #expect(sameBits(try bench.floats(y), x))
    }

    @Test("heads may have weights of their own", arguments: Target.all)
    func headWeights(target: Target) throws {
      let bench = try target.bench()
      for columns in [16, 17] {
        let (heads, stride) = (3, 3 * columns + 5)
        let input = Input(rows: 2 * heads, columns: columns)
        var generator = SeededGenerator(seed: 5)
        let weights = generator.floats(heads * columns)
        var x = [Float](repeating: -5, count: 2 * stride)
        for row in 0..<2 {
          let own = input.x[row * heads * columns..<(row + 1) * heads * columns]
          x.replaceSubrange(row * stride..<row * stride + own.count, with: own)
        }
        let rows = NormRows(heads: heads, columns: columns, stride: stride, hasHeadWeights: true)
        func weight(_ head: Int) -> [Float] { Array(weights[head * columns..<(head + 1) * columns]) }
        for isCentered in [true, false] {
          let (buffer, weight2) = (try bench.buffer(x), try bench.buffer(weights))
          if isCentered {
            try LayerNorm(bench.library).enqueue(
              buffer, weight: weight2, into: buffer, rows: rows, count: 2, epsilon: 1e-5, on: bench.queue)
          } else {
            try RMSNorm(bench.library).enqueue(
              buffer, weight: weight2, into: buffer, rows: rows, count: 2, epsilon: 1e-5, on: bench.queue)
          }
          let y = try bench.floats(buffer)
          for (row, head) in (0..<2).flatMap({ row in (0..<heads).map { (row, $0) } }) {
            let at = row * stride + head * columns
            let own = Array(x[at..<at + columns])
            let expected =
              try isCentered
              ? ReferenceLayerNorm.normalize(
                x: own, weight: weight(head), rowCount: 1, columnCount: columns, epsilon: 1e-5)
              : ReferenceRMSNorm.normalize(
                x: own, weight: weight(head), rowCount: 1, columnCount: columns, epsilon: 1e-5
              ).normalized
            let error = worstError(
              Array(y[at..<at + columns]), expected, relativeTo: weight(head).map { 4 * abs($0) })
            #expect(error <= Self.tolerance, "\(columns) columns, row \(row), head \(head): \(error)")
          }
          #expect(y[heads * columns] == -5)
        }
      }
    }

    @Test("a norm of nothing is refused")
    func refusals() throws {
      let bench = try #require(Target.all.first).bench()
      let any = try bench.output(16)
      for (columns, count) in [(0, 1), (4, 0)] {
        #expect(throws: OperatorError.self) {
          try LayerNorm(bench.library).enqueue(
            any, weight: any, into: any, rows: .init(columns: columns), count: count, epsilon: 1e-5, on: bench.queue)
        }
      }
    }
  }
}
