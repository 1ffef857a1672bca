import TesseraFiles
import TesseraOperators

/// The part of a model's parameters whose names begin alike: `model.layers.3.self_attn.` in one scheme, `blk.3.` in the
/// other. A family declares what it has here; the store behind it plans or loads.
struct ParameterScope {
  let store: ParameterStore
  let hyperparameters: Hyperparameters
  private let prefix: String
  private let ggufPrefix: String

  init(_ store: ParameterStore, _ hyperparameters: Hyperparameters, prefix: String = "", ggufPrefix: String = "") {
    (self.store, self.hyperparameters) = (store, hyperparameters)
    (self.prefix, self.ggufPrefix) = (prefix, ggufPrefix)
  }

  /// Names that begin with these, too.
  func scope(_ name: String, gguf: String) -> ParameterScope {
    func joined(_ prefix: String, _ part: String) -> String { part.isEmpty ? prefix : "\(prefix)\(part)." }
    // A stack that was saved without its head, as sentence encoders made of decoders are, has names without the first.
    let isBare =
      prefix.isEmpty && name == "model" && !hyperparameters.isGGUF
      && !store.checkpoint.tensors.contains { $0.name.hasPrefix("model.") }
    return ParameterScope(
      store, hyperparameters, prefix: isBare ? prefix : joined(prefix, name), ggufPrefix: joined(ggufPrefix, gguf))
  }

  func parameter(_ name: String?, gguf: String?, _ kind: String) -> Parameter {
    // Of the first BERTs, whose norms have names of their own.
    let ggufKind = kind == "gamma" ? "weight" : kind == "beta" ? "bias" : kind
    return Parameter(
      name: name.map { "\(prefix)\($0)\(kind.isEmpty ? "" : ".\(kind)")" },
      gguf: gguf.map { "\(ggufPrefix)\($0)\(kind.isEmpty ? "" : ".\(ggufKind)")" })
  }

  /// Whether the checkpoint has a tensor.
  func has(_ name: String?, gguf: String?, _ kind: String = "weight") -> Bool {
    parameter(name, gguf: gguf, kind).name(in: hyperparameters).map { store.checkpoint.tensor(named: $0) != nil }
      ?? false
  }

  // MARK: Declarations

  /// A projection: `weight` (rows, columns), and `bias` (rows).
  ///
  /// - Parameter isTransposed: stored as (columns, rows) in Hugging Face's scheme (GPT-2's Conv1D).
  func linear(
    _ name: String?, gguf: String?, rows: Int, columns: Int, bias: BiasRule = .none, isTransposed: Bool = false,
    isNormalized: Bool = false
  ) throws -> Linear {
    try linear(
      parts: [Part(name, gguf: gguf, rows: rows)], columns: columns, bias: bias, isTransposed: isTransposed,
      isNormalized: isNormalized)
  }

  /// A projection of one input among others; several of them may be rows of one tensor.
  struct Part {
    var name: String?
    var gguf: String?
    var rows: Int
    /// The first row in the tensor, and how many that has, under both names; nil: the tensor is the projection.
    var place: (start: Int, of: Int)?
    /// Where its rows do not follow each other: so many do, again at every `stride`.
    var runs: (length: Int, stride: Int)?
    /// Of a folder: rows of the tensor, of so many, that are the projection's columns.
    var columnRows: (rows: Range<Int>, of: Int)?
    /// A folder's names end in nothing and `_bias` instead of `.weight` and `.bias`.
    var hasPlainName = false

    init(
      _ name: String?, gguf: String?, rows: Int, at place: (start: Int, of: Int)? = nil,
      runs: (length: Int, stride: Int)? = nil
    ) {
      (self.name, self.gguf, self.rows, self.place, self.runs) = (name, gguf, rows, place, runs)
    }
  }

  /// Whether the part's tensor is there and stored as floats.
  func isFloat(_ part: Part) -> Bool {
    let tensor = weight(part).name(in: hyperparameters).flatMap(store.checkpoint.tensor)
    return tensor.flatMap { WeightFormat($0.type) }?.isFloat ?? false
  }

  private func weight(_ part: Part) -> Parameter { parameter(part, "weight") }

