import TesseraOperators

extension Activation.Function {
  /// The function that `transformers` calls so.
  init(named name: String, _ c: Hyperparameters) throws {
    switch name {
    case "silu", "swish": self = .silu
    case "gelu_new", "gelu_pytorch_tanh", "gelu_fast", "gelu_tanh": self = .geluTanh
    case "gelu": self = .geluErf
    case "relu": self = .relu
    case "relu2": self = .reluSquared
    case "quick_gelu": self = .quickGelu
    case "sigmoid": self = .sigmoid
    case "tanh": self = .tanh
    default:
      throw ModelError(
        .unsupportedFeature,
        "\(c.checkpoint.path): the activation function \"\(name)\" is not supported: use another model")
    }
  }
}
