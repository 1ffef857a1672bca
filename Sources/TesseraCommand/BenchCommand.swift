import ArgumentParser
import Foundation
import Tessera
import TesseraModels
import TesseraOperators

struct BenchCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench", abstract: "Measure a model's speed: prompt processing (pp) and token generation (tg).")

  enum Format: String, ExpressibleByArgument, CaseIterable { case md, json, csv }

  @Option(
    name: [.short, .long],
    help: "The model: a GGUF file, the first of several that are one, or a Hugging Face folder.")
  var model: String?

  @Option(
    help: ArgumentHelp(
      "Instead of a file, random weights made on the device, of any --type (default: q4_k): "
        + "\(RandomModel.all.map(\.name).joined(separator: ", ")).",
      valueName: "name"))
  var synthetic: String?

  @Option(help: "Layers with --synthetic (default: the model's).")
  var layers: Int?

  @Option(help: "The seed of the random weights.")
  var seed: UInt32?

  @OptionGroup var run: RunOptions
  @OptionGroup var lora: AdapterOptions

  @Option(name: [.customShort("p"), .long], help: "Tokens of the prompt; 0 leaves the test out.")
  var promptTokens = 512

  @Option(name: [.customShort("n"), .long], help: "Tokens to generate; 0 leaves the test out.")
  var generatedTokens = 128

  @Option(name: [.short, .long], help: "Runs of each test, after one that does not count.")
  var repetitions = 5

  @Option(name: [.short, .long], help: "Tokens in the cache before each test.")
  var depth = 0

  @Option(
    help: ArgumentHelp(
      "Sequences that are decoded together, e.g. 1,8: a row of each, tg128x8, with the tokens per second of all.",
      valueName: "counts"))
  var batch = BatchCounts(values: [1])

  @Option(name: [.short, .long], help: "md, json or csv.")
  var output: Format = .md

  func validate() throws {
    guard (model == nil) != (synthetic == nil) else {
      throw ValidationError("give a model's file (--model) or --synthetic NAME, not both")
    }
    if synthetic != nil {
      _ = try randomModel()
    } else if layers != nil || seed != nil {
      throw ValidationError("--layers and --seed belong to --synthetic")
    } else {
      try run.checkType()
    }
    guard promptTokens >= 0, generatedTokens >= 0, depth >= 0, promptTokens + generatedTokens > 0 else {
      throw ValidationError("-p, -n and -d must be 0 or more, and -p or -n more than 0")
    }
    guard (1...1000).contains(repetitions) else { throw ValidationError("-r must be 1 to 1000") }
    guard max(promptTokens, generatedTokens, depth) < 1 << 30 else {
      throw ValidationError("-p, -n or -d is too large")
    }
  }

  private func randomModel() throws -> RandomModel {
    guard var random = RandomModel.all.first(where: { $0.name == synthetic?.lowercased() }) else {
      throw ValidationError(
        "--synthetic is \"\(synthetic ?? "")\": \(RandomModel.all.map(\.name).joined(separator: ", ")) are possible")
    }
    if let type = run.type { random.format = type }
    if let layers {
      guard (1...1024).contains(layers) else { throw ValidationError("--layers is \(layers): 1 to 1024 are possible") }
      random.layerCount = layers
    }
    random.seed = seed ?? 0
    return random
  }

  private func randomName() throws -> String {
    let random = try randomModel()
    return "\(random.name) \(random.format.name)" + (layers.map { ", \($0) layers" } ?? "")
  }

  func run() async throws {
    var options = run.loadOptions
    options.adapters = lora.all
    // Random weights are made in their type.
    if model == nil { options.weightType = nil }
    options.sequenceCount = batch.values.max() ?? 1
    // Each sequence has a context of its own: no more of it than the tests need.
    if options.sequenceCount > 1, options.contextLength == nil {
      options.contextLength = max(1, depth + max(promptTokens, generatedTokens))
    }
    let language = try await run.load(
      try model.map { try ModelSource(path: $0) } ?? ModelSource(randomModel()), options: options)
    let name = try model ?? randomName()
    let bar = ProgressBar("measuring", quiet: run.quiet || run.json)
    var rows: [Row] = []
    let suffix = depth > 0 ? "@d\(depth)" : ""
    let tests =
      [("pp\(promptTokens)\(suffix)", promptTokens, 0, 1)]
      + batch.values.map { ("tg\(generatedTokens)\($0 > 1 ? "x\($0)" : "")\(suffix)", 0, generatedTokens, $0) }
    for (index, (test, prompt, generated, sequences)) in tests.enumerated() where prompt + generated > 0 {
      var speeds: [Double] = []
      var hostShares: [Double] = []
      _ = try await language.takeExpertStatistics()
      for repetition in 0...repetitions {
        bar.update((Double(index) + Double(repetition) / Double(repetitions + 1)) / Double(tests.count))
        let seconds = try await language.measure(
          promptTokens: prompt, generatedTokens: generated, depth: depth, sequences: sequences,
          adapter: lora.chosen)
        // The first run compiles kernels.
        guard repetition > 0 else { continue }
        let total = max(seconds.prompt + seconds.generation, 1e-9)
        speeds.append(Double((prompt + generated) * sequences) / total)
        hostShares.append(max(0, 1 - seconds.waited / total))
      }
      let statistics = try await language.takeExpertStatistics()
      var reads: ExpertReads?
      if language.hasExperts {
        // A run of its own, and of an answer only its beginning: the host looks at every choice.
        reads = try await language.expertReads(
          promptTokens: prompt, generatedTokens: min(generated, 16), depth: depth, sequences: sequences,
          adapter: lora.chosen)
      }
      // Sequences together may choose experts of their own.
      let isKnown = generated > 0 && !(language.hasExperts && sequences > 1)
      let weightBytes = isKnown ? language.weightBytesPerToken / sequences : nil
      rows.append(
        Row(
          test: test, speeds, hostShares, model: name, device: language.device.name,
          precision: language.precision, weightBytes: weightBytes,
          reads: reads, experts: statistics))
    }
    bar.finish()
    switch run.json ? .json : output {
    case .json: try Terminal.printJSON(rows)
    case .csv:
      Terminal.print(
        "test,tokens_per_second_mean,tokens_per_second_stddev,n,model,device,precision,experts_read_share,expert_hits,"
          + "expert_misses,expert_bytes,expert_seconds")
      for row in rows {
        let fields = [row.model, row.device].map { "\"\($0.replacingOccurrences(of: "\"", with: "\"\""))\"" }
        let experts: [(any CustomStringConvertible)?] = [
          row.experts_read_share, row.expert_hits, row.expert_misses, row.expert_bytes, row.expert_seconds,
        ]
        let columns =
          [row.test, "\(row.tokens_per_second_mean)", "\(row.tokens_per_second_stddev)", "\(row.n)"] + fields
          + ["\(row.precision)"] + experts.map { $0?.description ?? "" }
        Terminal.print(columns.joined(separator: ","))
      }
    case .md:
      Terminal.print("| test | tokens/s | weights GB/s | model | device | precision |\n|---|--:|--:|---|---|---|")
      for row in rows {
        let speed = String(format: "%.1f ± %.1f", row.tokens_per_second_mean, row.tokens_per_second_stddev)
        let bytes = row.weight_bytes_per_second.map { String(format: "%.2f", $0 * 1e-9) } ?? ""
        let model = model == nil ? row.model : URL(fileURLWithPath: row.model).lastPathComponent
        Terminal.print("| \(row.test) | \(speed) | \(bytes) | \(model) | \(row.device) | \(row.precision) |")
      }
      for row in rows { if let line = row.expertLine { Terminal.print(line) } }
    }
  }

  /// Named as the document names them.
  private struct Row: Encodable {
    let test: String
    let tokens_per_second_mean: Double
    let tokens_per_second_stddev: Double
    let tokens_per_second_median: Double
    /// Of the time, what was not spent waiting for the device.
    let host_share_median: Double
    let n: Int
    /// Bytes of weights read in a second, one token after another.
    let weight_bytes_per_second: Double?
    let model: String
    let device: String
    let precision: Precision
    /// Of all experts of all layers, those that a step reads, on average.
    let experts_read_share: Double?
    /// Of experts in host memory, in all runs of the test.
    let expert_hits, expert_misses, expert_bytes: Int?
    let expert_seconds: Double?

    /// What there is to say about experts.
    var expertLine: String? {
      guard let share = experts_read_share else { return nil }
      var line = "\(test): \(String(format: "%.1f", share * 100))% of the experts read in a step"
      if let hits = expert_hits, let misses = expert_misses, let bytes = expert_bytes, let seconds = expert_seconds {
        line += "; \(hits) found on the device, \(misses) brought there, "
        line += String(format: "%.1f MiB in %.2f s", Double(bytes) / Double(1 << 20), seconds)
      }
      return line
    }

    init(
      test: String, _ speeds: [Double], _ hostShares: [Double], model: String, device: String, precision: Precision,
      weightBytes: Int?, reads: ExpertReads?, experts: ExpertStatistics?
    ) {
      experts_read_share = reads.map { Double($0.chosen) / Double(max(1, $0.all)) }
      (expert_hits, expert_misses) = (experts?.hits, experts?.misses)
      (expert_bytes, expert_seconds) = (experts?.bytes, experts?.seconds)
      self.test = test
      let mean = speeds.reduce(0, +) / Double(speeds.count)
      tokens_per_second_mean = mean
      tokens_per_second_stddev =
        (speeds.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(max(1, speeds.count - 1))).squareRoot()
      tokens_per_second_median = speeds.sorted()[speeds.count / 2]
      weight_bytes_per_second = weightBytes.map { Double($0) * mean }
      host_share_median = hostShares.sorted()[hostShares.count / 2]
      n = speeds.count
      self.model = model
      self.device = device
      self.precision = precision
    }
  }
}

/// Counts of sequences, separated by commas.
struct BatchCounts: ExpressibleByArgument {
  let values: [Int]

  init(values: [Int]) { self.values = values }

  init?(argument: String) {
    let names = argument.split(separator: ",", omittingEmptySubsequences: false)
    values = names.compactMap { Int($0.trimmingCharacters(in: .whitespaces)) }
    guard values.count == names.count, values.allSatisfy((1...256).contains) else { return nil }
  }

  var defaultValueDescription: String { values.map(String.init).joined(separator: ",") }
}
