/// Harmony's messages: a header with a channel and perhaps a recipient, then a body
/// (https://github.com/openai/harmony/blob/main/docs/format.md).
struct ChannelParser: CallParser {
  private enum State { case header, content, reasoning, call }

  private static let longestHeader = 4_096
  private static let headerEnds = ["<|message|>", "<|end|>", "<|call|>", "<|return|>"].map { Array($0.utf8) }
  /// What begins another header besides.
  private static let bodyEnds = ["<|end|>", "<|call|>", "<|return|>", "<|start|>", "<|channel|>"].map { Array($0.utf8) }

  let hasTools: Bool
  private var state = State.header
  private var header: [UInt8] = []
  private var count = 0

  init(hasTools: Bool) { self.hasTools = hasTools }

  mutating func run(_ input: inout AnswerInput, _ output: inout [AnswerDelta]) {
    while true {
      if state == .header {
        let (text, marker) = input.take(before: Self.headerEnds)
        header += text
        if header.count > Self.longestHeader {
          // That is none.
          if let marker { input.putBack(Self.headerEnds[marker]) }
          output.add(content: header)
          (header, state) = ([], .content)
        } else if let marker {
          if marker == 0 { open(&output) } else { drop(&output) }
          continue
        } else {
          if input.isEnded { drop(&output) }
          return
        }
      }
      let (text, marker) = input.take(before: Self.bodyEnds)
      switch state {
      case .content, .header: output.add(content: text)
      case .reasoning: output.add(reasoning: text)
      case .call: output.add(call: count, arguments: text)
      }
      guard let marker else { return }
      if state == .call { count += 1 }
      (state, header) = (.header, marker >= 3 ? Self.bodyEnds[marker] : [])
    }
  }

  /// Begins the body that a header announces.
  private mutating func open(_ output: inout [AnswerDelta]) {
    let text = String(decoding: header, as: UTF8.self)
    header = []
    let words = text.split { $0.isWhitespace || $0 == "<" || $0 == ">" || $0 == "|" }
    let channel = words.firstIndex(of: "channel").flatMap { words.indices.contains($0 + 1) ? words[$0 + 1] : nil }
    let recipient = words.first { $0.hasPrefix("to=") }?.dropFirst(3)
    if hasTools, let recipient, channel != "final", !recipient.isEmpty {
      state = .call
      let name = recipient.hasPrefix("functions.") ? recipient.dropFirst("functions.".count) : recipient
      output.append(.toolCall(ToolCallDelta(index: count, name: String(name))))
    } else {
      state = channel == "analysis" ? .reasoning : .content
    }
  }

  /// Takes a header that has no body for content, but not its marks.
  private mutating func drop(_ output: inout [AnswerDelta]) {
    let isMarked = ["<|start|>", "<|channel|>"].contains { header.starts(with: $0.utf8) }
    if !isMarked { output.add(content: header) }
    header = []
  }
}
