import TesseraCL
import TesseraFiles
import TesseraMemory
import TesseraModels
import TesseraOperators
import TesseraWorkbench

/// Steps of a random model of two layers, as step programs, by the host's clock.
final class StepSubject {
  private let format: WeightFormat
  private let kind: Tuning.TokenClass
  private let count: Int
  private let bench: Workbench
  private let model: RandomModel
  /// The models of the last tunings that ran, the latest at the end.
  private var models: [(choices: [String: [String: Int]], runner: ModelRunner)] = []
  private var logits: [Float] = []

  init(_ format: WeightFormat, _ kind: Tuning.TokenClass, on bench: Workbench) throws {
    (self.format, self.kind, self.bench) = (format, kind, bench)
    count = kind == .many ? 192 : 8
    var model = RandomModel.llama1B
    (model.layerCount, model.vocabularySize, model.format) = (2, 4096, format)
    self.model = model
  }

  private func runner(_ tuning: Tuning) throws -> ModelRunner {
    if let index = models.firstIndex(where: { $0.choices == tuning.choices }) {
      models.append(models.remove(at: index))
    } else {
      // Two are compared, and the first result is kept.
      if models.count > 1 { models.removeFirst() }
      var options = ModelRunner.Options()
      (options.contextLength, options.style, options.tuning) = (512, .vector, tuning)
      models.append(
        (tuning.choices, try ModelRunner(model.checkpoint(), on: bench.queue.context.device, options: options)))
    }
    return models[models.count - 1].runner
  }

  func subject() throws -> TunerSubject {
    let tile = try bench.plan().matrix.tile(tokens: count, weights: format.tuningClass, ofStep: true)
    return TunerSubject(
      name: Tuning.step(kind, format.tuningClass), shape: "2 layers of llama-1b, \(count) tokens, \(format.name)",
      parameters: ["TILE_M", "TILES"], initial: ["TILE_M": tile.tokens, "TILES": tile.repeats], run: run,
      result: { self.logits })
  }

  private func run(_ tuning: Tuning) throws -> Double {
    let runner = try runner(tuning)
    let sequence = runner.cache.makeSequence()
    defer { sequence.close() }
    let start = ContinuousClock.now
    let tokens = (0..<count).map { ($0 * 79 + 1) % 4096 }
    let result = try runner.run(Batch([.init(sequence: sequence, tokens: tokens)]))
    logits = try runner.logits(result, rows: 0..<1)
    return (ContinuousClock.now - start) / .seconds(1)
  }
}
