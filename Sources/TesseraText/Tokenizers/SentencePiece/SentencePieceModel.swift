/// A model file of SentencePiece (https://github.com/google/sentencepiece/blob/master/src/sentencepiece_model.proto).
struct SentencePieceModel: Sendable {
  /// The ways to cut a text that are supported.
  enum Kind: Sendable { case unigram, bytePair }

  /// What a piece is, by SentencePiece's numbers.
  enum PieceType: UInt64, Sendable { case normal = 1, unknown, control, userDefined, unused, byte }

  var kind = Kind.unigram
  /// The pieces by their ids.
  var pieces = ByteStrings()
  var scores: [Float] = []
  var types: [PieceType] = []
  /// Whether unknown characters become pieces such as `<0xE2>`.
  var fallsBackToBytes = false
  /// Whether a word's space stands behind it.
  var putsSpaceBehind = false
  var characterMap: CharacterMap?
  var addsPrefix = true
  var mergesSpaces = true
  var escapesSpaces = true
  /// Whether decoded text is normalized, too.
  var hasDenormalizer = false

  /// Reads a file.
  ///
  /// - Parameter place: its path, for errors.
  /// - Throws: `TextError` `.malformedFile` for what is no such file, `.malformedVocabulary` for pieces that contradict
  ///   each other, `.unsupportedModel` for models of words and characters.
  init(_ bytes: [UInt8], place: String) throws(TextError) {
    var reader = WireReader(bytes[...], place: place)
    while let (field, value) = try reader.next() {
      switch (field, value) {
      case (1, .bytes(let message)): try readPiece(message, place)
      case (2, .bytes(let message)): try readTrainer(message, place)
      case (3, .bytes(let message)): try readNormalizer(message, place)
      case (5, .bytes(let message)): try readDenormalizer(message, place)
      case (1, _), (2, _), (3, _), (5, _): throw reader.damaged("field \(field) should be a message")
      default: break
      }
    }
    try validate(place)
  }

  private mutating func readPiece(_ message: ArraySlice<UInt8>, _ place: String) throws(TextError) {
    let id = pieces.count
    var reader = WireReader(message, place: "\(place): piece \(id)")
    var (text, score, type) = (ArraySlice<UInt8>(), Float(0), PieceType.normal)
    while let (field, value) = try reader.next() {
      switch field {
      case 1:
        guard let bytes = value.bytes else { throw reader.damaged("its text should be bytes") }
        text = bytes
      case 2:
        guard let float = value.float, float.isFinite else { throw reader.damaged("its score is no finite number") }
        score = float
      case 3:
        guard let number = value.number, let known = PieceType(rawValue: number) else {
          throw reader.damaged("its type is none of 1 to 6")
        }
        type = known
      default: break
      }
    }
    let bytes = Array(text)
    guard !bytes.isEmpty, bytes.count < 8_000, !bytes.contains(0), bytes.isUTF8 else {
      throw TextError(
        .malformedVocabulary,
        "\(place): piece \(id) is \(TextError.quoted(bytes)), which is empty, over 8000 bytes, no UTF-8 or has a zero "
          + "byte; the file is damaged, get it again")
    }
    pieces.append(bytes)
    scores.append(score)
    types.append(type)
  }

  private mutating func readTrainer(_ message: ArraySlice<UInt8>, _ place: String) throws(TextError) {
    var reader = WireReader(message, place: "\(place): trainer_spec")
    while let (field, value) = try reader.next() {
      guard [3, 24, 35].contains(field) else { continue }
      guard let number = value.number else { throw reader.damaged("field \(field) should be a number") }
      switch (field, number) {
      case (3, 1): kind = .unigram
      case (3, 2): kind = .bytePair
      case (3, 3), (3, 4):
        throw TextError(
          .unsupportedModel,
          "\(place): the model is one of \(number == 3 ? "words" : "characters"), which is not supported; known are: "
            + "unigram, BPE")
      case (3, _): throw reader.damaged("model_type is none of 1 to 4")
      case (24, _): putsSpaceBehind = number != 0
      default: fallsBackToBytes = number != 0
      }
    }
  }

  private mutating func readNormalizer(_ message: ArraySlice<UInt8>, _ place: String) throws(TextError) {
    var reader = WireReader(message, place: "\(place): normalizer_spec")
    while let (field, value) = try reader.next() {
      if field == 2 {
        guard let bytes = value.bytes else { throw reader.damaged("precompiled_charsmap should be bytes") }
        do {
          characterMap = bytes.isEmpty ? nil : try CharacterMap(Array(bytes))
        } catch {
          throw TextError(error.code, "\(place): \(error.message)")
        }
        continue
      }
      guard (3...5).contains(field) else { continue }
      guard let number = value.number else { throw reader.damaged("field \(field) should be a number") }
      switch field {
      case 3: addsPrefix = number != 0
      case 4: mergesSpaces = number != 0
      default: escapesSpaces = number != 0
      }
    }
  }

  private mutating func readDenormalizer(_ message: ArraySlice<UInt8>, _ place: String) throws(TextError) {
    var reader = WireReader(message, place: "\(place): denormalizer_spec")
    while let (field, value) = try reader.next() {
      if field == 2, let bytes = value.bytes, !bytes.isEmpty { hasDenormalizer = true }
    }
  }

  /// Refuses what SentencePiece refuses.
  private func validate(_ place: String) throws(TextError) {
    func damaged(_ problem: String) -> TextError {
      TextError(
        .malformedVocabulary, "\(place): \(problem); it is no SentencePiece model or damaged, get the file again")
    }
    guard !pieces.isEmpty, pieces.count <= Int32.max, pieces.bytes.count <= Int32.max else {
      throw damaged("there are \(pieces.count) pieces")
    }
    let unknown = types.count { $0 == .unknown }
    guard unknown == 1 else { throw damaged("\(unknown) pieces are the unknown one") }
    var table = ByteStringTable(over: pieces)
    for id in pieces.indices {
      if let other = table.insert(id) {
        throw damaged("the pieces \(other) and \(id) are both \(TextError.quoted(pieces.slice(id)))")
      }
      if types[id] == .byte, !fallsBackToBytes || TokenDecoder.Step.byte(named: pieces.slice(id)) == nil {
        throw damaged("piece \(id) \(TextError.quoted(pieces.slice(id))) is no byte")
      }
    }
    if fallsBackToBytes {
      let bytes = table.byteTokens()
      guard bytes.allSatisfy({ $0 >= 0 && types[Int($0)] == .byte }) else {
        throw damaged("there are not pieces for all bytes, as byte_fallback needs")
      }
    }
  }
}
