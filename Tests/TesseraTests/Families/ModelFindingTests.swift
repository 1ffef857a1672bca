import Foundation
import TesseraFiles
import TestSupport
import Testing

@testable import TesseraModels

/// What `tessera inspect` says of a model that cannot be run.
@Suite("What keeps a model from being run")
struct ModelFindingTests {
  private func findings(
    _ folder: String, config: ([String: Any]) -> [String: Any] = { $0 },
    header: ([String: Any]) -> [String: Any] = { $0 }, adding names: [String] = []
  ) throws -> [ModelFinding] {
    try FamilyFixture.withCopy(of: folder, config: config, header: header, adding: names) {
      ModelFinding.all(in: try openCheckpoint(path: $0))
    }
  }

  @Test("nothing, of every model of the tests")
  func none() throws {
    #expect(FamilyFixture.all.count > 100)
    for fixture in FamilyFixture.all {
      #expect(ModelFinding.all(in: try openCheckpoint(path: try fixture.path)) == [], "\(fixture)")
    }
  }

  @Test("an unknown architecture comes with those most like it")
  func architectures() throws {
    for (name, like) in [
      ("Qwen2VLForConditionalGeneration", ["Qwen2ForCausalLM"]), ("LLaMAForCausalLM", ["LlamaForCausalLM"]),
      ("DistilBertForQuestionAnswering", ["DistilBertForMaskedLM"]), ("Zzz", []), ("", []),
    ] {
      let found = try findings("gpt2", config: { $0.merging(["architectures": [name]]) { $1 } })
      #expect(found.count == 1 && found[0].kind == .architecture && found[0].message.contains("'\(name)'"))
      for name in like { #expect(found[0].message.contains(name), "\(found[0].message)") }
      #expect(found[0].message.contains("most like") == !like.isEmpty)
    }
    let nameless = try findings("gpt2", config: { $0.filter { $0.key != "architectures" } })
    #expect(nameless.map(\.kind) == [.architecture] && nameless[0].message.contains("\"architectures\""))
    try SyntheticModel.llama.withFile({ $0.metadata["general.architecture"] = .string("llama4") }) {
      let found = ModelFinding.all(in: try openCheckpoint(path: $0))
      #expect(found.map(\.kind) == [.architecture] && found[0].message.contains("most like it are llama"))
    }
  }

  @Test("an option that the family does not compute is its own refusal")
  func options() throws {
    let found = try findings("bert", config: { $0.merging(["position_embedding_type": "relative_key"]) { $1 } })
    #expect(found.map(\.kind) == [.configuration] && found[0].message.contains("position_embedding_type"))
    try SyntheticModel.llama.withFile({ $0.metadata["llama.logit_scale"] = .float32(2) }) {
      let found = ModelFinding.all(in: try openCheckpoint(path: $0))
      #expect(found.map(\.kind) == [.keys] && found[0].names == ["llama.logit_scale"])
    }
  }

  @Test("sizes that the file has not are named, and no memory is taken for them")
  func large() throws {
    let found = try findings("whisper", config: { $0.merging(["d_model": 1_048_576]) { $1 } })
    #expect(found.first?.kind == .shapes)
    #expect(found.first?.names.contains { $0.hasPrefix("model.encoder.conv1.weight ") } == true)
    // A family that reads values to plan: it ends there.
    let buckets = try findings(
      "t5",
      config: {
        $0.merging(["relative_attention_num_buckets": 1 << 15, "relative_attention_max_distance": 1 << 16]) { $1 }
      })
    #expect(buckets.map(\.kind) == [.shapes] && buckets[0].message.contains("instead of [32768, "), "\(buckets)")
  }

  @Test("experts of any number and size take no memory, and pairs of blocks and scales no overflow")
  func largeExperts() throws {
    let found = try findings(
      "gpt-oss", config: { $0.merging(["num_local_experts": 1024, "intermediate_size": 1 << 24]) { $1 } })
    #expect(found.contains { $0.kind == .shapes }, "\(found)")
    let pairs = try findings(
      "gpt-oss",
      header: {
        func bytes(_ shape: [Int]) -> [String: Any] { ["dtype": "U8", "shape": shape, "data_offsets": [0, 0]] }
        return $0.merging(["zz_blocks": bytes([0, 1 << 60, 16]), "zz_scales": bytes([0, 1 << 60])]) { $1 }
      })
    #expect(pairs == [], "no matrix is made of them")
  }

  @Test("tensors that are missing, of other shapes or types, or that nothing reads are all named")
  func tensors() throws {
    let (up, norm) = ("encoder.layer.1.intermediate.dense.weight", "encoder.layer.0.output.LayerNorm.weight")
    let found = try findings(
      "bert",
      header: { header in
        var header = header
        for name in [up, norm] { header[name + ".old"] = header.removeValue(forKey: name) }
        for (name, key, value) in [
          ("encoder.layer.0.intermediate.dense.weight", "shape", [32, 64]),
          ("encoder.layer.0.output.dense.bias", "dtype", "I32"),
        ] as [(String, String, Any)] {
          var entry = header[name] as? [String: Any] ?? [:]
          entry[key] = value
          header[name] = entry
        }
        return header
      }, adding: ["encoder.layer.9.more"])
    #expect(Set(found.map(\.kind)) == [.missingTensors, .shapes, .types, .unreadTensors])
    func names(_ kind: ModelFinding.Kind) -> [String] { found.first { $0.kind == kind }?.names ?? [] }
    #expect(Set(names(.missingTensors)) == [up, norm])
    #expect(names(.shapes) == ["encoder.layer.0.intermediate.dense.weight ([32, 64] instead of [64, 32])"])
    #expect(names(.types) == ["encoder.layer.0.output.dense.bias"])
    #expect(Set(names(.unreadTensors)) == [up + ".old", norm + ".old", "encoder.layer.9.more"])
  }

  @Test("a configuration of much larger sizes is no endless search")
  func sizes() throws {
    let found = try findings("mixtral", config: { $0.merging(["num_hidden_layers": 1024]) { $1 } })
    #expect(found.map(\.kind) == [.missingTensors] && found[0].names.count == TensorFaults.limit)
  }

  @Test(
    "quantized weights are named by what quantized them, and when such a model is loaded, too",
    arguments: [("gptq", "GPTQ"), ("awq", "AWQ"), ("bitsandbytes", "bitsandbytes"), ("hqq", "'hqq'")])
  func quantization(method: String, name: String) throws {
    func header(_ header: [String: Any]) -> [String: Any] {
      Dictionary(
        uniqueKeysWithValues: header.map { key, value in
          guard key.hasSuffix("_proj.weight") else { return (key, value) }
          var entry = value as? [String: Any] ?? [:]
          // BF16 in pairs.
          let shape = entry["shape"] as? [Int] ?? []
          (entry["dtype"], entry["shape"]) = ("I32", [shape[0], shape[1] / 2])
          return (key.replacingOccurrences(of: "weight", with: "qweight"), entry)
        })
    }
    let config: ([String: Any]) -> [String: Any] = {
      $0.merging(["quantization_config": ["quant_method": method]]) { $1 }
    }
    let found = try findings("qwen2-tied", config: config, header: header)
    #expect(found.first?.kind == .quantization && found[0].message.contains("by \(name),"))
    #expect(Set(found.map(\.kind)) == [.quantization, .missingTensors, .unreadTensors])
    let error = #expect(throws: ModelError.self) {
      try FamilyFixture.withCopy(of: "qwen2-tied", config: config, header: header) {
        _ = try FamilyModel(path: $0)
      }
    }
    #expect(error?.code == .unsupportedFeature && error?.message.contains("by \(name),") == true)
    // Weights as others have them are not refused for what is said of them.
    #expect(try findings("qwen2-tied", config: config) == [])
  }

  @Test("numbers of 8 bits are named by their type, with what they are of")
  func float8() throws {
    let name = "model.layers.0.mlp.up_proj.weight"
    let found = try findings(
      "qwen2-tied", config: { $0.merging(["quantization_config": ["quant_method": "fp8"]]) { $1 } },
      header: { header in
        var entry = header[name] as? [String: Any] ?? [:]
        let shape = entry["shape"] as? [Int] ?? []
        (entry["dtype"], entry["shape"]) = ("F8_E4M3", [shape[0], shape[1] * 2])
        return header.merging([name: entry]) { $1 }
      })
    #expect(found.map(\.kind) == [.quantization, .types] && found.last?.names == [name])
    #expect(found[0].message.contains("FP8") && found[1].message.contains("F8_E4M3"))
  }
}
