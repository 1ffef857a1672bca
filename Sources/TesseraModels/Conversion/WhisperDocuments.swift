import TesseraFiles
import TesseraJSON

/// The documents of a Hugging Face folder with a Whisper model, from sizes, CTranslate2's `config.json` and a vocabulary.
///
/// Source: `configuration_whisper.py` and `generation_whisper.py` of `transformers`; the ids of multilingual models by
/// `whisper/tokenizer.py` of https://github.com/openai/whisper
struct WhisperDocuments {
  /// The least number of tokens of a multilingual vocabulary: an English one has one less.
  static let multilingualCount = 51_865

  private let sizes: WhisperVariables.Sizes
  private let settings: JSONFields
  private let vocabulary: [String]
  private let ids: [String: Int]
  private let path: String

  init(_ sizes: WhisperVariables.Sizes, _ settings: JSONFields, vocabulary: [String], of path: String) {
    (self.sizes, self.settings, self.vocabulary, self.path) = (sizes, settings, vocabulary, path)
    ids = Dictionary(vocabulary.enumerated().map { ($0.element, $0.offset) }, uniquingKeysWith: { first, _ in first })
  }

  /// `config.json`.
  func config() throws -> JSONValue {
    guard vocabulary.count == sizes.vocabulary else {
      throw ModelError(
        .inconsistent,
        "\(path): the vocabulary has \(vocabulary.count) tokens, and the embedding \(sizes.vocabulary) rows: the files "
          + "are not of one model")
    }
    var config: JSONObject = [
      "architectures": ["WhisperForConditionalGeneration"], "model_type": "whisper", "activation_function": "gelu",
      "d_model": .int(sizes.modelSize), "vocab_size": .int(sizes.vocabulary), "num_mel_bins": .int(sizes.melCount),
      "max_source_positions": .int(sizes.sourcePositions), "max_target_positions": .int(sizes.targetPositions),
      "scale_embedding": false, "is_encoder_decoder": true, "tie_word_embeddings": .bool(sizes.isTied),
      "torch_dtype": .string(sizes.type),
    ]
    for (name, side) in [("encoder", sizes.encoder), ("decoder", sizes.decoder)] {
      config["\(name)_layers"] = .int(side.layers)
      config["\(name)_attention_heads"] = .int(side.heads)
      config["\(name)_ffn_dim"] = .int(side.intermediate)
    }
    try addTokens(to: &config)
    return .object(config)
  }

  /// `generation_config.json`: the ids that decoding needs.
  func generationConfig() throws -> JSONValue {
    let isMultilingual = vocabulary.count >= Self.multilingualCount
    let noTimestamps = try id("<|notimestamps|>")
    var config: JSONObject = [
      "is_multilingual": .bool(isMultilingual), "max_length": .int(sizes.targetPositions),
      "max_initial_timestamp_index": 50, "no_timestamps_token_id": .int(noTimestamps),
      "prev_sot_token_id": .int(try id("<|startofprev|>")), "return_timestamps": false,
    ]
    try addTokens(to: &config)
    if let heads = settings["alignment_heads"], !heads.isNull { config["alignment_heads"] = heads }
    let translate = try id("<|translate|>"), transcribe = try id("<|transcribe|>")
    guard isMultilingual else { return .object(config) }
    let start = try id("<|startoftranscript|>")
    config["task_to_id"] = ["transcribe": .int(transcribe), "translate": .int(translate)]
    // Languages lie between the start and the first task.
    let languages = vocabulary.indices.filter { $0 > start && $0 < min(translate, transcribe) }
    config["lang_to_id"] = .object(JSONObject(languages.map { (vocabulary[$0], .int($0)) }))
    return .object(config)
  }

  /// `preprocessor_config.json`: what sound every Whisper model takes.
  func preprocessorConfig() -> JSONValue {
    // A position is 20 ms.
    let seconds = sizes.sourcePositions / 50
    return [
      "feature_extractor_type": "WhisperFeatureExtractor", "feature_size": .int(sizes.melCount),
      "sampling_rate": 16_000, "hop_length": 160, "n_fft": 400, "chunk_length": .int(seconds),
      "n_samples": .int(seconds * 16_000), "nb_max_frames": .int(seconds * 100), "padding_side": "right",
      "padding_value": 0.0,
      "return_attention_mask": false,
    ]
  }

  private func addTokens(to config: inout JSONObject) throws {
    let end = JSONValue.int(try id("<|endoftext|>"))
    let start = JSONValue.int(try id("<|startoftranscript|>"))
    config["bos_token_id"] = end
    config["eos_token_id"] = end
    config["pad_token_id"] = end
    config["decoder_start_token_id"] = start
    for (key, source) in [("suppress_tokens", "suppress_ids"), ("begin_suppress_tokens", "suppress_ids_begin")] {
      guard let tokens = try settings.optionalInts(source) else { continue }
      guard tokens.allSatisfy({ vocabulary.indices.contains($0) }) else {
        throw ModelError(
          .inconsistent, "\(path): config.json's '\(source)' has ids beyond the \(vocabulary.count) tokens")
      }
      config[key] = .array(tokens.map { .int($0) })
    }
  }

  private func id(_ token: String) throws -> Int {
    guard let id = ids[token] else {
      throw ModelError(
        .inconsistent, "\(path): the vocabulary has no token \(token): this is not a Whisper model's, or not all of it")
    }
    return id
  }
}
