/// Turns text into tokens and back, as the model that the definition comes from was trained.
///
/// Encoding gives the ids that llama.cpp gives for the same bytes. A tokenizer is immutable and may be used from many
/// threads at once.
public final class Tokenizer: Sendable {
  private enum Encoder: Sendable {
    case bytePair(BytePairEncoder)
    case sentencePiece(SentencePieceEncoder, addsSpacePrefix: Bool)
  }

  /// The most bytes that one call encodes.
  public static let longestText = 256 << 20

  /// What the tokenizer was made from, with the defaults of its model filled in.
  public let definition: TokenizerDefinition
  /// The tokens at which a generation ends: those that the definition names and those known by their text, such as
  /// `<|im_end|>`, `<end_of_turn>` and `<|eot_id|>`.
  public let endOfGenerationTokens: Set<Int>

  private let encoder: Encoder
  private let idsByText: ByteStringTable
  private let attributes: [SpecialTokens.Attributes]
  private let specialMatcher: SpecialTokenMatcher
  private let userDefinedMatcher: SpecialTokenMatcher
  /// Finds what steers the model: control tokens, and those that are shown but look like markers.
  let markerMatcher: SpecialTokenMatcher
  /// Finds control tokens alone.
  let controlMatcher: SpecialTokenMatcher

  /// A tokenizer from what a model file says.
  ///
  /// - Throws: `TextError` `.unsupportedModel` and `.unsupportedPreTokenizer` for kinds that are not known,
  ///   `.malformedVocabulary` and `.tokenOutOfRange` for a definition that contradicts itself.
  public init(_ definition: TokenizerDefinition) throws(TextError) {
    let definition = try definition.completed()
    try definition.validate()
    var idsByText = ByteStringTable(over: definition.tokens)
    for id in definition.tokens.indices where !definition.tokens.range(id).isEmpty {
      if let other = idsByText.insert(id) {
        throw TextError(
          .malformedVocabulary,
          "tokens \(other) and \(id) have the same text \(TextError.quoted(definition.tokens.slice(id))); "
            + "the file is damaged")
      }
    }
    let special = SpecialTokens(definition) { [idsByText] in idsByText.id(of: Array($0.utf8)) }
    if definition.model == "gpt2" {
      encoder = .bytePair(try BytePairEncoder(definition))
    } else {
      let pieces = try SentencePieceEncoder(
        definition, vocabulary: idsByText, unknownToken: definition.unknownToken)
      encoder = .sentencePiece(pieces, addsSpacePrefix: definition.addSpacePrefix ?? true)
    }
    self.definition = definition
    self.idsByText = idsByText
    attributes = special.attributes
    endOfGenerationTokens = special.endOfGeneration
    let ids = definition.tokens.indices.filter { !special.attributes[$0].isDisjoint(with: .special) }
    specialMatcher = SpecialTokenMatcher(ids: ids, texts: definition.tokens, attributes: special.attributes)
    userDefinedMatcher = SpecialTokenMatcher(
      ids: ids.filter { special.attributes[$0].isDisjoint(with: [.control, .unknown]) }, texts: definition.tokens,
      attributes: special.attributes)
    let isControl = { !special.attributes[$0].isDisjoint(with: [.control, .unknown]) }
    controlMatcher = SpecialTokenMatcher(
      ids: ids.filter(isControl), texts: definition.tokens, attributes: special.attributes)
    markerMatcher = SpecialTokenMatcher(
      ids: ids.filter { isControl($0) || SpecialTokens.looksLikeMarker(definition.tokens.slice($0)) },
      texts: definition.tokens, attributes: special.attributes)
  }

  /// How many tokens there are.
  public var vocabularyCount: Int { definition.tokens.count }

  /// The token that begins a text.
  public var beginToken: Int? { definition.bosToken }
  /// The token that ends a text.
  public var endToken: Int? { definition.eosToken }
  /// Whether encoding with special tokens begins with `beginToken`.
  public var addsBeginToken: Bool { definition.addBOS == true && definition.bosToken != nil }

