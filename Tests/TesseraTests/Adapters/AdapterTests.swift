import Foundation
import TesseraFiles
import TesseraMemory
import TesseraOperators
import Testing

@testable import TesseraModels

/// An adapter of `Fixtures/adapters`, and the tiny model that it is for.
struct AdapterFixture: Sendable, CustomStringConvertible {
  let name: String
  let model: String
  /// Which of the model's files; nil: its folder.
  var modelFile: String?
  /// Whether it is the adapter's GGUF file, not its folder.
  var isGGUF = false
  var description: String { "\(name)\(isGGUF ? ".gguf" : "") of \(model)/\(modelFile ?? "")" }

  static let folders = [
    AdapterFixture(name: "llama3-all", model: "llama3"), AdapterFixture(name: "llama3-some", model: "llama3"),
    AdapterFixture(name: "qwen2-tied-all", model: "qwen2-tied"), AdapterFixture(name: "gpt2-all", model: "gpt2"),
    AdapterFixture(name: "phi3-all", model: "phi3"), AdapterFixture(name: "mixtral-attention", model: "mixtral"),
  ]
  /// GGUF adapters beside GGUF models, and each kind beside the other.
  static let files =
    ["llama3", "qwen2-tied"].flatMap { model in
      let file = "model.gguf"
      return [
        AdapterFixture(name: "\(model)-all", model: model, modelFile: file, isGGUF: true),
        AdapterFixture(name: "\(model)-all", model: model, modelFile: file),
        AdapterFixture(name: "\(model)-all", model: model, isGGUF: true),
      ]
    } + [
      AdapterFixture(name: "phi3-all", model: "phi3", modelFile: "model.gguf", isGGUF: true),
      AdapterFixture(name: "gpt2-all", model: "gpt2", modelFile: "model.gguf"),
    ]

  var family: FamilyFixture { FamilyFixture(folder: model, file: modelFile) }
  var folder: String { get throws { try FamilyFixture.path("adapters/\(name)") } }

  func adapter(scale: Double = 1) throws -> Adapter {
    try Adapter(path: isGGUF ? "\(folder)/adapter.gguf" : folder, name: name, scale: scale)
  }

  func reference() throws -> FamilyReference {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return try decoder.decode(
      FamilyReference.self, from: Data(contentsOf: URL(fileURLWithPath: "\(folder)/reference.json")))
  }

  /// The model with this adapter, and others behind it.
  func loaded(_ others: [Adapter] = [], _ change: (inout ModelRunner.Options) -> Void = { _ in }) throws -> FamilyModel
  {
    var options = ModelRunner.Options()
    options.adapters = [try adapter()] + others
    options.sequenceCount = 4
    change(&options)
    return try family.model(options)
  }
}

extension FamilySuites {
  @Suite("Adapters beside PEFT in float64")
  struct AdapterTests {
    @Test("log-probabilities and continuations agree", arguments: AdapterFixture.folders + AdapterFixture.files)
    func decoder(fixture: AdapterFixture) throws {
      let model = try fixture.loaded()
      for prompt in try #require(fixture.reference().prompts) {
        let rows = try model.runner.alone(prompt.tokens, adapter: 0)
        let worst = worstLogProbability(rows.joined().map { Float(bitPattern: $0) }, prompt.logProbabilities)
        #expect(worst < 1e-4, "\(prompt.tokens.count) tokens: \(worst)")
        #expect(try model.greedy(prompt.tokens, count: prompt.generated.count, adapter: 0) == prompt.generated)
      }
    }

