/// Operations on strings by Unicode scalar, as Python's are. `String`'s own work on grapheme clusters.
extension String {
  init(scalars: some Sequence<Unicode.Scalar>) {
    var view = String.UnicodeScalarView()
    view.append(contentsOf: scalars)
    self.init(view)
  }

  /// The scalar at a Python index, as a string; nil outside.
  func scalar(at index: Int) -> String? {
    let scalars = unicodeScalars
    let start = index < 0 ? scalars.endIndex : scalars.startIndex
    guard index >= -utf8.count, index < utf8.count else { return nil }
    let limit = index < 0 ? scalars.startIndex : scalars.endIndex
    guard let position = scalars.index(start, offsetBy: index, limitedBy: limit), position < scalars.endIndex else {
      return nil
    }
    return String(Character(scalars[position]))
  }

  /// Below, equal to or above 0 as this sorts before, with or after the other by code points.
  func scalarOrder(_ other: String) -> Int {
    // UTF-8 keeps the order of code points.
    for (a, b) in zip(utf8, other.utf8) where a != b { return a < b ? -1 : 1 }
    return utf8.count == other.utf8.count ? 0 : utf8.count < other.utf8.count ? -1 : 1
  }

  func hasScalarPrefix(_ prefix: String) -> Bool { utf8.starts(with: prefix.utf8) }

  func hasScalarSuffix(_ suffix: String) -> Bool { utf8.reversed().starts(with: suffix.utf8.reversed()) }

  func containsScalars(_ part: String) -> Bool {
    var search = TextSearch(part)
    return search.first(in: Array(utf8)) != nil
  }

  /// Cuts at every occurrence of a separator that is not empty, at most `limit` times, from the left.
  func split(at separator: String, limit: Int?) -> [String] {
    let bytes = Array(utf8)
    var search = TextSearch(separator)
    var parts: [String] = []
    var start = 0
    while limit.map({ parts.count < $0 }) ?? true, let found = search.first(in: bytes, from: start) {
      parts.append(String(decoding: bytes[start..<found.lowerBound], as: UTF8.self))
      start = found.upperBound
    }
    parts.append(String(decoding: bytes[start...], as: UTF8.self))
    return parts
  }

  /// The same, from the right.
  func splitFromRight(at separator: String, limit: Int?) -> [String] {
    let reversed = String(scalars: unicodeScalars.reversed())
    let parts = reversed.split(at: String(scalars: separator.unicodeScalars.reversed()), limit: limit)
    return parts.reversed().map { String(scalars: $0.unicodeScalars.reversed()) }
  }

  /// Words between runs of white space; after `limit` cuts the rest stays whole, without space around it.
  func words(limit: Int?) -> [String] {
    let scalars = Array(unicodeScalars)
    var words: [String] = []
    var index = 0
    while true {
      while index < scalars.count, scalars[index].isPythonSpace { index += 1 }
      guard index < scalars.count else { return words }
      let start = index
      if let limit, words.count >= limit {
        // Python leaves the rest's trailing space in place.
        words.append(String(scalars: scalars[start...]))
        return words
      }
      while index < scalars.count, !scalars[index].isPythonSpace { index += 1 }
      words.append(String(scalars: scalars[start..<index]))
    }
  }

  func wordsFromRight(limit: Int?) -> [String] {
    let reversed = String(scalars: unicodeScalars.reversed())
    return reversed.words(limit: limit).reversed().map { String(scalars: $0.unicodeScalars.reversed()) }
  }

  /// Python's `splitlines`.
  func lines(keepingEnds: Bool = false) -> [String] {
    var lines: [String] = []
    var current = String.UnicodeScalarView()
    let scalars = Array(unicodeScalars)
    var index = 0
    while index < scalars.count {
      let scalar = scalars[index]
      index += 1
      switch scalar.value {
      case 0x0A...0x0D, 0x1C...0x1E, 0x85, 0x2028, 0x2029:
        if keepingEnds { current.append(scalar) }
        if scalar == "\r", index < scalars.count, scalars[index] == "\n" {
          if keepingEnds { current.append("\n") }
          index += 1
        }
        lines.append(String(current))
        current = String.UnicodeScalarView()
      default: current.append(scalar)
      }
    }
    if !current.isEmpty { lines.append(String(current)) }
    return lines
  }

  /// Without the given characters, or white space, at the chosen ends.
  func stripped(of characters: String?, left: Bool = true, right: Bool = true) -> String {
    let set = characters.map { Set($0.unicodeScalars) }
    let isStripped: (Unicode.Scalar) -> Bool = { scalar in set.map { $0.contains(scalar) } ?? scalar.isPythonSpace }
    let scalars = unicodeScalars
    var start = scalars.startIndex
    var end = scalars.endIndex
    if left { while start < end, isStripped(scalars[start]) { start = scalars.index(after: start) } }
    if right {
      while start < end {
        let before = scalars.index(before: end)
        guard isStripped(scalars[before]) else { break }
        end = before
      }
    }
    return String(scalars[start..<end])
  }
}
