import TesseraCL
import TesseraMemory
import TesseraOperators
import TesseraReference

/// Work of many operators over buffers of its own, with the same numbers each time it is made.
package final class SinkProblem {
  package let bench: Workbench
  /// What to compare.
  package private(set) var outputs: [(name: String, buffer: Buffer)] = []
  private var calls: [(any CommandSink) throws -> Void] = []
  private var generator = SeededGenerator(seed: 5)

  package init(on bench: Workbench) { self.bench = bench }

  package func enqueue(on sink: any CommandSink) throws { for call in calls { try call(sink) } }

  /// The commands, without having run.
  package func dispatches() throws -> [Dispatch] {
    let list = DispatchList()
    try enqueue(on: list)
    return list.dispatches
  }

  private func floats(_ count: Int, magnitude: Float = 1) throws -> Buffer {
    try bench.buffer(generator.floats(count, magnitude: magnitude))
  }

  private func output(_ name: String, _ count: Int) throws -> Buffer {
    let buffer = try bench.output(count)
    outputs.append((name, buffer))
    return buffer
  }

  // MARK: Rows

  /// Norms, activations, a soft cap, a gather and embeddings.
  package func addRows() throws {
    let (rows, columns) = (3, 51)
    let (x, weight, bias) = (try floats(rows * columns), try floats(columns), try floats(columns))
    let residual = try floats(rows * columns)
    let library = bench.library
    let (rms, layer) = (try output("rmsnorm", rows * columns), try output("layernorm", rows * columns))
    calls.append { sink in
      try RMSNorm(library).enqueue(
        x, weight: weight, into: rms, rows: .init(columns: columns), count: rows, epsilon: 1e-5, on: sink)
      try LayerNorm(library).enqueue(
        x, weight: weight, bias: bias, into: layer, rows: .init(columns: columns), count: rows, epsilon: 1e-5,
        residual: residual, on: sink)
    }
    for function in Activation.Function.allCases {
      let y = try output("\(function)", rows * 17)
      calls.append { sink in
        try Activation(library).enqueue(
          x, into: y, rows: rows, size: 17, function: function, isGated: function.rawValue.isMultiple(of: 2), on: sink)
      }
    }
    let capped = try floats(40, magnitude: 20)
    outputs.append(("soft cap", capped))
    let indices = try bench.buffer([UInt32(2), 0, 2, 1])
    let gathered = try output("gather", 4 * 20)
    calls.append { sink in
      try SoftCap(library).enqueue(capped, cap: 5, rows: 2, size: 20, on: sink)
      try RowGather(library).enqueue(
        x, indices: indices, into: gathered, rows: 4, columns: 20, xStride: columns, on: sink)
    }
    let ids = try bench.buffer([UInt32(40), 3, 17])
    for format in [WeightFormat.q6_K, .iq2_XXS, .f16] {
      let matrix = try ProductProblem(format, rows: 41, columns: 256, tokens: 1).matrix(rows: 41, on: bench)
      let y = try floats(3 * 256)
      outputs.append(("embedding of \(format)", y))
      calls.append { sink in
        try Embedding(library).enqueue(ids, matrix, into: y, tokens: 3, scale: 0.5, adds: format == .f16, on: sink)
      }
    }
  }

  // MARK: Products

  /// Products whose epilogues differ by format.
  package func addProducts(_ formats: [WeightFormat], tokens: Int, fast: FastProduct? = nil) throws {
    let (rows, columns) = (64, 256)
    let product = MatrixProduct(bench.library, tiles: try bench.plan().matrix, fast: fast)
    for (index, format) in formats.enumerated() {
      let problem = try ProductProblem(format, rows: rows, columns: columns, tokens: tokens)
      let weights = try problem.matrix(rows: rows, on: bench)
      let x = try bench.buffer(problem.x)
      let bias = try floats(rows)
      let residual = try floats(tokens * rows)
      let epilogue =
        [
          MatrixProduct.Epilogue(bias: bias), .init(activation: .geluTanh, residual: residual),
          .init(bias: bias, gate: .silu), .init(bias: bias, activation: .relu, scale: 0.3, residual: residual),
          .init(scale: 2, gate: .geluErf),
        ][index % 5]
      let y = try output(
        "\(fast == nil ? "" : "fast ")product of \(format)", tokens * (epilogue.isGated ? rows / 2 : rows))
      let workspace = try workspace(tokens: tokens, columns: columns)
      calls.append { sink in
        try product.enqueue(
          x, weights, into: y, tokens: tokens, epilogue: epilogue, workspace: workspace, on: sink)
      }
    }
  }

  private func workspace(tokens: Int, columns: Int) throws -> MatrixProduct.Workspace {
    .init(
      packed: try bench.output(MatrixProduct.Workspace.packedBytes(tokens: tokens, columns: columns) / 4),
      sums: try bench.output(MatrixProduct.Workspace.sumBytes(tokens: tokens, columns: columns) / 4))
  }

  // MARK: Attention

  /// Rotations into caches of several encodings.
  package func addRotations() throws {
    let tokens = 3
    for (pairing, keys, values, headDim) in [
      (RotaryTable.Pairing.interleaved, KVEncoding.f32, KVEncoding.f32, 24), (.neox, .q8_0, .f16, 40),
    ] {
      let cache = CacheGeometry(
        kvHeadCount: 2, headDim: headDim, blockCount: 2, blockSize: 16, keys: keys, values: values)
      let row = RotaryStore.Row(headCount: 4, cache: cache)
      let x = try floats(tokens * row.stride)
      outputs.append(("turned \(pairing)", x))
      let elements = 2 * 16 * 2 * 64
      let (keyPool, valuePool) = (try floats(elements), try floats(elements))
      outputs += [("keys \(pairing)", keyPool), ("values \(pairing)", valuePool)]
      let table = try RotaryTable(rotaryDim: 16, ropeTheta: 10_000)
      let rotation = RotaryStore.Rotation(
        try bench.buffer(table.rows(at: 0..<10)), at: try bench.buffer([UInt32(4), 9, 1]))
      let slots = try bench.buffer([UInt32(17), 31, 2])
      calls.append { [bench] sink in
        try RotaryStore(bench.library).enqueue(
          x, rotation: rotation, slots: slots, keys: keyPool, values: valuePool, tokens: tokens, headCount: 4,
          rotaryDim: 16, pairing: pairing, cache: cache, on: sink)
      }
    }
  }

  /// Attention of several shapes.
  package func addAttention(_ problems: [AttentionProblem], splits: Int? = nil) throws {
    for problem in problems {
      let command = try problem.command(splits: splits, on: bench)
      outputs.append(("\(problem)", command.out))
      if let logSums = command.logSums { outputs.append(("log Σ of \(problem)", logSums)) }
      calls.append { try command.enqueue(on: $0) }
    }
  }

  // MARK: Experts

  package func addExperts(_ problem: ExpertProblem) throws {
    let call = try problem.call(on: bench)
    outputs.append(("experts", call.y))
    calls.append { try call.enqueue(on: $0) }
  }
}
