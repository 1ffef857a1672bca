import Foundation
import TesseraAudio
import TesseraFiles
import TesseraModels

/// A model that turns speech into text (Whisper, Radford et al. 2022).
///
///     let transcriber = try await Transcriber.load(from: url)
///     let text = try await transcriber.transcript(of: AudioSamples(contentsOf: "speech.wav")).text
public final class Transcriber: Sendable {
  public let model: LanguageModel
  let rules: SpeechTokens
  /// Where spectrograms are made, so that texts do not wait for them.
  let sounds = TextWorker(name: "tessera sound")
  /// Frames of a window, and bands of each.
  let windowFrames, bandCount: Int
  /// Frames of a timestamp.
  let framesPerToken: Int

  /// The codes of the languages that the model tells apart; English alone where it knows no other.
  public var languages: [String] { rules.isMultilingual ? rules.languages.map(\.code) : ["en"] }

  /// Loads a speech model: a Hugging Face folder.
  ///
  /// - Throws: as `LanguageModel.load`, and `TesseraError` for a model that is none of speech.
  public static func load(
    from url: URL, options: LoadOptions = LoadOptions(),
    progress: @escaping @Sendable (LoadProgress) -> Void = { _ in }
  ) async throws -> Transcriber {
    try await load(ModelSource(path: url.path), options: options, progress: progress)
  }

  /// Loads a speech model whose file is open.
  package static func load(
    _ source: ModelSource, options: LoadOptions = LoadOptions(),
    progress: @escaping @Sendable (LoadProgress) -> Void = { _ in }
  ) async throws -> Transcriber {
    guard let folder = source.checkpoint as? HuggingFaceCheckpoint, source.checkpoint.hearsSpeech else {
      throw TesseraError(
        .unsupportedFile,
        "\(source.path) is no speech model: a Hugging Face folder of Whisper is needed, which `tessera convert` makes of "
          + "one of CTranslate2's")
    }
    try options.refuseAdapters("speech models")
    let model = try await LanguageModel.load(source, options: options, progress: progress)
    let vocabularySize = model.profile.vocabularySize
    let rules = try await model.texts.run {
      try SpeechTokens(model.tokenizer, folder, vocabularySize: vocabularySize)
    }
    return try Transcriber(model, rules)
  }

  private init(_ model: LanguageModel, _ rules: SpeechTokens) throws {
    guard let form = model.profile.sourceFeatures else {
      throw TesseraError(.unsupportedFile, "\(model.profile.architecture) is no speech model")
    }
    (self.model, self.rules) = (model, rules)
    (windowFrames, framesPerToken) = (form.tokenCount * form.rowsPerToken, form.rowsPerToken)
    bandCount = form.columns / form.rowsPerToken
  }

  /// Hears a sound, window by window, as events are asked for: whoever stops asking stops the work.
  public func transcribe(_ audio: AudioSamples, options: TranscriptionOptions = .init()) -> TranscriptionStream {
    TranscriptionStream(transcriber: self, audio: audio, options: options)
  }

  /// What is said in a sound.
  public func transcript(of audio: AudioSamples, options: TranscriptionOptions = .init()) async throws -> Transcript {
    for try await event in transcribe(audio, options: options) {
      if case .finished(let transcript) = event { return transcript }
    }
    throw CancellationError()
  }

  /// The spectrogram of all of a sound, whose loudest moment decides what is silence.
  func spectrogram(of audio: AudioSamples) throws -> Spectrogram {
    let samples = try audio.resampled(to: LogMel.sampleRate).samples
    let count = samples.count / LogMel.hop
    // A sound ends in silence: three more frames have a part of it, and the next one nothing.
    let all = count + 4
    let values = try LogMel(melCount: bandCount)(samples[...], frameCount: all)
    return Spectrogram(values, bandCount: bandCount, stride: all, frameCount: count)
  }

  /// The tokens of a prompt, in which markers are text: it says nothing but what was said.
  func tokens(ofPrompt prompt: String) throws -> [Int] {
    try model.tokenizer.encode(" " + prompt.trimmed, addSpecial: false, parseSpecial: false)
  }

  /// The token of a language.
  func token(ofLanguage code: String) throws -> Int? {
    guard rules.isMultilingual else {
      guard code == "en" else {
        throw TesseraError(.badOption, "the language is \(code): the model knows English (en) alone")
      }
      return nil
    }
    guard let language = rules.languages.first(where: { $0.code == code }) else {
      throw TesseraError(
        .badOption, "the language is \(code): the model knows \(languages.joined(separator: ", "))")
    }
    return language.token
  }
}
