import ArgumentParser
import Foundation
import Tessera

/// How tokens are chosen, and when to stop.
struct SamplingOptions: ParsableArguments {
  @Option(name: [.customShort("n"), .long], help: "The most tokens to generate.")
  var maxTokens: Int?

  @Option(help: "0 takes the likeliest token; higher values are bolder (default: 0).")
  var temperature: Float?

  @Option(help: "Consider only so many of the likeliest tokens; 0 considers all (default: 40).")
  var topK: Int?

  @Option(help: "Consider only the likeliest tokens that together have this probability (default: 0.95).")
  var topP: Float?

  @Option(help: "Leave out tokens less likely than this share of the likeliest (default: 0.05).")
  var minP: Float?

  @Option(help: "Divide the logits of the last 64 tokens by this; 1 leaves them (default: 1).")
  var repeatPenalty: Float?

  @Option(help: "The same seed gives the same text.")
  var seed: UInt64?

  @Option(
    name: .customLong("stop"), parsing: .unconditionalSingleValue,
    help: ArgumentHelp("End the answer before this text; may be repeated.", valueName: "text"))
  var stopStrings: [String] = []

  @Option(help: "With --json, tell log-probabilities of each token and of so many of the likeliest in its place.")
  var logprobs: Int?

  func validate() throws {
    if let maxTokens, maxTokens < 0 { throw ValidationError("--max-tokens is \(maxTokens): it must be 0 or more") }
    if let temperature, !(temperature >= 0 && temperature.isFinite) {
      throw ValidationError("--temperature must be 0 or more")
    }
    if let topK, topK < 0 { throw ValidationError("--top-k must be 0 (all) or more") }
    if let topP, !(0...1).contains(topP) {
      throw ValidationError("--top-p must be from 0 (the likeliest alone) to 1 (all)")
    }
    if let minP, !(0...1).contains(minP) {
      throw ValidationError("--min-p must be from 0 (all) to 1 (the likeliest alone)")
    }
    if let repeatPenalty, !(repeatPenalty > 0 && repeatPenalty.isFinite) {
      throw ValidationError("--repeat-penalty must be over 0")
    }
    if let logprobs, !(0...GenerationOptions.topLogprobsLimit).contains(logprobs) {
      throw ValidationError("--logprobs must be from 0 to \(GenerationOptions.topLogprobsLimit)")
    }
    guard stopStrings.allSatisfy({ !$0.isEmpty }) else { throw ValidationError("--stop must not be empty") }
  }

  /// How answers are generated.
  var options: GenerationOptions { applied(to: GenerationOptions()) }

  /// Options with those that were given, also those that were given as the default, in the place of what they had.
  func applied(to options: GenerationOptions) -> GenerationOptions {
    var result = options
    result.maxTokens = maxTokens ?? options.maxTokens
    result.temperature = temperature ?? options.temperature
    result.topK = topK ?? options.topK
    result.topP = topP ?? options.topP
    result.minP = minP ?? options.minP
    result.repeatPenalty = repeatPenalty ?? options.repeatPenalty
    result.seed = seed ?? options.seed
    if !stopStrings.isEmpty { result.stopStrings = stopStrings }
    result.topLogprobs = logprobs ?? options.topLogprobs
    return result
  }
}

extension GenerationResult {
  /// Whether the answer ended because nothing more fits the context.
  func isContextFull(_ options: GenerationOptions, of contextLength: Int) -> Bool {
    // The last token is not run.
    let room = contextLength - statistics.promptTokens + 1
    return finishReason == .length && options.maxTokens.map { $0 > room } ?? true
  }
}

extension LanguageModel {
  /// Says that an answer ended with the context.
  var contextNote: String {
    "note: the answer ends here because the context of \(contextLength) tokens is full: --context takes up to "
      + "\(profile.contextLength)"
  }
}

extension GenerationStatistics {
  /// Two lines for people.
  func summary(of language: LanguageModel) -> String {
    func format(_ value: Double) -> String { String(format: "%.1f", value) }
    func mebibytes(_ bytes: Int) -> String { "\(bytes >> 20) MiB" }
    // The speed is of the tokens that were computed.
    let cached = cachedPromptTokens > 0 ? " (\(cachedPromptTokens) cached)" : ""
    let hostBytes = language.memoryPlan.host.totalBytes
    let host = hostBytes > 0 ? ", planned beside it \(mebibytes(hostBytes))" : ""
    let speed = cachedPromptTokens < promptTokens ? ", \(format(promptTokensPerSecond)) tokens/s" : ""
    return """

      loaded in \(String(format: "%.2f", loadSeconds)) s; prompt \(promptTokens) tokens\(cached)\(speed); \
      answer \(generatedTokens) tokens, \(format(generationTokensPerSecond)) tokens/s
      first token after \(String(format: "%.2f", timeToFirstTokenSeconds)) s; device memory \(mebibytes(peakDeviceBytes)) \
      (cache \(language.memoryPlan.cacheEncoding))\(host), resident \(mebibytes(peakResidentBytes))
      """
  }
}
