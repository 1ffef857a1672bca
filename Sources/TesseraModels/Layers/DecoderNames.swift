import TesseraOperators

/// What a family's folders call sizes and tensors: Llama's names unless a family changes some. In GGUF files a thing
/// has one name whatever the family.
struct DecoderNames: Sendable {
  // Sizes, in config.json; nil: the family does not have it.
  var layerCount = "num_hidden_layers"
  var hiddenSize = "hidden_size"
  var headCount = "num_attention_heads"
  var kvHeadCount: String? = "num_key_value_heads"
  var intermediateSize: String? = "intermediate_size"
  var contextLength = "max_position_embeddings"
  var normEpsilon = "rms_norm_eps"
  var activation = "hidden_act"
  var ropeTheta = "rope_theta"
  var rotaryShare = "partial_rotary_factor"

  // Tensors of a layer.
  var attentionNorm = "input_layernorm"
  var attention = "self_attn"
  var queries = "q_proj"
  var keys = "k_proj"
  var values = "v_proj"
  /// One tensor in the place of those three.
  var fused: Fused?
  var output = "o_proj"
  var mlpNorm = "post_attention_layernorm"
  var mlp = "mlp"
  var gate = "gate_proj"
  var up = "up_proj"
  /// One tensor in the place of those two: gate rows, then up rows.
  var gateUp: String?
  /// GGUF files have it as one, too, named as the up projection.
  var isGateUpFusedInGGUF = true
  var down = "down_proj"

  /// The tensor of queries, keys and values.
  struct Fused: Sendable {
    enum Order: Sendable {
      /// All queries, all keys, all values.
      case whole
      /// For each key and value head: the query heads that share it, its key, its value.
      case grouped
      /// In parts of as many heads each: queries, values, keys (CodeGen's, of four devices).
      case partitioned(Int)
    }

    var name: String
    var order: Order
    /// GGUF files have it as one, in whole order.
    var isFusedInGGUF = true
  }
}

extension DecoderNames.Fused {
  /// The rows of queries, keys and values in a folder's tensor.
  func parts(headCount: Int, kvHeadCount: Int, headDim: Int) -> [ParameterScope.Part] {
    let (queries, keys) = (headCount * headDim, kvHeadCount * headDim)
    let gguf = isFusedInGGUF ? ["attn_qkv", "attn_qkv", "attn_qkv"] : ["attn_q", "attn_k", "attn_v"]
    let all = queries + 2 * keys
    func part(_ kind: Int, rows: Int, start: Int, runs: (length: Int, stride: Int)? = nil) -> ParameterScope.Part {
      .init(name, gguf: gguf[kind], rows: rows, at: (start, all), runs: runs)
    }
    switch order {
    case .whole:
      return [
        part(0, rows: queries, start: 0), part(1, rows: keys, start: queries),
        part(2, rows: keys, start: queries + keys),
      ]
    case .grouped:
      let shared = queries / kvHeadCount
      let group = shared + 2 * headDim
      return [
        part(0, rows: queries, start: 0, runs: (shared, group)),
        part(1, rows: keys, start: shared, runs: (headDim, group)),
        part(2, rows: keys, start: shared + headDim, runs: (headDim, group)),
      ]
    case .partitioned(let count):
      let own = queries / count
      return [
        part(0, rows: queries, start: 0, runs: (own, 3 * own)),
        part(1, rows: keys, start: 2 * own, runs: (own, 3 * own)),
        part(2, rows: keys, start: own, runs: (own, 3 * own)),
      ]
    }
  }
}