    @Test("an encoder's hidden states agree")
    func encoder() throws {
      let fixture = AdapterFixture(name: "bert-all", model: "bert")
      let runner = try fixture.loaded().runner
      for text in try #require(fixture.reference().texts) {
        let chunk = Batch.Chunk(
          sequence: runner.cache.makeSequence(adapter: 0), tokens: text.tokens, tokenTypes: text.tokenTypes,
          outputs: .all)
        let distance = worstRelative(try runner.hidden(runner.run(Batch([chunk]))), text.hiddenStates.values)
        #expect(distance < 1e-4, "\(text.tokens.count) tokens: \(distance)")
      }
    }

    @Test("an encoder-decoder's log-probabilities agree")
    func encoderDecoder() throws {
      let fixture = AdapterFixture(name: "t5-all", model: "t5")
      let model = try fixture.loaded { $0.contextLength = 64 }
      for pair in try #require(fixture.reference().pairs) {
        let rows = try model.runner.alone(pair.target, source: pair.source, adapter: 0)
        let worst = worstLogProbability(rows.joined().map { Float(bitPattern: $0) }, pair.logProbabilities)
        #expect(worst < 1e-4, "\(pair.source.count) and \(pair.target.count) tokens: \(worst)")
      }
    }

    @Test(
      "sequences with different adapters, and without, have in one batch the bits that each has alone",
      arguments: [KernelStyle.vector, .simt])
    func mixed(style: KernelStyle) throws {
      let fixture = AdapterFixture(name: "llama3-all", model: "llama3")
      let other = AdapterFixture(name: "llama3-some", model: "llama3")
      let runner = try fixture.loaded([other.adapter()]) { $0.style = style }.runner
      let plain = try fixture.family.model(
        {
          var options = ModelRunner.Options()
          options.style = style
          return options
        }()
      ).runner
      let single = try other.loaded { $0.style = style }.runner
      let prompts = try #require(fixture.reference().prompts).map(\.tokens)
      let adapters: [Int?] = [nil, 1, 0, 1]
      let tokens = [prompts[2], prompts[1], prompts[2], Array(prompts[2].dropFirst(3))]
      let alone = try zip(tokens, adapters).map { try runner.alone($0, adapter: $1) }
      // Without an adapter the base's bits, whatever else is loaded; with one those of being loaded alone.
      #expect(try alone[0] == plain.alone(tokens[0]))
      #expect(try alone[1] == single.alone(tokens[1], adapter: 0))
      #expect(alone[0] != alone[2])
      // Prompts beside decoded tokens, in steps of several kinds; results of all rows and of the last.
      let all = zip(tokens, adapters).map { Progress($0, runner.cache.makeSequence(adapter: $1)) }
      for counts in [[5, 1, 7, 1], [1, 1, 1, 1], [9, 0, 1, 12], [1, 5, 30, 3], [1, 0, 1, 1], [40, 0, 1, 21]] {
        let chunked = zip(all, counts).filter { $1 > 0 && $0.left > 0 }
        var rows = try runner.rows(chunked.map { $0.chunk($1) })[...]
        for (progress, count) in chunked {
          let own = min(count, progress.tokens.count - progress.rows.count)
          progress.rows += rows.prefix(own)
          rows = rows.dropFirst(own)
        }
      }
      for (index, progress) in all.enumerated() {
        #expect(!progress.rows.isEmpty && progress.rows == Array(alone[index].prefix(progress.rows.count)), "\(index)")
      }
    }

    @Test("only the rows that are wanted, in their own order, have the same bits")
    func wantedRows() throws {
      let fixture = AdapterFixture(name: "llama3-all", model: "llama3")
      let runner = try fixture.loaded().runner
      let tokens = try #require(fixture.reference().prompts)[2].tokens
      // Chunks of one token come first in a step, and last here.
      let chunks: [Batch.Chunk] = [(0, 12), (nil, 9), (0, 1), (nil, 1)].map { (adapter: Int?, count: Int) in
        .init(
          sequence: runner.cache.makeSequence(adapter: adapter), tokens: Array(tokens.prefix(count)), outputs: .last)
      }
      let rows = try runner.rows(chunks)
      for (chunk, row) in zip(chunks, rows) {
        #expect(try runner.alone(chunk.tokens, adapter: chunk.sequence.adapter).last == row)
      }
    }

    @Test("both kernel styles give the same bits", arguments: ["llama3", "gpt2", "qwen2-tied"])
    func styles(model: String) throws {
      let fixture = AdapterFixture(name: "\(model)-all", model: model)
      let tokens = try #require(fixture.reference().prompts)[2].tokens
      let bits = try [KernelStyle.vector, .simt].map { style in
        try fixture.loaded { $0.style = style }.runner.alone(tokens, adapter: 0)
      }
      #expect(bits[0] == bits[1])
    }
  }
}
