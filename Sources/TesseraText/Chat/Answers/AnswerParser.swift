/// Takes an answer apart as it comes: what the model thinks, what it says, which tools it calls.
///
///     var parser = AnswerParser(template, tokenizer: tokenizer, prompt: prompt.text, hasTools: true)
///     for try await event in … { deltas += parser.append(token.text, id: token.id) }
///     deltas += parser.finish()
///
/// Joined, the pieces are the same however the text is cut. What looks like a call and is none is content. Memory is
/// bounded: at most 64 KiB are held back, of what may yet become a call.
public struct AnswerParser: Sendable {
  private enum Stage { case start, thinking, behindThinking, said }

  private var input = AnswerInput()
  private var stage = Stage.start
  private var calls: any CallParser
  private let thinks: Bool
  private let controls: [Int: String]

  /// A parser of one answer.
  ///
  /// - Parameters:
  ///   - template: the model's, which shows how it answers; nil: all is content.
  ///   - tokenizer: its control tokens, which have no text, may be the marks of calls.
  ///   - prompt: what the template rendered: it may end with `<think>`.
  ///   - hasTools: whether there are tools to call; without, what looks like a call is content.
  public init(_ template: ChatTemplate?, tokenizer: Tokenizer? = nil, prompt: String = "", hasTools: Bool) {
    self.init(format: template.map { AnswerFormat($0) }, tokenizer: tokenizer, prompt: prompt, hasTools: hasTools)
  }

  init(format: AnswerFormat?, tokenizer: Tokenizer? = nil, prompt: String = "", hasTools: Bool) {
    thinks = format?.thinks ?? false
    var controls: [Int: String] = [:]
    if let tokenizer, format != nil {
      for text in AnswerFormat.markers {
        if let id = tokenizer.token(named: text), tokenizer.isControl(id) { controls[id] = text }
      }
    }
    self.controls = controls
    switch format?.calls {
    case .channels: calls = ChannelParser(hasTools: hasTools)
    case .tagged where hasTools: calls = TaggedCalls()
    case .listed where hasTools: calls = ListedCalls()
    case .bare where hasTools: calls = BareCalls()
    default: calls = NoCalls()
    }
    let end = prompt.reversed().drop { $0.isWhitespace }
    if thinks, end.starts(with: "<think>".reversed()) { stage = .thinking }
  }

  /// Whether the text that comes next is a thought, because the prompt began one.
  package var isThinking: Bool { stage == .thinking }

  /// Takes the text that is complete with a token.
  ///
  /// - Parameters:
  ///   - text: may be empty.
  ///   - id: the token, if it may be a mark that has no text: what came of the text before it stands before it.
  public mutating func append(_ text: String, id: Int? = nil) -> [AnswerDelta] {
    input.append(text.utf8)
    if let id, let marker = controls[id] { input.append(marker.utf8) }
    return run()
  }

  /// The rest, at the end of the answer.
  public mutating func finish() -> [AnswerDelta] {
    input.isEnded = true
    return run()
  }

  private mutating func run() -> [AnswerDelta] {
    var output: [AnswerDelta] = []
    while stage != .said {
      if !think(&output) { return output }
    }
    calls.run(&input, &output)
    return output
  }

  /// A step of what comes before the answer proper; false where more must come.
  private mutating func think(_ output: inout [AnswerDelta]) -> Bool {
    switch stage {
    case .start:
      guard thinks else {
        stage = .said
        return true
      }
      let space = input.takeSpace()
      guard !input.isEmpty || input.isEnded, let isThought = input.takes(Array("<think>".utf8)) else {
        input.putBack(space)
        return false
      }
      if !isThought { input.putBack(space) }
      stage = isThought ? .thinking : .said
    case .thinking:
      let (text, marker) = input.take(before: [Array("</think>".utf8)])
      output.add(reasoning: text)
      if marker == nil { return false }
      stage = .behindThinking
    case .behindThinking:
      // The blank line between the two belongs to neither.
      _ = input.takeSpace()
      if input.isEmpty { return false }
      stage = .said
    case .said: break
    }
    return true
  }
}

/// Understands the part of an answer behind its thoughts.
protocol CallParser: Sendable {
  /// Takes of the input all that can be understood.
  mutating func run(_ input: inout AnswerInput, _ output: inout [AnswerDelta])
}

/// All is content.
struct NoCalls: CallParser {
  mutating func run(_ input: inout AnswerInput, _ output: inout [AnswerDelta]) {
    output.add(content: input.take(before: []).text)
  }
}
