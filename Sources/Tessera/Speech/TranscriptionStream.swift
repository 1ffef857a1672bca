import TesseraAudio

/// The transcription of a sound, as it is asked for.
public struct TranscriptionStream: AsyncSequence, Sendable {
  let transcriber: Transcriber
  let audio: AudioSamples
  let options: TranscriptionOptions

  /// Begins to transcribe; each iterator transcribes all of it.
  public func makeAsyncIterator() -> Iterator { Iterator(stream: self) }

  public struct Iterator: AsyncIteratorProtocol {
    private let stream: TranscriptionStream
    private var run: TranscriptionRun?
    private var events: [TranscriptionEvent] = []
    private var isFinished = false

    init(stream: TranscriptionStream) { self.stream = stream }

    /// The next event; nil after `.finished`, and after an error.
    ///
    /// - Throws: `TesseraError` for options, `CancellationError` where the task is canceled, and as `LanguageModel`.
    public mutating func next() async throws -> TranscriptionEvent? {
      guard !isFinished else { return nil }
      if events.isEmpty {
        do {
          var run: TranscriptionRun
          if let known = self.run { run = known } else { run = try await TranscriptionRun(stream) }
          events = try await run.advance()
          self.run = run
        } catch {
          isFinished = true
          throw error
        }
      }
      let event = events.removeFirst()
      if case .finished = event { isFinished = true }
      return event
    }
  }
}

/// A sound on the way from its first window to its last.
private struct TranscriptionRun: Sendable {
  private let transcriber: Transcriber
  private let options: TranscriptionOptions
  private let spectrogram: Spectrogram
  private var timeline: SpeechTimeline
  /// Its token, once it is known.
  private var language: Int?

  init(_ stream: TranscriptionStream) async throws {
    let (transcriber, options) = (stream.transcriber, stream.options)
    try options.check()
    (self.transcriber, self.options) = (transcriber, options)
    let rules = transcriber.rules
    language = try options.language.flatMap(transcriber.token)
    if options.task == .translate, !rules.isMultilingual {
      throw TesseraError(.badOption, "the model knows English alone, so it translates nothing")
    }
    let prompt = try await transcriber.model.texts.run {
      try options.prompt.map { try transcriber.tokens(ofPrompt: $0) } ?? []
    }
    spectrogram = try await transcriber.sounds.run { try transcriber.spectrogram(of: stream.audio) }
    timeline = SpeechTimeline(
      frameCount: spectrogram.frameCount, windowFrames: transcriber.windowFrames,
      framesPerToken: transcriber.framesPerToken, firstTimestamp: rules.firstTimestamp, prompt: prompt)
  }

  /// Transcribes the next window; never without an event.
  mutating func advance() async throws -> [TranscriptionEvent] {
    let (rules, model) = (transcriber.rules, transcriber.model)
    let tokenizer = try model.tokenizer
    guard !timeline.isOver else {
      var transcript = Transcript()
      (transcript.tokens, transcript.segments) = (timeline.tokens, timeline.segments)
      transcript.text = try rules.text(timeline.tokens, tokenizer)
      transcript.language = rules.languages.first { $0.token == language }?.code ?? "en"
      return [.finished(transcript)]
    }
    if language == nil, rules.isMultilingual {
      let beginning = spectrogram.beginning(frames: transcriber.windowFrames)
      language = try await model.engine.language(of: beginning, rules)
    }
    let window = try await model.engine.transcribe(
      spectrogram.window(from: timeline.frame, frames: transcriber.windowFrames), context: timeline.context,
      language: language, rules, options)
    let segments = try timeline.take(window, options) { try rules.text($0, tokenizer) }
    let all = Double(spectrogram.frameCount) / Spectrogram.rate
    let done = min(all, Double(timeline.frame) / Spectrogram.rate)
    return segments.map { .segment($0) } + [.progress(seconds: done, of: all)]
  }
}
