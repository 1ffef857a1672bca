import Foundation
import TesseraFiles
import TesseraMemory
import TestSupport
import Testing

@testable import TesseraModels

extension FamilySuites {
  /// What is wrong with a folder is an error that names it, before any memory is taken.
  @Suite("Damaged folders, and variants that no family computes")
  struct BadFolderTests {
    private func layout(
      _ folder: String, config change: ([String: Any]) -> [String: Any] = { $0 },
      header: ([String: Any]) -> [String: Any] = { $0 }, adding names: [String] = []
    ) throws -> ModelLayout {
      try FamilyFixture.withCopy(of: folder, config: change, header: header, adding: names) { try layout(path: $0) }
    }

    @Test(
      "a GGUF file without a key that llama.cpp requires is refused, whatever config.json's default is",
      arguments: [
        ("gpt2", "gpt2.attention.layer_norm_epsilon"), ("bert", "bert.attention.layer_norm_epsilon"),
        ("t5", "t5.attention.layer_norm_rms_epsilon"), ("t5", "t5.attention.relative_buckets_count"),
        ("t5", "t5.context_length"), ("qwen2-tied", "qwen2.attention.layer_norm_rms_epsilon"),
        ("mixtral", "llama.attention.layer_norm_rms_epsilon"),
      ])
    func requiredKeys(family: String, key: String) throws {
      let file = try GGUFCheckpoint(path: FamilyFixture.path("families/\(family)/model.gguf"))
      var copy = try ModelConverter(file, to: nil)
      try withTemporaryFolder { folder in
        let path = folder.appendingPathComponent("model.gguf").path
        func write() throws { _ = try copy.write(to: path) { throw CancellationError() } }
        try write()
        _ = try layout(path: path)
        let values = Dictionary(uniqueKeysWithValues: copy.metadata.keys.map { ($0, copy.metadata[$0]) })
        copy.metadata = Metadata(values.compactMapValues { $0 }.filter { $0.key != key }, of: path)
        try write()
        let error = #expect(throws: ModelError.self) { try layout(path: path) }
        #expect("\(error.map { "\($0)" } ?? "")".contains(key))
      }
    }

    private func layout(path: String) throws -> ModelLayout {
      try ModelLayout(
        openCheckpoint(path: path),
        limits: DeviceLimits(
          name: "any", isCPU: true, vectorWidth: 8, localMemoryBytes: 1 << 16, maxWorkGroupSize: 256,
          globalMemoryBytes: 1 << 34, maxAllocationBytes: 1 << 32, baseAddressAlignment: 64), options: .init())
    }

    private func expectError(
      _ words: [String], sourceLocation: SourceLocation = #_sourceLocation, _ body: () throws -> ModelLayout
    ) {
      do {
        _ = try body()
        Issue.record("no error with \(words)", sourceLocation: sourceLocation)
      } catch {
        let text = "\(error)"
        for word in words where !text.contains(word) {
          Issue.record("no \"\(word)\" in: \(text)", sourceLocation: sourceLocation)
        }
      }
    }

