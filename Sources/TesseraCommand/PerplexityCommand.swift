import ArgumentParser
import Foundation
import Synchronization
import Tessera
import TesseraCL
import TesseraModels
import TesseraOperators
import TesseraText

struct PerplexityCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "perplexity", abstract: "The perplexity of a text, over windows of which the second half is scored.",
    discussion:
      """
      Windows of --context tokens (default: 512, or what the model was trained for) follow each other, as in llama.cpp's tool, so that figures compare. \
      With --compare the model is loaded once more in that precision, and the distributions at all scored positions \
      are compared with it: --precision fast --compare exact says what fast costs.
      """)

  @OptionGroup var model: ModelOptions
  @OptionGroup var lora: AdapterOptions

  @Option(help: "The text's file, - for standard input.")
  var file: String

  @Option(help: "Also measure how far the model is from itself in this precision: exact or fast.")
  var compare: Precision?

  func run() async throws {
    let bytes = try InputText.read(file)
    var model = model
    let window = try model.run.context ?? defaultWindow()
    guard window >= 4 else { throw UsageError(message: "--context is \(window): windows need at least 4 tokens") }
    model.run.context = window
    let language = try await model.load(lora)
    var reference: LanguageModel?
    if let compare {
      var options = model
      options.run.precision = compare
      reference = try await options.load(lora)
    }
    let vocabulary = language.profile.vocabularySize
    let divergence = Divergence(vocabulary: vocabulary)
    let tokens = try language.tokenizer.encode(bytes, addSpecial: true, parseSpecial: false)
    let windows = tokens.count / window
    guard windows >= 1, tokens.count >= 2 * window else {
      throw InputError(
        message:
          "\(file): \(tokens.count) tokens; at least \(2 * window) are needed for windows of \(window) (--context)")
    }
    let start = ContinuousClock.now
    let bar = ProgressBar("scoring", quiet: model.quiet || model.json)
    let score = Score()
    let tokenizer = try language.tokenizer
    let begin = tokenizer.addsBeginToken ? tokenizer.beginToken : nil
    for index in 0..<windows {
      var piece = Array(tokens[index * window..<(index + 1) * window])
      if let begin { piece[0] = begin }
      score.begin(piece, firstScored: window / 2, vocabulary: vocabulary)
      divergence.begin(scored: window / 2..<window - 1)
      try await reference?.logits(tokens: piece, adapter: lora.chosen) { divergence.expect($0) }
      try await language.logits(tokens: piece, adapter: lora.chosen) { logits in
        score.add(logits)
        divergence.compare(logits)
      }
      bar.update(Double(index + 1) / Double(windows))
      if !model.quiet, !model.json, !Terminal.standardErrorIsTerminal {
        Terminal.diagnose("window \(index + 1) of \(windows): \(String(format: "%.4f", score.result.perplexity))")
      }
    }
    bar.finish()
    let duration = ContinuousClock.now - start
    let seconds = Double(duration.components.seconds) + Double(duration.components.attoseconds) * 1e-18
    let result = score.result
    let difference = reference == nil ? nil : divergence.result
    if model.json {
      try Terminal.printJSON(
        Document(
          perplexity: result.perplexity, standard_error: result.standardError, tokens: result.count, seconds: seconds,
          precision: language.precision, compared_with: reference?.precision, difference: difference))
    } else {
      Terminal.print(
        String(
          format: "perplexity %.4f ± %.4f over %d tokens in %.1f s", result.perplexity, result.standardError,
          result.count, seconds))
      if let difference, let reference {
        Terminal.print(
          String(
            format: "beside %@: mean KL %.2e nats, top 8 log-probabilities within %.2e, other greedy token at %d of %d",
            reference.precision.rawValue, difference.mean_kl, difference.largest_top8_difference,
            difference.different_greedy, difference.positions))
      }
    }
  }

  /// 512 tokens as in llama.cpp's tool, or fewer where the model was trained for fewer.
  private func defaultWindow() throws -> Int {
    let usual = 512
    let trained = try ModelDraft(ModelSource(path: model.model).checkpoint, on: Device.select(model.run.device)).profile
      .contextLength
    guard trained < usual else { return usual }
    if !model.quiet, !model.json {
      Terminal.diagnose("note: windows of \(trained) tokens, the most that the model was trained for, not of \(usual)")
    }
    return trained
  }

  private struct Document: Encodable {
    let perplexity: Double
    let standard_error: Double
    let tokens: Int
    let seconds: Double
    let precision: Precision
    let compared_with: Precision?
    let difference: Divergence.Result?
  }
}

/// Sums of the negative log-likelihoods of scored tokens.
final class Score: Sendable {
  private struct State {
    var tokens: [Int] = []
    var position = 0
    var firstScored = 0
    var vocabulary = 1
    var sum = 0.0
    var squares = 0.0
    var count = 0
  }
  private let state = Mutex(State())

  /// The rows that follow belong to these tokens.
  func begin(_ tokens: [Int], firstScored: Int, vocabulary: Int) {
    state.withLock {
      ($0.tokens, $0.position, $0.firstScored, $0.vocabulary) = (tokens, 0, firstScored, vocabulary)
    }
  }

  /// Scores rows of logits: each against the token after its own, from `firstScored` on and without the last.
  func add(_ logits: [Float]) {
    state.withLock { state in
      for row in 0..<logits.count / state.vocabulary {
        defer { state.position += 1 }
        guard state.position >= state.firstScored, state.position + 1 < state.tokens.count else { continue }
        let values = logits[row * state.vocabulary..<(row + 1) * state.vocabulary]
        let most = Double(values.max() ?? 0)
        let sum = values.reduce(0.0) { $0 + exp(Double($1) - most) }
        let loss = log(sum) + most - Double(values[values.startIndex + state.tokens[state.position + 1]])
        state.sum += loss
        state.squares += loss * loss
        state.count += 1
      }
    }
  }

  var result: (perplexity: Double, standardError: Double, count: Int) {
    state.withLock {
      guard $0.count > 1 else { return (.nan, .nan, $0.count) }
      let mean = $0.sum / Double($0.count)
      let variance = max(0, $0.squares / Double($0.count) - mean * mean)
      let perplexity = exp(mean)
      return (perplexity, (variance / Double($0.count - 1)).squareRoot() * perplexity, $0.count)
    }
  }
}
