/// How speech becomes text.
public struct TranscriptionOptions: Sendable {
  public enum Task: String, Sendable, CaseIterable {
    /// In the language that is spoken.
    case transcribe
    /// Into English.
    case translate
  }

  /// The code of the language that is spoken, such as `en`; nil: the model tells it by the beginning.
  public var language: String?
  public var task = Task.transcribe
  /// What was said before, or names and terms that may be (elsewhere `initial_prompt`); markers in it are text.
  public var prompt: String?
  /// Whether a window knows what was said in those before it (elsewhere `condition_on_previous_text`).
  public var knowsPrevious = true
  /// A window is decoded with the first of these, and as long as that fails, with the next: above 0 tokens are drawn. One answer
  /// is made at each, neither of several beams nor the best of several.
  public var temperatures = [0, 0.2, 0.4, 0.6, 0.8, 1]
  /// A window fails whose text zlib makes more times shorter, because it repeats itself (elsewhere
  /// `compression_ratio_threshold`); nil: none does.
  public var compressionRatioLimit: Double? = 2.4
  /// A window fails whose tokens are less likely, by the mean of their log-probabilities (elsewhere `logprob_threshold`);
  /// nil: none does.
  public var logProbabilityLimit: Double? = -1
  /// A window is silent that is likelier to be, unless its tokens are likely enough (elsewhere `no_speech_threshold`); nil:
  /// none is.
  public var noSpeechLimit: Double? = 0.6
  /// Of draws.
  public var seed: UInt64 = 0

  public init() {}

  func check() throws(TesseraError) {
    guard !temperatures.isEmpty, temperatures.allSatisfy({ $0 >= 0 && $0 <= 100 }) else {
      throw TesseraError(.badOption, "the temperatures are \(temperatures): at least one is needed, each from 0 to 100")
    }
  }
}

/// What was said in a part of a sound.
public struct TranscriptSegment: Sendable, Equatable {
  /// In seconds from the sound's beginning.
  public var start, end: Double
  public var text: String
  /// The text's tokens and, around them, timestamps.
  public var tokens: [Int]
  /// Of the window that the segment is of: the mean of the tokens' log-probabilities, how likely nothing was said, how many times
  /// shorter zlib makes the text, and the temperature with which it was decoded.
  public var averageLogProbability, noSpeechProbability, compressionRatio, temperature: Double
}

/// What was said.
public struct Transcript: Sendable, Equatable {
  public var text = ""
  public var tokens: [Int] = []
  /// The code of the language that is spoken.
  public var language = ""
  public var segments: [TranscriptSegment] = []

  public init() {}
}

/// What is known of a sound, as it is transcribed.
public enum TranscriptionEvent: Sendable {
  case segment(TranscriptSegment)
  /// Seconds of the sound that are behind, and all of it.
  case progress(seconds: Double, of: Double)
  /// All segments; the last event.
  case finished(Transcript)
}
