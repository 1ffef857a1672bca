@testable import TesseraCL
import TesseraMemory
import TesseraReference
import TesseraWorkbench
import TestSupport
import Testing

@testable import TesseraOperators

extension OperatorsOnDevices {
  @Suite("Products by matrix units")
  @MainActor struct MatrixUnitProductTests {
    /// Of Σ|x||w|, beside the reference's product of the activations as they are rounded: sums of float32 over all columns in a row.
    static let tolerance = 2e-6

    /// Emulated everywhere; the device's own where it has them.
    private func units(_ bench: Bench, localBytes: Int) throws -> [MatrixUnits] {
      [.emulated(on: bench, localBytes: localBytes)] + [MatrixUnits.probe(bench.library)].compactMap { $0 }
    }

    @Test(
      "F16 and BF16 products are the reference's of rounded activations, and a token's do not depend on its batch",
      arguments: TestDevices.all)
    func batches(device: TestDevice) throws {
      let bench = try Target(device: device, style: .simt).bench()
      for (format, columns) in [(WeightFormat.f16, 192), (.bf16, 96)] {
        let counts = Grid.values([1, 40, 130], small: [1, 9])
        let longest = counts.max() ?? 1
        let problem = try ProductProblem(format, rows: 150, columns: columns, tokens: longest)
        for rows in Grid.values([40, 150], small: [40]) {
          let weights = try problem.matrix(rows: rows, on: bench)
          var rounded = problem
          rounded.x = ReferenceHalfActivations.rounded(
            problem.x, columns: columns, isBrainFloat: format == .bf16)
          let (expected, magnitude) = try rounded.reference(rows: rows)
          for units in try units(bench, localBytes: 160 << 10) {
            let product = try #require(
              try FastProduct(bench.library, tiles: bench.plan().matrix, dot: .plain, units: units))
            let batch = try problem.product(weights, fast: product, on: bench)
            let error = worstError(batch, expected, relativeTo: magnitude)
            #expect(error <= Self.tolerance, "\(format.name) \(rows) × \(columns), \(units): \(error)")
            for tokens in counts {
              let some = try problem.product(weights, tokens: 0..<tokens, fast: product, on: bench)
              #expect(
                sameBits(some, Array(batch[..<(tokens * rows)])),
                "\(format.name) \(rows) × \(columns), \(units), \(tokens) tokens of \(longest)")
            }
          }
        }
      }
    }

    @Test("large, small and zero activations keep their precision", arguments: TestDevices.all)
    func ranges(device: TestDevice) throws {
      let bench = try Target(device: device, style: .simt).bench()
      var problem = try ProductProblem(.f16, rows: 32, columns: 64, tokens: 4)
      for (token, factor) in [Float(0x1p60), 0x1p-60, 0, 1].enumerated() {
        for i in token * 64..<(token + 1) * 64 { problem.x[i] *= factor }
      }
      let weights = try problem.matrix(rows: 32, on: bench)
      var rounded = problem
      rounded.x = ReferenceHalfActivations.rounded(problem.x, columns: 64, isBrainFloat: false)
      let (expected, magnitude) = try rounded.reference(rows: 32)
      for units in try units(bench, localBytes: 96 << 10) {
        let product = try #require(
          try FastProduct(bench.library, tiles: bench.plan().matrix, dot: .plain, units: units))
        let y = try problem.product(weights, fast: product, on: bench)
        for token in [0, 1, 3] {
          let part = token * 32..<(token + 1) * 32
          let error = worstError(Array(y[part]), Array(expected[part]), relativeTo: Array(magnitude[part]))
          #expect(error <= Self.tolerance, "token \(token), \(units): \(error)")
        }
        #expect(y[64..<96].allSatisfy { $0 == 0 }, "\(units)")
      }
    }

    @Test("tiles fill the device and fit its local memory")
    func tiles() throws {
      for localBytes in [96 << 10, 192 << 10] {
        for tokens in [1, 8, 9, 64, 65, 512, 4096] {
          for (rows, columns) in [(4096, 4096), (128_256, 4096), (576, 1504)] {
            let shape = try WeightShape(format: .f16, rows: rows, columns: columns)
            let tile = MatrixUnitProduct.tile(tokens: tokens, shape: shape, localBytes: localBytes, computeUnits: 132)
            #expect(tile.stages >= 2 && tile.localBytes <= localBytes, "\(tile)")
            #expect(columns.isMultiple(of: tile.columns), "\(tile)")
          }
        }
      }
      let shape = try WeightShape(format: .f16, rows: 28_672, columns: 4096)
      let large = MatrixUnitProduct.tile(tokens: 2048, shape: shape, localBytes: 192 << 10, computeUnits: 132)
      #expect(large == .init(tokens: 256, warpGroups: 2, columns: 64, stages: 3))
    }

    @Test("PTX is brought to a target of its architecture, its comments opened")
    func retargeted() throws {
      let text = ".version 8.0\n.target sm_90, texmode_independent\n/*@ wgmma.fence.sync.aligned; @*/\nret;\0"
      let ptx = try #require(PTX(binary: Array(text.utf8)))
      #expect(
        ptx.retargeted(to: "sm_90a")
          == ".version 8.0\n.target sm_90a, texmode_independent\n wgmma.fence.sync.aligned; \nret;")
      #expect(ptx.retargeted(to: "sm_100a") == nil)
      #expect(PTX(binary: [0x7F, 0x45, 0x4C, 0x46]) == nil)
    }
  }
}
