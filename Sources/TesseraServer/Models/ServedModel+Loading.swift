import Tessera
import TesseraFiles
import TesseraModels

extension ServedModel {
  /// Loads a model as what its files are for: speech, ranking, vectors, or text.
  ///
  /// - Parameters:
  ///   - names: its names; empty: the file's, without its ending.
  ///   - options: whose context is a limit for models that were trained for less.
  package static func load(
    _ path: String, names: [String], options: LoadOptions, progress: @escaping @Sendable (LoadProgress) -> Void
  ) async throws -> ServedModel {
    let source = try ModelSource(path: path)
    let names = names.isEmpty ? [name(ofPath: path)] : names
    do {
      return ServedModel(names: names, kind: try await kind(source, options, progress))
    } catch let error as ModelError where error.code == .badBatch && options.contextLength != nil {
      var options = options
      options.contextLength = nil
      return ServedModel(names: names, kind: try await kind(source, options, progress))
    }
  }

  private static func kind(
    _ source: ModelSource, _ options: LoadOptions, _ progress: @escaping @Sendable (LoadProgress) -> Void
  ) async throws -> Kind {
    if source.checkpoint.hearsSpeech {
      return .transcriber(try await Transcriber.load(source, options: options, progress: progress))
    }
    if isClassifier(source.checkpoint) {
      return .reranker(try await Reranker.load(source, options: options, progress: progress))
    }
    if source.checkpoint.isEncoder {
      return .encoder(try await Embedder.load(source, options: options, progress: progress))
    }
    do {
      let embedder = try await Embedder.load(source, options: options, progress: progress)
      return .text(embedder.model, embedder)
    } catch let error as ModelError where error.code == .unsupportedFeature {
      // What its files say of vectors may be what is not supported: texts need none of it.
      return .text(try await LanguageModel.load(source, options: options, progress: progress), nil)
    }
  }

  /// Whether a model generates texts.
  ///
  /// - Throws: as opening its files.
  package static func generates(path: String) throws -> Bool {
    let checkpoint = try ModelSource(path: path).checkpoint
    return !checkpoint.hearsSpeech && !checkpoint.isEncoder && !isClassifier(checkpoint)
  }

  /// Whether a head behind an encoder gives scores.
  private static func isClassifier(_ checkpoint: any Checkpoint) -> Bool {
    guard let folder = checkpoint as? HuggingFaceCheckpoint else {
      return checkpoint.tensor(named: "cls.output.weight") != nil
    }
    let names = try? folder.config.optionalStrings("architectures")
    return names?.first?.hasSuffix("Classification") ?? false
  }

  /// `SmolLM2-135M` of `models/SmolLM2-135M.gguf`.
  package static func name(ofPath path: String) -> String {
    let last = path.split(separator: "/").last.map(String.init) ?? path
    return last.lowercased().hasSuffix(".gguf") ? String(last.dropLast(5)) : last
  }
}