  /// The tokens of a text.
  ///
  /// - Parameters:
  ///   - addSpecial: begins with the BOS token and ends with the EOS token where the model wants them.
  ///   - parseSpecial: takes markers such as `<|im_start|>` in the text for the tokens they name; otherwise they are
  ///     text like any other. Tokens that the vocabulary calls user defined are always found.
  /// - Throws: `TextError` `.tooLong` over `longestText` bytes, `.missingByteToken` for what cannot be expressed.
  public func encode(_ text: String, addSpecial: Bool = true, parseSpecial: Bool = true) throws(TextError) -> [Int] {
    try encode(Array(text.utf8), addSpecial: addSpecial, parseSpecial: parseSpecial)
  }

  /// The tokens of bytes that need not be UTF-8; otherwise as `encode(_:addSpecial:parseSpecial:)` for strings.
  public func encode(_ bytes: [UInt8], addSpecial: Bool = true, parseSpecial: Bool = true) throws(TextError) -> [Int] {
    guard bytes.count <= Self.longestText else {
      throw TextError(
        .tooLong, "the text has \(bytes.count) bytes, of which one call takes \(Self.longestText); split it")
    }
    var output: [Int] = []
    output.reserveCapacity(bytes.count / 3 + 2)
    if addSpecial, definition.addBOS == true, let token = definition.bosToken { output.append(token) }
    do {
      try bytes.withUnsafeBufferPointer { try encodeParts($0, parseSpecial: parseSpecial, into: &output) }
    } catch {
      throw error as? TextError ?? TextError(.missingByteToken, "\(error)")
    }
    if addSpecial, definition.addEOS == true, let token = definition.eosToken { output.append(token) }
    return output
  }

  private func encodeParts(
    _ text: UnsafeBufferPointer<UInt8>, parseSpecial: Bool, into output: inout [Int]
  ) throws(TextError) {
    var isAfterSpecial = true
    for part in (parseSpecial ? specialMatcher : userDefinedMatcher).split(text) {
      switch part {
      case .token(let id):
        output.append(id)
        isAfterSpecial = true
      case .text(let range):
        try encodeText(UnsafeBufferPointer(rebasing: text[range]), isAfterSpecial: isAfterSpecial, into: &output)
        isAfterSpecial = false
      }
    }
  }

  /// The tokens of text in which no special token is looked for.
  private func encodeText(
    _ bytes: UnsafeBufferPointer<UInt8>, isAfterSpecial: Bool, into output: inout [Int]
  ) throws(TextError) {
    switch encoder {
    case .bytePair(let encoder): encoder.encode(bytes, into: &output)
    case .sentencePiece(let encoder, let addsSpacePrefix):
      try encoder.encode(bytes, addsSpace: addsSpacePrefix && isAfterSpecial, into: &output)
    }
  }

  /// The tokens of a text in which some markers are disguised: those that are not are the tokens that they name, and
  /// what is between them is text once `restoring` has taken the disguise off it. Text never becomes a control token.
  ///
  /// - Throws: `TextError` as `encode` does.
  func encode(
    marked text: String, restoring: (ArraySlice<UInt8>) -> ArraySlice<UInt8>
  ) throws(TextError) -> [Int] {
    let bytes = Array(text.utf8)
    guard bytes.count <= Self.longestText else {
      throw TextError(
        .tooLong, "the prompt has \(bytes.count) bytes, of which one call takes \(Self.longestText); shorten it")
    }
    var output: [Int] = []
    var isAfterSpecial = true
    for part in bytes.withUnsafeBufferPointer({ specialMatcher.split($0) }) {
      switch part {
      case .token(let id):
        output.append(id)
        isAfterSpecial = true
      case .text(let range):
        output += try textTokens(restoring(bytes[range]), isAfterSpecial: isAfterSpecial)
        isAfterSpecial = false
      }
    }
    return output
  }

