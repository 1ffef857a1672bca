import TesseraMemory

/// What is refused before a step takes it.
extension ModelRunner {
  /// - Throws: `ModelError` for what no step can take: ids outside the vocabulary; a source that is missing, too long, or not the
  ///   model's to take.
  package func check(_ tokens: [Int], source: [Int]?) throws(ModelError) {
    try profile.check(tokens + (source ?? []))
    guard let source else {
      guard takesSource else { return }
      throw ModelError(
        .badBatch,
        profile.sourceFeatures == nil
          ? "the model is an encoder-decoder: give it a source (a text, --source-tokens)"
          : "\(profile.architecture) continues texts of \(profile.sourceText) alone: use `tessera transcribe`")
    }
    guard takesSource else {
      throw ModelError(.unsupportedFeature, "\(profile.architecture) takes no source: it is no encoder-decoder")
    }
    guard profile.sourceFeatures == nil else {
      throw ModelError(
        .unsupportedFeature,
        "\(profile.architecture) reads \(profile.sourceText), no token ids: use `tessera transcribe`")
    }
    guard (1...contextLength).contains(source.count) else {
      throw ModelError(.badBatch, "a source of \(source.count) tokens: 1 to \(contextLength) fit the context")
    }
  }

  /// - Throws: `ModelError` for a batch that no step can run.
  func check(_ batch: Batch, isSource: Bool = false) throws {
    guard (1...chunkSize).contains(batch.tokenCount), batch.chunks.allSatisfy({ !$0.tokens.isEmpty }) else {
      throw ModelError(.badBatch, "a batch of \(batch.tokenCount) tokens: 1 to \(chunkSize) fit a step, none empty")
    }
    guard Set(batch.chunks.map(\.sequence.id)).count == batch.chunks.count else {
      throw ModelError(.badBatch, "a batch with two chunks of one sequence: join them")
    }
    for chunk in batch.chunks {
      let count = chunk.sequence.tokenCount + chunk.tokens.count
      guard isSource || count <= contextLength else {
        throw ModelError(.badBatch, "a sequence of \(count) tokens: the context has \(contextLength)")
      }
      guard chunk.sequence.adapter.map(adapters.indices.contains) ?? true else {
        throw ModelError(.badBatch, "a batch with a sequence of an adapter that is not loaded")
      }
      guard chunk.sequence.cache === cache else {
        throw ModelError(.badBatch, "a batch with a sequence of another model's cache")
      }
    }
  }
}
