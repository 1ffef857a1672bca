import TesseraModels
import TesseraOperators

/// What reproduces an answer: the model, how it ran and what it was asked. And the answer, to compare another one with.
public struct Reproduction: Sendable, Codable, Equatable {
  /// The program that gave the answer.
  public var version: String
  /// The last part of the model's path.
  public var model: String
  /// SHA-256 over the model's files (`tessera replay` compares it).
  public var modelDigest: String
  /// The device's name. In exact precision the bits do not depend on it.
  public var device: String
  public var precision: Precision
  /// How the cache keeps keys and values: one encoding, or two with a comma between them.
  public var cacheEncoding: String
  /// What float weights were quantized to; nil: nothing.
  public var weightType: String?
  public var contextLength: Int
  /// The adapter that `request` names; nil: the model answered alone.
  public var adapter: Adapter?
  public var request: Request
  public var answer: Answer

  enum CodingKeys: String, CodingKey {
    case version, model
    case modelDigest = "model_digest"
    case device, precision
    case cacheEncoding = "kv"
    case weightType = "type"
    case contextLength = "context"
    case adapter, request, answer
  }

  /// What stood beside the model.
  public struct Adapter: Sendable, Codable, Equatable {
    /// SHA-256 over the adapter's files.
    public var digest: String
    /// Factor of what it changed, besides its own.
    public var scale: Double

    /// - Throws: `FileError` where a file cannot be read, and what opening it throws.
    package init(_ adapter: LoadOptions.Adapter) throws { try self.init(adapter.open(), adapter.scale) }

    init(_ adapter: TesseraModels.Adapter, _ scale: Double) throws {
      (digest, self.scale) = (try adapter.digest().hexadecimal, scale)
    }
  }

  /// What the model was asked.
  public struct Request: Sendable, Codable, Equatable {
    public var promptTokens: [Int]
    /// Of an encoder-decoder.
    public var sourceTokens: [Int]?
    public var firstTokens: [Int]?
    public var adapter: String?
    public var maxTokens: Int?
    public var temperature: Float
    public var topK: Int
    public var topP: Float
    public var minP: Float
    public var repeatPenalty: Float
    public var repeatWindow: Int
    public var presencePenalty: Float
    public var frequencyPenalty: Float
    /// Infinite ones are strings in JSON, "-inf" and "inf".
    public var logitBias: [Int: Float]
    public var seed: UInt64?
    public var stopStrings: [String]
    /// What the text must be.
    public var constraint: TokenConstraint?

    enum CodingKeys: String, CodingKey {
      case promptTokens = "prompt_tokens"
      case sourceTokens = "source_tokens"
      case firstTokens = "first_tokens"
      case adapter
      case maxTokens = "max_tokens"
      case temperature
      case topK = "top_k"
      case topP = "top_p"
      case minP = "min_p"
      case repeatPenalty = "repeat_penalty"
      case repeatWindow = "repeat_window"
      case presencePenalty = "presence_penalty"
      case frequencyPenalty = "frequency_penalty"
      case logitBias = "logit_bias"
      case seed
      case stopStrings = "stop"
      case constraint
    }
  }

  /// What it answered.
  public struct Answer: Sendable, Codable, Equatable {
    public var tokens: [Int] = []
    /// The bits of each token's log-probability, where they were told.
    public var logprobBits: [UInt32] = []
    public var finishReason: FinishReason = .stop

    enum CodingKeys: String, CodingKey {
      case tokens
      case logprobBits = "logprob_bits"
      case finishReason = "finish_reason"
    }

    public init() {}

    /// Takes the next event of a generation whose `GenerationOptions.topLogprobs` is set.
    public mutating func add(_ event: GenerationEvent) {
      switch event {
      case .token(let token):
        tokens.append(token.id)
        if let logprob = token.logprob { logprobBits.append(logprob.bitPattern) }
      case .finished(let result): finishReason = result.finishReason
      }
    }

    /// The first token that another answer has otherwise, or whose log-probability has other bits there, or the number of tokens where
    /// only the reason to end is another; nil where both are the same as far as either tells. An answer that was canceled
    /// tells of no reason.
    public func firstDifference(from other: Answer) -> Int? {
      let count = min(tokens.count, other.tokens.count)
      let tellsBits = logprobBits.count == tokens.count && other.logprobBits.count == other.tokens.count
      for index in 0..<count {
        if tokens[index] != other.tokens[index] { return index }
        if tellsBits, logprobBits[index] != other.logprobBits[index] { return index }
      }
      guard tokens.count == other.tokens.count else { return count }
      let tellsReason = finishReason != .cancelled && other.finishReason != .cancelled
      return tellsReason && finishReason != other.finishReason ? count : nil
    }
  }
}

