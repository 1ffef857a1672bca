/// A token of a template.
struct Token: Sendable {
  enum Kind: Sendable, Equatable {
    case data(String)
    case variableBegin, variableEnd, blockBegin, blockEnd
    case name(String)
    case string(String)
    case integer(Int)
    case float(Double)
    case symbol(String)
    case end

    var description: String {
      switch self {
      case .data: "text"
      case .variableBegin: "'{{'"
      case .variableEnd: "'}}'"
      case .blockBegin: "'{%'"
      case .blockEnd: "'%}'"
      case .name(let name): "'\(name)'"
      case .string: "a string"
      case .integer(let value): "'\(value)'"
      case .float(let value): "'\(value)'"
      case .symbol(let symbol): "'\(symbol)'"
      case .end: "the end of the template"
      }
    }
  }

  let kind: Kind
  let line: Int
}

/// Cuts a template into tokens as Jinja 3.1's lexer does with `trim_blocks` and `lstrip_blocks` on
/// (<https://jinja.palletsprojects.com/en/stable/templates/#whitespace-control>).
struct Lexer {
  typealias Scalar = Unicode.Scalar

  let source: [Scalar]
  var position = 0
  var line = 1
  var tokens: [Token] = []
  /// Whether the text just before `position` ended a line.
  private var lineStarting = true
  /// The closing brackets still expected inside a tag.
  private var openBrackets: [Scalar] = []

  init(_ text: String) {
    // Every kind of line break is read as \n, and one at the very end is dropped.
    var scalars: [Scalar] = []
    scalars.reserveCapacity(text.utf8.count)
    var afterReturn = false
    for scalar in text.unicodeScalars {
      if scalar == "\r" {
        scalars.append("\n")
      } else if !(scalar == "\n" && afterReturn) {
        scalars.append(scalar)
      }
      afterReturn = scalar == "\r"
    }
    if scalars.last == "\n" { scalars.removeLast() }
    source = scalars
  }

  static func tokens(of text: String) throws(TemplateError) -> [Token] {
    var lexer = Lexer(text)
    while lexer.position < lexer.source.count { try lexer.lexRoot() }
    lexer.add(.end)
    return lexer.tokens
  }

  mutating func add(_ kind: Token.Kind) { tokens.append(Token(kind: kind, line: line)) }

  func fail(_ message: String) -> TemplateError { TemplateError(.syntax, line: line, message) }

  func scalar(at index: Int) -> Scalar? { source.indices.contains(index) ? source[index] : nil }

  func starts(with text: String, at index: Int) -> Bool {
    var index = index
    for expected in text.unicodeScalars {
      guard scalar(at: index) == expected else { return false }
      index += 1
    }
    return true
  }

  func skippingSpace(from index: Int) -> Int {
    var index = index
    while let next = scalar(at: index), next.isPythonSpace { index += 1 }
    return index
  }

  /// Moves on to `end`, counting lines.
  mutating func advance(to end: Int) {
    guard end > position else { return }
    for index in position..<end where source[index] == "\n" { line += 1 }
    lineStarting = source[end - 1] == "\n"
    position = end
  }

  // MARK: Text

  private mutating func lexRoot() throws(TemplateError) {
    var begin = position
    while begin < source.count {
      if source[begin] == "{", let next = scalar(at: begin + 1), next == "{" || next == "%" || next == "#" { break }
      begin += 1
    }
    guard begin < source.count else {
      add(.data(text(position..<source.count)))
      advance(to: source.count)
      return
    }
    let opening = source[begin + 1]
    if opening == "%", let raw = rawBegin(at: begin) {
      emitText(until: begin, sign: raw.sign, isVariable: false)
      advance(to: raw.end)
      return try lexRaw()
    }
    var end = begin + 2
    var sign: Scalar?
    if let next = scalar(at: end), next == "-" || next == "+" {
      sign = next
      end += 1
    }
    emitText(until: begin, sign: sign, isVariable: opening == "{")
    switch opening {
    case "#":
      advance(to: end)
      try skipComment()
    case "{":
      add(.variableBegin)
      advance(to: end)
      try lexTag(isVariable: true)
    default:
      add(.blockBegin)
      advance(to: end)
      try lexTag(isVariable: false)
    }
  }

  private func text(_ range: Range<Int>) -> String {
    var view = String.UnicodeScalarView()
    view.append(contentsOf: source[range])
    return String(view)
  }

