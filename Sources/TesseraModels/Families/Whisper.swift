import TesseraOperators

/// Whisper (Radford et al. 2022): two convolutions over the frames of a log-mel spectrogram, the second of which takes every
/// other one, and then an encoder-decoder with norms before its blocks and keys without biases.
struct Whisper: BARTEncoderDecoder {
  static let kind = FamilyKind.speech
  static let huggingFaceNames = ["WhisperForConditionalGeneration"]
  /// Frames that become a token of the source.
  private static let stride = 2

  let stacks: BARTStacks
  private let first, second: Convolution
  private let melCount: Int

  init(_ c: Hyperparameters, _ p: ParameterScope) throws {
    var stacks = try BARTStacks(
      c, p, .init(positions: .learned(from: 0), norms: .before, keyBias: .ifPresent, head: "proj_out"))
    melCount = try c.int("num_mel_bins", gguf: nil, in: 1...1024, default: 80)
    let tokenCount = try c.int("max_source_positions", gguf: nil, in: 1...1 << 20)
    stacks.profile.sourceFeatures = .init(
      tokenCount: tokenCount, columns: Self.stride * melCount, rowsPerToken: Self.stride)
    let size = stacks.profile.hiddenSize
    let encoder = p.scope("model.encoder", gguf: "")
    first = try encoder.convolution("conv1", inputs: melCount, outputs: size, stride: 1)
    second = try encoder.convolution("conv2", inputs: size, outputs: size, stride: Self.stride)
    self.stacks = stacks
  }

  func encode(_ step: StepBuilder) throws -> Tensor {
    let encoder = stacks.encoder
    let frames = try first(step.features(columns: melCount), activation: .geluErf, step)
    let x = try encoder.positions(
      second(frames, activation: .geluErf, step), by: step.inputs.positions, step)
    let states = try encoder.norm(encoder.layers.encode(x, step), step)
    try layers.store(states, step)
    return states
  }
}
