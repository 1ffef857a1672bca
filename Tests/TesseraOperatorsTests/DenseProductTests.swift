import TesseraCL
import TesseraMemory
import TesseraReference
import TesseraWorkbench
import TestSupport
import Testing

@testable import TesseraOperators

extension OperatorsOnDevices {
  @Suite("Dense products")
  @MainActor struct DenseProductTests {
    private static let (columns, inner) = (45, 96)

    private func product(
      _ a: [Float], _ b: [Float], order: DenseProduct.SumOrder = .fixed, clblast: Bool, on bench: Bench
    ) throws -> [Float] {
      let rows = a.count / Self.inner
      var tuning = Tuning()
      for kind in Tuning.TokenClass.allCases {
        tuning.choose(["CLBLAST": clblast ? 1 : 0], for: Tuning.dense(kind), style: bench.library.style)
      }
      let c = try bench.output(rows * Self.columns)
      let product = DenseProduct(bench.library, tiles: try bench.plan(tuning: tuning).matrix)
      #if CLBlast
        #expect(product.usesCLBlast(rows: rows, order: order) == (clblast && order == .any))
      #endif
      try product.enqueue(
        bench.buffer(a), bench.buffer(b), into: c, rows: rows, order: order,
        workspace: .init(rows: rows, columns: Self.columns, inner: Self.inner, heap: bench.heap), on: bench.queue)
      return try bench.floats(c)
    }

    @Test(
      "both ways give the reference's product; in fixed order a row's bits do not depend on the others",
      arguments: Target.all)
    func products(target: Target) throws {
      let bench = try target.bench()
      var generator = SeededGenerator(seed: 3)
      let a = generator.floats(14 * Self.inner)
      let b = generator.floats(Self.columns * Self.inner)
      let expected = try ReferenceMatrixProduct.product(
        x: a, weights: b, tokenCount: 14, rowCount: Self.columns, columnCount: Self.inner)
      let magnitude = try ReferenceMatrixProduct.magnitude(
        x: a, weights: b, tokenCount: 14, rowCount: Self.columns, columnCount: Self.inner)
      let own = try product(a, b, clblast: true, on: bench)
      #expect(worstError(own, expected, relativeTo: magnitude) <= 1e-6)
      #expect(sameBits(own, try product(a, b, order: .any, clblast: false, on: bench)))
      #expect(
        worstError(try product(a, b, order: .any, clblast: true, on: bench), expected, relativeTo: magnitude) <= 1e-6)
      for row in [0, 13] {
        let alone = try product(Array(a[row * Self.inner..<(row + 1) * Self.inner]), b, clblast: true, on: bench)
        #expect(sameBits(alone, Array(own[row * Self.columns..<(row + 1) * Self.columns])))
      }
    }

    @Test("buffers too small for the shape, and rows that are not whole blocks, are refused")
    func refusals() throws {
      let bench = try #require(Target.all.first).bench()
      let product = DenseProduct(bench.library, tiles: try bench.plan().matrix)
      let workspace = try DenseProduct.Workspace(rows: 2, columns: 3, inner: 32, heap: bench.heap)
      let (small, large) = (try bench.output(8), try bench.output(96))
      for (a, b, c, rows) in [
        (small, large, large, 2), (large, small, large, 2), (large, large, try bench.output(5), 2),
        (large, large, large, 0), (large, large, large, -1),
      ] {
        #expect(throws: OperatorError.self) {
          try product.enqueue(a, b, into: c, rows: rows, workspace: workspace, on: bench.queue)
        }
      }
      #expect(throws: OperatorError.self) {
        try DenseProduct.Workspace(rows: 2, columns: 3, inner: 33, heap: bench.heap)
      }
    }
  }
}