  private func parameter(_ part: Part, _ kind: String) -> Parameter {
    var parameter = parameter(part.name, gguf: part.gguf, kind)
    if part.hasPlainName, let name = part.name {
      parameter.name = "\(prefix)\(name)\(kind == "weight" ? "" : "_\(kind)")"
    }
    parameter.runs = part.runs
    parameter.slice = part.place.map { place in
      let count = part.runs.map { (part.rows / $0.length - 1) * $0.stride + $0.length } ?? part.rows
      return (place.start..<place.start + count, place.of)
    }
    return parameter
  }

  /// Projections of one input, whose rows follow each other.
  func linear(
    parts: [Part], columns: Int, bias: BiasRule = .none, isTransposed: Bool = false, isNormalized: Bool = false
  ) throws -> Linear {
    let weights = parts.map { part in
      var parameter = weight(part)
      parameter.isNormalized = isNormalized
      parameter.isTransposed = isTransposed && !hyperparameters.isGGUF
      return parameter
    }
    let matrices = try store.matrices(weights, rows: parts.map(\.rows), columns: columns, of: self)
    return Linear(
      parts: matrices, bias: try biases(parts, bias), rows: parts.reduce(0) { $0 + $1.rows }, columns: columns,
      lowRank: try lowRank(parts, columns: columns))
  }

  private func lowRank(_ parts: [Part], columns: Int) throws -> LowRank? {
    guard !store.adapters.isEmpty else { return nil }
    return try store.lowRank(parts.map { (weight($0), $0.rows) }, columns: columns, of: self)
  }

  /// The size of the heads whose rows GGUF files have in another order than folders, of queries and keys.
  func interleavedHeadDim(of parameter: Parameter) -> Int? {
    parameter.gguf.flatMap { hyperparameters.record?.contents.interleavedHeadDim(of: $0) }
  }

  /// The biases of parts whose rows follow each other; nil where there are none.
  private func biases(_ parts: [Part], _ rule: BiasRule) throws -> Vector? {
    let present = parts.filter { has($0.name, gguf: $0.gguf, "bias") }
    guard rule == .required || (rule == .ifPresent && !present.isEmpty) else { return nil }
    return try store.vector(
      parts.map { (parameter($0, "bias"), $0.rows) }, isZeroWhereMissing: rule == .ifPresent,
      of: self)
  }

  /// A gate and an up projection, whose groups of rows alternate where one product can compute both.
  func gatedLinear(gate: Part, up: Part, columns: Int, bias: BiasRule = .none) throws -> GatedLinear {
    let weights = [gate, up].map(weight)
    let biases = try self.biases([gate, up], bias)
    let lowRank = try lowRank([gate, up], columns: columns)
    if biases == nil, lowRank == nil, gate.rows.isMultiple(of: 16),
      let matrix = try store.interleaved(weights, rows: gate.rows, columns: columns, of: self)
    {
      return GatedLinear(fused: matrix, parts: [], bias: nil, rows: gate.rows, columns: columns, lowRank: nil)
    }
    let parts = try store.matrices(weights, rows: [gate.rows, up.rows], columns: columns, of: self)
    return GatedLinear(
      fused: nil, parts: parts, bias: biases, rows: gate.rows, columns: columns, lowRank: lowRank)
  }

