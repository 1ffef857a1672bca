import Foundation
import TesseraFiles
import TesseraModels

/// A model that makes a vector of each text, close to those of texts that mean the same.
///
///     let embedder = try await Embedder.load(from: url)
///     let vectors = try await embedder.embed(["What is gravity?", "Why do things fall?"])
///
/// Any model can be one: encoders are made for it, of decoders the last token's hidden state is taken by default.
public final class Embedder: Sendable {
  /// How the hidden states of a text's tokens become one.
  public enum Pooling: String, Sendable, CaseIterable, Codable {
    /// Their mean.
    case mean
    /// The first token's.
    case cls
    /// The last token's.
    case last
    /// The largest value of each column.
    case max
    /// Their mean, the first token counted once, the second twice and so on.
    case weightedMean = "weighted-mean"
    /// Their sum, divided by the square root of their count.
    case meanSqrt = "mean-sqrt"
  }

  public let model: LanguageModel
  /// How hidden states become one, unless a call says otherwise: what the files say, else the mean for models that read
  /// a text at once and the last token for others.
  public let pooling: Pooling
  /// Whether vectors are brought to the length 1, unless a call says otherwise: as the files say; where they do not,
  /// true.
  public let isNormalized: Bool
  /// Tokens of a text that are read, those that the tokenizer adds included: of longer texts the end is left out, as
  /// sentence-transformers does.
  public let longestText: Int
  /// Texts that are put before others, by what they are for ("query", "passage"): as the files name them.
  public let prompts: [String: String]
  /// The name of the prompt that is put before a text where a call names none.
  public let defaultPrompt: String?
  private let isLowercased: Bool
  private let poolsPrompt: Bool
  private let heads: [DenseHead]

  /// Floats of a vector.
  public var dimensions: Int { heads.last?.outputs ?? model.profile.hiddenSize }

  /// Loads a model: a GGUF file, or a Hugging Face folder, whose `modules.json` with the folders that it names,
  /// `sentence_bert_config.json` and `config_sentence_transformers.json` say how texts are embedded.
  ///
  /// - Parameters:
  ///   - url: the file or folder.
  ///   - options: as for `LanguageModel.load`.
  ///   - pooling: instead of what the files say, which then need not be supported.
  ///   - progress: called with how far it has come, from another thread.
  /// - Throws: as `LanguageModel.load`, and for pooling or modules that are not supported.
  public static func load(
    from url: URL, options: LoadOptions = LoadOptions(), pooling: Pooling? = nil,
    progress: @escaping @Sendable (LoadProgress) -> Void = { _ in }
  ) async throws -> Embedder {
    let path = url.path
    return try await load(options, pooling, progress) { try ModelSource(path: path) }
  }

  /// Loads a model whose file is open.
  package static func load(
    _ source: ModelSource, options: LoadOptions = LoadOptions(), pooling: Pooling? = nil,
    progress: @escaping @Sendable (LoadProgress) -> Void = { _ in }
  ) async throws -> Embedder {
    try await load(options, pooling, progress) { source }
  }

  /// - Parameter source: opens the files, on the engine's thread.
  static func load(
    _ options: LoadOptions, _ pooling: Pooling?, _ progress: @escaping @Sendable (LoadProgress) -> Void,
    _ source: @escaping @Sendable () throws -> ModelSource
  ) async throws -> Embedder {
    let (start, engine) = (ContinuousClock.now, Engine())
    let (source, settings) = try await engine.open { [pooling] in
      let source = try source()
      let settings = Result { try EmbeddingSettings(source.checkpoint) }
      if pooling == nil { _ = try settings.get() }
      return (source, try? settings.get())
    }
    var options = options
    // Each text of a step takes a block at least; of an encoder they are few bytes.
    if source.checkpoint.isEncoder { options.sequenceCount = max(options.sequenceCount, 64) }
    let model = try await LanguageModel.load(engine, options, since: start, progress: progress) { source }
    return try Embedder(model, settings, pooling: pooling)
  }

  private init(_ model: LanguageModel, _ settings: EmbeddingSettings?, pooling: Pooling?) throws {
    self.model = model
    let steps = settings?.steps ?? [.normalize]
    heads = steps.compactMap { if case .dense(let head) = $0 { head } else { nil } }
    var size = model.profile.hiddenSize
    for head in heads {
      guard head.inputs == size else {
        throw ModelError(
          .inconsistent,
          "a dense layer of \(head.inputs) columns behind vectors of \(size): the folder is not of one model")
      }
      size = head.outputs
    }
    if let first = steps.firstIndex(of: .normalize), first < heads.count {
      throw ModelError(.unsupportedFeature, "modules.json: a dense layer behind Normalize is not supported")
    }
    // Of an encoder no row is kept.
    let readsAtOnce = model.profile.attentionGroups.contains { $0.kind == .transient }
    self.pooling = pooling ?? settings?.pooling ?? (readsAtOnce ? .mean : .last)
    isNormalized = settings?.isNormalized ?? true
    longestText = min(settings?.longestText ?? model.contextLength, model.contextLength)
    isLowercased = settings?.isLowercased ?? false
    (prompts, defaultPrompt) = (settings?.prompts ?? [:], settings?.defaultPrompt)
    poolsPrompt = settings?.poolsPrompt ?? true
  }

