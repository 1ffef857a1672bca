import TesseraJSON

/// Reads `{"name": "f", "arguments": {…}}` byte by byte, and gives the arguments as they come.
struct CallScanner: Sendable {
  enum Progress { case more, done, failed }

  private enum State { case start, key, inKey, colon, value, inName, inArguments, inOther, behindValue }

  /// The most bytes before it is known to be a call.
  static let longestHead = 64 << 10

  private var state = State.start
  /// The string that is being read, with its quotes.
  private var text: [UInt8] = []
  private var key = ""
  private var depth = 0
  private var isInString = false
  private var isEscaped = false
  private var hasArguments = false
  private var isGiven = false
  private let needsArguments: Bool

  private(set) var name: String?
  /// Arguments that were not given yet.
  private var arguments: [UInt8] = []
  /// All that was read, until it was known to be a call.
  private(set) var raw: [UInt8] = []

  /// - Parameter needsArguments: refuses an object without arguments; else it is a call without any.
  init(needsArguments: Bool) { self.needsArguments = needsArguments }

  /// Whether it is known to be a call.
  var isReady: Bool { name != nil && hasArguments }

  /// Reads a byte. One that fails is no part of a call that is ready.
  mutating func read(_ byte: UInt8) -> Progress {
    if !isReady {
      raw.append(byte)
      if raw.count > Self.longestHead { return .failed }
    }
    switch state {
    case .start:
      if JSONBytes.isSpace(byte) { return .more }
      state = .key
      return byte == UInt8(ascii: "{") ? .more : .failed
    case .key:
      if JSONBytes.isSpace(byte) { return .more }
      if byte == UInt8(ascii: "}"), key.isEmpty { return end() }
      return byte == UInt8(ascii: "\"") ? begin(.inKey, byte) : .failed
    case .inKey:
      guard takeString(byte) else { return .more }
      guard let string = string() else { return .failed }
      (key, state) = (string, .colon)
    case .colon:
      if JSONBytes.isSpace(byte) { return .more }
      state = .value
      return byte == UInt8(ascii: ":") ? .more : .failed
    case .value: return JSONBytes.isSpace(byte) ? .more : beginValue(byte)
    case .inName:
      guard takeString(byte) else { return .more }
      guard let string = string(), !string.isEmpty else { return .failed }
      (name, state) = (string, .behindValue)
    case .inArguments, .inOther: return continueValue(byte)
    case .behindValue:
      if JSONBytes.isSpace(byte) { return .more }
      if byte == UInt8(ascii: "}") { return end() }
      state = .key
      return byte == UInt8(ascii: ",") ? .more : .failed
    }
    return .more
  }

  private mutating func begin(_ state: State, _ byte: UInt8) -> Progress {
    (self.state, text, isInString, isEscaped, depth) = (state, [byte], true, false, 0)
    return .more
  }

  /// Whether the string's end has come.
  private mutating func takeString(_ byte: UInt8) -> Bool {
    text.append(byte)
    return endsString(byte)
  }

  /// Whether a byte within a string is its end.
  private mutating func endsString(_ byte: UInt8) -> Bool {
    let wasEscaped = isEscaped
    isEscaped = !wasEscaped && byte == UInt8(ascii: "\\")
    return !wasEscaped && byte == UInt8(ascii: "\"")
  }

  private func string() -> String? { (try? JSONValue(parsing: text))?.stringValue }

  private mutating func beginValue(_ byte: UInt8) -> Progress {
    if key == "name", name == nil { return byte == UInt8(ascii: "\"") ? begin(.inName, byte) : .failed }
    let isArguments = ["arguments", "parameters"].contains(key) && !hasArguments
    if isArguments { hasArguments = true }
    (state, text, depth, isInString, isEscaped) = (isArguments ? .inArguments : .inOther, [], 0, false, false)
    return continueValue(byte)
  }

  /// Reads on in a value that is no name.
  private mutating func continueValue(_ byte: UInt8) -> Progress {
    if isInString {
      isInString = !endsString(byte)
      take(byte)
      if !isInString, depth == 0 { endValue() }
      return .more
    }
    switch byte {
    case UInt8(ascii: "\""): isInString = true
    case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
    case UInt8(ascii: "}"), UInt8(ascii: "]"):
      if depth == 0 {
        endValue()
        return byte == UInt8(ascii: "}") ? end() : .failed
      }
      depth -= 1
      if depth == 0 {
        take(byte)
        endValue()
        return .more
      }
    case UInt8(ascii: ",") where depth == 0:
      endValue()
      state = .key
      return .more
    default:
      if depth == 0, JSONBytes.isSpace(byte) {
        endValue()
        return .more
      }
    }
    take(byte)
    return .more
  }

  private mutating func take(_ byte: UInt8) {
    guard state == .inArguments else { return }
    // A string holds the arguments' JSON, and is given when it is whole.
    if text.isEmpty, byte != UInt8(ascii: "\"") || depth > 0 || !arguments.isEmpty {
      arguments.append(byte)
    } else {
      text.append(byte)
    }
  }

  private mutating func endValue() {
    if state == .inArguments, !text.isEmpty { arguments = string().map { Array($0.utf8) } ?? text }
    state = .behindValue
  }

  private mutating func end() -> Progress {
    guard name != nil, hasArguments || !needsArguments else { return .failed }
    if !hasArguments { (arguments, hasArguments) = (Array("{}".utf8), true) }
    return .done
  }

  /// Takes a string that never ends for the arguments, as it is.
  mutating func close() {
    guard state == .inArguments, !text.isEmpty else { return }
    (arguments, text) = (arguments + text, [])
  }

  /// Gives what is new of a call of this number.
  mutating func give(_ index: Int, _ output: inout [AnswerDelta]) {
    guard let name, hasArguments else { return }
    output.add(call: index, name: isGiven ? nil : name, arguments: arguments)
    arguments = []
    isGiven = true
    raw = []
  }
}
