import Foundation
import TesseraFiles
import TestSupport
import Testing

@testable import Tessera
@testable import TesseraAudio
@testable import TesseraModels

extension ModelSuites {
  /// A model of random weights that has all that hearing needs: windows of 0.2 s, a context of six tokens.
  @Suite("Transcription with a small model")
  struct TranscriptionTests {
    private func withFolder(
      generation change: ([String: Any]) -> [String: Any] = { $0 }, _ body: (URL) async throws -> Void
    ) async throws {
      let place = FileManager.default.temporaryDirectory.appendingPathComponent("whisper-\(UUID().uuidString)")
      defer { try? FileManager.default.removeItem(at: place) }
      let source = try FamilyFixture.path("ctranslate2/float32")
      _ = try WhisperFolder(CTranslate2Checkpoint(path: source)).write(to: place.path)
      let path = place.appendingPathComponent("generation_config.json")
      let document = try #require(try JSONSerialization.jsonObject(with: Data(contentsOf: path)) as? [String: Any])
      try JSONSerialization.data(withJSONObject: change(document)).write(to: path)
      try await body(place)
    }

    private func sentence() throws -> AudioSamples {
      try AudioSamples(contentsOf: FamilyFixture.path("speech/sentence.wav"))
    }

    @Test("segments, progress and what is finished agree, window by window")
    func events() async throws {
      try await withFolder { folder in
        let transcriber = try await Transcriber.load(from: folder)
        #expect(transcriber.languages == ["en"] && transcriber.windowFrames == 20)
        let sound = try sentence()
        var (segments, progress): ([TranscriptSegment], [Double]) = ([], [])
        var finished: Transcript?
        for try await event in transcriber.transcribe(sound) {
          #expect(finished == nil)
          switch event {
          case .segment(let segment): segments.append(segment)
          case .progress(let seconds, let all):
            progress.append(seconds)
            #expect(abs(all - sound.duration) < 0.01)
          case .finished(let transcript): finished = transcript
          }
        }
        let transcript = try #require(finished)
        #expect(!segments.isEmpty && transcript.segments == segments && transcript.language == "en")
        #expect(transcript.tokens == segments.flatMap(\.tokens) && transcript.text == segments.map(\.text).joined())
        #expect(progress.count > 5 && progress == progress.sorted())
        #expect(abs((progress.last ?? 0) - sound.duration) < 0.01)
        for segment in segments {
          #expect(segment.start < segment.end && !segment.text.isEmpty && segment.tokens.count <= 3)
        }
        #expect(try await transcriber.transcript(of: sound) == transcript)
        var options = TranscriptionOptions()
        options.language = "de"
        await #expect(throws: TesseraError.self) { try await transcriber.transcript(of: sound, options: options) }
        (options.language, options.task) = (nil, .translate)
        await #expect(throws: TesseraError.self) { try await transcriber.transcript(of: sound, options: options) }
        let task = Task {
          while !Task.isCancelled { await Task.yield() }
          return try await transcriber.transcript(of: sound)
        }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
      }
    }

    @Test("a language is found in the sound with silence behind it, as openai-whisper has it")
    func beginning() async throws {
      try await withFolder { folder in
        let transcriber = try await Transcriber.load(from: folder)
        let whole = try sentence().resampled(to: LogMel.sampleRate).samples
        for count in [0, 100, 1_000, 1_599, 2_000, 2_079, 2_081, whole.count] {
          let samples = Array(whole[..<count])
          let spectrogram = try transcriber.spectrogram(of: AudioSamples(samples: samples, sampleRate: 16_000))
          let padded = samples + [Float](repeating: 0, count: 480_000)
          let frames = count / LogMel.hop + 3000
          let values = try LogMel(melCount: 80)(padded[...], frameCount: frames)
          let wanted = (0..<20).flatMap { frame in (0..<80).map { values[$0 * frames + frame] } }
          #expect(spectrogram.frameCount == count / LogMel.hop)
          let isSame = spectrogram.beginning(frames: 20) == wanted
          #expect(isSame, "\(count) samples")
        }
      }
    }

    @Test("a prompt's markers are text, and a context may be too short for one")
    func prompts() async throws {
      try await withFolder { folder in
        let transcriber = try await Transcriber.load(from: folder)
        let rules = transcriber.rules
        let marker = try transcriber.tokens(ofPrompt: "<|startoftranscript|>abc")
        #expect(!marker.contains(rules.start) && marker.suffix(3) == [0, 1, 2])
        #expect(rules.prompt(context: [0, 1, 2], limit: 2, language: nil, task: .transcribe) == [34, 1, 2, 28])
        for limit in [0, -1] {
          #expect(rules.prompt(context: [0, 1, 2], limit: limit, language: nil, task: .transcribe) == [28])
        }
        for length in 1...3 {
          var load = LoadOptions()
          load.contextLength = length
          var options = TranscriptionOptions()
          options.prompt = "a"
          let short = try await Transcriber.load(from: folder, options: load)
          if length == 1 {
            await #expect(throws: TesseraError.self) { try await short.transcript(of: sentence(), options: options) }
          } else {
            #expect(try await short.transcript(of: sentence(), options: options).language == "en")
          }
        }
      }
    }

    @Test("numbers of generation_config.json that no vocabulary has do no harm")
    func generation() async throws {
      for furthest in [Int.max, Int.max - 37, 1 << 40, -1, Int.min] {
        try await withFolder(generation: { $0.merging(["max_initial_timestamp_index": furthest]) { $1 } }) { folder in
          let transcriber = try await Transcriber.load(from: folder)
          #expect((37...37 + 48).contains(transcriber.rules.lastInitialTimestamp))
          let transcript = try await transcriber.transcript(of: sentence())
          #expect(transcript.language == "en")
        }
      }
      for key in ["suppress_tokens", "begin_suppress_tokens"] {
        for id in [48, Int.max] {
          try await withFolder(generation: { $0.merging([key: [1, id]]) { $1 } }) { folder in
            await #expect(throws: TesseraError.self) { try await Transcriber.load(from: folder) }
          }
        }
      }
    }
  }
}
