import ArgumentParser
import Foundation
import Tessera

/// How a beam search goes.
struct BeamOptions: ParsableArguments {
  @Option(help: "Follow so many answers at once, and print the likeliest as a whole (default: tokens one by one).")
  var beams: Int?

  @Option(
    parsing: .unconditional,
    help: "Beams: divide log-probabilities by the answer's length to this power; 0 does not, more favors long answers.")
  var lengthPenalty: Double?

  @Option(
    help: ArgumentHelp(
      """
      Beams: when a search that has as many answers as beams ends: early (at once), heuristic (when the best that goes on \
      is worse, the default) or never (only when it must get worse).
      """, valueName: "kind"))
  var stopping: BeamSearchOptions.Stopping?

  @Option(
    name: .customLong("no-repeat-ngram"),
    help: ArgumentHelp("Beams: no sequence of so many tokens occurs twice; 0 allows all.", valueName: "length"))
  var noRepeatNGram: Int?

  @Option(help: "Beams: tokens that an answer has before it may end.")
  var minTokens: Int?

  func validate() throws {
    guard let beams else {
      let given: [(String, Bool)] = [
        ("--length-penalty", lengthPenalty != nil), ("--stopping", stopping != nil),
        ("--no-repeat-ngram", noRepeatNGram != nil), ("--min-tokens", minTokens != nil),
      ]
      guard let option = given.first(where: \.1)?.0 else { return }
      throw ValidationError("\(option) is for a beam search: give --beams, too")
    }
    guard (1...BeamSearchOptions.largestWidth).contains(beams) else {
      throw ValidationError("--beams is \(beams): it must be 1 to \(BeamSearchOptions.largestWidth)")
    }
    if let lengthPenalty, !lengthPenalty.isFinite { throw ValidationError("--length-penalty must be a number") }
    if let noRepeatNGram, noRepeatNGram < 0 {
      throw ValidationError("--no-repeat-ngram is \(noRepeatNGram): it must be 0 (all) or more")
    }
    if let minTokens, minTokens < 0 { throw ValidationError("--min-tokens is \(minTokens): it must be 0 or more") }
  }

  /// Refuses what choices of single tokens alone have.
  func check(_ sampling: SamplingOptions) throws {
    guard beams != nil else { return }
    guard sampling.options.temperature == 0 else {
      throw ValidationError("--beams and --temperature exclude each other: beams are not drawn")
    }
    guard sampling.options.repeatPenalty == 1 else {
      throw ValidationError("--beams and --repeat-penalty exclude each other: use --no-repeat-ngram")
    }
    guard sampling.stopStrings.isEmpty else { throw ValidationError("--beams and --stop exclude each other") }
    if sampling.maxTokens == 0 { throw ValidationError("--max-tokens is 0: with --beams it must be 1 or more") }
  }

  /// - Returns: nil where tokens are chosen one by one.
  func options(maxTokens: Int?, firstTokens: [Int]?) -> BeamSearchOptions? {
    guard let beams else { return nil }
    var options = BeamSearchOptions()
    (options.width, options.resultCount) = (beams, beams)
    (options.maxTokens, options.firstTokens) = (maxTokens, firstTokens)
    options.minTokens = minTokens ?? options.minTokens
    options.lengthPenalty = lengthPenalty ?? options.lengthPenalty
    options.stopping = stopping ?? options.stopping
    options.noRepeatNGram = noRepeatNGram ?? options.noRepeatNGram
    return options
  }
}

extension BeamSearchOptions.Stopping: ExpressibleByArgument {}