    private static let sizes: [String: [String]] = [
      "gpt2": ["n_layer", "n_embd", "n_head", "n_inner", "n_positions", "vocab_size"],
      "qwen2-tied": [
        "num_hidden_layers", "hidden_size", "num_attention_heads", "num_key_value_heads", "intermediate_size",
        "max_position_embeddings", "vocab_size",
      ],
      "gpt-neox": ["num_hidden_layers", "hidden_size", "intermediate_size", "vocab_size"],
      "opt": [
        "num_hidden_layers", "hidden_size", "ffn_dim", "max_position_embeddings", "word_embed_proj_dim", "vocab_size",
      ],
      "bloom": ["n_layer", "hidden_size", "n_head", "vocab_size"],
      "mpt": ["n_layers", "d_model", "n_heads", "vocab_size"],
      "phi3": ["num_hidden_layers", "hidden_size", "intermediate_size", "num_key_value_heads", "vocab_size"],
      "mixtral": ["head_dim", "num_local_experts", "num_experts_per_tok", "intermediate_size", "num_key_value_heads"],
      "t5": ["d_model", "d_kv", "d_ff", "num_heads", "num_layers", "num_decoder_layers", "vocab_size", "n_positions"],
      "bart": [
        "d_model", "encoder_layers", "decoder_layers", "encoder_ffn_dim", "max_position_embeddings", "vocab_size",
      ],
      "m2m100": ["decoder_attention_heads", "encoder_attention_heads", "decoder_ffn_dim", "max_position_embeddings"],
      "bert": [
        "hidden_size", "num_attention_heads", "intermediate_size", "num_hidden_layers", "max_position_embeddings",
        "type_vocab_size", "vocab_size",
      ],
      "xlm-roberta": ["hidden_size", "max_position_embeddings", "type_vocab_size", "vocab_size"],
      "distilbert": ["dim", "hidden_dim", "n_layers", "n_heads", "max_position_embeddings", "vocab_size"],
      "mpnet": ["hidden_size", "intermediate_size", "max_position_embeddings"],
      "modernbert": ["hidden_size", "intermediate_size", "num_hidden_layers", "local_attention", "vocab_size"],
      "electra": ["embedding_size", "hidden_size", "max_position_embeddings"],
      "albert": ["embedding_size", "num_hidden_groups", "num_hidden_layers", "vocab_size"],
      "nomic-bert": ["n_embd", "n_head", "n_layer", "n_inner", "type_vocab_size"],
      "qwen3-moe": ["num_experts", "moe_intermediate_size"],
      "qwen2-moe": ["shared_expert_intermediate_size"],
      "granite-moe-shared": ["num_local_experts", "intermediate_size"],
      "deepseek-v3": [
        "n_routed_experts", "moe_intermediate_size", "kv_lora_rank", "q_lora_rank", "qk_nope_head_dim",
        "qk_rope_head_dim", "v_head_dim",
      ],
      "gpt-oss": ["num_local_experts", "num_experts_per_tok", "intermediate_size", "head_dim"],
      "gpt-oss-mxfp4": ["num_local_experts", "hidden_size"],
      "jina-bert": ["hidden_size", "num_attention_heads", "intermediate_size"],
    ]

    @Test("absurd sizes in config.json are refused by name", arguments: sizes.keys.sorted())
    func absurdSizes(folder: String) throws {
      _ = try layout(folder)
      for key in try #require(Self.sizes[folder]) {
        for value: Any in [0, -1, Int.max, Int.min, 1e300, 1.5, "many", [2], true, ["a": 1]] {
          expectError([key]) { try layout(folder, config: { $0.merging([key: value]) { $1 } }) }
        }
      }
    }

