import ArgumentParser
import Foundation
import Tessera
import TesseraOperators
import TesseraSystem

struct ReplayCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "replay", abstract: "Give answers again, and say whether they are the same to the bit.",
    discussion: """
      The file is a document of `tessera generate --json --reproduce`, or what `tessera serve` answered a request with \
      "reproduce": true, whole or streamed: all its choices are given again. The contents of the model, and of an \
      adapter (--lora), must be those that gave the answer; precision, the cache's encoding, the weights' type \
      and the context are those of the file. The exit status is 0 where all tokens and the bits of their \
      log-probabilities are the same.
      """)

  @OptionGroup var model: ModelOptions
  @OptionGroup var lora: AdapterOptions

  @Argument(help: "The document, - for standard input.")
  var file: String

  func run() async throws {
    let answers = try ReplayFile(file).entries
    guard let first = answers.first?.reproduction else { return }
    let source = try ModelSource(path: model.model)
    guard try source.digest().hexadecimal == first.modelDigest else {
      throw InputError(
        message: "\(model.model.shownPath): not the model that gave the answer, which was \(first.model.shownPath) "
          + "(SHA-256 \(first.modelDigest.prefix(12))…)")
    }
    for answer in answers { try checkAdapter(answer.reproduction) }
    let language = try await model.run.load(source, options: try options(first))
    if language.precision != first.precision {
      Terminal.diagnose(
        "note: the answer is of \(first.precision) precision; this device computes in \(language.precision)")
    }
    var replays: [Replay] = []
    for answer in answers {
      let replay = try await replay(answer, language)
      if !model.json, replay.difference == nil { Terminal.print(replay.summary) }
      replays.append(replay)
    }
    if model.json { try printJSON(replays, language) }
    let differences = replays.compactMap(\.differenceText)
    guard differences.isEmpty else {
      throw InputError(message: "\(file.shownPath): \(differences.joined(separator: "; "))")
    }
  }

  private func replay(_ entry: ReplayFile.Entry, _ language: LanguageModel) async throws -> Replay {
    let known = entry.reproduction
    var options = known.request.options
    // An answer that was stopped is compared as far as it came.
    if known.answer.finishReason == .cancelled { options.maxTokens = known.answer.tokens.count }
    let stream = language.generate(
      tokens: known.request.promptTokens, source: known.request.sourceTokens, options: options)
    var answer = Reproduction.Answer()
    for try await event in stream { answer.add(event) }
    return Replay(choice: entry.choice, known: known, answer: answer)
  }

  private func printJSON(_ replays: [Replay], _ language: LanguageModel) throws {
    let documents = replays.map { $0.document(language.device.name) }
    if documents.count == 1, documents[0].index == nil { return try Terminal.printJSON(documents[0]) }
    try Terminal.printJSON(Replay.Documents(same: documents.allSatisfy(\.same), choices: documents))
  }

  /// Refuses adapters that are not what stood beside the model.
  private func checkAdapter(_ known: Reproduction) throws {
    guard let name = known.request.adapter else { return }
    guard let told = known.adapter else {
      throw InputError(message: "\(file.shownPath): it does not tell the contents of the adapter \(name.shownPath)")
    }
    guard let adapter = lora.all.first(where: { $0.name == name }) else {
      throw InputError(
        message: "\(file.shownPath): the answer is of the adapter \(name.shownPath): --lora NAME=PATH:SCALE gives it")
    }
    let given = try Reproduction.Adapter(adapter)
    guard given.digest == told.digest else {
      throw InputError(
        message: "\(adapter.path.shownPath): not the adapter that gave the answer (SHA-256 \(told.digest.prefix(12))…)")
    }
    guard given.scale == told.scale else {
      throw InputError(
        message: "\(adapter.path.shownPath): its scale is \(given.scale), and was \(told.scale): --lora PATH:SCALE")
    }
  }

  /// How the model ran.
  private func options(_ known: Reproduction) throws -> LoadOptions {
    var options = model.run.loadOptions
    options.adapters = lora.all
    options.precision = known.precision
    options.contextLength = known.contextLength
    guard let encodings = CacheEncodings(argument: known.cacheEncoding) else {
      throw InputError(message: "\(file.shownPath): the cache's encoding \(known.cacheEncoding.shownPath) is not known")
    }
    (options.keyEncoding, options.valueEncoding) = (encodings.keys, encodings.values)
    options.weightType = try known.weightType.map { name in
      guard let type = Quantizer.formats.first(where: { $0.name == name }) else {
        throw InputError(message: "\(file.shownPath): the weights' type \(name.shownPath) is not known")
      }
      return type
    }
    return options
  }
}

/// An answer that was given again, beside what it was.
private struct Replay {
  let choice: Int?
  let known: Reproduction
  let answer: Reproduction.Answer

  var difference: Int? { answer.firstDifference(from: known.answer) }
  private var comparesBits: Bool {
    !known.answer.tokens.isEmpty && known.answer.logprobBits.count == known.answer.tokens.count
  }
  private var label: String { choice.map { "choice \($0): " } ?? "" }

  /// Of one that is the same.
  var summary: String {
    let bits = comparesBits ? ", and the same bits of their log-probabilities" : ""
    return "\(label)the same \(answer.tokens.count) tokens\(bits)"
  }

  var differenceText: String? { difference.map { label + $0.described(answer, known.answer) } }

  func document(_ device: String) -> Document {
    Document(
      index: choice, same: difference == nil, first_difference: difference, tokens: answer.tokens,
      compares_bits: comparesBits, device: device, answered_on: known.device)
  }

  struct Document: Encodable {
    let index: Int?
    let same: Bool
    let first_difference: Int?
    let tokens: [Int]
    let compares_bits: Bool
    let device: String
    let answered_on: String
  }

  struct Documents: Encodable {
    let same: Bool
    let choices: [Document]
  }
}

extension Int {
  /// What two answers have at this place, where they differ.
  fileprivate func described(_ answer: Reproduction.Answer, _ known: Reproduction.Answer) -> String {
    func token(_ answer: Reproduction.Answer) -> String {
      answer.tokens.indices.contains(self) ? "\(answer.tokens[self])" : "the end"
    }
    let (now, before) = (token(answer), token(known))
    guard now == before else { return "the answer is another: token \(self) is \(now) and was \(before)" }
    guard answer.tokens.indices.contains(self) else {
      let (now, before) = (answer.finishReason.rawValue, known.finishReason.rawValue)
      return "the answer has the same tokens, and ends for another reason: it is \(now) and was \(before)"
    }
    return "the answer has the same tokens up to \(now), token \(self), whose log-probability has other bits"
  }
}
