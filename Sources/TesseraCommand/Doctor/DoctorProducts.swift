import TesseraCL
import TesseraMemory
import TesseraOperators
import TesseraReference
import TesseraWorkbench

extension DoctorBench {
  private static let (rows, columns) = (47, 256)
  /// Tokens of a product in a tile of many.
  private static let manyTokens = 40

  /// Repacking and dequantization, to the bit; random weights, which must be numbers; and quantizers, to the byte.
  func weightChecks(_ grid: DoctorGrid) -> [DoctorCheck] {
    let ids = (0..<Self.rows).map { UInt32($0) }
    func rows(of matrix: WeightMatrix) throws -> [Float] {
      let y = try output(Self.rows * Self.columns)
      try Embedding(library).enqueue(buffer(ids), matrix, into: y, tokens: Self.rows, on: queue)
      return try floats(y)
    }
    let weights = grid.formats.flatMap { format in
      [
        check("embedding/embedding", format.name, tolerance: 0) { [self] in
          let problem = try ProductProblem(format, rows: Self.rows, columns: Self.columns, tokens: 1)
          return [doctorDifference(try rows(of: problem.matrix(rows: Self.rows, on: self)), problem.weights)]
        },
        check("quantization/random", format.name, tolerance: 0) { [self] in
          let shape = try WeightShape(format: format, rows: Self.rows, columns: Self.columns)
          let matrix = try WeightMatrix(shape, heap: heap, label: "random weights")
          try RandomWeights(library).enqueue(into: matrix, seed: 3, on: queue)
          let values = try rows(of: matrix)
          let wrong = values.count { !$0.isFinite } + (Set(values).count < 2 ? 1 : 0)
          return [Double(wrong) / Double(values.count)]
        },
      ]
    }
    let quantizers = grid.quantized.map { format in
      check("quantization/quantize", format.name, tolerance: 0) { [self] in
        var generator = SeededGenerator(seed: 4)
        let values = generator.floats(8 * 256, magnitude: 3)
        return try Quantizer.inputs.map { input in
          let bytes = try ReferenceQuantization.quantize(type: input.reference, values)
          let elements = try ReferenceQuantization.dequantize(type: input.reference, bytes: bytes, count: values.count)
          let expected = try ReferenceQuantization.quantize(type: format.reference, elements)
          let y = try Buffer(queue.context, byteCount: expected.count)
          try Quantizer(library).enqueue(
            buffer(bytes), as: input, into: y, elements: values.count, to: format, on: queue)
          return doctorDifference(try queue.read(y, as: UInt8.self, count: expected.count), expected)
        }
      }
    }
    return weights + quantizers
  }

  /// Products with every tile of tokens, relative to Σ|x||w|; and what may follow a product.
  func productChecks(_ grid: DoctorGrid) -> [DoctorCheck] {
    grid.formats.map { format in
      check("matmul/matmul", format.name, tolerance: 1e-6) { [self] in
        let longest = max(grid.tokenCounts.max() ?? 1, Self.manyTokens)
        let problem = try ProductProblem(format, rows: Self.rows, columns: Self.columns, tokens: longest)
        let matrix = try problem.matrix(rows: Self.rows, on: self)
        let (expected, magnitude) = try problem.reference(rows: Self.rows)
        func error(_ count: Int, _ tuning: Tuning = Tuning()) throws -> Double {
          let y = try problem.product(matrix, tokens: 0..<count, tuning: tuning, on: self)
          let part = 0..<count * Self.rows
          return worstError(y, Array(expected[part]), relativeTo: Array(magnitude[part]))
        }
        return try grid.tokenCounts.map { try error($0) } + [error(Self.manyTokens, manyTuning(format))]
      }
    } + grid.activations.map(epilogueCheck)
  }

  /// In the simt style, a tile of many tokens, which a product of so few rows has only where it is chosen.
  private func manyTuning(_ format: WeightFormat) -> Tuning {
    var tuning = Tuning()
    _ = tuning.choose(
      ["TILE_M": 32, "TILE_ROWS": 64, "ITEM_TOKENS": 4], for: Tuning.wide(format.tuningClass), style: library.style)
    return tuning
  }

  /// A bias, the function, a factor and a residual; and the function as a gate.
  private func epilogueCheck(_ function: Activation.Function) -> DoctorCheck {
    check("matmul/matmul", "bias, \(function), residual", tolerance: 4e-6) { [self] in
      let (rows, tokens) = (64, 5)
      let problem = try ProductProblem(.f16, rows: rows, columns: Self.columns, tokens: tokens)
      let matrix = try problem.matrix(rows: rows, on: self)
      let (sums, magnitude) = try problem.reference(rows: rows)
      var generator = SeededGenerator(seed: 5)
      let (bias, residual) = (generator.floats(rows), generator.floats(tokens * rows))
      let reference = try function.reference
      // A function may double an error, or square it.
      let scale = magnitude.indices.map { 1 + magnitude[$0] * (1 + abs(sums[$0])) }
      let plain = try problem.product(
        matrix,
        epilogue: .init(bias: buffer(bias), activation: function, scale: 0.5, residual: buffer(residual)), on: self)
      let expected = sums.indices.map {
        Float(0.5 * reference(Double(sums[$0] + bias[$0 % rows])) + Double(residual[$0]))
      }
      let gated = try problem.product(matrix, outputs: rows / 2, epilogue: .init(gate: function), on: self)
      // Gates and ups alternate by 16 rows.
      let places = (0..<tokens).flatMap { token in
        (0..<rows / 2).map { token * rows + $0 / 16 * 32 + $0 % 16 }
      }
      return [
        worstError(plain, expected, relativeTo: scale),
        worstError(
          gated, places.map { Float(reference(Double(sums[$0])) * Double(sums[$0 + 16])) },
          relativeTo: places.map { scale[$0] * scale[$0 + 16] }),
      ]
    }
  }