  /// Gate and up, and down, of `count` experts; the matrices of one kind lie one after another. Places of parts are a
  /// folder's.
  func experts(
    count: Int, gate: [Part], up: [Part], down: [Part], hiddenSize: Int, size: Int, hasBiases: Bool = false
  ) throws -> ExpertMatrices {
    func names(_ parts: [Part]) -> [Parameter] {
      // One tensor has all experts' rows in GGUF, each its own in a folder.
      parts.enumerated().map { index, part in
        var parameter = parameter(part, "weight")
        parameter.columnRows = part.columnRows
        if hyperparameters.isGGUF {
          (parameter.runs, parameter.columnRows) = (nil, nil)
          parameter.slice = (index * part.rows..<(index + 1) * part.rows, parts.count * part.rows)
        }
        return parameter
      }
    }
    var matrices = try store.expertMatrices(
      gateUp: zip(names(gate), names(up)).map { [$0, $1] }, down: names(down).map { [$0] }, hiddenSize: hiddenSize,
      size: size, of: self)
    guard hasBiases, let gate = gate.first, let up = up.first, let down = down.first else { return matrices }
    let (gates, ups) = (try expertBiases(gate, count: count), try expertBiases(up, count: count))
    // Groups of 16, in the order of the matrix's rows.
    matrices.gateUpBias = try store.vector(
      stride(from: 0, to: count * size, by: 16).flatMap { gates[$0..<$0 + 16] + ups[$0..<$0 + 16] },
      label: "\(gate.gguf ?? "") biases")
    let downs = try expertBiases(down, count: count)
    let padding = [Float](repeating: 0, count: (hiddenSize + 15) / 16 * 16 - hiddenSize)
    matrices.downBias = try store.vector(
      (0..<count).flatMap { downs[$0 * hiddenSize..<($0 + 1) * hiddenSize] + padding },
      label: "\(down.gguf ?? "") biases")
    return matrices
  }

  /// The biases of `count` experts, of which the first has `part`: (count, rows).
  private func expertBiases(_ part: Part, count: Int) throws -> [Float] {
    var parameter = parameter(part, "bias")
    let stride = hyperparameters.isGGUF ? 1 : part.runs?.stride ?? 1
    // All experts' elements, of a tensor (count, rows · stride).
    let start = hyperparameters.isGGUF ? 0 : part.place?.start ?? 0
    parameter.runs = stride > 1 ? (1, stride) : nil
    parameter.slice = (start..<count * part.rows * stride, count * part.rows * stride)
    let all = try store.values(parameter, shape: [count, part.rows * stride], isOfPlan: true, of: self)
    return parameter.storedRows(of: all.count).flatMap { all[$0] }
  }

  /// A matrix for each head, one after another: `rows` of every `stride` rows of a folder's tensor, from row `start` on.
  ///
  /// - Parameter isTransposed: those rows are the matrix's columns, in a folder.
  func headMatrices(
    _ name: String, gguf: String, heads: Int, rows: Int, columns: Int, from start: Int, every stride: Int,
    isTransposed: Bool
  ) throws -> WeightMatrix {
    let parameters = (0..<heads).map { head in
      var parameter = parameter(name, gguf: gguf, "weight")
      let first = head * stride + start
      if hyperparameters.isGGUF {
        parameter.slice = (head * rows..<(head + 1) * rows, heads * rows)
      } else if isTransposed {
        parameter.columnRows = (first..<first + columns, heads * stride)
      } else {
        parameter.slice = (first..<first + rows, heads * stride)
      }
      return [parameter]
    }
    return try store.experts(parameters, rows: rows, columns: columns, of: self)
  }

  /// A vector of `count` floats.
  func vector(_ name: String?, gguf: String?, _ kind: String = "weight", count: Int, offset: Float = 0) throws -> Vector
  {
    var parameter = parameter(name, gguf: gguf, kind)
    parameter.offset = offset
    return try store.vector([(parameter, count)], isZeroWhereMissing: false, of: self)
  }

  /// The values of a small tensor, which stay on the host.
  func values(_ name: String?, gguf: String?, _ kind: String = "weight", shape: [Int]) throws -> [Float] {
    try store.values(parameter(name, gguf: gguf, kind), shape: shape, of: self)
  }

  /// Declares a float tensor, whose values are read when they are asked for: not for a plan.
  func valueReader(_ name: String?, gguf: String?, _ kind: String = "weight", shape: [Int]) throws
    -> () throws -> [Float]
  {
    try store.valueReader(parameter(name, gguf: gguf, kind), shape: shape, of: self)
  }

  /// A vector that the family has computed.
  func vector(of values: [Float], named label: String) throws -> Vector { try store.vector(values, label: label) }

  /// A table of rows to be added, which the family has computed.
  func addedEmbedding(of values: @autoclosure () -> [Float], rows: Int, size: Int, named label: String) throws
    -> AddedEmbedding
  {
    AddedEmbedding(table: try store.matrix(values, rows: rows, columns: size, label: label))
  }

