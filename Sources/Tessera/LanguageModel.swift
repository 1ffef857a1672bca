import Foundation
import Synchronization
import TesseraCL
import TesseraFiles
import TesseraMemory
import TesseraModels
import TesseraOperators
import TesseraText

/// A language model on an OpenCL device.
///
///     let model = try await LanguageModel.load(from: url)
///     for try await event in model.generate("Once upon a time") { … }
///
/// Safe to use from any task; what several tasks ask for runs together, a token of each in every step. The device is waited for on
/// a thread of the model's own, and texts are tokenized on another.
public final class LanguageModel: Sendable {
  /// The tokenizer.
  ///
  /// - Throws: an error that says what is wrong with it, or that there is none; token ids work all the same.
  public var tokenizer: Tokenizer { get throws { try tokenizerResult.get() } }
  private let tokenizerResult: Result<Tokenizer, any Error>
  /// The chat template, if there is one.
  ///
  /// - Throws: `ChatError` if it cannot be interpreted; the model completes texts all the same.
  public var chatTemplate: ChatTemplate? { get throws { try template.get() } }
  private let template: Result<ChatTemplate?, any Error>
  public let profile: ModelProfile
  public let device: DeviceProfile
  /// The memory that the model takes of the device.
  public let memoryPlan: MemoryPlan
  /// Whether it is a mixture of experts.
  public let hasExperts: Bool
  /// Bytes of weights that the device reads for a generated token.
  public let weightBytesPerToken: Int
  /// The numbers that products compute with: `.exact` also where `.fast` was asked for and is not faster on the device with weights
  /// of the model's types.
  public let precision: Precision
  /// The tokens that answers begin with, as an encoder-decoder's files ask for them (`forced_bos_token_id`): a
  /// translator's language.
  public let firstTokens: [Int]
  /// Names of the adapters that were loaded beside the model (`LoadOptions.adapters`), in their order.
  public let adapters: [String]
  /// Seconds that loading took.
  public let loadSeconds: Double
  /// Tokens that a prompt and its answer may have together.
  public var contextLength: Int { memoryPlan.contextLength }

  let engine: Engine
  let origin: ModelOrigin
  let texts = TextWorker()

  /// Loads a model.
  ///
  /// - Parameters:
  ///   - url: a GGUF file, the first of several that are one model, or a Hugging Face folder.
  ///   - options: device, context length, memory budget and the like.
  ///   - progress: called with how far it has come, from another thread.
  /// - Throws: an error that says what is wrong, where, and what to do: the file cannot be read or is damaged, its
  ///   architecture is not supported, it does not fit the device's memory, no device is there.
  public static func load(
    from url: URL, options: LoadOptions = LoadOptions(), progress: @escaping @Sendable (LoadProgress) -> Void = { _ in }
  ) async throws -> LanguageModel {
    let start = ContinuousClock.now
    let engine = Engine()
    let path = url.path
    return try await load(engine, options, since: start, progress: progress) { try ModelSource(path: path) }
  }

  /// Loads a model whose file is open, or one of random weights (`RandomModel`).
  package static func load(
    _ source: ModelSource, options: LoadOptions = LoadOptions(),
    progress: @escaping @Sendable (LoadProgress) -> Void = { _ in }
  ) async throws -> LanguageModel {
    try await load(Engine(), options, since: .now, progress: progress) { source }
  }

  static func load(
    _ engine: Engine, _ options: LoadOptions, since start: ContinuousClock.Instant,
    progress: @escaping @Sendable (LoadProgress) -> Void, _ source: @escaping @Sendable () throws -> ModelSource
  ) async throws -> LanguageModel {
    let parts = try await engine.open(source, options, since: start, progress: progress)
    return LanguageModel(engine, parts)
  }