/// A bias as it is kept, also where it is infinite, of which JSON has no number.
private struct CodedBias: Codable {
  let value: Float

  init(_ value: Float) { self.value = value }

  init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    switch try? container.decode(String.self) {
    case "-inf": value = -.infinity
    case "inf": value = .infinity
    default: value = try container.decode(Float.self)
    }
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    if value.isInfinite { try container.encode(value < 0 ? "-inf" : "inf") } else { try container.encode(value) }
  }
}

// What the synthesized coding of a request calls for its biases.
extension KeyedEncodingContainer<Reproduction.Request.CodingKeys> {
  mutating func encode(_ biases: [Int: Float], forKey key: Key) throws {
    try encode(biases.mapValues { CodedBias($0) }, forKey: key)
  }
}

extension KeyedDecodingContainer<Reproduction.Request.CodingKeys> {
  func decode(_ type: [Int: Float].Type, forKey key: Key) throws -> [Int: Float] {
    try decode([Int: CodedBias].self, forKey: key).mapValues(\.value)
  }
}

extension Reproduction.Request {
  /// What a generation is asked for.
  ///
  /// - Parameters:
  ///   - promptTokens: the ids that the answer stands behind.
  ///   - sourceTokens: of an encoder-decoder.
  ///   - options: with a seed where they draw tokens.
  /// - Throws: `TesseraError.badOption` where they have `allowedTokens`, which are not told.
  public init(promptTokens: [Int], sourceTokens: [Int]?, options: GenerationOptions) throws(TesseraError) {
    guard options.allowedTokens == nil else {
      throw TesseraError(.badOption, "what reproduces an answer does not tell of allowedTokens: leave them out")
    }
    (self.promptTokens, self.sourceTokens) = (promptTokens, sourceTokens)
    (firstTokens, adapter, maxTokens) = (options.firstTokens, options.adapter, options.maxTokens)
    (temperature, topK, topP, minP) = (options.temperature, options.topK, options.topP, options.minP)
    (repeatPenalty, repeatWindow) = (options.repeatPenalty, options.repeatWindow)
    (presencePenalty, frequencyPenalty) = (options.presencePenalty, options.frequencyPenalty)
    (logitBias, seed, stopStrings) = (options.logitBias, options.seed, options.stopStrings)
    constraint = options.constraint
  }

  /// The options that ask for the same again, with log-probabilities.
  public var options: GenerationOptions {
    var options = GenerationOptions()
    (options.firstTokens, options.adapter, options.maxTokens) = (firstTokens, adapter, maxTokens)
    (options.temperature, options.topK, options.topP, options.minP) = (temperature, topK, topP, minP)
    (options.repeatPenalty, options.repeatWindow) = (repeatPenalty, repeatWindow)
    (options.presencePenalty, options.frequencyPenalty) = (presencePenalty, frequencyPenalty)
    (options.logitBias, options.seed, options.stopStrings) = (logitBias, seed, stopStrings)
    (options.constraint, options.topLogprobs) = (constraint, 0)
    return options
  }
}

extension LanguageModel {
  /// What reproduces an answer of this model.
  ///
  /// The first time the model's files are read to their end, to name what is in them.
  ///
  /// - Parameters:
  ///   - request: what the model was asked; with a seed where that draws tokens.
  ///   - answer: what it answered.
  /// - Throws: `FileError` where files cannot be read, or were changed since the model was loaded.
  public func reproduction(of request: Reproduction.Request, answer: Reproduction.Answer) async throws -> Reproduction {
    let digests = try await origin.digests()
    return Reproduction(
      version: "tessera \(TesseraVersion.text)", model: origin.name, modelDigest: digests.model, device: device.name,
      precision: precision, cacheEncoding: memoryPlan.cacheEncoding, weightType: origin.weightType?.name,
      contextLength: contextLength, adapter: request.adapter.flatMap { digests.adapters[$0] }, request: request,
      answer: answer)
  }

  /// SHA-256 over the model's files, as `Reproduction.modelDigest` has it.
  ///
  /// - Throws: as `reproduction(of:answer:)`.
  package func digest() async throws -> String { try await origin.digests().model }
}