    @Test("sizes that are possible and not the tensors' are refused with the shape", arguments: sizes.keys.sorted())
    func otherSizes(folder: String) throws {
      // One head as wide as two is a model, too.
      let free = [
        "qwen2-tied max_position_embeddings", "t5 n_positions", "m2m100 max_position_embeddings",
        "m2m100 decoder_attention_heads", "m2m100 encoder_attention_heads", "mixtral num_experts_per_tok",
        "gpt-oss num_experts_per_tok", "gpt2 n_head", "bloom n_head", "mpt n_heads",
        "bert num_attention_heads", "distilbert n_heads", "modernbert local_attention",
        "albert num_hidden_groups", "albert num_hidden_layers", "nomic-bert n_head", "jina-bert num_attention_heads",
      ]
      for key in try #require(Self.sizes[folder]) where !free.contains("\(folder) \(key)") {
        for change in [-1, 1] {
          expectError([]) {
            try layout(
              folder,
              config: { config in
                let value = (config[key] as? Int).map { $0 + change } ?? 7
                return config.merging([key: value]) { $1 }
              })
          }
        }
      }
      expectError(["wte.weight", "[112, 32]", "[113, 32]"]) {
        try layout("gpt2", config: { $0.merging(["vocab_size": 113]) { $1 } })
      }
      expectError(["5 heads", "32"]) { try layout("gpt2", config: { $0.merging(["n_head": 5]) { $1 } }) }
    }

    @Test("numbers that are no sizes must make sense, too")
    func numbers() {
      for (folder, key, values) in [
        ("bert", "layer_norm_eps", [0, -1, 2, "small"] as [Any]), ("gpt2", "layer_norm_epsilon", [0, 1e9]),
        ("mixtral", "rope_theta", [0, -1, "big"]), ("mixtral", "rms_norm_eps", [0, -1e-5]),
        ("t5", "relative_attention_num_buckets", [0, -8, 1 << 40, "8"]),
        ("t5", "relative_attention_max_distance", [0, 3, -1, 1 << 40]), ("t5", "decoder_start_token_id", [-1, "0"]),
        ("mixtral", "sliding_window", [-1, "4"]), ("bert", "hidden_act", ["mish", 1]),
        ("mixtral", "hidden_act", ["mish"]), ("t5", "feed_forward_proj", ["gated-mish", "cube"]),
        ("qwen2-tied", "rope_parameters", [["rope_type": "longrope"], ["rope_type": "linear", "factor": 0], 3]),
        ("roberta", "pad_token_id", [-1, 65, "1"]), ("mpnet", "max_position_embeddings", [2]),
        ("modernbert", "layer_types", [["full_attention"], "all"]), ("modernbert", "norm_eps", [0, 1]),
        ("modernbert", "global_rope_theta", [0, -1]),
        ("bert-pairs", "id2label", [["1": "x"], ["0": "a", "1": "b"], 3]),
        ("phi4", "partial_rotary_factor", [0, 1.5, "half"]), ("gptj", "rotary_dim", [0, 3, 17]),
        ("smollm3", "no_rope_layers", [[1, 1], [1, 1, 1, 2]]), ("codegen", "n_head", [2]),
        ("falcon-40b", "num_kv_heads", [3, 0]), ("mpt", "attn_config", [["alibi": false], ["clip_qkv": 6]]),
        ("phi4", "rope_scaling", [["type": "longrope", "short_factor": [1], "long_factor": [1]]]),
        ("qwen2-tied", "layer_types", [["full_attention"], ["full_attention", "linear_attention"], "all"]),
      ] {
        for value in values {
          expectError([]) { try layout(folder, config: { $0.merging([key: value]) { $1 } }) }
        }
      }
    }

    @Test("switches that the family does not compute are refused by name")
    func variants() {
      for (folder, key, value) in [
        ("bert", "position_embedding_type", "relative_key" as Any), ("bert", "is_decoder", true),
        ("bert", "add_cross_attention", true), ("gpt2", "add_cross_attention", true), ("qwen2-tied", "use_mrope", true),
        ("roberta", "position_embedding_type", "relative_key_query"),
        ("mpnet", "relative_attention_num_buckets", 16), ("albert", "inner_group_num", 2),
        ("electra", "is_decoder", true), ("modernbert", "norm_bias", true), ("modernbert", "attention_bias", true),
        ("modernbert", "mlp_bias", true), ("nomic-bert", "activation_function", "gelu"),
        ("nomic-bert", "rotary_emb_fraction", 0.5), ("nomic-bert", "prenorm", true), ("nomic-bert", "causal", true),
        ("nomic-bert", "rotary_scaling_factor", 2), ("nomic-bert", "moe_every_n_layers", 2),
        ("olmoe", "clip_qkv", 8), ("deepseek-v2", "topk_method", "other"), ("deepseek-v2", "moe_layer_freq", 2),
        ("deepseek-v3", "scoring_func", "softmax"), ("gpt-oss", "swiglu_limit", 5), ("gpt-oss", "swiglu_alpha", 1),
        ("jina-bert", "position_embedding_type", "absolute"), ("jina-bert", "feed_forward_type", "original"),
        ("mixtral", "partial_rotary_factor", 0.5), ("phi2", "qk_layernorm", true),
        ("opt", "_remove_final_layer_norm", true), ("bloom", "apply_residual_connection_post_layernorm", true),
        ("mpt", "no_bias", false), ("mpt", "logit_scale", 0.5), ("gemma2", "use_bidirectional_attention", true),
        ("starcoder2", "norm_type", "rms"), ("command-r", "rotary_pct", 0.5), ("phi3", "attention_bias", true),
        ("qwen3", "partial_rotary_factor", 0.5), ("marian", "share_encoder_decoder_embeddings", false),
      ] {
        expectError([key, "config.json"]) { try layout(folder, config: { $0.merging([key: value]) { $1 } }) }
      }
      let tempered: [String: Any] = ["rope_type": "linear", "factor": 2.0, "llama_4_scaling_beta": 0.1]
      expectError(["llama_4_scaling_beta", "yarn"]) {
        try layout("ministral3", config: { $0.merging(["rope_parameters": tempered]) { $1 } })
      }
      for (key, value): (String, Any) in [
        ("mscale", 0.7), ("mscale_all_dim", 1), ("partial_rotary_factor", 0.5),
        ("mrope_section", [4]),
      ] {
        let rope: [String: Any] = ["rope_type": "yarn", "factor": 2, "rope_theta": 1e6]
        for place in ["rope_parameters", "rope_scaling"] {
          expectError([key, "config.json"]) {
            try layout("mixtral", config: { $0.merging([place: rope.merging([key: value]) { $1 }]) { $1 } })
          }
        }
        expectError([key, "config.json"]) {
          let types = ["full_attention": rope, "sliding_attention": rope.merging([key: value]) { $1 }]
          return try layout("mixtral", config: { $0.merging(["rope_parameters": types]) { $1 } })
        }
      }
      expectError(["yarn of sliding_attention"]) {
        let types: [String: Any] = ["sliding_attention": ["rope_type": "yarn", "factor": 2]]
        return try layout("mixtral", config: { $0.merging(["rope_parameters": types]) { $1 } })
      }
      expectError(["Qwen2VLForConditionalGeneration", "Qwen2ForCausalLM"]) {
        try layout("gpt2", config: { $0.merging(["architectures": ["Qwen2VLForConditionalGeneration"]]) { $1 } })
      }
    }

    @Test("rotary parameters that change nothing are no reason to refuse")
    func harmlessRotaryParameters() throws {
      let rope: [String: Any] = [
        "rope_type": "yarn", "factor": 2, "truncate": true, "finetuned": true, "partial_rotary_factor": 1,
        "mscale": NSNull(),
      ]
      _ = try layout("mixtral", config: { $0.merging(["rope_scaling": rope]) { $1 } })
    }

    @Test("heads of one dimension, which cannot turn, are refused")
    func smallHeads() {
      expectError(["head_dim", "is 1"]) { try layout("mixtral", config: { $0.merging(["head_dim": 1]) { $1 } }) }
      expectError(["head_dim", "is 1"]) {
        try layout("qwen2-tied", config: { $0.merging(["num_attention_heads": 96]) { $1 } })
      }
      expectError(["attention.key_length", "is 1"]) {
        try SyntheticModel.llama.withFile({ $0.metadata["llama.attention.key_length"] = .uint32(1) }) {
          try layout(path: $0)
        }
      }
    }

    @Test("tensors that older folders of a family have besides are not loaded, and no reason to refuse")
    func unreadTensors() throws {
      for (folder, names) in [
        ("qwen2-tied", (0..<2).map { "model.layers.\($0).self_attn.rotary_emb.inv_freq" }),
        ("mixtral", (0..<2).map { "model.layers.\($0).self_attn.rotary_emb.inv_freq" }),
        ("t5", ["decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight"]),
        ("m2m100", ["encoder", "decoder"].map { "model.\($0).embed_positions.weights" }),
        ("bart", ["encoder", "decoder"].map { "model.\($0).embed_tokens.weight" }),
      ] {
        let plain = try layout(folder)
        let more = try layout(folder, adding: names)
        #expect(more.parameters == plain.parameters)
      }
      expectError(["rotary_emb.phase"]) {
        try layout("mixtral", adding: ["model.layers.0.self_attn.rotary_emb.phase"])
      }
    }

    @Test("a decoder that was saved without its head has names without the first part")
    func bareNames() throws {
      let bare = try layout(
        "qwen2-tied",
        header: { header in
          Dictionary(
            uniqueKeysWithValues: header.map { key, value in
              (key.hasPrefix("model.") ? String(key.dropFirst(6)) : key, value)
            })
        })
      #expect(try bare.parameters == layout("qwen2-tied").parameters)
    }

    @Test("missing, misshapen, mistyped and unknown tensors are refused by name")
    func tensors() {
      func renamed(_ old: String, _ new: String) -> ([String: Any]) -> [String: Any] {
        { header in
          var header = header
          header[new] = header.removeValue(forKey: old)
          return header
        }
      }
      func changed(_ name: String, _ key: String, _ value: Any) -> ([String: Any]) -> [String: Any] {
        { header in
          var header = header
          var entry = header[name] as? [String: Any] ?? [:]
          entry[key] = value
          header[name] = entry
          return header
        }
      }
      let up = "encoder.layer.1.intermediate.dense.weight"
      expectError([up]) { try layout("bert", header: renamed(up, "encoder.layer.1.intermediate.dense.scale")) }
      expectError([up, "[32, 64]", "[64, 32]"]) { try layout("bert", header: changed(up, "shape", [32, 64])) }
      expectError([up, "[2048]"]) { try layout("bert", header: changed(up, "shape", [2048])) }
      expectError([up, "I32"]) { try layout("bert", header: changed(up, "dtype", "I32")) }
      let bias = "encoder.layer.0.output.dense.bias"
      expectError([bias, "[2, 16]", "[32]"]) { try layout("bert", header: changed(bias, "shape", [2, 16])) }
      expectError([bias, "I32"]) { try layout("bert", header: changed(bias, "dtype", "I32")) }
      expectError(["encoder.layer.7.attention"]) {
        try layout("bert", header: changed("encoder.layer.7.attention.output.dense.bias", "shape", [0]))
      }
      let norm = "encoder.layer.0.output.LayerNorm.weight"
      expectError([norm]) { try layout("bert", header: renamed(norm, "encoder.layer.0.output.LayerNorm.gain")) }
      let expert = "model.layers.1.block_sparse_moe.experts.4.w2.weight"
      expectError([expert]) { try layout("mixtral", header: renamed(expert, "\(expert).old")) }
    }

    @Test("names of the first BERTs' norms are known")
    func oldNames() throws {
      _ = try layout(
        "bert",
        header: { header in
          Dictionary(
            uniqueKeysWithValues: header.map { key, value in
              let old = key.replacingOccurrences(of: "LayerNorm.weight", with: "LayerNorm.gamma")
              return (old.replacingOccurrences(of: "LayerNorm.bias", with: "LayerNorm.beta"), value)
            })
        })
    }

    @Test("a GGUF key of the architecture that nothing asks for is refused by name; others are not the model's")
    func keys() throws {
      func layout(_ model: SyntheticModel, _ key: String, _ value: GGUFWriter.Value) throws -> ModelLayout {
        try model.withFile({ $0.metadata[key] = value }) { try self.layout(path: $0) }
      }
      for (key, value): (String, GGUFWriter.Value) in [
        ("llama.attention.max_alibi_bias", .float32(8)), ("llama.logit_scale", .float32(0.5)),
        ("llama.attention.key_length_mla", .uint32(64)), ("llama.attention.sliding_window_pattern", .uint32(2)),
        ("llama.leading_dense_block_count", .uint32(1)),
      ] {
        expectError([key]) { try layout(.llama, key, value) }
      }
      expectError(["gemma3.attention.clamp_kqv"]) { try layout(.gemma3, "gemma3.attention.clamp_kqv", .float32(1)) }
      for (key, value): (String, GGUFWriter.Value) in [
        ("llama.vocab_size", .uint32(1)), ("general.anything", .uint32(1)), ("quantize.imatrix.file", .string("x")),
        ("llama2.logit_scale", .float32(2)), ("llama.expert_count", .uint32(0)),
        ("llama.rope.scaling.original_context_length", .uint32(4096)),
      ] {
        _ = try layout(.llama, key, value)
      }
    }
  }
}