  /// The tokens of text, none of which is a control token: pieces of text can merge to the text of one.
  private func textTokens(_ text: ArraySlice<UInt8>, isAfterSpecial: Bool) throws(TextError) -> [Int] {
    var ids: [Int] = []
    do {
      try text.withUnsafeBufferPointer { try encodeText($0, isAfterSpecial: isAfterSpecial, into: &ids) }
    } catch {
      throw error as? TextError ?? TextError(.missingByteToken, "\(error)")
    }
    guard let place = ids.firstIndex(where: { attributes[$0].contains(.control) }) else { return ids }
    var result = Array(ids[..<place])
    for id in ids[place...] {
      let piece = definition.tokens.slice(id)
      let width = 1 + piece.dropFirst().prefix { $0 & 0xC0 == 0x80 }.count
      guard attributes[id].contains(.control), piece.count > width else {
        result.append(id)
        continue
      }
      result += try textTokens(piece.prefix(width), isAfterSpecial: false)
      result += try textTokens(piece.dropFirst(width), isAfterSpecial: false)
    }
    return result
  }

  /// The bytes that tokens stand for, which need not be UTF-8: a character may be cut at either end.
  ///
  /// Undoes `encode`: control tokens stand for nothing, and the space that SentencePiece puts before a text is taken
  /// away. (Those that it puts after special tokens within a text stay, as in llama.cpp.)
  ///
  /// - Parameter includingControl: whether control tokens stand for their texts.
  /// - Throws: `TextError` `.tokenOutOfRange` for an id that is no token.
  public func decodeBytes(_ ids: [Int], includingControl: Bool = false) throws(TextError) -> [UInt8] {
    var output: [UInt8] = []
    var dropsSpace = false
    if case .sentencePiece(_, addsSpacePrefix: true) = encoder { dropsSpace = true }
    for id in ids {
      let piece = try piece(id)
      if isControl(id) {
        if includingControl { output += piece }
        continue
      }
      output += dropsSpace && piece.first == 0x20 ? Array(piece.dropFirst()) : piece
      dropsSpace = false
    }
    return output
  }

  /// The text that tokens stand for, with U+FFFD for what is no UTF-8; otherwise as `decodeBytes`.
  public func decode(_ ids: [Int], includingControl: Bool = false) throws(TextError) -> String {
    String(decoding: try decodeBytes(ids, includingControl: includingControl), as: UTF8.self)
  }

  /// The bytes of one token: for control tokens their text, for unused tokens none.
  /// - Throws: `TextError` `.tokenOutOfRange` for an id that is no token.
  public func piece(_ id: Int) throws(TextError) -> [UInt8] {
    guard definition.tokens.indices.contains(id) else {
      throw TextError(
        .tokenOutOfRange, "token \(id) is not in the vocabulary, whose ids are 0 to \(vocabularyCount - 1)")
    }
    let text = definition.tokens.slice(id)
    let attributes = attributes[id]
    if !attributes.isDisjoint(with: .special) { return Array(text) }
    if attributes.contains(.byte) { return Self.byteOfName(text).map { [$0] } ?? Array(text) }
    guard attributes.contains(.normal) else { return [] }
    if case .bytePair = encoder { return ByteLevelAlphabet.bytes(of: text) ?? Array(text) }
    return Self.withSpaces(text)
  }

  /// Whether a token steers the model and is no text; false for ids that are no token.
  public func isControl(_ id: Int) -> Bool {
    attributes.indices.contains(id) && !attributes[id].isDisjoint(with: [.control, .unknown])
  }

  /// The token whose text in the model file is exactly this, as in `<|im_end|>`.
  public func token(named text: String) -> Int? { idsByText.id(of: Array(text.utf8)) }

  /// The byte that `<0x0A>` names.
  private static func byteOfName(_ text: ArraySlice<UInt8>) -> UInt8? {
    guard text.count == 6, text.starts(with: Array("<0x".utf8)), text.last == UInt8(ascii: ">") else { return nil }
    let digits = text.dropFirst(3).dropLast().map { Unicode.Scalar($0).properties.isASCIIHexDigit ? $0 : 0x20 }
    return UInt8(String(decoding: digits, as: UTF8.self), radix: 16)
  }

  /// SentencePiece's text with a space for each `▁`.
  private static func withSpaces(_ text: ArraySlice<UInt8>) -> [UInt8] {
    var output: [UInt8] = []
    var rest = text
    while let byte = rest.first {
      if rest.starts(with: [0xE2, 0x96, 0x81]) {
        output.append(0x20)
        rest = rest.dropFirst(3)
      } else {
        output.append(byte)
        rest = rest.dropFirst()
      }
    }
    return output
  }
}
