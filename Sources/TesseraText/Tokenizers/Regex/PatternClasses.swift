// Classes of scalars: `[…]`, `\s`, `\p{…}` and the escapes of single scalars.
extension PatternParser {
  /// After `[`: ranges, classes within classes and `&&`, up to `]`.
  mutating func characterClass(depth: Int = 0) throws(PatternError) -> ScalarSet {
    guard depth < 20 else { throw PatternError(problem: "classes are nested more than 20 deep") }
    let isNegated = take("^")
    var all: ScalarSet?
    var set = ScalarSet()
    var isFirst = true
    while true {
      guard let scalar = next else { throw PatternError(problem: "a '[' has no ']' after it") }
      if scalar == "]", !isFirst {
        _ = advance()
        break
      }
      isFirst = false
      if take("&&") {
        all = all?.intersection(set) ?? set
        set = ScalarSet()
        continue
      }
      if take("[:") {
        set = set.union(try posixClass())
        continue
      }
      if take("[") {
        set = set.union(try characterClass(depth: depth + 1))
        continue
      }
      let (lower, single) = try classElement()
      guard let first = single, next == "-" else {
        set = set.union(lower)
        continue
      }
      _ = advance()
      if next == "]" {
        set = set.union(lower).union(ScalarSet("-"))
        continue
      }
      let (_, last) = try classElement()
      guard let last, first <= last else {
        throw PatternError(problem: "a range in a class ends before it begins, or with no single character")
      }
      set = set.union(ScalarSet(first.value...last.value))
    }
    let result = all?.intersection(set) ?? set
    let cased = folded(result)
    return isNegated ? cased.complement : cased
  }

  /// One scalar or escape of a class; `single` is the scalar where it is one.
  private mutating func classElement() throws(PatternError) -> (set: ScalarSet, single: Unicode.Scalar?) {
    guard let scalar = advance() else { throw PatternError(problem: "a '[' has no ']' after it") }
    if scalar != "\\" { return (ScalarSet(scalar), scalar) }
    if take("b") { return (ScalarSet("\u{8}"), "\u{8}") }
    let set = try escapedSet()
    if let range = set.ranges.first, set.ranges.count == 1, range.count == 1 {
      return (set, Unicode.Scalar(range.lowerBound))
    }
    return (set, nil)
  }

  private mutating func posixClass() throws(PatternError) -> ScalarSet {
    let isNegated = take("^")
    let known: [(String, () -> ScalarSet?)] = [
      ("alpha", { [table] in table.alphabetic }), ("digit", { [table] in table.digits }),
      ("alnum", { [table] in table.alphabetic.union(table.digits) }),
      ("space", { UnicodeTable.whitespace }), ("upper", { [table] in table.set(named: "Lu") }),
      ("lower", { [table] in table.set(named: "Ll") }), ("word", { [table] in table.wordScalars }),
      ("punct", { [table] in table.set(named: "P")?.union(table.set(named: "S") ?? ScalarSet()) }),
      ("xdigit", { ScalarSet([0x30...0x39, 0x41...0x46, 0x61...0x66]) }),
    ]
    for (name, make) in known where take(name + ":]") {
      guard let set = make() else { break }
      return isNegated ? set.complement : set
    }
    throw PatternError(problem: "a class '[:…:]' is not supported")
  }

  /// After a backslash: the scalars that the escape stands for.
  mutating func escapedSet() throws(PatternError) -> ScalarSet {
    guard let scalar = advance() else { throw PatternError(problem: "it ends with a backslash") }
    switch scalar {
    case "n": return ScalarSet("\n")
    case "r": return ScalarSet("\r")
    case "t": return ScalarSet("\t")
    case "f": return ScalarSet("\u{C}")
    case "v": return ScalarSet("\u{B}")
    case "a": return ScalarSet("\u{7}")
    case "e": return ScalarSet("\u{1B}")
    case "0": return ScalarSet("\0")
    case "s": return UnicodeTable.whitespace
    case "S": return UnicodeTable.whitespace.complement
    case "d": return table.digits
    case "D": return table.digits.complement
    case "w": return table.wordScalars
    case "W": return table.wordScalars.complement
    case "h": return ScalarSet([0x30...0x39, 0x41...0x46, 0x61...0x66])
    case "H": return ScalarSet([0x30...0x39, 0x41...0x46, 0x61...0x66]).complement
    case "p", "P": return try property(isNegated: scalar == "P")
    case "x": return try take("{") ? hexadecimal(8, closing: "}") : hexadecimal(2, closing: nil)
    case "u": return try hexadecimal(4, closing: nil)
    default:
      guard !scalar.properties.isAlphabetic, scalar.properties.numericType == nil else {
        throw PatternError(problem: "the escape '\\\(scalar)' is not supported")
      }
      return ScalarSet(scalar)
    }
  }

  private mutating func hexadecimal(_ digits: Int, closing: Unicode.Scalar?) throws(PatternError) -> ScalarSet {
    var value: UInt32 = 0
    var count = 0
    while count < digits, let digit = next.flatMap({ Character($0).hexDigitValue }) {
      value = value << 4 | UInt32(truncatingIfNeeded: digit)
      count += 1
      _ = advance()
    }
    guard count > 0, closing == nil || closing.map({ take($0) }) == true, let scalar = Unicode.Scalar(value) else {
      throw PatternError(problem: "an escape '\\x' or '\\u' names no character")
    }
    return ScalarSet(scalar)
  }

  /// After `\p`: `{Lu}`, `{^Lu}`, `{Han}`, or one letter.
  private mutating func property(isNegated: Bool) throws(PatternError) -> ScalarSet {
    guard take("{") else { throw PatternError(problem: "a '\\p' has no '{' after it") }
    let isComplement = take("^") != isNegated
    var name = ""
    while let scalar = advance(), scalar != "}" { name.unicodeScalars.append(scalar) }
    let posix: ScalarSet? =
      switch name.lowercased() {
      case "alpha", "alphabetic": table.alphabetic
      case "alnum": table.alphabetic.union(table.digits)
      case "word": table.wordScalars
      case "space": UnicodeTable.whitespace
      case "digit": table.digits
      case "any": .all
      default: nil
      }
    guard let set = posix ?? table.set(named: name.hasPrefix("Is") ? String(name.dropFirst(2)) : name) else {
      throw PatternError(problem: "the property '\\p{\(name)}' is not supported")
    }
    return isComplement ? set.complement : set
  }
}
