extension TokenDecoder.Step {
  /// Whether the step works on parts of one text as they come.
  var takesFusedParts: Bool {
    switch self {
    case .strip, .fuse, .trimmed: true
    default: false
    }
  }

  /// Takes a token, and gives what is known of the result.
  func take(
    _ part: DecoderPart, _ memory: inout DecoderMemory, _ limit: inout GrowthLimit, _ output: inout [DecoderPart]
  ) throws(TextError) {
    let isFirst = memory.isFirst
    memory.isFirst = false
    var token = part.bytes
    switch self {
    case .byteLevel:
      output.append(DecoderPart(bytes: ByteLevelAlphabet.bytes(of: token) ?? token, isFused: true))
    case .metaspace(let replacement, let dropsFirst):
      token.replaceAll(replacement, with: isFirst && dropsFirst ? [] : [0x20])
      output.append(DecoderPart(bytes: token))
    case .wordPiece(let prefix, let cleansUp):
      if !isFirst { token = token.starts(with: prefix) ? Array(token.dropFirst(prefix.count)) : [0x20] + token }
      if cleansUp { token.cleanUpEnglish() }
      output.append(DecoderPart(bytes: token))
    case .byteFallback, .bytePieces:
      if let byte = Self.byte(named: token[...]) {
        memory.held.append(byte)
      } else {
        releaseBytes(&memory, &output)
        output.append(part)
      }
    case .fuse: output.append(DecoderPart(bytes: token, isFused: true))
    case .trimmed: trim(token, &memory, &output)
    case .strip(let content, let start, let stop):
      if part.isFused {
        stripFused(token, content, stop, &memory, &output)
      } else {
        output.append(DecoderPart(bytes: Self.strip(token, content, start, stop)))
      }
    case .replace(let pattern, let content):
      try token.replace(pattern, with: content, longest: token.count + limit.left)
      try limit.count(from: part.bytes.count, to: token.count)
      output.append(DecoderPart(bytes: token))
    case .ctc(let padding, let delimiter, let cleansUp):
      if memory.isHolding, memory.held == token { return }
      memory.held = token
      memory.isHolding = true
      token.replaceAll(padding, with: [])
      if cleansUp {
        token.cleanUpEnglish()
        token.replaceAll(delimiter, with: [0x20])
      }
      if !token.isEmpty { output.append(DecoderPart(bytes: token)) }
    case .wordSuffix(let suffix):
      if memory.isHolding {
        memory.held.replaceAll(suffix, with: [0x20])
        output.append(DecoderPart(bytes: memory.held))
      }
      memory.held = token
      memory.isHolding = true
    case .joined: output.append(DecoderPart(bytes: isFirst ? token : [0x20] + token))
    case .dropsFirstSpace:
      output.append(DecoderPart(bytes: isFirst && token.first == 0x20 ? Array(token.dropFirst()) : token))
    }
  }

  /// Gives what was held back, at the end of the tokens.
  func finish(_ memory: inout DecoderMemory, _ output: inout [DecoderPart]) {
    switch self {
    case .byteFallback, .bytePieces: releaseBytes(&memory, &output)
    case .wordSuffix(let suffix):
      guard memory.isHolding else { return }
      memory.held.replaceAll(suffix, with: [])
      output.append(DecoderPart(bytes: memory.held))
      memory.isHolding = false
    case .strip(let content, _, let stop):
      // Held back is a run of the character at the end.
      let count = content.isEmpty ? 0 : memory.held.count / content.count
      if count > stop {
        output.append(DecoderPart(bytes: Array(memory.held.dropLast(stop * content.count)), isFused: true))
      }
      memory.held = []
    default: break
    }
  }

  private func releaseBytes(_ memory: inout DecoderMemory, _ output: inout [DecoderPart]) {
    if memory.held.isEmpty { return }
    if memory.held.isUTF8 {
      output.append(DecoderPart(bytes: memory.held))
    } else if case .bytePieces = self {
      output.append(DecoderPart(bytes: Self.pieces(memory.held)))
    } else {
      for _ in memory.held { output.append(DecoderPart(bytes: [0xEF, 0xBF, 0xBD])) }
    }
    memory.held = []
  }

