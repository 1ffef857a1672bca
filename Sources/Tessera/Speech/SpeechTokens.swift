import TesseraFiles
import TesseraJSON
import TesseraModels
import TesseraText

/// The tokens by which a Whisper model is told what to do, and by which it says when something is said.
struct SpeechTokens: Sendable, Equatable {
  struct Language: Sendable, Equatable {
    /// As in `<|en|>`.
    var code: String
    var token: Int
  }

  var end: Int
  var start: Int
  /// Before what was said before.
  var previous: Int
  var noSpeech: Int?
  var noTimestamps: Int
  var transcribe: Int?
  var translate: Int?
  /// Of a model of several languages; none otherwise.
  var languages: [Language] = []
  /// Those that are never generated.
  var suppressed: [Int]
  /// Those with which an answer does not begin.
  var suppressedFirst: [Int]
  /// The first of the timestamps, which are the last tokens.
  var firstTimestamp: Int { noTimestamps + 1 }
  /// The furthest timestamp that an answer may begin with.
  var lastInitialTimestamp: Int

  var isMultilingual: Bool { !languages.isEmpty }

  /// - Throws: `TesseraError` for a tokenizer that lacks what such models need.
  init(_ tokenizer: Tokenizer, _ folder: HuggingFaceCheckpoint, vocabularySize: Int) throws {
    func token(_ names: String...) throws -> Int {
      guard let id = names.lazy.compactMap(tokenizer.token).first else {
        throw TesseraError(
          .unsupportedFile,
          "\(folder.path): the tokenizer has no token \(names[0]), which speech models need: get the folder again")
      }
      return id
    }
    (end, start) = (try token("<|endoftext|>"), try token("<|startoftranscript|>"))
    previous = try token("<|startofprev|>")
    noTimestamps = try token("<|notimestamps|>")
    noSpeech = try? token("<|nospeech|>", "<|nocaptions|>")
    let tasks = (try token("<|transcribe|>"), try token("<|translate|>"))
    guard noTimestamps < vocabularySize - 1, end < start, start < min(tasks.0, tasks.1) else {
      throw TesseraError(
        .unsupportedFile, "\(folder.path): tokens are not in the order of Whisper's vocabularies: get the folder again")
    }
    let configurations = try [folder.object(.generationConfig), folder.config].compactMap { $0 }
    func ints(_ name: String) throws -> [Int]? {
      try configurations.lazy.compactMap { try $0.optionalInts(name) }.first
    }
    // An English model has one token less, and no use for those of languages and tasks.
    let isMultilingual =
      try configurations.lazy.compactMap { try $0.optionalBool("is_multilingual") }.first ?? (vocabularySize >= 51_865)
    if isMultilingual {
      (transcribe, translate) = tasks
      languages = try (start + 1..<min(tasks.0, tasks.1)).map { id in
        let name = String(decoding: try tokenizer.piece(id), as: UTF8.self)
        return Language(code: String(name.dropFirst(2).dropLast(2)), token: id)
      }
    }
    let special = [tasks.0, tasks.1, start, previous, tokenizer.token(named: "<|startoflm|>"), noSpeech]
    suppressed = (try ints("suppress_tokens") ?? []).filter { $0 >= 0 } + special.compactMap { $0 }
    suppressedFirst = try ints("begin_suppress_tokens") ?? tokenizer.encode(" ", addSpecial: false) + [end]
    let furthest = try configurations.lazy.compactMap { try $0.optionalInt("max_initial_timestamp_index") }.first ?? 50
    lastInitialTimestamp = noTimestamps + 1 + min(max(0, furthest), vocabularySize)
    guard (suppressed + suppressedFirst).allSatisfy({ (0..<vocabularySize).contains($0) }) else {
      throw TesseraError(
        .unsupportedFile,
        "\(folder.path): suppress_tokens has ids beyond the vocabulary of \(vocabularySize): get the folder again")
    }
  }

  init(
    end: Int, start: Int, previous: Int, noSpeech: Int?, noTimestamps: Int, suppressed: [Int] = [],
    suppressedFirst: [Int] = [], lastInitialTimestamp: Int
  ) {
    (self.end, self.start, self.previous) = (end, start, previous)
    (self.noSpeech, self.noTimestamps) = (noSpeech, noTimestamps)
    (self.suppressed, self.suppressedFirst) = (suppressed, suppressedFirst)
    self.lastInitialTimestamp = lastInitialTimestamp
  }

  /// The text of tokens, of which timestamps are none.
  func text(_ tokens: [Int], _ tokenizer: Tokenizer?) throws(TextError) -> String {
    try tokenizer?.decode(tokens.filter { $0 < end }) ?? ""
  }

  /// What a target begins with.
  ///
  /// - Parameters:
  ///   - context: what was said before, of which the last `limit` tokens are told.
  ///   - limit: none are where it is 0 or less, as of a context of two tokens.
  func prompt(context: [Int], limit: Int, language: Int?, task: TranscriptionOptions.Task) -> [Int] {
    let told = context.suffix(max(0, limit))
    let context = told.isEmpty ? [] : [previous] + told
    let taskToken = task == .translate ? translate : transcribe
    return context + [start] + (isMultilingual ? [language, taskToken].compactMap { $0 } : [])
  }
}
