import Foundation
import TestSupport
import Testing

@testable import Tessera

/// A folder of Whisper tiny.en, named by an environment variable; nil: what needs it is skipped.
private let folder = ProcessInfo.processInfo.environment["TESSERA_TEST_WHISPER"].flatMap { $0.isEmpty ? nil : $0 }

/// What openai-whisper's program gave: `Tests/Fixtures-scripts/make_speech_fixtures.py`.
private func fixture<T: Decodable>(_ name: String, as type: T.Type) throws -> T {
  let decoder = JSONDecoder()
  decoder.keyDecodingStrategy = .convertFromSnakeCase
  return try decoder.decode(
    type, from: Data(contentsOf: URL(fileURLWithPath: FamilyFixture.path("speech/\(name).json"))))
}

private struct Answers: Decodable {
  struct Rules: Decodable {
    let end, start, translate, transcribe, previous, noSpeech, noTimestamps, lastInitialTimestamp: Int
    let languages, suppressed, suppressedFirst: [Int]

    var tokens: SpeechTokens {
      var tokens = SpeechTokens(
        end: end, start: start, previous: previous, noSpeech: noSpeech, noTimestamps: noTimestamps,
        suppressed: suppressed, suppressedFirst: suppressedFirst, lastInitialTimestamp: lastInitialTimestamp)
      (tokens.transcribe, tokens.translate) = (transcribe, translate)
      tokens.languages = languages.map { .init(code: "\($0)", token: $0) }
      return tokens
    }
  }
  struct Answer: Decodable {
    let sound: Int
    let context: [Int]
    let language: Int
    let tokens: [Int]
    let noSpeech, averageLogProbability: Double
  }
  let rules: Rules
  let answers: [Answer]
}

private struct Windows: Decodable {
  struct Call: Decodable {
    let context, tokens: [Int]
    let averageLogProbability, noSpeech, compressionRatio, temperature: Double

    var window: TranscribedWindow {
      TranscribedWindow(
        tokens: tokens, text: "", averageLogProbability: averageLogProbability, noSpeechProbability: noSpeech,
        compressionRatio: compressionRatio, temperature: temperature)
    }
  }
  struct Segment: Decodable {
    let start, end: Double
    let tokens: [Int]
  }
  let frames, firstTimestamp, blank: Int
  let calls: [Call]
  let segments: [Segment]
}

private struct Sentence: Decodable {
  let text: String
  let tokens: [Int]
  let start, end, averageLogProbability, noSpeech, compressionRatio: Double
}

extension ModelSuites {
  @Suite("Speech")
  struct SpeechTests {
    private func load(_ path: String) async throws -> Transcriber {
      var options = LoadOptions()
      (options.keyEncoding, options.valueEncoding) = (.f32, .f32)
      return try await Transcriber.load(from: URL(fileURLWithPath: path), options: options)
    }

    @Test("a window is transcribed as by openai-whisper's program, by its rules and knowing what was said")
    func answers() async throws {
      let all = try fixture("answers", as: Answers.self)
      let tiny = FamilyFixture(folder: "whisper", file: nil)
      let sounds = try #require(tiny.reference().sounds)
      let model = try await LanguageModel.load(from: URL(fileURLWithPath: tiny.path))
      var options = TranscriptionOptions()
      options.temperatures = [0]
      for answer in all.answers {
        let features = sounds[answer.sound].features.values
        let language = try await model.engine.language(of: features, all.rules.tokens)
        let window = try await model.engine.transcribe(
          features, context: answer.context, language: language, all.rules.tokens, options)
        #expect(window.tokens == answer.tokens && language == answer.language)
        #expect(abs(window.averageLogProbability - answer.averageLogProbability) < 1e-3)
        #expect(abs(window.noSpeechProbability - answer.noSpeech) < 1e-4)
      }
      #expect(all.answers.contains { $0.context.count > 40 })
      // Tokens that are drawn depend on the seed alone, and obey the same rules.
      options.temperatures = [1]
      var drawn: [[Int]] = []
      for seed: UInt64 in [1, 1, 2] {
        options.seed = seed
        let window = try await model.engine.transcribe(
          sounds[0].features.values, context: [], language: 63, all.rules.tokens, options)
        #expect(window.temperature == 1)
        #expect((70...74).contains(window.tokens[0]) && Set(window.tokens).isDisjoint(with: all.rules.suppressed))
        drawn.append(window.tokens)
      }
      #expect(drawn[0] == drawn[1] && drawn[0] != drawn[2])
      // What fails is decoded again from the prompt on, with the next seed.
      (options.temperatures, options.seed) = ([0, 1], 1)
      (options.logProbabilityLimit, options.noSpeechLimit) = (0, nil)
      let again = try await model.engine.transcribe(
        sounds[0].features.values, context: [], language: 63, all.rules.tokens, options)
      (options.temperatures, options.seed) = ([1], 2)
      let alone = try await model.engine.transcribe(
        sounds[0].features.values, context: [], language: 63, all.rules.tokens, options)
      #expect(again.temperature == 1 && again.tokens == drawn[2] && alone.tokens == drawn[2])
      #expect(again.averageLogProbability == alone.averageLogProbability)
      #expect(again.noSpeechProbability == alone.noSpeechProbability)
    }