  private init(_ engine: Engine, _ parts: Engine.Parts) {
    self.engine = engine
    (tokenizerResult, template) = (parts.tokenizer, parts.template)
    (profile, device, memoryPlan) = (parts.profile, parts.device, parts.memoryPlan)
    (weightBytesPerToken, precision, loadSeconds) = (parts.weightBytesPerToken, parts.precision, parts.loadSeconds)
    (firstTokens, adapters) = (parts.firstTokens, parts.adapters)
    (hasExperts, origin) = (parts.hasExperts, parts.origin)
  }

  // MARK: Generation

  /// Completes a text, as it stands: no chat template is applied. An encoder-decoder takes it as the source.
  ///
  /// - Throws: as `tokenizer`.
  public func generate(_ prompt: String, options: GenerationOptions = .init()) throws -> GenerationStream {
    let (tokenizer, start) = (try tokenizer, decoderStartToken)
    return GenerationStream(model: self, options: options) {
      let tokens = try tokenizer.encode(prompt)
      return start.map { ([$0], tokens) } ?? (tokens, nil)
    }
  }

  /// Translates a text (Marian, M2M-100, NLLB, mBART).
  ///
  /// - Parameters:
  ///   - text: the source.
  ///   - source: its language, one of `tokenizer.languages`; nil: the one that the model's files name.
  ///   - target: the language of the answer; nil for a model of one pair of languages.
  ///   - options: `firstTokens` are those of `target`, where it is named.
  /// - Throws: `TextError` `.unknownLanguage` for a language that the model does not know; as `tokenizer`.
  public func translate(
    _ text: String, from source: String? = nil, to target: String? = nil, options: GenerationOptions = .init()
  ) throws -> GenerationStream {
    guard let start = decoderStartToken else {
      throw TesseraError(.badOption, "the model is no encoder-decoder, which is what translates")
    }
    let encoded = try tokenizer.encode(text, from: source, to: target)
    var options = options
    if let first = encoded.first { options.firstTokens = first }
    return generate(tokens: [start], source: encoded.ids, options: options)
  }

  /// Completes a sequence of token ids.
  ///
  /// - Parameters:
  ///   - tokens: ids from 0 to the vocabulary's size - 1, at least one.
  ///   - source: of an encoder-decoder, whose target `tokens` begin.
  ///   - options: how tokens are chosen, and when the generation ends.
  public func generate(tokens: [Int], source: [Int]? = nil, options: GenerationOptions = .init()) -> GenerationStream {
    GenerationStream(model: self, options: options) { (tokens, source) }
  }

  /// The token that a target begins with, of an encoder-decoder; nil for other models.
  public var decoderStartToken: Int? { profile.decoderStartToken }

  // MARK: Logits and hidden states

  /// The logits of every position of a sequence.
  ///
  /// - Parameters:
  ///   - tokens: the sequence's ids.
  ///   - source: of an encoder-decoder.
  ///   - chunk: tokens that run together; nil takes as many as fit. The result does not depend on it.
  ///   - adapter: the name of the adapter that the model computes with; nil: none.
  ///   - cacheSalt: others that begin like these tokens share what is computed of them if they have the same salt. All is computed here,
  ///     since all rows are wanted.
  ///   - body: given consecutive rows, (rows, vocabularySize).
  public func logits(
    tokens: [Int], source: [Int]? = nil, chunk: Int? = nil, adapter: String? = nil, cacheSalt: String? = nil,
    _ body: @escaping @Sendable ([Float]) throws -> Void
  ) async throws {
    if let chunk, chunk < 1 { throw TesseraError(.badOption, "the chunk is \(chunk): it must be 1 or more") }
    // A head behind an encoder makes scores of labels, no logits of tokens.
    if profile.classification != nil { throw ModelError.noLogits(profile) }
    try await engine.allLogits(
      tokens, source: source, chunk: chunk, adapter: adapter, salt: cacheSalt, body)
  }

