import TesseraCL
import TesseraMemory
import TesseraReference
import TesseraWorkbench
import TestSupport
import Testing

@testable import TesseraOperators

extension OperatorsOnDevices {
  @Suite("RMSNorm")
  @MainActor struct RMSNormTests {
    /// Of |y| and of the residual: a sum of squares, a root, a division and three roundings.
    static let tolerance = 1e-6
    static let epsilon: Float = 1e-5
    static let columnCounts = Grid.values(
      [1, 15, 16, 17, 64, 255, 256, 257, 576, 640, 1000, 4100, 5003], small: [15, 64, 257, 4100])

    @Test("rows of every length are normalized like the reference's", arguments: Target.all)
    func rows(target: Target) throws {
      let bench = try target.bench()
      for columns in Self.columnCounts {
        let (x, weight, residual) = values(count: 3 * columns, columns: columns)
        let expected = try ReferenceRMSNorm.normalize(
          x: x, weight: weight, rowCount: 3, columnCount: columns, epsilon: Self.epsilon
        ).normalized
        let y = try run(x, weight, rows: .init(columns: columns), count: 3, on: bench)
        let error = worstError(y, expected, relativeTo: expected.map(abs))
        #expect(error <= Self.tolerance, "\(columns) columns: \(error)")

        let added = try run(x, weight, rows: .init(columns: columns), count: 3, residual: residual, on: bench)
        let sum = zip(expected, residual).map { $0 + $1 }
        let magnitude = zip(expected, residual).map { abs($0) + abs($1) }
        #expect(worstError(added, sum, relativeTo: magnitude) <= Self.tolerance, "\(columns) columns, residual")
      }
    }

    @Test("heads inside wider rows are normalized in place, and what surrounds them stays", arguments: Target.all)
    func heads(target: Target) throws {
      let bench = try target.bench()
      for (heads, columns) in Grid.values([(3, 64), (2, 17), (1, 256), (4, 128)], small: [(2, 17), (3, 64)]) {
        let stride = heads * columns + 21
        let (x, weight, _) = values(count: 4 * stride, columns: columns)
        var expected = x
        for row in 0..<4 {
          for head in 0..<heads {
            let range = row * stride + head * columns..<row * stride + (head + 1) * columns
            let normalized = try ReferenceRMSNorm.normalize(
              x: Array(x[range]), weight: weight, rowCount: 1, columnCount: columns, epsilon: Self.epsilon
            ).normalized
            expected.replaceSubrange(range, with: normalized)
          }
        }
        let y = try run(
          x, weight, rows: .init(heads: heads, columns: columns, stride: stride), count: 4, inPlace: true, on: bench)
        let error = worstError(y, expected, relativeTo: expected.map(abs))
        #expect(error <= Self.tolerance, "\(heads) heads of \(columns): \(error)")
      }
    }

    @Test("the residual may be the result itself", arguments: Target.all)
    func residualInPlace(target: Target) throws {
      let bench = try target.bench()
      for columns in Grid.values([17, 640], small: [17]) {
        let (x, weight, residual) = values(count: 2 * columns, columns: columns)
        let y = try bench.buffer(residual)
        try RMSNorm(bench.library).enqueue(
          bench.buffer(x), weight: bench.buffer(weight), into: y, rows: .init(columns: columns), count: 2,
          epsilon: Self.epsilon, residual: y, on: bench.queue)
        let apart = try run(x, weight, rows: .init(columns: columns), count: 2, residual: residual, on: bench)
        #expect(sameBits(try bench.floats(y), apart), "\(columns) columns")
      }
    }

    @Test("both styles give the same bits", arguments: TestDevices.all)
    func styles(device: TestDevice) throws {
      for columns in Self.columnCounts {
        let (x, weight, residual) = values(count: 3 * columns, columns: columns)
        let results = try KernelStyle.allCases.map { style in
          try run(
            x, weight, rows: .init(columns: columns), count: 3, residual: residual,
            on: Target(device: device, style: style).bench())
        }
        #expect(sameBits(results[0], results[1]), "\(columns) columns")
      }
    }

    @Test("a row of zeros stays zero and large values do not overflow", arguments: Target.all)
    func extremes(target: Target) throws {
      let bench = try target.bench()
      let ones = [Float](repeating: 1, count: 33)
      let x = [Float](repeating: 0, count: 33) + [Float](repeating: 1e17, count: 33)
      let y = try run(x, ones, rows: .init(columns: 33), count: 2, on: bench)
      #expect(y[..<33].allSatisfy { $0 == 0 })
      #expect(y[33...].allSatisfy { abs($0 - 1) <= 1e-6 })
    }

    private func values(count: Int, columns: Int) -> (x: [Float], weight: [Float], residual: [Float]) {
      var generator = SeededGenerator(seed: UInt64(columns))
      return (generator.floats(count, magnitude: 3), generator.floats(columns), generator.floats(count))
    }

    private func run(
      _ x: [Float], _ weight: [Float], rows: RMSNorm.Rows, count: Int, residual: [Float]? = nil, inPlace: Bool = false,
      on bench: Bench
    ) throws -> [Float] {
      let input = try bench.buffer(x)
      let y = try inPlace ? input : bench.output(x.count)
      try RMSNorm(bench.library).enqueue(
        input, weight: bench.buffer(weight), into: y, rows: rows, count: count, epsilon: Self.epsilon,
        residual: residual.map { try bench.buffer($0) }, on: bench.queue)
      return try bench.floats(y)
    }
  }
}
