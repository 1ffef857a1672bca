import Foundation
import Tessera
import TesseraAudio
import TesseraJSON

extension API {
  /// `/v1/audio/transcriptions`, and `/v1/audio/translations`, which gives English.
  func transcriptions(_ request: APIRequest, _ task: TranscriptionOptions.Task) async throws -> Reply {
    let form = try Multipart(request.body, contentType: request.headers["content-type"] ?? "")
    let name = try form.text("model")
    let model = try models.model(name, for: .transcriptions)
    guard case .transcriber(let transcriber) = model.kind else { throw APIError.hidden }
    guard let file = form.parts.first(where: { $0.name == "file" }) else {
      throw APIError(400, "'file' is missing.", param: "file", code: "missing_required_parameter")
    }
    let format = try form.text("response_format") ?? "json"
    guard ["json", "text", "verbose_json"].contains(format) else {
      throw APIError.invalid(
        "response_format", "'response_format' is '\(format.prefix(100))': it must be json, text or verbose_json.")
    }
    guard !form.texts("timestamp_granularities[]").contains("word") else {
      throw APIError.unsupported("timestamp_granularities", "segments have times, words have none.")
    }
    if try form.text("stream") == "true" { throw APIError.unsupported("stream", "transcripts come whole.") }
    var options = TranscriptionOptions()
    (options.task, options.language, options.prompt) = (task, try form.text("language"), try form.text("prompt"))
    if let text = try form.text("temperature") {
      guard let value = Double(text), (0...1).contains(value) else {
        throw APIError.invalid("temperature", "'temperature' must be a number from 0 to 1.")
      }
      // 0 means as the model sees fit, as OpenAI has it.
      if value > 0 { options.temperatures = [value] }
    }
    let ticket = try admission.admit(1)
    defer { withExtendedLifetime(ticket) {} }
    do {
      let audio = try AudioSamples(wav: Array(file.content), named: "the file")
      let transcript = try await transcriber.transcript(of: audio, options: options)
      return Self.reply(transcript, audio, format, task)
    } catch let error as FileError {
      throw APIError.invalid("file", error.description)
    } catch {
      throw refusal(error, param: "file")
    }
  }

  private static func reply(
    _ transcript: Transcript, _ audio: AudioSamples, _ format: String, _ task: TranscriptionOptions.Task
  ) -> Reply {
    // As OpenAI's interface gives it: without the space that begins a sentence.
    let text = transcript.text.trimmingCharacters(in: .whitespaces)
    let seconds = audio.duration
    switch format {
    case "text": return Reply(text: text + "\n", contentType: "text/plain; charset=utf-8")
    case "verbose_json":
      return Reply([
        "task": .string(task.rawValue), "language": .string(transcript.language), "duration": .double(seconds),
        "text": .string(text), "segments": .array(transcript.segments.enumerated().map(Self.segment)),
      ])
    default:
      return Reply(["text": .string(text), "usage": ["type": "duration", "seconds": .double(seconds)]])
    }
  }

  private static func segment(_ index: Int, _ segment: TranscriptSegment) -> JSONValue {
    [
      "id": .int(index), "seek": .int(Int(segment.start * 100)), "start": .double(segment.start),
      "end": .double(segment.end), "text": .string(segment.text), "tokens": .array(segment.tokens.map { .int($0) }),
      "temperature": .double(segment.temperature), "avg_logprob": .double(segment.averageLogProbability),
      "compression_ratio": .double(segment.compressionRatio), "no_speech_prob": .double(segment.noSpeechProbability),
    ]
  }
}
