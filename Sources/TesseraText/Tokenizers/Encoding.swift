extension Tokenizer {
  /// The tokens of a text.
  ///
  /// - Parameters:
  ///   - text: any text, of at most `longestText` bytes.
  ///   - addSpecial: adds the tokens that the model wants around a text, such as BOS and EOS.
  ///   - parseSpecial: takes markers such as `<|im_start|>` in the text for the tokens they name; otherwise they are
  ///     text like any other. Added tokens that are not special are always found.
  /// - Throws: `TextError` `.tooLong` over `longestText` bytes, also for a text of which the tokenizer's steps make many
  ///   times as much, `.missingByteToken` for what cannot be expressed,
  ///   `.unsupportedPattern` if a pattern of the tokenizer's files takes too long on the text.
  public func encode(_ text: String, addSpecial: Bool = true, parseSpecial: Bool = true) throws(TextError) -> [Int] {
    try encode(Array(text.utf8), addSpecial: addSpecial, parseSpecial: parseSpecial)
  }

  /// The tokens of bytes that need not be UTF-8; otherwise as `encode(_:addSpecial:parseSpecial:)` for strings.
  public func encode(_ bytes: [UInt8], addSpecial: Bool = true, parseSpecial: Bool = true) throws(TextError) -> [Int] {
    let ids = try encodeText(bytes, parseSpecial: parseSpecial)
    return components.postProcessor.apply(ids, nil, addSpecial: addSpecial).ids
  }

  /// The tokens of two texts together, as BERT takes a question and a passage, with the type of each token: 0 for the
  /// first text, 1 for the second where the model tells them apart.
  ///
  /// - Parameters:
  ///   - text: the first text.
  ///   - pair: the second; nil gives the tokens of one text with their types.
  ///   - addSpecial: as for one text.
  ///   - parseSpecial: as for one text.
  public func encode(
    _ text: String, pair: String?, addSpecial: Bool = true, parseSpecial: Bool = true
  ) throws(TextError) -> (ids: [Int], typeIDs: [Int]) {
    let first = try encodeText(Array(text.utf8), parseSpecial: parseSpecial)
    var second: [Int]?
    if let pair { second = try encodeText(Array(pair.utf8), parseSpecial: parseSpecial) }
    let (ids, types) = components.postProcessor.apply(first, second, addSpecial: addSpecial)
    return (ids, types)
  }

  /// The tokens of two texts with those that the model wants around them, and the type of each.
  ///
  /// - Parameters:
  ///   - first: the first text's tokens, without added ones.
  ///   - second: the second text's.
  public func framed(_ first: [Int], pair second: [Int]) -> (ids: [Int], typeIDs: [Int]) {
    let (ids, types) = components.postProcessor.apply(first, second, addSpecial: true)
    return (ids, types)
  }

  /// The tokens of a text without those that are added around it.
  private func encodeText(_ bytes: [UInt8], parseSpecial: Bool) throws(TextError) -> [Int] {
    try Self.check(length: bytes.count)
    var output: [Int] = []
    output.reserveCapacity(bytes.count / 3 + 2)
    var limit = GrowthLimit(bytes: bytes.count)
    switch components.special {
    case .longestFirst(let all, let userDefined):
      let matcher = parseSpecial ? all : userDefined
      try encodeParts(bytes.withUnsafeBufferPointer(matcher.split), of: bytes, into: &output) {
        text, isAfterSpecial, _, output throws(TextError) in
        try normalize(&text, isAfterSpecial: isAfterSpecial, &limit)
        try encodePieces(TextPieces(text, beginsText: isAfterSpecial), &limit, into: &output)
      }
    case .addedTokens(let added):
      var bytes = bytes.asUTF8
      open(&bytes)
      func parts(_ text: [UInt8], at kind: AddedTokens.Kind) -> [SpecialTokenMatcher.Part] {
        text.withUnsafeBufferPointer { added.split($0, at: kind, parseSpecial: parseSpecial) }
      }
      let plain = parts(bytes, at: .plain)
      try encodeParts(plain, of: bytes, into: &output) {
        text, isAfterSpecial, isFirst, output throws(TextError) in
        takeTag(&text, &output)
        try normalize(&text, isAfterSpecial: isAfterSpecial, &limit)
        try encodeParts(parts(text, at: .normalized), of: text, into: &output) {
          part, _, isFirstPart, output throws(TextError) in
          try encodePieces(TextPieces(part, beginsText: isFirst && isFirstPart), &limit, into: &output)
        }
      }
      close(&output, plain)
    }
    return output
  }

  /// Puts a space before a text where the tokenizer wants one of its own.
  func open(_ text: inout [UInt8]) {
    guard case .space(let isAdded, _) = components.opening, !text.isEmpty else { return }
    text.replaceAll(SentencePieceNormalizer.space, with: [0x20])
    if isAdded { text = SentencePieceNormalizer.space + text }
  }

  /// Takes that space away again where a special token follows.
  func close(_ ids: inout [Int], _ parts: [SpecialTokenMatcher.Part]) {
    guard case .space(isAdded: true, let space?) = components.opening, ids.first == space, parts.count > 1,
      case .text(0..<3) = parts[0], case .token(let id) = parts[1], isControl(id)
    else { return }
    ids.removeFirst()
  }

  /// Takes a language's tag off the beginning of a text.
  func takeTag(_ text: inout [UInt8], _ output: inout [Int]) {
    guard case .languageTag = components.opening, text.starts(with: ">>".utf8),
      let end = text.indices.dropFirst(2).first(where: { text[$0...].starts(with: "<<".utf8) }),
      let id = components.idsByText.id(of: text[..<(end + 2)]) ?? unknownToken
    else { return }
    output.append(id)
    text.removeFirst(end + 2)
  }

  static func check(length: Int) throws(TextError) {
    guard length <= longestText else {
      throw TextError(.tooLong, "the text has \(length) bytes, of which one call takes \(longestText); split it")
    }
  }

  /// Adds the special tokens among the parts of a text, and what `encode` adds for the others. It is told whether a part
  /// is the first or follows a special token, and whether it begins where the text does.
  func encodeParts(
    _ parts: [SpecialTokenMatcher.Part], of bytes: [UInt8], into output: inout [Int],
    _ encode: (inout [UInt8], _ isAfterSpecial: Bool, _ isFirst: Bool, inout [Int]) throws(TextError) -> Void
  ) throws(TextError) {
    var isAfterSpecial = true
    for part in parts {
      switch part {
      case .token(let id):
        output.append(id)
        isAfterSpecial = true
      case .text(let range):
        var text = range.count == bytes.count ? bytes : Array(bytes[range])
        try encode(&text, isAfterSpecial, range.lowerBound == 0, &output)
        isAfterSpecial = false
      }
    }
  }

  func normalize(_ text: inout [UInt8], isAfterSpecial: Bool, _ limit: inout GrowthLimit) throws(TextError) {
    for normalizer in components.normalizers { try normalizer.apply(&text, isAfterSpecial: isAfterSpecial, &limit) }
  }

  func encodePieces(_ text: TextPieces, _ limit: inout GrowthLimit, into output: inout [Int]) throws(TextError) {
    var pieces = text
    for step in components.preTokenizers { try step.apply(&pieces, &limit) }
    try components.model.encode(pieces, into: &output)
  }
}