  /// Hidden states after the last layer and norm, (tokens, hiddenSize); of an encoder each knows all tokens.
  ///
  /// - Parameters:
  ///   - tokens: the sequence's ids.
  ///   - source: of an encoder-decoder, whose decoder's states these are.
  ///   - tokenTypes: the segment of each token, of models that tell segments apart (`ModelProfile.segmentCount`).
  ///   - layer: the states behind so many layers instead, of an encoder-decoder the decoder's: 0 are the embeddings; behind the
  ///     last layer they are normalized as they are without it.
  ///   - adapter: the name of the adapter that the model computes with; nil: none.
  /// - Throws: `TesseraError` and `ModelError` for what does not fit the model, `CancellationError`.
  public func hidden(
    tokens: [Int], source: [Int]? = nil, tokenTypes: [Int]? = nil, layer: Int? = nil, adapter: String? = nil
  ) async throws -> [Float] {
    let states = StateList()
    try await engine.rows(
      tokens: tokens, source: source, tokenTypes: tokenTypes, layers: layer, adapter: adapter
    ) { runner, result, _ in
      states.append(try runner.hidden(result))
      return .unseen
    }
    return states.values
  }

  /// Hidden states that an encoder-decoder's encoder gives a source, (tokens, hiddenSize), after its last layer and norm.
  public func sourceHidden(tokens: [Int], adapter: String? = nil) async throws -> [Float] {
    try await engine.sourceStates(tokens, adapter: adapter)
  }

  // MARK: Measurement

  /// Seconds that a prompt of `promptTokens` takes, and then `generatedTokens` one by one, behind `depth` tokens; and the time of
  /// both that the device was waited for.
  ///
  /// Of an encoder-decoder, the prompt is the target's; a source as long has been read before.
  ///
  /// - Parameters:
  ///   - promptTokens: of each sequence.
  ///   - generatedTokens: of each sequence.
  ///   - depth: tokens that are in the cache before.
  ///   - sequences: decoded together; each has the prompt.
  ///   - adapter: the name of the adapter that the model computes with; nil: none.
  /// - Throws: `TesseraError.badOption` for negative counts, `TesseraError.contextFull`, `CancellationError`.
  public func measure(
    promptTokens: Int, generatedTokens: Int, depth: Int, sequences: Int = 1, adapter: String? = nil
  ) async throws -> (prompt: Double, generation: Double, waited: Double) {
    let counts = [promptTokens, generatedTokens, depth]
    guard counts.allSatisfy({ $0 >= 0 }), (1...65_536).contains(sequences) else {
      throw TesseraError(
        .badOption, "\(counts) tokens of \(sequences) sequences: 0 or more, of 1 to 65536, can be measured")
    }
    guard counts.allSatisfy({ $0 <= contextLength }), counts.reduce(0, +) <= contextLength else {
      throw TesseraError(
        .contextFull, "\(counts) tokens do not fit the context of \(contextLength): use a longer --context")
    }
    let measured = try await engine.measure(
      promptTokens: promptTokens, generatedTokens: generatedTokens, depth: depth, sequences: sequences,
      adapter: adapter)
    return (measured.prompt, measured.generation, measured.waited)
  }

  /// Experts that the steps of a measurement read, of those there are in all layers of all steps; none of a model without.
  ///
  /// The host looks at each layer's choice meanwhile: what it takes is no measure of speed.
  ///
  /// - Throws: as `measure`.
  package func expertReads(
    promptTokens: Int, generatedTokens: Int, depth: Int, sequences: Int, adapter: String?
  ) async throws -> ExpertReads {
    try await engine.measure(
      promptTokens: promptTokens, generatedTokens: generatedTokens, depth: depth, sequences: sequences,
      adapter: adapter, countsExperts: true
    ).experts
  }

  /// What experts that stay in host memory (`LoadOptions.expertMemory`) have cost since the last call; nil where all are on the
  /// device.
  public func takeExpertStatistics() async throws -> ExpertStatistics? { try await engine.takeExpertStatistics() }
}

/// Hidden states as they come, from the engine's thread alone.
private final class StateList: Sendable {
  private let state = Mutex<[Float]>([])
  var values: [Float] { state.withLock { $0 } }
  func append(_ values: [Float]) { state.withLock { $0 += values } }
}
