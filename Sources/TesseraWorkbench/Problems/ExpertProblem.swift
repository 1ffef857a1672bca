import TesseraCL
import TesseraMemory
import TesseraOperators
import TesseraReference

/// A feed-forward layer of experts, and how to compute it here and there.
package struct ExpertProblem {
  package let (columns, inner): (Int, Int)
  package let tokens: Int
  package let topK: Int
  package let format: WeightFormat
  /// (tokens, experts)
  package let scores: [Float]
  package let x: [Float]
  package let residual: [Float]
  /// Rows of each expert as a file has them: gates, ups, downs.
  private let bytes: [[[UInt8]]]
  package let activation: Activation.Function
  /// Of each expert's gates, ups and downs.
  private let biases: [(gate: [Float], up: [Float], down: [Float])]?

  package var expertCount: Int { scores.count / tokens }

  /// - Parameters:
  ///   - scores: (tokens, experts).
  ///   - hasBiases: of each expert's rows.
  package init(
    _ format: WeightFormat, tokens: Int, topK: Int, scores: [Float], columns: Int = 256, inner: Int = 256,
    activation: Activation.Function = .silu, hasBiases: Bool = false
  ) throws {
    self.activation = activation
    (self.format, self.tokens, self.topK, self.scores) = (format, tokens, topK, scores)
    (self.columns, self.inner) = (columns, inner)
    var generator = SeededGenerator(seed: 77)
    x = generator.floats(tokens * columns)
    residual = generator.floats(tokens * columns)
    biases =
      hasBiases
      ? (0..<scores.count / tokens).map { _ in
        (generator.floats(inner), generator.floats(inner), generator.floats(columns))
      } : nil
    let type = try format.reference
    bytes = try [(inner, columns), (inner, columns), (columns, inner)].enumerated().map { part, shape in
      try (0..<scores.count / tokens).map { expert in
        try ReferenceQuantization.randomBlocks(
          type: type, rows: shape.0, columns: shape.1, seed: UInt64(100 * part + expert))
      }
    }
  }

  private func weights(_ part: Int) throws -> [[Float]] {
    let type = try format.reference
    return try bytes[part].map {
      try ReferenceQuantization.dequantize(type: type, bytes: $0, count: inner * columns)
    }
  }

  /// (tokens, columns), with the residual.
  package func reference() throws -> [Float] {
    let (gates, ups, downs) = (try weights(0), try weights(1), try weights(2))
    return try (0..<tokens).flatMap { token in
      let choices = try ReferenceExperts.choices(
        Array(scores[token * expertCount..<(token + 1) * expertCount]), topK: topK)
      let y = ReferenceExperts.feedForward(
        Array(x[token * columns..<(token + 1) * columns]), choices, gates: gates, ups: ups, downs: downs, inner: inner,
        activation: try activation.reference, biases: biases)
      return y.indices.map { Float(y[$0] + Double(residual[token * columns + $0])) }
    }
  }

  /// The layer of part of the tokens.
  package func part(_ range: Range<Int>) throws -> ExpertProblem {
    var part = self
    part.cut(to: range)
    return part
  }

  private init(_ other: ExpertProblem, _ range: Range<Int>) {
    (columns, inner, topK, format, bytes) = (other.columns, other.inner, other.topK, other.format, other.bytes)
    (activation, biases) = (other.activation, other.biases)
    tokens = range.count
    let (experts, columns) = (other.expertCount, other.columns)
    scores = Array(other.scores[range.lowerBound * experts..<range.upperBound * experts])
    x = Array(other.x[range.lowerBound * columns..<range.upperBound * columns])
    residual = Array(other.residual[range.lowerBound * columns..<range.upperBound * columns])
  }

  private mutating func cut(to range: Range<Int>) { self = ExpertProblem(self, range) }

  /// The layer with its inputs on a device.
  package struct Call {
    package let y: Buffer
    package let weights, slots, list, order: Buffer
    package let routing: ExpertRouter.Routing
    fileprivate let run: (any CommandSink) throws -> Void

    package func enqueue(on sink: any CommandSink) throws { try run(sink) }
  }

  package func call(fast: FastProduct? = nil, on bench: Workbench) throws -> Call {
    let library = bench.library
    let product = MatrixProduct(library, tiles: try bench.plan().matrix, fast: fast)
    let shapes = try [(2 * inner, columns), (columns, inner)].map {
      try WeightShape(format: format, rows: $0, columns: $1)
    }
    let routing = ExpertRouter.Routing(
      tokens: tokens, expertCount: expertCount, topK: topK,
      tileTokens: product.expertTileTokens(tokens: tokens, topK: topK, expertCount: expertCount, matrices: shapes))
    let choices = ExpertRouter.Choices(
      weights: try bench.output(routing.weightBytes / 4), slots: try bench.output(routing.slotBytes / 4),
      list: try bench.output(routing.listBytes / 4), order: try bench.output(routing.orderBytes / 4))
    let upDown = try [
      matrix(rows: 2 * inner, columns: columns, [bytes[0], bytes[1]], on: bench),
      matrix(rows: columns, columns: inner, [bytes[2]], on: bench),
    ]
    let hidden = try bench.output(routing.slotCount * inner)
    let results = try bench.output(routing.slotCount * columns)
    let y = try bench.buffer(residual)
    let (x, scores) = (try bench.buffer(x), try bench.buffer(scores))
    // Groups of 16 gates and ups alternate.
    let gateUpBias = try biases.map { biases in
      try bench.buffer(
        biases.flatMap { bias in
          stride(from: 0, to: inner, by: 16).flatMap { bias.gate[$0..<$0 + 16] + bias.up[$0..<$0 + 16] }
        })
    }
    let downBias = try biases.map { try bench.buffer($0.flatMap(\.down)) }
    let activation = activation
    let rows = routing.mostTiles * routing.tileTokens
    let widest = max(columns, inner)
    let workspace = MatrixProduct.Workspace(
      packed: try bench.output(MatrixProduct.Workspace.packedBytes(tokens: rows, columns: widest) / 4),
      sums: try bench.output(MatrixProduct.Workspace.sumBytes(tokens: rows, columns: widest) / 4))
    let (tokens, columns) = (tokens, columns)
    func run(_ sink: any CommandSink) throws {
      let router = ExpertRouter(library)
      try router.route(scores, routing, into: choices, on: sink)
      try product.enqueue(
        x, upDown[0], into: hidden, tokens: tokens, epilogue: .init(bias: gateUpBias, gate: activation),
        workspace: workspace,
        experts: .init(list: choices.list, order: choices.order, gathers: true, routing: routing), on: sink)
      try product.enqueue(
        hidden, upDown[1], into: results, tokens: tokens, epilogue: .init(bias: downBias), workspace: workspace,
        experts: .init(list: choices.list, order: choices.order, gathers: false, routing: routing), on: sink)
      try router.combine(results, choices, routing, columns: columns, residual: y, into: y, on: sink)
    }
    guard let weights = choices.weights as? Buffer, let slots = choices.slots as? Buffer,
      let list = choices.list as? Buffer, let order = choices.order as? Buffer
    else { throw OperatorError(.shape, "choices are buffers here") }
    return Call(y: y, weights: weights, slots: slots, list: list, order: order, routing: routing, run: run)
  }

  /// All experts' matrices, of one part or of two whose groups alternate.
  private func matrix(rows: Int, columns: Int, _ parts: [[[UInt8]]], on bench: Workbench) throws -> WeightMatrix {
    let shape = try WeightShape(format: format, rows: rows, columns: columns)
    let matrix = try WeightMatrix(
      shape,
      bench.heap.allocate(byteCount: shape.byteCount * expertCount, purpose: .weights, label: "experts"),
      expertCount: expertCount)
    let upload = try WeightUpload(bench.library, queue: bench.queue, heap: bench.heap, stagingBytes: 1 << 20)
    for (index, part) in parts.enumerated() {
      for expert in 0..<expertCount {
        try part[expert].withUnsafeBytes {
          try upload.upload(
            $0, rows: rows / parts.count, into: matrix.expert(expert),
            at: parts.count == 1 ? .whole : .alternating(isUp: index == 1))
        }
      }
    }
    return matrix
  }
}
