import Foundation

/// What is heard in a sound, as it is asked for.
public struct TranscriptionStream: AsyncSequence, Sendable {
  let transcriber: Transcriber
  let samples: [Float]
  let options: TranscriptionOptions

  /// Begins to hear; each iterator hears all of it.
  public func makeAsyncIterator() -> Iterator { Iterator(stream: self) }

  public struct Iterator: AsyncIteratorProtocol {
    private let stream: TranscriptionStream
    private var run: TranscriptionRun?
    private var events: [TranscriptionEvent] = []
    private var isFinished = false

    init(stream: TranscriptionStream) { self.stream = stream }

    /// The next event; nil after `.finished`, and after an error.
    public mutating func next() async throws -> TranscriptionEvent? {
      guard !isFinished else { return nil }
      do {
        var run: TranscriptionRun
        if let known = self.run {
          run = known
        } else {
          run = try await TranscriptionRun(stream)
        }
        while events.isEmpty { events = try await run.advance() }
        self.run = run
      } catch {
        isFinished = true
        throw error
      }
      let event = events.removeFirst()
      if case .finished = event { isFinished = true }
      return event
    }
  }
}

extension String {
  var trimmed: String { trimmingCharacters(in: .whitespacesAndNewlines) }
}

/// A sound on the way from its first window to its last.
struct TranscriptionRun: Sendable {
  private let transcriber: Transcriber
  private let options: TranscriptionOptions
  private let spectrogram: Spectrogram
  private var transcript = Transcript()
  private var language: Int?
  /// The first frame of the next window.
  private var frame = 0
  /// Tokens of a prompt and of what was heard, and how many of them are not told to the next window.
  private var said: [Int]
  private var forgotten = 0
  private let promptCount: Int

  init(_ stream: TranscriptionStream) async throws {
    let (transcriber, options) = (stream.transcriber, stream.options)
    try options.check()
    (self.transcriber, self.options) = (transcriber, options)
    language = try options.language.flatMap(transcriber.token)
    if options.task == .translate, !transcriber.rules.isMultilingual {
      throw TesseraError(.badOption, "the model knows English alone, so it translates nothing")
    }
    (spectrogram, said) = try await transcriber.model.texts.run {
      (
        try transcriber.spectrogram(stream.samples),
        try options.prompt.map {
          try transcriber.model.tokenizer.encode(" " + $0.trimmed, addSpecial: false)
        } ?? []
      )
    }
    promptCount = said.count
  }

  /// Hears the next window.
  mutating func advance() async throws -> [TranscriptionEvent] {
    let engine = transcriber.model.engine
    guard frame < spectrogram.frameCount else {
      transcript.tokens = Array(said[promptCount...])
      transcript.text = try await engine.text(transcript.tokens, transcriber.rules)
      transcript.language = code
      return [.finished(transcript)]
    }
    let size = min(transcriber.windowFrames, spectrogram.frameCount - frame)
    let heard = try await engine.hear(
      spectrogram.window(from: frame, frames: transcriber.windowFrames), said: Array(said[forgotten...]),
      language: language, transcriber.rules, options)
    language = language ?? heard.language
    var events: [TranscriptionEvent] = []
    if heard.isSilent(options) {
      frame += size
    } else {
      for segment in try await segments(of: heard, size: size) {
        transcript.segments.append(segment)
        said += segment.tokens
        if !segment.tokens.isEmpty { events.append(.segment(segment)) }
      }
      if !options.knowsPrevious || heard.temperature > 0.5 { forgotten = said.count }
    }
    let seconds = Double(min(frame, spectrogram.frameCount)) / Spectrogram.rate
    return events + [.progress(seconds: seconds, of: Double(spectrogram.frameCount) / Spectrogram.rate)]
  }

  private var code: String {
    transcriber.rules.languages.first { $0.token == language }?.code ?? "en"
  }

  /// The parts of a window, the next of which begins where they end.
  private mutating func segments(of heard: HeardWindow, size: Int) async throws -> [TranscriptSegment] {
    let rules = transcriber.rules
    let step = Double(transcriber.framesPerToken) / Spectrogram.rate
    let offset = Double(frame) / Spectrogram.rate
    let parts = WindowParts(heard.tokens, firstTimestamp: rules.firstTimestamp)
    // A window that nothing ends in would be heard for ever.
    let next = parts.next.map { $0 * transcriber.framesPerToken } ?? size
    frame += next > 0 ? next : size
    var segments: [TranscriptSegment] = []
    for part in parts.parts {
      let text = try await transcriber.model.engine.text(part.tokens, rules)
      let start = offset + Double(part.start) * step
      let end = offset + (part.end.map { Double($0) * step } ?? Double(size) / Spectrogram.rate)
      guard start != end, !text.trimmed.isEmpty else { continue }
      segments.append(
        TranscriptSegment(
          start: start, end: end, text: text, tokens: part.tokens,
          averageLogProbability: heard.averageLogProbability, noSpeechProbability: heard.noSpeechProbability,
          compressionRatio: heard.compressionRatio, temperature: heard.temperature))
    }
    return segments
  }
}