  /// The bytes with U+FFFD for each that belongs to no UTF-8.
  private static func pieces(_ bytes: [UInt8]) -> [UInt8] {
    var output: [UInt8] = []
    var rest = bytes[...]
    while !rest.isEmpty {
      if let length = (1...4).first(where: { $0 <= rest.count && Array(rest.prefix($0)).isUTF8 }) {
        output += rest.prefix(length)
        rest = rest.dropFirst(length)
      } else {
        output += [0xEF, 0xBF, 0xBD]
        rest = rest.dropFirst()
      }
    }
    return output
  }

  /// Whitespace at the end waits until something else follows.
  private func trim(_ token: [UInt8], _ memory: inout DecoderMemory, _ output: inout [DecoderPart]) {
    // As Python has it: Unicode's, and the separators of ASCII.
    func isSpace(_ scalar: Unicode.Scalar) -> Bool {
      UnicodeTable.whitespace.contains(scalar) || (0x1C...0x1F).contains(scalar.value)
    }
    var text = String(decoding: token, as: UTF8.self).unicodeScalars[...]
    if memory.toStrip > 0 { text = text.drop(while: isSpace) }
    if text.isEmpty { return }
    memory.toStrip = 0
    let end = text.lastIndex { !isSpace($0) }.map(text.index(after:)) ?? text.startIndex
    if end == text.startIndex {
      memory.held += Array(String(text).utf8)
      return
    }
    output.append(DecoderPart(bytes: memory.held + Array(String(text[..<end]).utf8), isFused: true))
    memory.held = Array(String(text[end...]).utf8)
  }

  /// The byte that `<0x0A>` names.
  static func byte(named text: ArraySlice<UInt8>) -> UInt8? {
    guard text.count == 6, text.starts(with: Array("<0x".utf8)), text.last == UInt8(ascii: ">") else { return nil }
    let digits = text.dropFirst(3).dropLast().map { Unicode.Scalar($0).properties.isASCIIHexDigit ? $0 : 0x20 }
    return UInt8(String(decoding: digits, as: UTF8.self), radix: 16)
  }

  private static func strip(_ token: [UInt8], _ content: [UInt8], _ start: Int, _ stop: Int) -> [UInt8] {
    var rest = token[...]
    var (start, stop) = (start, stop)
    while start > 0, rest.starts(with: content) {
      rest = rest.dropFirst(content.count)
      start -= 1
    }
    while stop > 0, rest.suffix(content.count).elementsEqual(content) {
      rest = rest.dropLast(content.count)
      stop -= 1
    }
    return Array(rest)
  }

  /// Strips a part of one text: at its end a run of the character waits until something else follows.
  private func stripFused(
    _ bytes: [UInt8], _ content: [UInt8], _ stop: Int, _ memory: inout DecoderMemory, _ output: inout [DecoderPart]
  ) {
    var rest = bytes[...]
    while memory.toStrip > 0, !rest.isEmpty {
      guard rest.starts(with: content) else {
        memory.toStrip = 0
        break
      }
      rest = rest.dropFirst(content.count)
      memory.toStrip -= 1
    }
    guard stop > 0 else {
      if !rest.isEmpty { output.append(DecoderPart(bytes: Array(rest), isFused: true)) }
      return
    }
    var text = memory.held + rest
    memory.held = []
    while text.suffix(content.count).elementsEqual(content) {
      text.removeLast(content.count)
      memory.held += content
    }
    if !text.isEmpty { output.append(DecoderPart(bytes: text, isFused: true)) }
  }
}

extension [UInt8] {
  /// Puts `content` for each place where `pattern` stands, from left to right. An empty pattern stands nowhere.
  mutating func replaceAll(_ pattern: [UInt8], with content: [UInt8]) {
    guard let first = pattern.first, contains(first) else { return }
    var output: [UInt8] = []
    var index = 0
    while index < count {
      if self[index] == first, self[index...].starts(with: pattern) {
        output += content
        index += pattern.count
      } else {
        output.append(self[index])
        index += 1
      }
    }
    self = output
  }

  /// Takes the spaces out that splitting put before English punctuation and short forms.
  mutating func cleanUpEnglish() {
    for (text, replacement) in [
      (" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"), (" n't", "n't"), (" 'm", "'m"),
      (" do not", " don't"), (" 's", "'s"), (" 've", "'ve"), (" 're", "'re"),
    ] {
      replaceAll(Array(text.utf8), with: Array(replacement.utf8))
    }
  }
}