  /// A vector for each text, `dimensions` floats each.
  ///
  /// - Parameters:
  ///   - texts: each of at least one token; what is longer than `longestText` tokens is cut off.
  ///   - pooling: nil takes the model's.
  ///   - isNormalized: nil does as the model's files say.
  ///   - prompt: the name of what is put before each text; nil takes the model's default, if it has one.
  ///   - prefix: what is put before each text instead.
  ///   - adapter: the name of the adapter that the model computes with; nil: none.
  /// - Throws: `TesseraError.noTokenizer`, `TesseraError.emptyPrompt` for a text without tokens,
  ///   `TesseraError.badOption` for a prompt that the model does not have, `CancellationError`.
  public func embed(
    _ texts: [String], pooling: Pooling? = nil, isNormalized: Bool? = nil, prompt: String? = nil, prefix: String? = nil,
    adapter: String? = nil
  ) async throws -> [[Float]] {
    let prefix = try prefix ?? (prompt ?? defaultPrompt).map(self.prompt(named:)) ?? ""
    let (tokens, skipped) = try await model.texts.run {
      (try self.tokens(of: texts.map { prefix + $0 }), try self.poolsPrompt ? 0 : self.tokenCount(ofPrefix: prefix))
    }
    return try await embed(
      tokens: tokens, pooling: pooling, isNormalized: isNormalized, skipping: skipped, adapter: adapter)
  }

  private func prompt(named name: String) throws -> String {
    if let text = prompts[name] { return text }
    throw TesseraError(
      .badOption,
      "the model has no prompt \"\(name)\": "
        + (prompts.isEmpty ? "it names none" : "it has \(prompts.keys.sorted().joined(separator: ", "))"))
  }

  /// Tokens of a prefix, with those before it and without those behind.
  private func tokenCount(ofPrefix prefix: String) throws -> Int {
    guard !prefix.isEmpty else { return 0 }
    let tokenizer = try model.tokenizer
    let ids = try tokenizer.encode(isLowercased ? prefix.lowercased() : prefix)
    return ids.count - zip(ids.reversed(), try tokenizer.encode("").reversed()).prefix { $0 == $1 }.count
  }

  /// A vector for each sequence of token ids, those that a tokenizer would add included.
  ///
  /// - Throws: `TesseraError.contextFull` for more than the context holds.
  public func embed(
    tokens: [[Int]], pooling: Pooling? = nil, isNormalized: Bool? = nil, adapter: String? = nil
  ) async throws -> [[Float]] {
    try await embed(tokens: tokens, pooling: pooling, isNormalized: isNormalized, skipping: 0, adapter: adapter)
  }

  private func embed(
    tokens: [[Int]], pooling: Pooling?, isNormalized: Bool?, skipping skipped: Int, adapter: String?
  ) async throws -> [[Float]] {
    for (index, ids) in tokens.enumerated() {
      guard !ids.isEmpty else { throw TesseraError(.emptyPrompt, "text \(index + 1) has no tokens: leave it out") }
      guard ids.count <= model.contextLength else {
        throw TesseraError(
          .contextFull, "text \(index + 1) has \(ids.count) tokens, the context \(model.contextLength): shorten it")
      }
    }
    let pooled = try await model.engine.pooled(
      tokens.map { TypedTokens(ids: $0) }, pooling ?? self.pooling, skipping: skipped, adapter: adapter)
    let vectors = pooled.map { heads.reduce($0) { $1($0) } }
    return isNormalized ?? self.isNormalized ? vectors.map(Self.normalized) : vectors
  }

  /// The token ids of texts, cut to `longestText`.
  public func tokens(of texts: [String]) throws -> [[Int]] {
    // What is added to every text: the end's part of it stays.
    let frame = try model.tokenizer.encode("")
    return try texts.map { text in
      let ids = try wholeTokens(of: text)
      guard ids.count > longestText else { return ids }
      let added = zip(frame, ids).prefix { $0 == $1 }.count
      let end = min(max(0, frame.count - added), longestText)
      return Array(ids.prefix(longestText - end)) + ids.suffix(end)
    }
  }

  /// The token ids of a text, however long.
  package func wholeTokens(of text: String) throws -> [Int] {
    try model.tokenizer.encode(isLowercased ? text.lowercased() : text)
  }

  /// A vector of the length 1 in the same direction; zeros stay.
  private static func normalized(_ vector: [Float]) -> [Float] {
    let length = vector.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
    return length > 0 ? vector.map { Float(Double($0) / length) } : vector
  }
}
