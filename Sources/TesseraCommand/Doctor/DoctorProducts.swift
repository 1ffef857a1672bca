import TesseraCL
import TesseraMemory
import TesseraOperators
import TesseraReference

/// Random weights of a format and activations.
struct DoctorProduct {
  static let (rows, columns) = (47, 256)
  let format: WeightFormat
  let type: ReferenceWeightType
  let bytes: [UInt8]
  let weights: [Float]
  let x: [Float]
  let tokens: Int

  init?(_ format: WeightFormat, tokens: Int) throws {
    guard let type = ReferenceWeightType.allCases.first(where: { $0.rawValue.uppercased() == format.name }) else {
      return nil
    }
    (self.format, self.type, self.tokens) = (format, type, tokens)
    bytes = try ReferenceQuantization.randomBlocks(type: type, rows: Self.rows, columns: Self.columns, seed: 1)
    weights = try ReferenceQuantization.dequantize(type: type, bytes: bytes, count: Self.rows * Self.columns)
    var generator = SeededGenerator(seed: 2)
    x = generator.floats(tokens * Self.columns)
  }

  func matrix(on bench: DoctorBench) throws -> WeightMatrix {
    try bench.matrix(format, bytes: bytes, rows: Self.rows, columns: Self.columns)
  }

  /// The product of the first `count` tokens, (count, rows).
  func product(_ matrix: WeightMatrix, tokens count: Int, on bench: DoctorBench) throws -> [Float] {
    typealias Workspace = MatrixProduct.Workspace
    let y = try bench.output(count * Self.rows)
    let workspace = Workspace(
      packed: try Buffer(bench.queue.context, byteCount: Workspace.packedBytes(tokens: count, columns: Self.columns)),
      sums: try Buffer(bench.queue.context, byteCount: Workspace.sumBytes(tokens: count, columns: Self.columns)))
    try MatrixProduct(bench.library, tiles: bench.plan().matrix).enqueue(
      bench.buffer(Array(x[..<(count * Self.columns)])), matrix, into: y, tokens: count, workspace: workspace,
      on: bench.queue)
    return try bench.floats(y)
  }
}

extension DoctorBench {
  /// Repacking and dequantization, to the bit.
  func weightChecks() -> [DoctorCheck] {
    WeightFormat.allCases.map { format in
      check("embedding/embedding", format.name, tolerance: 0) { [self] in
        guard let problem = try DoctorProduct(format, tokens: 1) else { return [] }
        let y = try output(problem.weights.count)
        try Embedding(library).enqueue(
          buffer((0..<DoctorProduct.rows).map { UInt32($0) }), problem.matrix(on: self), into: y,
          tokens: DoctorProduct.rows, on: queue)
        return [doctorDifference(try floats(y), problem.weights)]
      }
    }
  }

  /// Products with every tile of tokens, relative to Σ|x||w|.
  func productChecks() -> [DoctorCheck] {
    WeightFormat.allCases.map { format in
      check("matmul/matmul", format.name, tolerance: 1e-6) { [self] in
        let counts = TilePlan.tokenTiles + [25]
        guard let problem = try DoctorProduct(format, tokens: counts.max() ?? 1) else { return [] }
        let matrix = try problem.matrix(on: self)
        let (rows, columns) = (DoctorProduct.rows, DoctorProduct.columns)
        let expected = try ReferenceMatrixProduct.product(
          x: problem.x, weights: problem.weights, tokenCount: problem.tokens, rowCount: rows, columnCount: columns)
        let magnitude = try ReferenceMatrixProduct.magnitude(
          x: problem.x, weights: problem.weights, tokenCount: problem.tokens, rowCount: rows, columnCount: columns)
        return try counts.map { count in
          let y = try problem.product(matrix, tokens: count, on: self)
          return doctorError(
            y, Array(expected[..<(count * rows)]), relativeTo: Array(magnitude[..<(count * rows)]))
        }
      }
    }
  }

  /// One token alone, many tokens, and both styles: the share of results whose bits differ.
  static func sameBitsChecks(_ a: DoctorBench, _ b: DoctorBench) -> [DoctorCheck] {
    let variant = "\(a.style) = \(b.style), any batch"
    let products = WeightFormat.allCases.map { format in
      DoctorCheck(kernel: "matmul/matmul", variant: "\(variant), \(format.name)", tolerance: 0) {
        guard let problem = try DoctorProduct(format, tokens: 25) else { return [] }
        let batches = try [a, b].map { try problem.product(problem.matrix(on: $0), tokens: 25, on: $0) }
        let alone = try problem.product(problem.matrix(on: a), tokens: 1, on: a)
        return [
          doctorDifference(batches[0], batches[1]), doctorDifference(alone, Array(batches[0][..<alone.count])),
        ]
      }
    }
    let attention = DoctorAttention.all.map { problem in
      DoctorCheck(kernel: "attention/flash_attention", variant: "\(variant), \(problem)", tolerance: 0) {
        let prompt = try problem.run(isOneByOne: false, on: a)
        return [
          doctorDifference(prompt, try problem.run(isOneByOne: false, on: b)),
          doctorDifference(prompt, try problem.run(isOneByOne: true, on: a)),
        ]
      }
    }
    return products + attention
  }
}
