import TesseraJSON

/// A vocabulary as it is read: texts with their ids, in any order.
struct VocabularyList {
  private(set) var texts = ByteStrings()
  private var ids: [Int32] = []
  private var highest = -1
  private let place: String

  /// - Parameter place: the file and keys that errors name.
  init(place: String) { self.place = place }

  var count: Int { ids.count }

  mutating func append(_ text: String, _ id: Int) throws(TextError) {
    // So many ids that no vocabulary has them would ask for memory without end.
    guard (0...1 << 26).contains(id) else {
      throw TextError(
        .tokenOutOfRange,
        "\(place): the token \(TextError.quoted(Array(text.utf8))) has the id \(id), which no vocabulary has; the file is "
          + "damaged, get it again")
    }
    texts.append(text: text)
    ids.append(Int32(truncatingIfNeeded: id))
    highest = max(highest, id)
  }

  /// The texts in the order of their ids; an id that has none has an empty one.
  func ordered() throws(TextError) -> ByteStrings {
    guard highest < 2 * count + 1 << 16 else {
      throw TextError(
        .tokenOutOfRange,
        "\(place): the highest id is \(highest), but there are \(count) tokens; the file is damaged, get it again")
    }
    var slots = [Int32](repeating: -1, count: highest + 1)
    for (slot, id) in ids.enumerated() {
      guard slots[Int(id)] < 0 else {
        throw TextError(
          .malformedVocabulary,
          "\(place): the tokens \(TextError.quoted(texts.slice(Int(slots[Int(id)])))) and "
            + "\(TextError.quoted(texts.slice(slot))) have the same id \(id); the file is damaged, get it again")
      }
      slots[Int(id)] = Int32(truncatingIfNeeded: slot)
    }
    var result = ByteStrings()
    result.reserveCapacity(slots.count, byteCount: texts.bytes.count)
    for slot in slots {
      if slot < 0 { result.append([]) } else { result.append(texts, at: Int(slot)) }
    }
    return result
  }
}

/// The model of a `tokenizer.json` before its vocabulary is complete.
struct ModelFields {
  enum Kind: String { case bytePair = "BPE", unigram = "Unigram", wordPiece = "WordPiece", wordLevel = "WordLevel" }

  let kind: Kind
  let fields: JSONFields
  let place: String

  init(_ document: JSONFields) throws {
    let path = document.path ?? "tokenizer.json"
    place = "\(path): model"
    guard let value = document["model"] else {
      throw TextError(.malformedFile, "\(path): there is no key 'model'; the file is incomplete, get it again")
    }
    fields = try JSONFields(of: value, path: place)
    // Old files name no type.
    let name =
      try fields.optionalString("type")
      ?? (fields["merges"] != nil
        ? "BPE"
        : fields["vocab"]?.arrayValue != nil
          ? "Unigram" : fields["max_input_chars_per_word"] != nil ? "WordPiece" : "WordLevel")
    guard let kind = Kind(rawValue: name) else {
      throw TextError(
        .unsupportedModel,
        "\(place): the type \(TextError.quoted(Array(name.utf8))) is not supported; known are: BPE, Unigram, WordPiece, "
          + "WordLevel")
    }
    self.kind = kind
  }

  /// The texts with their ids; and their scores, if it is a unigram model.
  func vocabulary() throws -> (list: VocabularyList, scores: [Double]) {
    var list = VocabularyList(place: "\(place).vocab")
    var scores: [Double] = []
    if kind == .unigram {
      for (id, entry) in try fields.array("vocab").enumerated() {
        guard let pair = entry.arrayValue, pair.count == 2, let text = pair[0].stringValue,
          let score = pair[1].doubleValue, score.isFinite
        else { throw TextError(.malformedFile, "\(place).vocab[\(id)] should be a text and a finite score") }
        try list.append(text, id)
        scores.append(score)
      }
    } else {
      for (text, value) in try fields.fields("vocab").object.members {
        guard let id = value.intValue else {
          throw TextError(
            .malformedFile, "\(place).vocab.\(TextError.quoted(Array(text.utf8))) should be an id but is \(value.kind)")
        }
        try list.append(text, id)
      }
    }
    guard list.count > 0 else {
      throw TextError(.malformedVocabulary, "\(place).vocab has no tokens; the file is incomplete, get it again")
    }
    return (list, scores)
  }

  /// `["a b", …]`, perhaps with a line `#version: 0.2`, or in newer files `[["a", "b"], …]`.
  func merges() throws -> MergeList {
    let entries = try fields.array("merges")
    var texts = ByteStrings()
    var bounds: [Int32] = []
    texts.reserveCapacity(entries.count, byteCount: entries.count * 8)
    for (rank, entry) in entries.enumerated() {
      if let text = entry.stringValue {
        if text.utf8.starts(with: "#version".utf8) { continue }
        guard let space = text.utf8.firstIndex(of: 0x20) else {
          throw TextError(.malformedFile, "\(place).merges[\(rank)] should be two tokens with a space between them")
        }
        bounds.append(Int32(truncatingIfNeeded: text.utf8.distance(from: text.startIndex, to: space)))
        texts.append(Array(text.utf8[..<space]) + text.utf8[text.utf8.index(after: space)...])
      } else if let pair = entry.arrayValue, pair.count == 2, let left = pair[0].stringValue,
        let right = pair[1].stringValue
      {
        bounds.append(Int32(truncatingIfNeeded: left.utf8.count))
        texts.append(text: left, right)
      } else {
        throw TextError(.malformedFile, "\(place).merges[\(rank)] should be two tokens")
      }
    }
    return MergeList(texts, bounds: bounds)
  }
}
