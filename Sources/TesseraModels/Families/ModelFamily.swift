import TesseraFiles
import TesseraOperators

/// A family of models: how its layers follow each other. To add one, write it and list it in `families`.
protocol ModelFamily: Sendable {
  /// The values of `general.architecture` that it runs.
  static var architectures: [String] { get }
  /// The rotary tables that its layers choose from.
  static func rotaryTables(_ configuration: Configuration, _ file: GGUFFile) throws -> [RotaryTable]

  /// Brings the weights to the device.
  init(_ configuration: Configuration, _ loader: WeightLoader) throws

  var head: Head { get }
  /// Enqueues the layers: `step.workspace.hidden` holds the embedded tokens before, the last
  /// layer's hidden states after, of the rows that are wanted.
  func forward(_ step: Step) throws
}

enum ModelFamilies {
  static let all: [any ModelFamily.Type] = [Llama.self, Gemma3.self]

  static func family(of architecture: String, path: String) throws -> any ModelFamily.Type {
    guard let family = all.first(where: { $0.architectures.contains(architecture) }) else {
      throw ModelError(
        .unsupportedArchitecture,
        "\(path): architecture \"\(architecture)\" is not supported; supported are "
          + all.flatMap { $0.architectures }.joined(separator: ", "))
    }
    return family
  }
}