  /// Emits the text before a tag, without what the tag's sign or `lstrip_blocks` strip from its end.
  private mutating func emitText(until end: Int, sign: Scalar?, isVariable: Bool) {
    var last = end
    if sign == "-" {
      while last > position, source[last - 1].isPythonSpace { last -= 1 }
    } else if sign != "+", !isVariable {
      var start = end
      while start > position, source[start - 1] != "\n" { start -= 1 }
      if start > position || lineStarting, source[start..<end].allSatisfy(\.isPythonSpace) { last = start }
    }
    if last > position { add(.data(text(position..<last))) }
    advance(to: end)
  }

  // MARK: Comments and raw blocks

  /// Where a tag's end at `index` ends, with the white space that it takes along; nil when there is none.
  private func tagEnd(_ closing: String, at index: Int, allowsPlus: Bool = true) -> Int? {
    if starts(with: "-" + closing, at: index) { return skippingSpace(from: index + 3) }
    if allowsPlus, starts(with: "+" + closing, at: index) { return index + 3 }
    guard starts(with: closing, at: index) else { return nil }
    return allowsPlus && scalar(at: index + 2) == "\n" ? index + 3 : index + 2
  }

  private mutating func skipComment() throws(TemplateError) {
    var index = position
    while index < source.count {
      if let end = tagEnd("#}", at: index) { return advance(to: end) }
      index += 1
    }
    throw fail("a comment is not closed")
  }

  /// The sign after the two characters that begin a tag, and where the tag's first word stands.
  private func tagBegin(at begin: Int) -> (sign: Scalar?, word: Int) {
    guard let sign = scalar(at: begin + 2), sign == "-" || sign == "+" else {
      return (nil, skippingSpace(from: begin + 2))
    }
    return (sign, skippingSpace(from: begin + 3))
  }

  private func rawBegin(at begin: Int) -> (sign: Scalar?, end: Int)? {
    var (sign, index) = tagBegin(at: begin)
    guard starts(with: "raw", at: index) else { return nil }
    index = skippingSpace(from: index + 3)
    if starts(with: "-%}", at: index) { return (sign, skippingSpace(from: index + 3)) }
    return starts(with: "%}", at: index) ? (sign, index + 2) : nil
  }

  private mutating func lexRaw() throws(TemplateError) {
    var begin = position
    while begin < source.count {
      if starts(with: "{%", at: begin) {
        let (sign, index) = tagBegin(at: begin)
        if starts(with: "endraw", at: index), let end = tagEnd("%}", at: skippingSpace(from: index + 6)) {
          emitText(until: begin, sign: sign, isVariable: false)
          return advance(to: end)
        }
      }
      begin += 1
    }
    throw fail("a raw block is not closed")
  }

  // MARK: Tags

  private mutating func lexTag(isVariable: Bool) throws(TemplateError) {
    openBrackets = []
    while position < source.count {
      if openBrackets.isEmpty, let end = tagEnd(isVariable ? "}}" : "%}", at: position, allowsPlus: !isVariable) {
        add(isVariable ? .variableEnd : .blockEnd)
        return advance(to: end)
      }
      let next = source[position]
      if next.isPythonSpace {
        advance(to: skippingSpace(from: position))
      } else if next.isASCIIDigit {
        try lexNumber()
      } else if next.isASCIINameStart {
        try lexName()
      } else if next == "'" || next == "\"" {
        try lexString(quote: next)
      } else {
        try lexSymbol()
      }
    }
    throw fail("a tag is not closed")
  }

  private mutating func lexName() throws(TemplateError) {
    var end = position
    while let next = scalar(at: end), next.isASCIINameStart || next.isASCIIDigit { end += 1 }
    // Each look-up of a name reads all of it.
    guard end - position <= 256 else { throw TemplateError(.limit, line: line, "a name of more than 256 letters") }
    add(.name(text(position..<end)))
    advance(to: end)
  }

  private mutating func lexSymbol() throws(TemplateError) {
    let doubled = ["//", "**", "==", "!=", ">=", "<="]
    let single = "+-/*%~[](){}><=.:|,;"
    let first = source[position]
    if let symbol = doubled.first(where: { starts(with: $0, at: position) }) {
      add(.symbol(symbol))
      return advance(to: position + 2)
    }
    guard single.unicodeScalars.contains(first) else {
      if first.value >= 128, first.properties.isXIDStart {
        throw TemplateError(.unsupported, line: line, "a name with the letter '\(first)'")
      }
      throw fail("unexpected character '\(first)'")
    }
    switch first {
    case "(": openBrackets.append(")")
    case "[": openBrackets.append("]")
    case "{": openBrackets.append("}")
    case ")", "]", "}":
      guard openBrackets.popLast() == first else { throw fail("unexpected '\(first)'") }
    default: break
    }
    add(.symbol(String(Character(first))))
    advance(to: position + 1)
  }
}
