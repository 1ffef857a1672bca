extension CallScanner {
  /// Reads as much as there is of a call, and gives what is new of it. Of a failed one, `raw` is what was read; a call
  /// that never ends is one that failed.
  mutating func run(_ input: inout AnswerInput, _ index: Int, _ output: inout [AnswerDelta]) -> Progress {
    while let byte = input.takeByte() {
      let progress = read(byte)
      if case .more = progress { continue }
      if case .failed = progress, isReady {
        // The call stands, and what does not belong to it is text.
        give(index, &output)
        input.putBack([byte])
        return .done
      }
      if case .done = progress { give(index, &output) }
      return progress
    }
    if input.isEnded { close() }
    give(index, &output)
    return !input.isEnded ? .more : isReady ? .done : .failed
  }
}

/// Calls as JSON objects between tags.
struct TaggedCalls: CallParser {
  private enum State { case content, call(CallScanner), end }

  private static let opening = Array("<tool_call>".utf8)
  private static let closing = Array("</tool_call>".utf8)

  private var state = State.content
  /// Whether whitespace comes next that stands between a call and what follows.
  private var isBehindCall = false
  private var count = 0

  mutating func run(_ input: inout AnswerInput, _ output: inout [AnswerDelta]) {
    while true {
      switch state {
      case .content:
        if isBehindCall { _ = input.takeSpace() }
        if input.isEmpty { return }
        isBehindCall = false
        let (text, marker) = input.take(before: [Self.opening])
        output.add(content: text)
        if marker == nil { return }
        state = .call(CallScanner(needsArguments: false))
      case .call(var scanner):
        switch scanner.run(&input, count, &output) {
        case .more:
          state = .call(scanner)
          return
        case .done:
          count += 1
          state = .end
        case .failed:
          output.add(content: Self.opening + scanner.raw)
          state = .content
        }
      case .end:
        _ = input.takeSpace()
        if input.takesCut(Self.closing) { return }
        guard !input.isEmpty, let isClosed = input.takes(Self.closing) else { return }
        isBehindCall = isClosed
        state = .content
      }
    }
  }
}

/// A whole answer of JSON objects, which `;` parts.
struct BareCalls: CallParser {
  private enum State { case start, call(CallScanner), between, content }

  private static let python = Array("<|python_tag|>".utf8)

  private var state = State.start
  /// What stood before the call that is read.
  private var lead: [UInt8] = []
  private var isMarked = false
  private var count = 0

  mutating func run(_ input: inout AnswerInput, _ output: inout [AnswerDelta]) {
    while true {
      switch state {
      case .start, .between:
        lead += input.takeSpace()
        if case .between = state { lead = lead.filter { !JSONBytes.isSpace($0) } }
        if input.isEmpty {
          if input.isEnded { flush(&output) }
          return
        }
        if case .start = state, !isMarked {
          guard let isPython = input.takes(Self.python) else { return }
          if isPython {
            isMarked = true
            lead += Self.python
            continue
          }
        } else if case .between = state, lead.isEmpty, let byte = input.first,
          byte == UInt8(ascii: ";") || byte == UInt8(ascii: ",")
        {
          lead = [byte]
          _ = input.takeByte()
          continue
        }
        if input.first == UInt8(ascii: "{") {
          state = .call(CallScanner(needsArguments: true))
        } else {
          flush(&output)
          state = .content
        }
      case .call(var scanner):
        switch scanner.run(&input, count, &output) {
        case .more:
          state = .call(scanner)
          return
        case .done:
          (count, lead, state) = (count + 1, [], .between)
        case .failed:
          flush(&output)
          output.add(content: scanner.raw)
          state = .content
        }
      case .content:
        output.add(content: input.take(before: []).text)
        return
      }
    }
  }

  private mutating func flush(_ output: inout [AnswerDelta]) {
    output.add(content: lead)
    lead = []
  }
}
