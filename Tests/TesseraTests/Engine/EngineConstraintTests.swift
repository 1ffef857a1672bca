import TesseraJSON
import TestSupport
import Testing

@testable import Tessera

extension ModelSuites {
  @Suite("Answers that follow a grammar", .timeLimit(.minutes(60)))
  struct EngineConstraintTests {
    private static let schema = """
      {"type": "object", "properties": {"name": {"type": "string", "maxLength": 6}, "age": {"type": "integer", "minimum": 0, \
      "maximum": 130}, "tags": {"type": "array", "items": {"enum": ["red", "rot"]}, "maxItems": 2}}, "required": ["name", "age"], \
      "additionalProperties": false}
      """

    private static func load() async throws -> LanguageModel {
      var options = LoadOptions()
      (options.sequenceCount, options.contextLength, options.chunkSize) = (8, 256, 64)
      return try await SyntheticModel.llama.load(options)
    }

    private static func constraint(_ index: Int) throws -> TokenConstraint? {
      switch index % 4 {
      case 0: try .jsonSchema(schema)
      case 1: try .regex("(ab|cd){1,4}[0-9]{2}|x{3,9}")
      case 2: try .gbnf("root ::= \"(\" root \")\" | [a-z]{1,4}")
      default: nil
      }
    }

    @Sendable private static func options(_ index: Int, _ options: inout GenerationOptions) {
      options.constraint = try? constraint(index)
      options.maxTokens = 120
      guard index % 3 > 0 else { return }
      (options.temperature, options.topK, options.topP, options.minP) = (1, 0, 1, 0)
      options.seed = UInt64(index)
      if index % 3 == 2 { (options.repeatPenalty, options.presencePenalty) = (1.3, 0.5) }
    }

    private static let prompts = (0..<12).map { SyntheticModel.ids(3 + 7 * $0, seed: UInt64($0)) }

    @Test("constrained and free ones together give what each gives alone, and end with texts of their grammars")
    func together() async throws {
      let language = try await Self.load()
      var alone: [GenerationRun] = []
      for (index, prompt) in Self.prompts.enumerated() {
        alone.append(try await language.run(prompt) { Self.options(index, &$0) })
      }
      let runs = try await language.runTogether(Self.prompts, Self.options)
      #expect(runs.map(\.tokens) == alone.map(\.tokens) && runs.map(\.text) == alone.map(\.text))
      for (index, run) in runs.enumerated() where index % 4 < 3 {
        #expect(run.result?.finishReason == .stop, "\(index): \(run.text)")
        switch index % 4 {
        case 0:
          let fields = try JSONFields(of: JSONValue(parsing: run.text, options: .request))
          #expect(try fields.string("name").unicodeScalars.count <= 6 && (0...130).contains(fields.int("age")))
          #expect(try fields.optionalStrings("tags")?.allSatisfy { ["red", "rot"].contains($0) } ?? true)
          #expect(Set(fields.object.keys).isSubset(of: ["name", "age", "tags"]))
        case 1: #expect(try run.text.wholeMatch(of: Regex("(ab|cd){1,4}[0-9]{2}|x{3,9}")) != nil, "\(run.text)")
        default: #expect(try run.text.wholeMatch(of: Regex("\\(*[a-z]{1,4}\\)*")) != nil, "\(run.text)")
        }
      }
      try await language.waitForAllBlocks()
    }

    @Test("maxTokens ends it in the midst; a complete text that may go on ends where the model ends it, or there")
    func lengths() async throws {
      let language = try await Self.load()
      let cut = try await language.run(Self.prompts[0]) {
        $0.constraint = try? .jsonSchema(Self.schema)
        $0.maxTokens = 5
      }
      #expect(cut.text == "{\"nam" && cut.result?.finishReason == .length)
      let whole = try await language.run(Self.prompts[0]) {
        $0.constraint = try? .regex("abc")
        $0.maxTokens = 3
      }
      #expect(whole.text == "abc" && whole.result?.finishReason == .stop)
      let empty = try await language.run(Self.prompts[0]) { $0.constraint = try? .regex("") }
      #expect(empty.tokens == [] && empty.result?.finishReason == .stop)
    }

    private static func failure(_ body: () async throws -> GenerationRun) async -> TesseraError? {
      do { _ = try await body() } catch { return error as? TesseraError }
      return nil
    }

    @Test("no option brings a token that the grammar forbids; what leaves none is that request's error alone")
    func conflicts() async throws {
      let language = try await Self.load()
      let a = 97
      let biased = try await language.run(Self.prompts[1]) {
        $0.constraint = try? .regex("[b-d]{4}")
        ($0.temperature, $0.repeatPenalty, $0.logitBias) = (1.5, 0.5, [a: 1_000, 256: 1_000, 258: 1_000])
      }
      #expect(biased.text.count == 4 && biased.text.allSatisfy { "bcd".contains($0) })

      async let free = language.run(Self.prompts[2])
      var mask = [UInt32](repeating: 0, count: (SyntheticModel.vocabularyCount + 31) / 32)
      mask[a / 32] = 1 << UInt32(a % 32)
      let allowed = mask
      let left = await Self.failure {
        try await language.run(Self.prompts[1]) {
          $0.constraint = try? .regex("a{2}b")
          $0.allowedTokens = allowed
        }
      }
      #expect(left?.code == .badOption)
      let first = await Self.failure {
        try await language.run(Self.prompts[1]) {
          $0.constraint = try? .regex("ab")
          $0.firstTokens = [99]
        }
      }
      #expect(first?.code == .badOption)
      let begun = try await language.run(Self.prompts[1]) {
        $0.constraint = try? .regex("[a-c]{3}")
        $0.firstTokens = [99]
      }
      #expect(begun.text.count == 3 && begun.text.hasPrefix("c"))
      let (together, again) = (try await free, try await language.run(Self.prompts[2]))
      #expect(together.tokens == again.tokens)
      try await language.waitForAllBlocks()
    }

    @Test("equal constraints share what they learn, and the oldest are forgotten")
    func cache() throws {
      let vocabularies = ConstraintCache(nil, vocabularySize: 10, endTokens: [])
      #expect(throws: TesseraError.self) { try vocabularies.begin(.regex("a")) }
      #expect(try TokenConstraint.regex("a") == .regex("a") && TokenConstraint.regex("a") != .gbnf("root ::= \"a\""))
      #expect(try TokenConstraint.json() == .json() && TokenConstraint.regex("a") != .regex("b"))
    }
  }
}
