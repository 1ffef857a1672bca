/// Text of an answer that has come and is not understood yet.
struct AnswerInput: Sendable {
  private var bytes: [UInt8] = []
  private var start = 0
  /// Whether nothing more comes.
  var isEnded = false

  var isEmpty: Bool { start == bytes.count }
  /// The next byte.
  var first: UInt8? { start < bytes.count ? bytes[start] : nil }

  mutating func append(_ text: some Sequence<UInt8>) {
    if start > 4_096 || start == bytes.count {
      bytes.removeFirst(start)
      start = 0
    }
    bytes += text
  }

  /// Puts bytes back before the others.
  mutating func putBack(_ text: [UInt8]) {
    bytes.replaceSubrange(..<start, with: text)
    start = 0
  }

  mutating func takeByte() -> UInt8? {
    guard let byte = first else { return nil }
    start += 1
    return byte
  }

  /// Takes JSON's whitespace.
  mutating func takeSpace() -> [UInt8] {
    let from = start
    while let byte = first, JSONBytes.isSpace(byte) { start += 1 }
    return Array(bytes[from..<start])
  }

  /// Takes text up to the first marker, and that, too. Without one, all that cannot be the beginning of one.
  mutating func take(before markers: [[UInt8]]) -> (text: [UInt8], marker: Int?) {
    let from = start
    for index in start..<bytes.count {
      guard markers.contains(where: { $0.first == bytes[index] }) else { continue }
      let rest = bytes[index...]
      if let marker = markers.firstIndex(where: { rest.starts(with: $0) }) {
        start = index + markers[marker].count
        return (Array(bytes[from..<index]), marker)
      }
      if !isEnded, markers.contains(where: { $0.count > rest.count && $0.starts(with: rest) }) {
        start = index
        return (Array(bytes[from..<index]), nil)
      }
    }
    start = bytes.count
    return (Array(bytes[from...]), nil)
  }

  /// Whether a text comes next, which is taken; nil where that is not known yet.
  mutating func takes(_ text: [UInt8]) -> Bool? {
    let rest = bytes[start...]
    if rest.starts(with: text) {
      start += text.count
      return true
    }
    return !isEnded && rest.count < text.count && text.starts(with: rest) ? nil : false
  }

  /// Whether all ends within a text, whose beginning is taken.
  mutating func takesCut(_ text: [UInt8]) -> Bool {
    let rest = bytes[start...]
    guard isEnded, !rest.isEmpty, rest.count < text.count, text.starts(with: rest) else { return false }
    start = bytes.count
    return true
  }
}

enum JSONBytes {
  static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }
}

extension [AnswerDelta] {
  /// Adds text, if there is any.
  mutating func add(content bytes: [UInt8]) {
    if !bytes.isEmpty { append(.content(String(decoding: bytes, as: UTF8.self))) }
  }

  mutating func add(reasoning bytes: [UInt8]) {
    if !bytes.isEmpty { append(.reasoning(String(decoding: bytes, as: UTF8.self))) }
  }

  mutating func add(call index: Int, name: String? = nil, arguments: [UInt8]) {
    if name == nil, arguments.isEmpty { return }
    append(
      .toolCall(ToolCallDelta(index: index, name: name, arguments: String(decoding: arguments, as: UTF8.self))))
  }
}
