import TesseraFiles
import TesseraJSON

extension Adapter.Parts {
  /// A folder of PEFT's.
  init(_ folder: AdapterFolder) throws {
    let config = folder.config
    func refusal(_ what: String) -> ModelError {
      ModelError(
        .unsupportedFeature,
        "\(folder.path): \(what): plain LoRA adapters are supported, so merge this one with PEFT and load the result")
    }
    guard try config.optionalString("peft_type") == "LORA" else {
      throw refusal("an adapter of type \(try config.optionalString("peft_type") ?? "unknown")")
    }
    if let bias = try config.optionalString("bias"), bias != "none" {
      throw refusal("an adapter with bias \"\(bias)\"")
    }
    for key in config.object.keys.filter({ !Self.knownKeys.contains($0) }) where config[key]?.isSet == true {
      throw refusal("the adapter's \"\(key)\" is not understood")
    }
    // Others have changed the model's own matrices before they were trained.
    if let start = config["init_lora_weights"]?.stringValue, !["gaussian", "eva", "orthogonal"].contains(start) {
      throw refusal("an adapter that was begun by \"\(start)\"")
    }
    let rank = try config.int("r")
    let alpha = try config.double("lora_alpha")
    let isRootScaled = try config.optionalBool("use_rslora") ?? false
    let ranks = try Self.pattern("rank_pattern", config)
    let alphas = try Self.pattern("alpha_pattern", config)
    for (key, _) in ranks + alphas where !key.allSatisfy({ $0.isLetter || $0.isNumber || $0 == "." || $0 == "_" }) {
      throw refusal("the pattern \"\(key)\" of matrices")
    }
    func value(_ pattern: [(String, Double)], _ module: Substring, _ usual: Double) -> Double {
      pattern.first { module == $0.0 || module.hasSuffix("." + $0.0) }?.1 ?? usual
    }
    self.init(
      checkpoint: folder, isGGUF: false, base: try config.optionalString("base_model_name_or_path"),
      scale: { name, own in
        let module = name.dropLast(".weight".count)
        let expected = value(ranks, module, Double(rank))
        guard Double(own) == expected else {
          throw ModelError(
            .inconsistent, "\(folder.path): \(name) has the rank \(own), the configuration says \(expected)")
        }
        let alpha = value(alphas, module, alpha)
        return isRootScaled ? alpha / Double(own).squareRoot() : alpha / Double(own)
      },
      role: { name in
        let prefix = "base_model.model."
        guard name.hasPrefix(prefix) else { return nil }
        for (suffix, isA) in [(".lora_A.weight", true), (".lora_B.weight", false)] where name.hasSuffix(suffix) {
          return (name.dropFirst(prefix.count).dropLast(suffix.count) + ".weight", isA)
        }
        return nil
      })
  }

  /// Keys that are looked at, or that say nothing of what a trained adapter computes.
  private static let knownKeys: Set<String> = [
    "peft_type", "bias", "r", "lora_alpha", "use_rslora", "rank_pattern", "alpha_pattern", "base_model_name_or_path",
    "auto_mapping", "corda_config", "ensure_weight_tying", "eva_config", "exclude_modules", "fan_in_fan_out",
    "inference_mode", "init_lora_weights", "layers_pattern", "layers_to_transform", "loftq_config", "lora_dropout",
    "lora_ga_config", "megatron_core", "peft_version", "qalora_group_size", "revision", "runtime_config",
    "target_modules", "task_type",
  ]

  /// Values by names of modules, or by the ends of such.
  private static func pattern(_ key: String, _ config: JSONFields) throws -> [(String, Double)] {
    guard let members = config[key]?.objectValue?.members else { return [] }
    return try members.map { member in
      guard let value = member.value.doubleValue else {
        throw ModelError(.inconsistent, "\(key) has a value for \"\(member.key)\" that is no number")
      }
      return (member.key, value)
    }
  }

  /// A GGUF file, as llama.cpp's `convert_lora_to_gguf.py` writes it.
  init(_ file: GGUFCheckpoint) throws {
    let metadata = file.metadata
    guard Self.isAdapter(metadata) else {
      throw ModelError(
        .unsupportedFeature,
        "\(file.path): this is no adapter (general.type): name a model with -m, an adapter with --lora")
    }
    let type = try metadata.optionalString("adapter.type") ?? "unknown"
    guard type == "lora" else {
      throw ModelError(.unsupportedFeature, "\(file.path): an adapter of type \"\(type)\": lora is supported")
    }
    guard try metadata.optionalArray("adapter.alora.invocation_tokens") == nil else {
      throw ModelError(.unsupportedFeature, "\(file.path): an adapter that begins at a token (aLoRA) is not supported")
    }
    let alpha = try metadata.double("adapter.lora.alpha")
    self.init(
      checkpoint: file, isGGUF: true, architecture: try metadata.string("general.architecture"),
      base: try metadata.optionalString("general.base_model.0.name"),
      // As llama.cpp does.
      scale: { _, rank in alpha == 0 ? 1 : alpha / Double(rank) },
      role: { name in
        for (suffix, isA) in [(".lora_a", true), (".lora_b", false)] where name.hasSuffix(suffix) {
          return (String(name.dropLast(suffix.count)), isA)
        }
        return nil
      })
  }

  static func isAdapter(_ metadata: Metadata) -> Bool { metadata["general.type"]?.stringValue == "adapter" }
}

extension JSONValue {
  /// Whether it says anything: not null, false, zero, or empty.
  fileprivate var isSet: Bool {
    if let value = boolValue { return value }
    if let value = doubleValue { return value != 0 }
    return !isNull && arrayValue?.isEmpty != true && objectValue?.isEmpty != true && stringValue?.isEmpty != true
  }
}