  /// Products of activations that are rounded to 8 bits, or to 16 as the weights are, where the device gains by them.
  func fastChecks(_ grid: DoctorGrid) throws -> [DoctorCheck] {
    guard let fast = try FastProduct(self.library, tiles: plan().matrix) else { return [] }
    return grid.formats.filter(fast.serves).map { format in
      let isHalves = format == .f16 || format == .bf16
      let tolerance = format == .bf16 ? 4e-3 : isHalves ? 5e-4 : 1e-6
      return check(isHalves ? "matmul/matmul_16" : "matmul/matmul_8", format.name, tolerance: tolerance) { [self] in
        let longest = grid.tokenCounts.max() ?? 1
        var problem = try ProductProblem(format, rows: Self.rows, columns: Self.columns, tokens: longest)
        let matrix = try problem.matrix(rows: Self.rows, on: self)
        let results = try grid.tokenCounts.map {
          try problem.product(matrix, tokens: 0..<$0, fast: fast, on: self)
        }
        if !isHalves { problem.x = try ReferenceQuantizedActivations.rounded(problem.x) }
        let (expected, magnitude) = try problem.reference(rows: Self.rows)
        // A batch changes no bit.
        let batch = results.max { $0.count < $1.count } ?? []
        let isSame = results.allSatisfy { sameBits($0, Array(batch[..<$0.count])) }
        return [isSame ? 0 : 1]
          + results.map {
            worstError($0, Array(expected[..<$0.count]), relativeTo: Array(magnitude[..<$0.count]))
          }
      }
    }
  }

  /// A layer of experts, of which one has no token.
  func expertChecks() -> [DoctorCheck] {
    [
      check("experts", "2 of 4, 5 tokens", tolerance: 3e-6) { [self] in
        let scores: [Float] = [3, 1, -9, 2, 0.5, 0.5, -9, 0.5, -1, 4, -9, -2, 0, 2, -9, 2, 7, 1, -9, 3]
        let problem = try ExpertProblem(.q8_0, tokens: 5, topK: 2, scores: scores)
        let expected = try problem.reference()
        let call = try problem.call(on: self)
        try call.enqueue(on: queue)
        let largest = expected.reduce(0) { max($0, abs($1)) }
        return [
          worstError(try floats(call.y), expected, relativeTo: [Float](repeating: largest, count: expected.count))
        ]
      },
      check("heads as experts", "3 heads, 5 tokens", tolerance: 0) { [self] in
        let (tokens, heads) = (5, 3)
        let routing = ExpertRouter.Routing(tokens: tokens * heads, expertCount: heads, topK: 1, tileTokens: 2)
        let slots = try output(tokens * heads), order = try output(tokens * heads)
        try ExpertRouter(library).routeHeads(
          tokens: tokens, routing, slots: slots, list: try output(routing.listBytes / 4), order: order, on: queue)
        let expected = (0..<tokens * heads).map { UInt32($0 % heads * tokens + $0 / heads) }
        let inverse = (0..<tokens * heads).map { UInt32($0 % tokens * heads + $0 / tokens) }
        let isRight = try [(slots, expected), (order, inverse)].map { buffer, expected in
          try queue.read(buffer, as: UInt32.self, count: expected.count) == expected
        }
        return isRight.map { $0 ? 0 : 1 }
      },
    ]
  }

  /// One token alone, many tokens, and both styles: the share of results whose bits differ.
  static func sameBitsChecks(_ a: DoctorBench, _ b: DoctorBench, _ grid: DoctorGrid) -> [DoctorCheck] {
    let variant = "\(a.style) = \(b.style), any batch"
    let products = grid.formats.map { format in
      DoctorCheck(kernel: "matmul/matmul", variant: "\(variant), \(format.name)", tolerance: 0) {
        let problem = try ProductProblem(format, rows: rows, columns: columns, tokens: 25)
        let batches = try [a, b].map { try problem.product(problem.matrix(rows: rows, on: $0), on: $0) }
        let alone = try problem.product(problem.matrix(rows: rows, on: a), tokens: 0..<1, on: a)
        return [
          doctorDifference(batches[0], batches[1]), doctorDifference(alone, Array(batches[0][..<alone.count])),
        ]
      }
    }
    let attention = grid.attention.map { problem in
      DoctorCheck(kernel: "attention/flash_attention", variant: "\(variant), \(problem)", tolerance: 0) {
        let prompt = try problem.run(on: a)
        return [
          doctorDifference(prompt, try problem.run(on: b)),
          doctorDifference(prompt, try problem.run(isOneByOne: true, on: a)),
          doctorDifference(prompt, try problem.run(splits: 2, on: a)),
        ]
      }
    }
    return products + attention
  }
}
