/// Where a word ends, by the regular expressions that the models were trained with.
///
/// Each function takes the scalar at which a word starts and the end of the text that may be looked at, and gives the
/// end of the word, which lies beyond its start. The alternatives stand in the order of the expression, written by
/// hand because no regular expression engine at hand is fast enough.
enum WordRules {
  /// GPT-2: `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
  static func gpt2(_ text: ScannedText, _ start: Int, _ end: Int) -> Int {
    if let contraction = contraction(text, start, end, anyCase: false) { return contraction }
    let hasSpace = text.ascii(start, end) == 0x20
    let first = hasSpace ? start + 1 : start
    let kind = text.scalarClass(first, end)
    if kind.contains(.letter) { return run(text, first, end, of: .letter) }
    if kind.contains(.number) { return run(text, first, end, of: .number) }
    if !kind.isEmpty, kind.isDisjoint(with: wordOrSpace) { return run(text, first, end, without: wordOrSpace) }
    return whitespace(text, start, end)
  }

  /// Llama 3, and Qwen 2 with other limits:
  /// `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
  ///
  /// - Parameters:
  ///   - digits: how many numbers one word holds at most.
  ///   - letters: what counts as a letter; Qwen 3.5 counts combining marks too.
  static func llama3(
    _ text: ScannedText, _ start: Int, _ end: Int, digits: Int = 3, letters: ScalarClass = .letter
  ) -> Int {
    if let contraction = contraction(text, start, end, anyCase: true) { return contraction }
    let kind = text.scalarClass(start, end)
    if kind.isDisjoint(with: [.newline, .number]) {
      if !kind.isDisjoint(with: letters) { return run(text, start, end, of: letters) }
      if !text.scalarClass(start + 1, end).isDisjoint(with: letters) { return run(text, start + 1, end, of: letters) }
    }
    if kind.contains(.number) { return run(text, start, min(end, start + digits), of: .number) }
    let hasSpace = text.ascii(start, end) == 0x20
    let first = hasSpace ? start + 1 : start
    let next = text.scalarClass(first, end)
    let excluded = wordOrSpace.union(letters)
    if !next.isEmpty, next.isDisjoint(with: excluded) {
      return run(text, run(text, first, end, without: excluded), end, of: .newline)
    }
    return whitespaceAndNewlines(text, start, end)
  }

  private static let wordOrSpace: ScalarClass = [.whitespace, .letter, .number]

  /// The end of `'s`, `'t`, `'m`, `'d`, `'re`, `'ve` or `'ll` if one is at `start`.
  private static func contraction(_ text: ScannedText, _ start: Int, _ end: Int, anyCase: Bool) -> Int? {
    guard text.ascii(start, end) == UInt8(ascii: "'") else { return nil }
    let caseBit: UInt8 = anyCase ? 0x20 : 0
    let pair = (text.ascii(start + 1, end) | caseBit, text.ascii(start + 2, end) | caseBit)
    switch pair.0 {
    case UInt8(ascii: "s"), UInt8(ascii: "t"), UInt8(ascii: "m"), UInt8(ascii: "d"): return start + 2
    case UInt8(ascii: "r") where pair.1 == UInt8(ascii: "e"): return start + 3
    case UInt8(ascii: "v") where pair.1 == UInt8(ascii: "e"): return start + 3
    case UInt8(ascii: "l") where pair.1 == UInt8(ascii: "l"): return start + 3
    default: return nil
    }
  }

  /// `\s+(?!\S)|\s+`: whitespace up to the last before a word; one scalar where there is none.
  private static func whitespace(_ text: ScannedText, _ start: Int, _ end: Int) -> Int {
    let stop = run(text, start, end, of: .whitespace)
    if stop < end, stop - start > 1 { return stop - 1 }
    return max(stop, start + 1)
  }

  /// `\s*[\r\n]+|\s+(?!\S)|\s+`: whitespace up to its last newline, or else as `whitespace`.
  private static func whitespaceAndNewlines(_ text: ScannedText, _ start: Int, _ end: Int) -> Int {
    var stop = run(text, start, end, of: .whitespace)
    while stop > start {
      if text.classes[stop - 1].contains(.newline) { return stop }
      stop -= 1
    }
    return whitespace(text, start, end)
  }

  /// The end of the scalars from `start` that have one of the classes.
  static func run(_ text: ScannedText, _ start: Int, _ end: Int, of classes: ScalarClass) -> Int {
    var index = start
    while index < end, !text.classes[index].isDisjoint(with: classes) { index += 1 }
    return index
  }

  /// The end of the scalars from `start` that have none of the classes.
  private static func run(_ text: ScannedText, _ start: Int, _ end: Int, without classes: ScalarClass) -> Int {
    var index = start
    while index < end, text.classes[index].isDisjoint(with: classes) { index += 1 }
    return index
  }
}