    @Test("windows follow each other, fail and are told what was said as in openai-whisper's program")
    func windows() throws {
      let all = try fixture("windows", as: Windows.self)
      var options = TranscriptionOptions()
      options.prompt = "So"
      var calls = all.calls[...]
      var timeline = SpeechTimeline(
        frameCount: all.frames, windowFrames: 3000, framesPerToken: 2, firstTimestamp: all.firstTimestamp,
        prompt: try #require(calls.first).context)
      while !timeline.isOver {
        for temperature in options.temperatures {
          let next = calls.popFirst()
          let call = try #require(next)
          #expect(call.temperature == temperature && timeline.context == call.context)
          guard call.window.fails(options), temperature < 1 else {
            _ = timeline.take(call.window, options) { tokens in
              tokens.filter { $0 < 50_256 }.map { $0 == all.blank ? " " : "\($0)" }.joined()
            }
            break
          }
        }
      }
      #expect(calls.isEmpty)
      #expect(timeline.segments.map(\.tokens) == all.segments.map(\.tokens))
      for (segment, expected) in zip(timeline.segments, all.segments) {
        #expect(abs(segment.start - expected.start) < 1e-9 && abs(segment.end - expected.end) < 1e-9)
      }
    }

    @Test("a text's ratio of compression is zlib's")
    func ratio() {
      #expect(compressionRatio("") == 0)
      #expect(compressionRatio("The quick brown fox jumps over the lazy dog.") == 44.0 / 51)
      #expect(compressionRatio(String(repeating: "no ", count: 50)) == 150.0 / 14)
    }

    @Test("what is no speech model, and options that it does not have, are refused")
    func refused() async throws {
      for name in ["bert", "t5", "qwen2-tied/model.gguf"] {
        await #expect(throws: TesseraError.self) { try await self.load(FamilyFixture.path("families/\(name)")) }
      }
      // No tokenizer.
      await #expect(throws: TesseraError.self) { try await self.load(FamilyFixture.path("families/whisper")) }
      var options = TranscriptionOptions()
      options.temperatures = []
      #expect(throws: TesseraError.self) { try options.check() }
      options.temperatures = [0, -1]
      #expect(throws: TesseraError.self) { try options.check() }
    }

    @Test(
      "tiny.en transcribes a sentence as openai-whisper does, and in silence nothing; who stops asking stops it",
      .enabled(if: folder != nil, "TESSERA_TEST_WHISPER is not set"))
    func real() async throws {
      let transcriber = try await load(try #require(folder))
      #expect(transcriber.languages == ["en"] && transcriber.windowFrames == 3000 && transcriber.bandCount == 80)
      let expected = try fixture("sentence", as: Sentence.self)
      let sentence = try AudioSamples(contentsOf: FamilyFixture.path("speech/sentence.wav"))
      var events: [TranscriptionEvent] = []
      for try await event in transcriber.transcribe(sentence) { events.append(event) }
      guard case .segment(let segment)? = events.first, case .finished(let transcript)? = events.last else {
        Issue.record("\(events)")
        return
      }
      #expect(transcript.segments == [segment] && transcript.language == "en")
      #expect(transcript.text == expected.text && segment.text == expected.text)
      #expect(transcript.tokens == expected.tokens && segment.tokens == expected.tokens)
      #expect(abs(segment.start - expected.start) < 1e-9 && abs(segment.end - expected.end) < 1e-9)
      #expect(abs(segment.averageLogProbability - expected.averageLogProbability) < 1e-3)
      #expect(abs(segment.noSpeechProbability - expected.noSpeech) < 1e-4)
      #expect(abs(segment.compressionRatio - expected.compressionRatio) < 1e-9 && segment.temperature == 0)

      let silence = try AudioSamples(samples: Array(repeating: 0, count: 16_000), sampleRate: 16_000)
      #expect(try await transcriber.transcript(of: silence).segments.isEmpty)
      var options = TranscriptionOptions()
      options.language = "de"
      await #expect(throws: TesseraError.self) { try await transcriber.transcript(of: sentence, options: options) }
      (options.language, options.task) = ("en", .translate)
      await #expect(throws: TesseraError.self) { try await transcriber.transcript(of: sentence, options: options) }

      let long = try AudioSamples(
        samples: Array(repeatElement(sentence.samples, count: 60).joined()), sampleRate: sentence.sampleRate)
      let task = Task { try await transcriber.transcript(of: long) }
      task.cancel()
      await #expect(throws: CancellationError.self) { try await task.value }
      #expect(try await transcriber.transcript(of: sentence).tokens == expected.tokens)
    }
  }
}
