import TesseraFiles
import TesseraMemory
import TesseraOperators
import Testing

@testable import TesseraModels

extension FamilySuites {
  @Suite("Families beside transformers in float64")
  struct FamilyTests {
    @Test("every family has a tiny model, and every tiny model a reference by which it is run")
    func complete() throws {
      let run = [
        FamilyFixture.all(with: \.prompts), FamilyFixture.all(with: \.pairs), FamilyFixture.all(with: \.texts),
        FamilyFixture.all(with: \.sounds),
      ]
      #expect(run.joined().count == FamilyFixture.all.count && run.allSatisfy { !$0.isEmpty })
      let paths =
        try FamilyFixture.all.map { try $0.path } + OddModelTests.names.map { try FamilyFixture.path("odd/\($0).gguf") }
      let families = try paths.map { try Families.family(of: Hyperparameters(openCheckpoint(path: $0))) }
      #expect(Set(families.map { "\($0)" }) == Set(Families.all.map { "\($0)" }))
    }

    @Test(
      "log-probabilities and continuations agree, and every chunk size gives the same bits",
      arguments: FamilyFixture.all(with: \.prompts))
    func decoder(fixture: FamilyFixture) throws {
      let all = try #require(fixture.reference().prompts)
      // What a quantized file adds is another program: of one prompt.
      let prompts = fixture.isQuantized ? all.suffix(1) : all[...]
      let plain = try fixture.model()
      // Mixtral's are such that experts are idle: they must change nothing.
      let counts = prompts.compactMap(\.tokensPerExpert).joined().joined()
      #expect(counts.contains(0) || fixture.folder != "mixtral")
      for prompt in prompts {
        var options = ModelRunner.Options()
        options.contextLength = prompt.context
        let model = prompt.context == nil ? plain : try fixture.model(options)
        let logits = try model.logits(prompt.tokens)
        let worst = worstLogProbability(logits, prompt.logProbabilities)
        #expect(worst < 1e-4, "\(prompt.tokens.count) tokens: \(worst)")
        if fixture.isQuantized { continue }
        #expect(try model.greedy(prompt.tokens, count: prompt.generated.count) == prompt.generated)
        // A folder's GGUF files are run by the same commands.
        for chunk in [1, 7] where chunk < prompt.tokens.count && !fixture.isGGUF {
          let chunked = try model.logits(prompt.tokens, chunk: chunk)
          #expect(chunked.map(\.bitPattern) == logits.map(\.bitPattern), "chunks of \(chunk)")
        }
      }
    }

    @Test(
      "an encoder-decoder's hidden states, log-probabilities and continuations agree, source after source",
      arguments: FamilyFixture.all(with: \.pairs))
    func encoderDecoder(fixture: FamilyFixture) throws {
      var options = ModelRunner.Options()
      options.contextLength = 64
      let model = try fixture.model(options)
      for pair in try #require(fixture.reference().pairs) {
        let sequence = model.runner.cache.makeSequence()
        let states = try model.runner.hidden(model.runner.runSource(pair.source, of: sequence))
        sequence.close()
        let distance = worstRelative(states, pair.encoderHiddenStates.values)
        #expect(distance < 1e-4, "source of \(pair.source.count) tokens: \(distance)")
        let logits = try model.logits(pair.target, source: pair.source)
        let worst = worstLogProbability(logits, pair.logProbabilities)
        #expect(worst < 1e-4, "\(pair.source.count) and \(pair.target.count) tokens: \(worst)")
        let generated = try model.greedy(Array(pair.target.prefix(1)), source: pair.source, count: pair.generated.count)
        #expect(generated == pair.generated)
        let chunked = try model.logits(pair.target, source: pair.source, chunk: 1)
        #expect(chunked.map(\.bitPattern) == logits.map(\.bitPattern))
      }
    }

    @Test(
      "an encoder's hidden states agree, alone and beside others",
      arguments: FamilyFixture.all(with: \.texts))
    func encoder(fixture: FamilyFixture) throws {
      var options = ModelRunner.Options()
      options.sequenceCount = 2
      let runner = try fixture.model(options).runner
      let texts = try #require(fixture.reference().texts)
      func hidden(_ texts: [FamilyReference.Text]) throws -> [Float] {
        let chunks = texts.map {
          Batch.Chunk(
            sequence: runner.cache.makeSequence(), tokens: $0.tokens,
            tokenTypes: runner.profile.segmentCount > 0 ? $0.tokenTypes : nil, outputs: .all)
        }
        return try runner.hidden(runner.run(Batch(chunks)))
      }
      for text in texts {
        let distance = worstRelative(try hidden([text]), text.hiddenStates.values)
        #expect(distance < 1e-4, "\(text.tokens.count) tokens: \(distance)")
      }
      for text in texts {
        guard let expected = text.scores, let classification = runner.profile.classification else {
          #expect(text.scores == nil && runner.profile.classification == nil)
          continue
        }
        let worst = worstRelative(try runner.scores(judged(try hidden([text]), classification.rows)), expected.values)
        #expect(worst < 1e-4, "scores of \(text.tokens.count) tokens: \(worst)")
      }
      let together = try hidden([texts[2], texts[1]])
      #expect(worstRelative(together, texts[2].hiddenStates.values + texts[1].hiddenStates.values) < 1e-4)
    }

    /// The rows that a head judges.
    private func judged(_ states: [Float], _ rows: ModelProfile.Classification.Rows) -> [Float] {
      switch rows {
      case .first: return Array(states.prefix(32))
      case .each: return states
      case .mean:
        let count = states.count / 32
        return (0..<32).map { column in (0..<count).reduce(0) { $0 + states[$1 * 32 + column] } / Float(count) }
      }
    }

    /// How steps are computed: as programs, launch by launch, and as on a GPU.
    private static let ways: [(style: KernelStyle, usesPrograms: Bool)] = [
      (.vector, true), (.vector, false), (.simt, false),
    ]

    @Test(
      "programs, launches and both kernel styles give the same bits of encoders",
      arguments: ["mpnet", "modernbert", "jina-bert"])
    func encoderStyles(folder: String) throws {
      let fixture = FamilyFixture(folder: folder, isGGUF: false)
      let text = try #require(fixture.reference().texts)[2]
      let bits = try Self.ways.map { style, usesPrograms in
        var options = ModelRunner.Options()
        options.style = style
        let runner = try fixture.model(options, usesPrograms: usesPrograms).runner
        let batch = Batch([.init(sequence: runner.cache.makeSequence(), tokens: text.tokens, outputs: .all)])
        return try runner.hidden(runner.run(batch)).map(\.bitPattern)
      }
      #expect(bits[0] == bits[1] && bits[0] == bits[2])
    }

    @Test(
      "programs, launches and both kernel styles give the same bits",
      arguments: [
        "qwen2-tied", "mixtral", "t5-gated", "gemma2", "command-r-plus", "bloom", "falcon", "qwen2-moe", "deepseek-v3",
        "gpt-oss-mxfp4",
      ])
    func styles(folder: String) throws {
      let fixture = FamilyFixture(folder: folder, isGGUF: false)
      let reference = try fixture.reference()
      let source = reference.pairs?[1].source
      let tokens = try #require(reference.pairs?[1].target ?? reference.prompts?[1].tokens)
      let bits = try Self.ways.map { style, usesPrograms in
        var options = ModelRunner.Options()
        (options.style, options.contextLength) = (style, 64)
        return try fixture.model(options, usesPrograms: usesPrograms).logits(tokens, source: source).map(\.bitPattern)
      }
      #expect(bits[0] == bits[1] && bits[0] == bits[2])
    }
  }
}
