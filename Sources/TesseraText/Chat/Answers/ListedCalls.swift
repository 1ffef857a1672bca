/// Calls behind `[TOOL_CALLS]`: a list of JSON objects, or a name and its arguments.
struct ListedCalls: CallParser {
  private enum State { case content, opened, object(CallScanner), between, name, arguments }

  private static let opening = Array("[TOOL_CALLS]".utf8)
  private static let marks = ["[ARGS]", "[CALL_ID]", "{", "[TOOL_CALLS]"].map { Array($0.utf8) }

  private var state = State.content
  /// What was read since the last call or mark, in case that it is none.
  private var read: [UInt8] = []
  private var name: [UInt8] = []
  private var hasName = false
  /// Of arguments that are read.
  private var (depth, isInString, isEscaped) = (0, false, false)
  private var count = 0

  mutating func run(_ input: inout AnswerInput, _ output: inout [AnswerDelta]) {
    while true {
      switch state {
      case .content:
        let (text, marker) = input.take(before: [Self.opening])
        output.add(content: text)
        if marker == nil { return }
        (state, read) = (.opened, Self.opening)
      case .opened:
        read += input.takeSpace()
        guard let byte = input.first else { return flushAtEnd(input, &output) }
        if byte == UInt8(ascii: "[") {
          read.append(byte)
          _ = input.takeByte()
          state = .between
        } else {
          (state, name, hasName) = (.name, [], false)
        }
      case .between:
        // Nothing between the objects of a list is content, if a call has come.
        let space = input.takeSpace()
        if !read.isEmpty { read += space }
        guard let byte = input.first else { return flushAtEnd(input, &output) }
        if byte == UInt8(ascii: "{") {
          state = .object(CallScanner(needsArguments: false))
        } else if byte == UInt8(ascii: ","), read.isEmpty {
          _ = input.takeByte()
        } else if byte == UInt8(ascii: "]"), read.isEmpty {
          _ = input.takeByte()
          state = .content
        } else {
          flush(&output)
        }
      case .object(var scanner):
        switch scanner.run(&input, count, &output) {
        case .more:
          state = .object(scanner)
          return
        case .done:
          (count, read, state) = (count + 1, [], .between)
        case .failed:
          flush(&output)
          output.add(content: scanner.raw)
        }
      case .name:
        if !takeName(&input, &output) { return }
      case .arguments:
        if !takeArguments(&input, &output) { return }
      }
    }
  }

  private mutating func flush(_ output: inout [AnswerDelta]) {
    output.add(content: read)
    (read, state) = ([], .content)
  }

  private mutating func flushAtEnd(_ input: AnswerInput, _ output: inout [AnswerDelta]) {
    if input.isEnded { flush(&output) }
  }

  /// Reads `name`, perhaps `[CALL_ID]id` and `[ARGS]`, up to the arguments; false where more must come.
  private mutating func takeName(_ input: inout AnswerInput, _ output: inout [AnswerDelta]) -> Bool {
    let (text, marker) = input.take(before: Self.marks)
    read += text
    if marker == 3 {
      flush(&output)
      (state, read) = (.opened, Self.opening)
      return true
    }
    if !hasName { name += text }
    let isName = name.allSatisfy {
      ($0 | 0x20) >= UInt8(ascii: "a") && ($0 | 0x20) <= UInt8(ascii: "z") || (0x30...0x39).contains($0) || $0 == 0x5F
        || $0 == 0x2D || $0 == 0x2E || JSONBytes.isSpace($0)
    }
    guard isName, name.count <= 256, read.count <= CallScanner.longestHead, !(marker != nil && name.isEmpty) else {
      if let marker { read += Self.marks[marker] }
      flush(&output)
      return true
    }
    guard let marker else {
      flushAtEnd(input, &output)
      return false
    }
    hasName = true
    read += Self.marks[marker]
    if marker < 2 { return true }
    input.putBack(Self.marks[marker])
    let trimmed = String(decoding: name, as: UTF8.self).split(whereSeparator: \.isWhitespace).joined(separator: " ")
    output.append(.toolCall(ToolCallDelta(index: count, name: trimmed)))
    (state, read, depth, isInString, isEscaped) = (.arguments, [], 0, false, false)
    return true
  }

  /// Reads an object; false where more must come.
  private mutating func takeArguments(_ input: inout AnswerInput, _ output: inout [AnswerDelta]) -> Bool {
    var text: [UInt8] = []
    while let byte = input.takeByte() {
      text.append(byte)
      if isInString {
        let wasEscaped = isEscaped
        isEscaped = !wasEscaped && byte == UInt8(ascii: "\\")
        isInString = wasEscaped || byte != UInt8(ascii: "\"")
        continue
      }
      switch byte {
      case UInt8(ascii: "\""): isInString = true
      case UInt8(ascii: "{"): depth += 1
      case UInt8(ascii: "}"): depth -= 1
      default: break
      }
      if depth == 0 {
        output.add(call: count, arguments: text)
        (count, state) = (count + 1, .content)
        return true
      }
    }
    output.add(call: count, arguments: text)
    return false
  }
}
