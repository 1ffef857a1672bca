import ArgumentParser
import Foundation
import Tessera

struct TranscribeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "transcribe", abstract: "Turn speech into text.",
    discussion: """
      The model is a Hugging Face folder of Whisper; `tessera convert` makes one of a folder of CTranslate2's. The sound is a WAV \
      file of any rate and number of channels, which is transcribed in windows of 30 s. Each segment is a line, as soon as it is known. \
      A window whose text repeats itself, or that the model is not sure of, is decoded again at higher temperatures, unless \
      --temperature says at which.
      """)

  @OptionGroup var model: ModelOptions

  @Argument(help: ArgumentHelp("The sound: a WAV file.", valueName: "audio.wav"))
  var audio: String

  @Option(help: "The language that is spoken, such as en or de (default: found out by its beginning).")
  var language: String?

  @Option(help: "transcribe, or translate into English.")
  var task: TranscriptionOptions.Task = .transcribe

  @Flag(help: "Say when each segment begins and ends.")
  var timestamps = false

  @Option(name: [.short, .long], help: "What was said before, or names and terms that may be.")
  var prompt: String?

  @Option(help: "The temperature at which tokens are drawn, 0 for the likeliest, and no other is tried.")
  var temperature: Double?

  @Option(help: "The seed of what is drawn.")
  var seed: UInt64 = 0

  @Flag(name: .customLong("no-context"), help: "A window does not know what was said before it.")
  var forgets = false

  func validate() throws {
    if let temperature, !(0...100).contains(temperature) {
      throw ValidationError("--temperature is \(temperature): it must be from 0 to 100")
    }
  }

  func run() async throws {
    let sound = try AudioSamples(contentsOf: audio)
    let load = model.run.loadOptions
    let transcriber = try await model.run.loading {
      try await Transcriber.load(ModelSource(path: model.model), options: load, progress: $0)
    }
    var options = TranscriptionOptions()
    (options.language, options.task, options.prompt, options.seed) = (language, task, prompt, seed)
    if let temperature { options.temperatures = [temperature] }
    options.knowsPrevious = !forgets
    let begin = ContinuousClock.now
    let transcript = try await transcribe(sound, transcriber, options)
    if model.json {
      return try Terminal.printJSON(Document(transcript))
    }
    guard !model.quiet else { return }
    let taken = ContinuousClock.now - begin
    let spent = Double(taken.components.seconds) + Double(taken.components.attoseconds) * 1e-18
    Terminal.diagnose(
      String(
        format: "%.1f s of sound in %.2f s (%.1f times as fast as it is), language %@", sound.duration,
        spent, sound.duration / max(spent, 1e-9), transcript.language))
  }

  private func transcribe(
    _ sound: AudioSamples, _ transcriber: Transcriber, _ options: TranscriptionOptions
  ) async throws -> Transcript {
    let bar = ProgressBar("listening", quiet: model.quiet || model.json)
    defer { bar.finish() }
    var transcript = Transcript()
    for try await event in transcriber.transcribe(sound, options: options) {
      switch event {
      case .segment(let segment):
        guard !model.json else { continue }
        bar.finish()
        let text = segment.text.trimmingCharacters(in: .whitespacesAndNewlines)
        Terminal.print(
          timestamps ? "[\(Self.clock(segment.start)) --> \(Self.clock(segment.end))] \(text)" : text)
      case .progress(let seconds, let all): bar.update(seconds / max(all, 1e-9))
      case .finished(let all): transcript = all
      }
    }
    return transcript
  }

  /// Minutes, seconds and thousandths, with hours where there are some.
  static func clock(_ seconds: Double) -> String {
    let thousandths = Int((seconds * 1000).rounded())
    let (hours, minutes) = (thousandths / 3_600_000, thousandths / 60_000 % 60)
    let rest = String(format: "%02d:%06.3f", minutes, Double(thousandths % 60_000) / 1000)
    return hours > 0 ? "\(hours):\(rest)" : rest
  }

  private struct Document: Encodable {
    struct Segment: Encodable {
      let start, end: Double
      let text: String
    }

    let text: String
    let tokens: [Int]
    let language: String
    let segments: [Segment]

    init(_ transcript: Transcript) {
      (text, tokens, language) = (transcript.text, transcript.tokens, transcript.language)
      segments = transcript.segments.map { .init(start: $0.start, end: $0.end, text: $0.text) }
    }
  }
}

extension TranscriptionOptions.Task: ExpressibleByArgument {}
