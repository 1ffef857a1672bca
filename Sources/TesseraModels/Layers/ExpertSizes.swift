import TesseraOperators

/// The sizes of layers of experts, and how a folder has their tensors.
struct ExpertSizes: Sendable {
  enum Storage: Sendable {
    /// Each expert's tensors apart.
    case apart(gate: String, up: String, down: String)
    /// A tensor of all experts' gate and up rows, expert by expert, and one of all down rows.
    case fused(gateUp: String, down: String)
    /// The same with each expert's gate and up rows alternating; where they are floats, rows and columns are exchanged.
    case alternating(gateUp: String, down: String)

    static let usual = Storage.apart(gate: "gate_proj", up: "up_proj", down: "down_proj")
  }

  let count: Int
  let topK: Int
  /// Inner width of an expert.
  let size: Int
  let storage: Storage
  let router: String

  /// - Parameters:
  ///   - name: of their count, in config.json.
  ///   - size: an expert's inner width; nil: the file has a key for it, beside that of other MLPs.
  ///   - usualSize: where a GGUF file has no such key.
  init(
    _ c: Hyperparameters, count name: String = "num_experts", size: Int? = nil, usualSize: Int? = nil,
    storage: Storage = .usual, router: String = "gate"
  ) throws {
    count = try c.int(name, gguf: "expert_count", in: 1...1024)
    topK = try c.int("num_experts_per_tok", gguf: "expert_used_count", in: 1...count)
    if let size {
      self.size = size
      try c.require(nil, gguf: "expert_feed_forward_length", .int(size))
    } else {
      self.size = try c.int(
        "moe_intermediate_size", gguf: "expert_feed_forward_length", in: 1...1 << 24,
        default: c.isGGUF ? usualSize : nil)
    }
    (self.storage, self.router) = (storage, router)
  }

  fileprivate enum Kind: Int { case gate, up, down }

  fileprivate func parts(_ kind: Kind, hiddenSize: Int, _ p: ParameterScope) -> [ParameterScope.Part] {
    let gguf = ["ffn_gate_exps", "ffn_up_exps", "ffn_down_exps"][kind.rawValue]
    let rows = kind == .down ? hiddenSize : size
    return (0..<count).map { expert in
      switch storage {
      case .apart(let gate, let up, let down):
        return .init("experts.\(expert).\([gate, up, down][kind.rawValue])", gguf: gguf, rows: rows)
      case .fused(_, let down) where kind == .down:
        return .init(down, gguf: gguf, rows: rows, at: (expert * rows, count * rows))
      case .fused(let gateUp, _):
        let start = 2 * expert * rows + (kind == .up ? rows : 0)
        return .init(gateUp, gguf: gguf, rows: rows, at: (start, 2 * count * rows))
      case .alternating(let gateUp, let down):
        return alternating(expert, kind, kind == .down ? down : gateUp, gguf, hiddenSize: hiddenSize, p)
      }
    }
  }

  private func alternating(
    _ expert: Int, _ kind: Kind, _ name: String, _ gguf: String, hiddenSize: Int, _ p: ParameterScope
  ) -> ParameterScope.Part {
    let (rows, columns) = kind == .down ? (hiddenSize, size) : (size, hiddenSize)
    let each = kind == .down ? rows : 2 * rows
    var part = ParameterScope.Part(name, gguf: gguf, rows: rows, runs: kind == .down ? nil : (1, 2))
    part.hasPlainName = true
    if p.isFloat(part) {
      part.columnRows = (expert * columns..<(expert + 1) * columns, count * columns)
      part.place = (kind == .up ? 1 : 0, each)
    } else {
      part.place = (expert * each + (kind == .up ? 1 : 0), count * each)
    }
    return part
  }
}

extension DecoderSizes {
  /// - Parameters:
  ///   - p: where a folder has the router and the experts.
  ///   - hasBiases: of the router and of every expert's rows.
  func experts(
    _ sizes: ExpertSizes, _ p: ParameterScope, gate: ExpertRouter.Gate = .init(), shared: Experts.Shared? = nil,
    hasBiases: Bool = false
  ) throws -> Experts {
    func parts(_ kind: ExpertSizes.Kind) -> [ParameterScope.Part] { sizes.parts(kind, hiddenSize: hiddenSize, p) }
    return Experts(
      router: try p.linear(
        sizes.router, gguf: "ffn_gate_inp", rows: sizes.count, columns: hiddenSize, bias: hasBiases ? .required : .none),
      matrices: try p.experts(
        count: sizes.count, gate: parts(.gate), up: parts(.up), down: parts(.down), hiddenSize: hiddenSize,
        size: sizes.size, hasBiases: hasBiases),
      topK: sizes.topK, activation: activation, gate: gate, shared: shared)
  }

  /// Which layers have one MLP instead of experts, as Qwen's folders say; in GGUF files none has.
  func layersAreDense(_ c: Hyperparameters) throws -> [Bool] {
    let step = try c.int("decoder_sparse_step", gguf: nil, in: 1...1024, default: 1)
    var plain: [Int] = []
    if case .huggingFace(let config) = c.source { plain = try config.optionalInts("mlp_only_layers") ?? [] }
    let areDense = (0..<layerCount).map { plain.contains($0) || ($0 + 1) % step != 0 }
    if let first = areDense.firstIndex(of: true) { c.record?.addInexpressible("layers without experts, as", first) }
    return areDense
  }
}

extension ExpertRouter.Gate {
  /// Weights that are the softmax over all experts or, where `norm_topk_prob` says so, over those chosen.
  ///
  /// - Parameter usual: what it is in GGUF files, which do not say.
  static func softmax(_ c: Hyperparameters, isNormalizedInGGUF usual: Bool) throws -> Self {
    let isNormalized = try c.isGGUF ? usual : c.optionalBool("norm_topk_prob", gguf: nil) ?? false
    if isNormalized != usual { c.record?.addInexpressible("norm_topk_prob", isNormalized ? 1 : 0) }
    return .init(isNormalized ? .softmaxOfChosen : .softmax)
  }
}
