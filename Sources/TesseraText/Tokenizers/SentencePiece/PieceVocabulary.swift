import TesseraJSON

/// The tokens of a tokenizer that stands on a SentencePiece model: those of the pieces, and those beside them.
struct PieceVocabulary {
  /// Most of `extra_ids` and `offset`.
  private static let mostExtra = 1 << 16

  private(set) var list: VocabularyList
  /// The texts of `list` with their ids.
  private var ids: [[UInt8]: Int] = [:]
  private let unknownText: [UInt8]

  /// The tokens before special ones are added.
  ///
  /// - Parameters:
  ///   - vocabulary: what `vocab.json` holds, where the convention needs it.
  ///   - unknown: the text of the unknown token.
  init(
    _ convention: PieceConvention, _ file: SentencePieceModel, vocabulary: JSONFields?, config: JSONFields?,
    unknown: String, place: String
  ) throws {
    list = VocabularyList(place: place)
    unknownText = Array(unknown.utf8)
    switch convention {
    case .marian, .m2m100:
      guard let vocabulary else {
        throw TextError(
          .malformedFile, "\(place): there is no vocab.json beside it; the folder is incomplete, get it again")
      }
      for (text, value) in vocabulary.object.members {
        guard let id = value.intValue else {
          throw TextError(
            .malformedFile,
            "\(vocabulary.path ?? ""): \(TextError.quoted(Array(text.utf8))) should be an id but is \(value.kind)")
        }
        try add(Array(text.utf8), id)
      }
      guard ids[unknownText] != nil else {
        throw TextError(
          .malformedVocabulary, "\(vocabulary.path ?? ""): there is no \(unknown); the file is incomplete, get it again"
        )
      }
      if convention == .m2m100 {
        for (index, code) in try Self.languages(config).enumerated() where ids[Array("__\(code)__".utf8)] == nil {
          try add(Array("__\(code)__".utf8), vocabulary.object.members.count + index)
        }
      }
    case .t5, .llama, .gemma:
      for id in file.pieces.indices { try add(file.pieces[id], id) }
    case .pegasus:
      let offset = try Self.count(config, "offset", 103)
      let first = try Self.pretraining(config)
      for (id, text) in first.enumerated() { try add(Array(text.utf8), id) }
      for id in file.pieces.indices where id + offset >= first.count && ids[file.pieces[id]] == nil {
        try add(file.pieces[id], id + offset)
      }
    case .mbart, .mbart50, .xlmRoberta, .nllb:
      for (id, text) in ["<s>", "<pad>", "</s>", "<unk>"].enumerated() { try add(Array(text.utf8), id) }
      for id in file.pieces.indices.dropFirst(3) where ids[file.pieces[id]] == nil { try add(file.pieces[id], id + 1) }
      let codes = convention == .mbart ? LanguageCodes.mbart : convention == .mbart50 ? LanguageCodes.mbart50 : []
      for (index, code) in codes.enumerated() { try add(Array(code.utf8), file.pieces.count + 1 + index) }
      if convention != .nllb { try add(Array("<mask>".utf8), file.pieces.count + 1 + codes.count) }
    }
  }

  /// PEGASUS's tokens before the pieces, which were used in training alone.
  static func pretraining(_ config: JSONFields?) throws -> [String] {
    let offset = try count(config, "offset", 103)
    func name(_ key: String, _ value: String) throws -> String? {
      guard let found = config?[key] else { return value }
      return found.stringValue ?? found.objectValue?["content"]?.stringValue
    }
    var texts = [try name("pad_token", "<pad>") ?? "<pad>", try name("eos_token", "</s>") ?? "</s>"]
    if let sentences = try name("mask_token_sent", "<mask_1>") {
      texts += [sentences, try name("mask_token", "<mask_2>") ?? "<mask_2>"]
    }
    return texts + (offset > 2 ? (2..<offset).map { "<unk_\($0)>" } : [])
  }

  /// The languages of an M2M-100 in the order of their tokens.
  static func languages(_ config: JSONFields?) throws -> [String] {
    switch try config?.optionalString("language_codes") ?? "m2m100" {
    case "m2m100": return LanguageCodes.m2m100
    case "wmt21": return LanguageCodes.wmt21
    case let name:
      throw TextError(
        .unsupportedComponent,
        "\(config?.path ?? ""): language_codes is \(TextError.quoted(Array(name.utf8))); known are: m2m100, wmt21")
    }
  }

  /// A number of tokens.
  static func count(_ config: JSONFields?, _ key: String, _ value: Int) throws -> Int {
    let found = try config?.optionalInt(key) ?? value
    guard (0...mostExtra).contains(found) else {
      throw TextError(.malformedFile, "\(config?.path ?? ""): \(key) is \(found), but should be 0 to \(mostExtra)")
    }
    return found
  }

  var count: Int { list.count }

  func id(of text: [UInt8]) -> Int? { ids[text] }

  /// Adds a token whose text none has; one whose id another has takes its place in the ids by text alone.
  mutating func add(_ text: [UInt8], _ id: Int) throws(TextError) {
    guard ids[text] == nil else {
      throw TextError(
        .malformedVocabulary,
        "two tokens are \(TextError.quoted(text)); the files are damaged or of different models, get them again")
    }
    ids[text] = id
    try list.append(String(decoding: text, as: UTF8.self), id)
  }

  /// The token of each piece.
  func tokens(of file: SentencePieceModel) -> [Int32] {
    let unknown = ids[unknownText] ?? 0
    return file.pieces.indices.map { id in
      Int32(truncatingIfNeeded: file.types[id] == .unknown ? unknown : ids[file.pieces[id]] ?? unknown)
    }
  }
}

extension PieceVocabulary {
  /// Adds T5's `<extra_id_0>` and its like, the first of which has the highest id.
  mutating func addSentinels(_ file: SentencePieceModel, _ config: JSONFields?) throws {
    let count = try Self.count(config, "extra_ids", 100)
    for index in 0..<count where id(of: Array("<extra_id_\(index)>".utf8)) == nil {
      try add(Array("<extra_id_\(index)>".utf8), file.pieces.count - 1 + count - index)
    }
  }
}
