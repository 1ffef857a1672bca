import TesseraMemory
import TesseraOperators

/// BART and those like it: encoder-decoders of one shape, which differ in their positions and in where norms are.
protocol BARTEncoderDecoder: StackedDecoder, EncoderDecoder where Layer == EncoderDecoderLayer {
  var stacks: BARTStacks { get }
}

extension BARTEncoderDecoder {
  static var ggufNames: [String] { [] }

  var profile: ModelProfile { stacks.profile }
  var embedding: TokenEmbedding { stacks.embedding }
  var layers: [EncoderDecoderLayer] { stacks.decoder.layers }
  var norm: Normalization { stacks.decoder.norm }
  var head: OutputHead { stacks.head }

  func embed(_ step: StepBuilder) throws -> Tensor { try stacks.decoder.embed(embedding, step) }

  func encode(_ step: StepBuilder) throws -> Tensor {
    let encoder = stacks.encoder
    let x = try encoder.norm(encoder.layers.encode(encoder.embed(embedding, step), step), step)
    try layers.store(x, step)
    return x
  }
}

/// The two stacks of such a model.
struct BARTStacks: Sendable {
  /// What a family does in its own way.
  struct Form {
    enum Positions {
      /// From a row of a table on.
      case learned(from: Int)
      /// From the first on where the file has a table, else of so many positions, from one on.
      case sinusoidal(SinusoidalPositions.Waves, from: Int)
    }

    var positions: Positions
    var norms: EncoderDecoderLayer.Norms
    /// A norm stands behind the embedding.
    var normalizesEmbedding = false
    /// Embeddings are multiplied by √hiddenSize, where the file does not say.
    var scalesEmbedding = false
    /// Of the projections of keys: `.ifPresent` where they have none beside queries and values that have.
    var keyBias = BiasRule.required
    /// What the matrix of logits is called where it is not the embedding's.
    var head = "lm_head"
  }

  struct Stack: Sendable {
    let positions: AddedEmbedding
    let embeddingNorm: Normalization?
    let layers: [EncoderDecoderLayer]
    let norm: Normalization

    func embed(_ tokens: TokenEmbedding, _ step: StepBuilder) throws -> Tensor {
      let x = try positions(tokens(step), by: step.inputs.positions, step)
      return try embeddingNorm?(x, step) ?? x
    }
  }

  var profile: ModelProfile
  let embedding: TokenEmbedding
  let encoder, decoder: Stack
  let head: OutputHead

  init(_ c: Hyperparameters, _ p: ParameterScope, _ form: Form) throws {
    let s = try BARTSizes(c, form)
    profile = try s.profile(c)
    let model = p.has("model.encoder.layers.0.fc1", gguf: nil) ? p.scope("model", gguf: "") : p
    // One matrix under up to three names.
    let names = ["shared", "encoder.embed_tokens", "decoder.embed_tokens"]
    let name = names.first { model.has($0, gguf: nil) } ?? names[0]
    model.ignore(names.map { "\($0).weight" })
    let scales = try c.optionalBool("scale_embedding", gguf: nil) ?? form.scalesEmbedding
    let embedding = try model.embedding(
      name, gguf: nil, rows: s.vocabularySize, size: s.hiddenSize,
      scale: scales ? Float(s.hiddenSize).squareRoot() : 1)
    self.embedding = embedding
    let computed = try s.computedPositions(model, form.positions)
    (encoder, decoder) = (
      try s.stack(model.scope("encoder", gguf: ""), s.encoder, form, computed, isDecoder: false),
      try s.stack(model.scope("decoder", gguf: ""), s.decoder, form, computed, isDecoder: true)
    )
    let head = try p.outputHead(tiedTo: embedding, named: form.head)
    guard p.has("final_logits_bias", gguf: nil, "") else {
      self.head = head
      return
    }
    let bias = try p.values("final_logits_bias", gguf: nil, "", shape: [1, s.vocabularySize])
    self.head = OutputHead(
      output: Linear(
        parts: head.output.parts, bias: try p.vector(of: bias, named: "the logits' biases"), rows: head.output.rows,
        columns: head.output.columns))
  }
}
