import TesseraFiles
import TesseraOperators

/// A reason why a model cannot be run.
package struct ModelFinding: Sendable, Equatable {
  package enum Kind: String, Sendable {
    case architecture
    case quantization
    case configuration
    case missingTensors = "missing_tensors"
    case unreadTensors = "unread_tensors"
    case shapes
    case types
    case keys
  }

  package let kind: Kind
  package let message: String
  /// The tensors or keys that it is about.
  package var names: [String] = []

  /// All that keeps a model from being run on any device: empty if nothing does.
  package static func all(in checkpoint: any Checkpoint) -> [ModelFinding] {
    let c: Hyperparameters
    do { c = try Hyperparameters(checkpoint) } catch {
      return [ModelFinding(kind: .architecture, message: plain(error, checkpoint))]
    }
    let family: any ModelFamily.Type
    do { family = try Families.family(of: c) } catch {
      return [ModelFinding(kind: .architecture, message: plain(error, checkpoint))] + quantization(c)
        + types(checkpoint)
    }
    let store = ParameterStore(planning: checkpoint, weightFormat: nil, alignment: 1, isTolerant: true)
    var findings: [ModelFinding] = []
    do {
      _ = try family.init(c, ParameterScope(store, c))
      let (tensors, keys) = (store.unused, c.unused)
      if !tensors.isEmpty { findings.append(.unread(tensors, "tensors", family)) }
      if !keys.isEmpty { findings.append(.unread(keys, "keys", family)) }
    } catch is TensorFaults.TooMany {
    } catch {
      findings.append(ModelFinding(kind: .configuration, message: plain(error, checkpoint)))
    }
    guard let faults = store.faults else { return findings }
    var tensors: [ModelFinding] = []
    if !faults.missing.isEmpty {
      let message = "\(faults.missing.count) tensors that \(family) has are missing: \(list(faults.missing))"
      tensors.append(ModelFinding(kind: .missingTensors, message: message, names: faults.missing))
    }
    if !faults.misshapen.isEmpty {
      tensors.append(
        ModelFinding(
          kind: .shapes, message: "tensors of other shapes: \(list(faults.misshapen))", names: faults.misshapen))
    }
    tensors += types(faults.types)
    findings = tensors + findings
    return findings.isEmpty ? [] : quantization(c) + findings
  }

  private static func unread(_ names: [String], _ what: String, _ family: any ModelFamily.Type) -> ModelFinding {
    ModelFinding(
      kind: what == "keys" ? .keys : .unreadTensors,
      message:
        "\(names.count) \(what) that \(family) does not read, of a variant that is not supported: \(list(names))",
      names: names)
  }

  private static func quantization(_ c: Hyperparameters) -> [ModelFinding] {
    c.quantization.map {
      [
        ModelFinding(
          kind: .quantization,
          message:
            "the weights are quantized by \($0), which is not supported: get the model in BF16, F16 or F32, or as a "
            + "GGUF file")
      ]
    } ?? []
  }

  /// Types of numbers that no kernel reads, of all tensors; whole numbers may be tables that are not weights.
  private static func types(_ checkpoint: any Checkpoint) -> [ModelFinding] {
    var names: [String: [String]] = [:]
    for (name, type) in checkpoint.unreadableTensors where type.hasPrefix("F") { names[type, default: []].append(name) }
    for tensor in checkpoint.tensors where WeightFormat(tensor.type) == nil && tensor.type.name.hasPrefix("F") {
      names[tensor.type.name, default: []].append(tensor.name)
    }
    return types(names)
  }

  private static func types(_ names: [String: [String]]) -> [ModelFinding] {
    names.sorted { $0.key < $1.key }.map { type, names in
      ModelFinding(
        kind: .types, message: "tensors of the type \(type), which is not supported: \(list(names.sorted()))",
        names: names.sorted())
    }
  }

  private static func list(_ names: [String]) -> String {
    names.prefix(4).joined(separator: ", ") + (names.count > 4 ? " and \(names.count - 4) more" : "")
  }

  /// An error without the model's path, which is said before it.
  private static func plain(_ error: any Error, _ checkpoint: any Checkpoint) -> String {
    let text = "\(error)"
    return text.hasPrefix(checkpoint.path + ": ") ? String(text.dropFirst(checkpoint.path.count + 2)) : text
  }
}

extension Hyperparameters {
  /// What has quantized the weights, as `config.json` says, where no family reads its tensors.
  var quantization: String? {
    guard case .huggingFace(let config) = source,
      let settings = config["quantization_config"]?.objectValue ?? config["compression_config"]?.objectValue
    else { return nil }
    let isBits = ["load_in_4bit", "load_in_8bit"].contains { settings[$0]?.boolValue == true }
    let method = settings["quant_method"]?.stringValue ?? (isBits ? "bitsandbytes" : "a method without a name")
    let names = ["gptq": "GPTQ", "awq": "AWQ", "bitsandbytes": "bitsandbytes", "fp8": "FP8", "fbgemm_fp8": "FP8"]
    // Experts of MXFP4 are a type of ggml's.
    return method == "mxfp4" ? nil : names[method] ?? FileError.quoted(method)
  }

  /// An error about tensors, with the quantization that is its cause, where `config.json` has one.
  func explained(_ error: any Error) -> any Error {
    guard let quantization else { return error }
    return ModelError(
      .unsupportedFeature,
      "\(checkpoint.path): the weights are quantized by \(quantization), which is not supported (\(error)): get the model "
        + "in BF16, F16 or F32, or as a GGUF file")
  }
}
