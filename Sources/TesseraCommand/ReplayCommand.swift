import ArgumentParser
import Foundation
import Tessera
import TesseraOperators
import TesseraSystem

struct ReplayCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "replay", abstract: "Give an answer again, and say whether it is the same to the bit.",
    discussion: """
      The file is a document of `tessera generate --json --reproduce`. The contents of the model, and of an \
      adapter (--lora), must be those that gave the answer; precision, the cache's encoding, the weights' type and the context are those of the file. The exit status is 0 where tokens \
      and the bits of their log-probabilities are the same.
      """)

  @OptionGroup var model: ModelOptions
  @OptionGroup var lora: AdapterOptions

  @Argument(help: "The document, - for standard input.")
  var file: String

  func run() async throws {
    let known = try Self.read(file)
    let source = try ModelSource(path: model.model)
    guard try source.digest().hexadecimal == known.modelDigest else {
      throw InputError(
        message: "\(model.model.shownPath): not the model that gave the answer, which was \(known.model.shownPath) "
          + "(SHA-256 \(known.modelDigest.prefix(12))…)")
    }
    try checkAdapter(known)
    let language = try await model.run.load(source, options: try options(known))
    if language.precision != known.precision {
      Terminal.diagnose(
        "note: the answer is of \(known.precision) precision; this device computes in \(language.precision)")
    }
    var options = known.request.options
    // An answer that was stopped is compared as far as it came.
    if known.answer.finishReason == .cancelled { options.maxTokens = known.answer.tokens.count }
    let stream = language.generate(
      tokens: known.request.promptTokens, source: known.request.sourceTokens, options: options)
    var answer = Reproduction.Answer()
    for try await event in stream { answer.add(event) }
    let difference = answer.firstDifference(from: known.answer)
    let comparesBits = !known.answer.tokens.isEmpty && known.answer.logprobBits.count == known.answer.tokens.count
    if model.json {
      try Terminal.printJSON(
        Document(
          same: difference == nil, first_difference: difference, tokens: answer.tokens, compares_bits: comparesBits,
          device: language.device.name, answered_on: known.device))
    } else if difference == nil {
      Terminal.print(
        "the same \(answer.tokens.count) tokens\(comparesBits ? ", and the same bits of their log-probabilities" : "")")
    }
    if let difference { throw InputError(message: "\(file.shownPath): \(difference.described(answer, known.answer))") }
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

  private static func read(_ path: String) throws -> Reproduction {
    struct Response: Decodable { let reproduce: Reproduction? }
    let data = Data(try InputText.read(path, limit: 64 << 20))
    let decoder = JSONDecoder()
    decoder.nonConformingFloatDecodingStrategy = .convertFromString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    do {
      if let known = try decoder.decode(Response.self, from: data).reproduce { return known }
    } catch let error as DecodingError {
      throw InputError(message: "\(path.shownPath): this is no document that can be replayed: \(error.place)")
    }
    throw InputError(
      message: "\(path.shownPath): it does not tell what reproduces its answer: make it with --json --reproduce")
  }

  private struct Document: Encodable {
    let same: Bool
    let first_difference: Int?
    let tokens: [Int]
    let compares_bits: Bool
    let device: String
    let answered_on: String
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

extension DecodingError {
  /// Where in the document the fault is, and what it is.
  fileprivate var place: String {
    let context =
      switch self {
      case .typeMismatch(_, let context), .valueNotFound(_, let context), .keyNotFound(_, let context),
        .dataCorrupted(let context):
        context
      @unknown default: nil as Context?
      }
    guard let context else { return "\(self)" }
    let path = context.codingPath.map(\.stringValue).joined(separator: ".")
    return (path.isEmpty ? "" : "\(path): ") + context.debugDescription
  }
}
