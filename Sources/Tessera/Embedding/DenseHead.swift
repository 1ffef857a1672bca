import Foundation
import TesseraFiles
import TesseraModels

/// A layer behind pooling, `activation(W · x + b)`: small, so that the host computes it, in double precision.
struct DenseHead: Equatable, Sendable {
  enum Function: String, Sendable {
    case identity = "Identity"
    case tanh = "Tanh"
    case relu = "ReLU"
    case gelu = "GELU"
    case sigmoid = "Sigmoid"
  }

  let weight: [Float]  // (outputs, inputs)
  let bias: [Float]  // (outputs), or none
  let inputs, outputs: Int
  let function: Function

  /// Reads a module's `config.json` and `model.safetensors`.
  ///
  /// - Throws: `FileError` for files that are missing or damaged, `ModelError` for what is not supported.
  init(_ module: HuggingFaceModule) throws {
    guard let fields = try module.config() else {
      throw ModelError(
        .inconsistent, "\(module.path): the dense layer has no config.json: get the model's folder whole")
    }
    let name = try fields.optionalString("activation_function") ?? "torch.nn.modules.activation.Tanh"
    guard let function = name.split(separator: ".").last.flatMap({ Function(rawValue: String($0)) }) else {
      throw ModelError(
        .unsupportedFeature,
        "\(module.path): the activation \(name) is not supported: Identity, Tanh, ReLU, GELU and "
          + "Sigmoid are")
    }
    self.function = function
    (inputs, outputs) = (try fields.int("in_features"), try fields.int("out_features"))
    let hasBias = try fields.optionalBool("bias") ?? true
    for (key, usual) in [("module_input_name", "sentence_embedding"), ("module_output_name", "sentence_embedding")] {
      if let value = try fields.optionalString(key), value != usual {
        throw ModelError(.unsupportedFeature, "\(module.path): \(key) is \(value): \(usual) alone is supported")
      }
    }
    guard try fields.optionalBool("use_residual") != true else {
      throw ModelError(.unsupportedFeature, "\(module.path): use_residual is true, which is not supported")
    }
    let file = try module.weights()
    weight = try Self.values("linear.weight", [outputs, inputs], file, of: module)
    bias = hasBias ? try Self.values("linear.bias", [outputs], file, of: module) : []
  }

  private static func values(_ name: String, _ shape: [Int], _ file: SafetensorsFile, of module: HuggingFaceModule)
    throws -> [Float]
  {
    guard let tensor = file.tensor(named: name), tensor.shape == shape, tensor.elementCount > 0 else {
      throw ModelError(
        .inconsistent, "\(module.path): no tensor \(name) of the shape \(shape): the folder is damaged: get it again")
    }
    guard let type = tensor.type.ggmlType else {
      throw ModelError(.unsupportedFeature, "\(module.path): \(name) is \(tensor.type.rawValue): floats are supported")
    }
    let values = FloatTensor.values(try file.bytes(of: tensor), type)
    guard values.count == tensor.elementCount else {
      throw ModelError(.unsupportedFeature, "\(module.path): \(name) is \(type.name): F32, F16 and BF16 are supported")
    }
    return values
  }

  func callAsFunction(_ x: [Float]) -> [Float] {
    (0..<outputs).map { row in
      var sum = bias.isEmpty ? 0 : Double(bias[row])
      for column in 0..<inputs { sum += Double(weight[row * inputs + column]) * Double(x[column]) }
      return Float(activated(sum))
    }
  }

  private func activated(_ x: Double) -> Double {
    switch function {
    case .identity: x
    case .tanh: Foundation.tanh(x)
    case .relu: max(0, x)
    case .gelu: 0.5 * x * (1 + erf(x / 2.squareRoot()))
    case .sigmoid: 1 / (1 + exp(-x))
    }
  }
}
