import Foundation

/// Where the windows of a sound begin and what each is told, from what was heard in those before.
struct SpeechTimeline: Sendable {
  /// Of the sound; of a window; of a timestamp.
  let frameCount, windowFrames, framesPerToken: Int
  let firstTimestamp: Int
  /// The first frame of the next window.
  private(set) var frame = 0
  private(set) var segments: [TranscriptSegment] = []
  /// Tokens of a prompt and of what was heard, and how many of them are not told to the next window.
  private var said: [Int]
  private var forgotten = 0
  private let promptCount: Int

  init(frameCount: Int, windowFrames: Int, framesPerToken: Int, firstTimestamp: Int, prompt: [Int]) {
    (self.frameCount, self.windowFrames, self.framesPerToken) = (frameCount, windowFrames, framesPerToken)
    (self.firstTimestamp, said, promptCount) = (firstTimestamp, prompt, prompt.count)
  }

  var isOver: Bool { frame >= frameCount }
  /// What the next window is told.
  var context: [Int] { Array(said[forgotten...]) }
  /// All that was heard.
  var tokens: [Int] { Array(said[promptCount...]) }

  /// Takes what was heard in the window that begins at `frame`, and goes on to the next.
  ///
  /// - Parameter text: of tokens.
  /// - Returns: the segments that are new.
  mutating func take(
    _ heard: HeardWindow, _ options: TranscriptionOptions, text: ([Int]) throws -> String
  ) rethrows -> [TranscriptSegment] {
    let size = min(windowFrames, frameCount - frame)
    guard !heard.isSilent(options) else {
      frame += size
      return []
    }
    let (offset, step) = (Double(frame) / Spectrogram.rate, Double(framesPerToken) / Spectrogram.rate)
    let parts = WindowParts(heard.tokens, firstTimestamp: firstTimestamp)
    // A window that nothing ends in would be heard for ever.
    let next = parts.next.map { $0 * framesPerToken } ?? size
    frame += next > 0 ? next : size
    var new: [TranscriptSegment] = []
    for part in parts.parts {
      let text = try text(part.tokens)
      let end = part.end.map { Double($0) * step } ?? Double(size) / Spectrogram.rate
      guard Double(part.start) * step != end, !text.trimmed.isEmpty else { continue }
      new.append(
        TranscriptSegment(
          start: offset + Double(part.start) * step, end: offset + end, text: text, tokens: part.tokens,
          averageLogProbability: heard.averageLogProbability, noSpeechProbability: heard.noSpeechProbability,
          compressionRatio: heard.compressionRatio, temperature: heard.temperature))
    }
    segments += new
    said += new.flatMap(\.tokens)
    // What was drawn at random is no good context.
    if !options.knowsPrevious || heard.temperature > 0.5 { forgotten = said.count }
    return new
  }
}

extension String {
  var trimmed: String { trimmingCharacters(in: .whitespacesAndNewlines) }
}
