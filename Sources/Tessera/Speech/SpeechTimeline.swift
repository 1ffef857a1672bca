import Foundation

/// Where the windows of a sound begin and what each is told, from what was transcribed of those before.
struct SpeechTimeline: Sendable {
  /// Of the sound; of a window; of a timestamp.
  let frameCount, windowFrames, framesPerToken: Int
  let firstTimestamp: Int
  /// The first frame of the next window.
  private(set) var frame = 0
  private(set) var segments: [TranscriptSegment] = []
  /// Tokens of a prompt and of all segments, and how many of them are not told to the next window.
  private var known: [Int]
  private var forgotten = 0
  private let promptCount: Int

  init(frameCount: Int, windowFrames: Int, framesPerToken: Int, firstTimestamp: Int, prompt: [Int]) {
    (self.frameCount, self.windowFrames, self.framesPerToken) = (frameCount, windowFrames, framesPerToken)
    (self.firstTimestamp, known, promptCount) = (firstTimestamp, prompt, prompt.count)
  }

  var isOver: Bool { frame >= frameCount }
  /// What the next window is told.
  var context: [Int] { Array(known[forgotten...]) }
  /// Of all segments.
  var tokens: [Int] { Array(known[promptCount...]) }

  /// Takes the answer to the window that begins at `frame`, and goes on to the next.
  ///
  /// - Parameter text: of tokens.
  /// - Returns: the segments that are new.
  mutating func take(
    _ window: TranscribedWindow, _ options: TranscriptionOptions, text: ([Int]) throws -> String
  ) rethrows -> [TranscriptSegment] {
    let size = min(windowFrames, frameCount - frame)
    guard !window.isSilent(options) else {
      frame += size
      return []
    }
    let (offset, step) = (Double(frame) / Spectrogram.rate, Double(framesPerToken) / Spectrogram.rate)
    let parts = WindowParts(window.tokens, firstTimestamp: firstTimestamp)
    // A window that nothing ends in would come again for ever.
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
          averageLogProbability: window.averageLogProbability, noSpeechProbability: window.noSpeechProbability,
          compressionRatio: window.compressionRatio, temperature: window.temperature))
    }
    segments += new
    known += new.flatMap(\.tokens)
    // What was drawn at random is no good context.
    if !options.knowsPrevious || window.temperature > 0.5 { forgotten = known.count }
    return new
  }
}

extension String {
  var trimmed: String { trimmingCharacters(in: .whitespacesAndNewlines) }
}
