import TesseraFiles
import TesseraOperators

/// The sizes of a decoder, from a GGUF file's metadata (ggml's GGUF specification, section "Standardized key-value pairs").
public struct Configuration: Sendable, Equatable {
  public let architecture: String
  public let layerCount: Int
  public let embeddingSize: Int
  public let feedForwardSize: Int
  public let headCount: Int
  public let kvHeadCount: Int
  public let headDim: Int
  public let rotaryDim: Int
  public let ropeTheta: Double
  public let normEpsilon: Float
  /// Tokens that the model was trained to attend over.
  public let contextLength: Int
  public let vocabularyCount: Int
  /// Keys that a query of a sliding-window layer sees; nil where the file names none.
  public let slidingWindow: Int?

  /// - Throws: `FileError` for missing keys or wrong types, `ModelError` for sizes that contradict each other.
  public init(_ file: GGUFFile) throws {
    let metadata = file.metadata
    let architecture = try metadata.string("general.architecture")
    // Before its keys, of which another architecture may have none.
    _ = try ModelFamilies.family(of: architecture, path: file.mappedFile.path)
    func key(_ name: String) -> String { "\(architecture).\(name)" }
    self.architecture = architecture
    layerCount = try metadata.int(key("block_count"))
    embeddingSize = try metadata.int(key("embedding_length"))
    feedForwardSize = try metadata.int(key("feed_forward_length"))
    headCount = try metadata.int(key("attention.head_count"))
    kvHeadCount = try metadata.optionalInt(key("attention.head_count_kv")) ?? headCount
    contextLength = try metadata.int(key("context_length"))
    normEpsilon = try metadata.float(key("attention.layer_norm_rms_epsilon"))
    ropeTheta = try metadata.optionalDouble(key("rope.freq_base")) ?? 10_000
    // A window beyond the longest context hides nothing.
    slidingWindow = try metadata.optionalInt(key("attention.sliding_window")).flatMap {
      $0 > 0 ? min($0, 1 << 30) : nil
    }

    func require(_ condition: Bool, _ what: @autoclosure () -> String) throws {
      guard condition else {
        throw ModelError(
          .inconsistent, "\(file.mappedFile.path): \(what()): the file is damaged or not a language model")
      }
    }
    try require((1...1024).contains(layerCount), "\(key("block_count")) is \(layerCount)")
    try require((1...1 << 20).contains(embeddingSize), "\(key("embedding_length")) is \(embeddingSize)")
    try require((1...1 << 24).contains(feedForwardSize), "\(key("feed_forward_length")) is \(feedForwardSize)")
    try require((1...4096).contains(headCount), "\(key("attention.head_count")) is \(headCount)")
    try require(
      (1...headCount).contains(kvHeadCount) && headCount.isMultiple(of: kvHeadCount),
      "\(headCount) heads over \(kvHeadCount) key-value heads")
    try require((1...1 << 30).contains(contextLength), "\(key("context_length")) is \(contextLength)")
    try require(normEpsilon > 0 && normEpsilon < 1, "\(key("attention.layer_norm_rms_epsilon")) is \(normEpsilon)")
    try require(ropeTheta.isFinite && ropeTheta > 1, "\(key("rope.freq_base")) is \(ropeTheta)")

    headDim = try metadata.optionalInt(key("attention.key_length")) ?? embeddingSize / headCount
    let valueDim = try metadata.optionalInt(key("attention.value_length")) ?? headDim
    rotaryDim = try metadata.optionalInt(key("rope.dimension_count")) ?? headDim
    try require(headDim > 0 && valueDim == headDim, "key heads of \(headDim) and value heads of \(valueDim)")
    guard headDim.isMultiple(of: 16), (32...576).contains(headDim) else {
      throw ModelError(
        .unsupportedFeature,
        "\(file.mappedFile.path): heads of \(headDim): multiples of 16 from 32 to 576 are supported")
    }
    try require((2...headDim).contains(rotaryDim) && rotaryDim.isMultiple(of: 2), "\(rotaryDim) rotary dimensions")
    let embedding = try file.requiredTensor(named: "token_embd.weight")
    try require(
      embedding.dimensions.count == 2 && embedding.rowLength == embeddingSize,
      "token_embd.weight has dimensions \(embedding.dimensions), its rows should be \(embeddingSize) long")
    vocabularyCount = embedding.rowCount
  }

  /// The scaling of the rotary embedding that the metadata and the tensor `rope_freqs.weight` ask for.
  static func ropeScaling(_ file: GGUFFile, _ architecture: String, contextLength: Int) throws -> RotaryTable.Scaling {
    let metadata = file.metadata
    func key(_ name: String) -> String { "\(architecture).rope.scaling.\(name)" }
    if let tensor = file.tensor(named: "rope_freqs.weight") {
      return .divisors(try floats(of: tensor, in: file))
    }
    let type = try metadata.optionalString(key("type")) ?? "none"
    let factor =
      try metadata.optionalDouble(key("factor")) ?? metadata.optionalDouble("\(architecture).rope.scale_linear") ?? 1
    let original = try metadata.optionalInt(key("original_context_length")) ?? contextLength
    switch type {
    case "none": return .none
    case "linear": return .linear(factor: factor)
    case "yarn":
      return .yarn(
        factor: factor, betaFast: try metadata.optionalDouble(key("yarn_beta_fast")) ?? 32,
        betaSlow: try metadata.optionalDouble(key("yarn_beta_slow")) ?? 1,
        attentionFactor: try metadata.optionalDouble(key("attn_factor")), originalContext: original)
    default:
      throw ModelError(
        .unsupportedFeature,
        "\(file.mappedFile.path): rotary scaling \"\(type)\": none, linear, yarn and Llama 3's are supported")
    }
  }

  /// The values of a float32 tensor.
  static func floats(of tensor: TensorInfo, in file: GGUFFile) throws -> [Float] {
    guard tensor.type == .f32 else {
      throw ModelError(
        .unsupportedFeature, "\(file.mappedFile.path): tensor \(tensor.name) is \(tensor.type.name), F32 is expected")
    }
    let bytes = try file.bytes(of: tensor)
    return (0..<tensor.elementCount).map {
      Float(bitPattern: UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: $0 * 4, as: UInt32.self)))
    }
  }
}
