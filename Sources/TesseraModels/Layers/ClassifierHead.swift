import TesseraFiles
import TesseraOperators

/// Scores of labels: of a text, by a hidden state that stands for it, or of each token (Devlin et al. 2019).
struct ClassifierHead: Sendable {
  let classification: ModelProfile.Classification
  /// (hiddenSize, hiddenSize), with the function behind it, and a norm.
  var dense: (linear: Linear, function: Activation.Function)?
  var norm: Normalization?
  let output: Linear  // (labels, hiddenSize)

  /// (rows of x, labels), no probabilities.
  func callAsFunction(_ x: Tensor, _ step: StepBuilder) throws -> Tensor {
    var x = x
    if let dense {
      x = try dense.linear(x, step)
      // Products are compiled with the function of the model's layers.
      try step.operators.activation.enqueue(
        x, into: x, rows: x.rows, size: x.columns, function: dense.function, on: step.sink)
    }
    if let norm { x = try norm(x, step) }
    return try output(x, step)
  }
}

extension ModelProfile {
  /// What a head behind an encoder tells apart.
  public struct Classification: Sendable, Equatable {
    /// The rows that it judges.
    public enum Rows: Sendable, Equatable {
      /// A text's first token.
      case first
      /// The mean of a text's tokens.
      case mean
      /// Each token.
      case each
    }

    public var labels: [String]
    public var rows: Rows
  }
}

extension ParameterScope {
  /// The last matrix of a classifier, whose rows say how many labels there are.
  ///
  /// - Throws: `ModelError` where the file names another count of labels.
  func labels(_ name: String, gguf: String?, size: Int) throws -> (labels: [String], output: Linear) {
    let weight = parameter(name, gguf: gguf, "weight").name(in: hyperparameters)
    let count = weight.flatMap(store.checkpoint.tensor)?.rowCount ?? 0
    let names = try hyperparameters.labels()
    guard (1...1 << 16).contains(count), names.map({ $0.count == count }) ?? true else {
      throw hyperparameters.inconsistent("\(weight ?? name) has \(count) rows for \(names?.count ?? 1) labels")
    }
    return (
      names ?? (0..<count).map { "LABEL_\($0)" },
      try linear(name, gguf: gguf, rows: count, columns: size, bias: .ifPresent)
    )
  }
}

extension Hyperparameters {
  /// The architecture's name says that it is a classifier of texts.
  var isTextClassifier: Bool { architecture.hasSuffix("ForSequenceClassification") }
  /// The architecture's name says that it is a classifier of tokens.
  var isTokenClassifier: Bool { architecture.hasSuffix("ForTokenClassification") }

  /// The names of labels, in order; nil where the file names none.
  func labels() throws -> [String]? {
    switch source {
    case .gguf(let metadata): return try metadata.optionalStrings(key("classifier.output_labels"))
    case .huggingFace(let config):
      guard let names = try config.optionalFields("id2label") else { return nil }
      let labels = try (0..<names.object.members.count).map { number in
        guard let name = names["\(number)"]?.stringValue else {
          throw inconsistent("config.json's \"id2label\" has no name for \(number)")
        }
        return name
      }
      record?.set("classifier.output_labels", .array(MetadataArray(strings: labels)))
      return labels
    }
  }
}

extension EncoderSizes {
  /// The classifiers that came with RoBERTa, of texts and of tokens; nil for other models.
  func robertaHead(_ c: Hyperparameters, _ p: ParameterScope, function: Activation.Function) throws -> ClassifierHead? {
    if c.isTokenClassifier { return try tokenHead(p) }
    guard c.isTextClassifier else { return nil }
    let (labels, output) = try p.labels("classifier.out_proj", gguf: "cls.output", size: hiddenSize)
    return ClassifierHead(
      classification: .init(labels: labels, rows: .first),
      dense: (
        try p.linear("classifier.dense", gguf: "cls", rows: hiddenSize, columns: hiddenSize, bias: .required), function
      ), output: output)
  }

  /// One matrix for each token's labels.
  func tokenHead(_ p: ParameterScope) throws -> ClassifierHead {
    let (labels, output) = try p.labels("classifier", gguf: nil, size: hiddenSize)
    return ClassifierHead(classification: .init(labels: labels, rows: .each), output: output)
  }
}