  /// A table of rows that are looked up by token ids.
  func embedding(_ name: String?, gguf: String?, rows: Int, size: Int, scale: Float = 1) throws -> TokenEmbedding {
    TokenEmbedding(
      table: try store.matrix(parameter(name, gguf: gguf, "weight"), rows: rows, columns: size, of: self), size: size,
      scale: scale)
  }

  /// A table of rows that are added to those of tokens.
  ///
  /// - Parameter first: rows before it are stored and not used.
  func addedEmbedding(_ name: String?, gguf: String?, rows: Int, size: Int, from first: Int = 0) throws
    -> AddedEmbedding
  {
    var parameter = parameter(name, gguf: gguf, "weight")
    if first > 0 { parameter.slice = (first..<rows, rows) }
    return AddedEmbedding(table: try store.matrix(parameter, rows: rows - first, columns: size, of: self))
  }

  /// The matrix that makes logits of hidden states: the embedding itself where the two are tied.
  ///
  /// - Parameters:
  ///   - scale: of the logits.
  ///   - tiedScale: of the logits of a tied one besides.
  ///   - isNormalized: each row of one that is not tied is divided by its length.
  func outputHead(
    tiedTo embedding: TokenEmbedding, named name: String = "lm_head", bias: BiasRule = .none, softCap: Double? = nil,
    scale: Float = 1, tiedScale: Float = 1, isNormalized: Bool = false
  ) throws -> OutputHead {
    let softCap = softCap.map { Float($0) }
    let isTied = try hyperparameters.optionalBool("tie_word_embeddings", gguf: nil) ?? !has(name, gguf: "output")
    guard isTied else {
      let output = try linear(
        name, gguf: "output", rows: embedding.table.shape.rows, columns: embedding.size, bias: bias,
        isNormalized: isNormalized)
      return OutputHead(output: output, softCap: softCap, scale: scale)
    }
    // Some folders have the tied matrix twice.
    ignore(["\(name).weight"])
    return OutputHead(output: embedding.output, softCap: softCap, scale: scale * tiedScale)
  }

  func rmsNorm(_ name: String?, gguf: String?, size: Int, epsilon: Double, offset: Float = 0) throws -> Normalization {
    Normalization(
      kind: .rms, weight: try vector(name, gguf: gguf, count: size, offset: hyperparameters.isGGUF ? 0 : offset),
      bias: nil, size: size, epsilon: Float(epsilon))
  }

  func layerNorm(
    _ name: String?, gguf: String?, size: Int, epsilon: Double, bias: BiasRule = .required, offset: Float = 0
  ) throws -> Normalization {
    // Names of the first BERTs, which were TensorFlow's.
    let isOld = has(name, gguf: nil, "gamma")
    let (weight, beta) = isOld ? ("gamma", "beta") : ("weight", "bias")
    let hasBias = bias == .required || (bias == .ifPresent && has(name, gguf: gguf, beta))
    return Normalization(
      kind: .layer,
      weight: try vector(name, gguf: gguf, weight, count: size, offset: hyperparameters.isGGUF ? 0 : offset),
      bias: hasBias ? try vector(name, gguf: gguf, beta, count: size) : nil, size: size, epsilon: Float(epsilon))
  }

  /// A norm of queries or keys, of which each head has weights of its own, (headCount, size).
  ///
  /// - Parameter isApart: a folder has a tensor for each head, `name.0` and so on.
  func headNorm(
    _ kind: Normalization.Kind, _ name: String, gguf: String, headCount: Int, size: Int, epsilon: Double,
    isApart: Bool = false
  ) throws -> Normalization {
    let values =
      try isApart && !hyperparameters.isGGUF
      ? (0..<headCount).flatMap { try self.values("\(name).\($0)", gguf: gguf, shape: [size]) }
      : self.values(name, gguf: gguf, shape: [headCount, size])
    var norm = Normalization(
      kind: kind, weight: try vector(of: values, named: gguf), bias: nil, size: size, epsilon: Float(epsilon))
    norm.hasHeadWeights = true
    return norm
  }

  /// Tensors that are there for other uses, and are not loaded.
  func ignore(_ names: [String]) { store.ignore(names.map { (hyperparameters.isGGUF ? ggufPrefix : prefix) + $0 }) }
}
