import Foundation
import TesseraFiles
import TesseraModels
import TestSupport
import Testing

@testable import Tessera

/// What sentence-transformers computed in float64 (`Tests/Fixtures-scripts/make_pooling_fixtures.py`).
private struct PoolingFixture: Decodable {
  struct Text: Decodable {
    let tokens: [Int]
    let vectors: [String: FixtureMatrix]
    let dense: FixtureMatrix
  }

  static func texts(_ family: String) throws -> [Text] {
    let path = try FamilyFixture.path("pooling/expected.json")
    let all = try JSONDecoder().decode([String: [Text]].self, from: Data(contentsOf: URL(fileURLWithPath: path)))
    return try #require(all[family])
  }
}

extension ModelSuites {
  @Suite("Hidden states become one vector")
  struct PoolingTests {
    private static let poolings: [(Embedder.Pooling, String)] = [
      (.mean, "mean"), (.cls, "cls"), (.last, "lasttoken"), (.max, "max"), (.weightedMean, "weightedmean"),
      (.meanSqrt, "mean_sqrt_len_tokens"),
    ]

    @Test("every kind of pooling, of an encoder and of a decoder", arguments: ["bert", "qwen2-untied"])
    func pooling(family: String) async throws {
      #expect(Self.poolings.count == Embedder.Pooling.allCases.count)
      let url = URL(fileURLWithPath: try FamilyFixture.path("families/\(family)"))
      let embedder = try await Embedder.load(from: url)
      let texts = try PoolingFixture.texts(family)
      for (pooling, name) in Self.poolings {
        let vectors = try await embedder.embed(tokens: texts.map(\.tokens), pooling: pooling, isNormalized: false)
        for (text, vector) in zip(texts, vectors) {
          #expect(worstRelative(vector, try #require(text.vectors[name]).values) < 1e-4, "\(name)")
        }
      }
    }

    /// A copy of a family's folder with other documents, a dense layer, and a tokenizer of words.
    private func withFolder(_ family: String, _ documents: [String: String], _ body: (URL) async throws -> Void)
      async throws
    {
      let place = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
      try FileManager.default.copyItem(
        at: URL(fileURLWithPath: FamilyFixture.path("families/\(family)")), to: place)
      defer { try? FileManager.default.removeItem(at: place) }
      try FileManager.default.copyItem(
        at: URL(fileURLWithPath: FamilyFixture.path("pooling/2_Dense")), to: place.appendingPathComponent("head"))
      for (name, text) in documents {
        let url = place.appendingPathComponent(name)
        try FileManager.default.createDirectory(
          at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: url)
      }
      try await body(place)
    }

    private static let modules = """
      [{"type": "sentence_transformers.models.Transformer", "path": ""},
       {"type": "sentence_transformers.models.Pooling", "path": "pool"},
       {"type": "sentence_transformers.models.Dense", "path": "head"},
       {"type": "sentence_transformers.models.Normalize", "path": "2_Normalize"}]
      """

    @Test("a dense layer behind it, in the folder that modules.json names", arguments: ["bert", "qwen2-untied"])
    func dense(family: String) async throws {
      let pool = #"{"pooling_mode_mean_tokens": true, "pooling_mode_lasttoken": false}"#
      try await withFolder(family, ["modules.json": Self.modules, "pool/config.json": pool]) { url in
        let embedder = try await Embedder.load(from: url)
        #expect(embedder.dimensions == 24 && embedder.pooling == .mean && embedder.isNormalized)
        let texts = try PoolingFixture.texts(family)
        let vectors = try await embedder.embed(tokens: texts.map(\.tokens))
        for (text, vector) in zip(texts, vectors) { #expect(worstRelative(vector, text.dense.values) < 1e-4) }
      }
    }

    @Test("prompts are put before texts, by name, by default and as they are given; their tokens may be left out")
    func prompts() async throws {
      let documents = [
        "tokenizer.json": WordTokenizer.document,
        "config_sentence_transformers.json":
          #"{"prompts": {"query": "go, ", "passage": ""}, "default_prompt_name": "query"}"#,
      ]
      try await withFolder("bert", documents) { url in
        let embedder = try await Embedder.load(from: url)
        #expect(embedder.prompts == ["query": "go, ", "passage": ""] && embedder.defaultPrompt == "query")
        let plain = try await embedder.embed(["gone!"], prompt: "passage")
        #expect(try await embedder.embed(["gone!"], prefix: "") == plain)
        let asked = try await embedder.embed(["gone!"])
        #expect(asked != plain)
        #expect(try await embedder.embed(["gone!"], prompt: "query") == asked)
        #expect(try await embedder.embed(["go, gone!"], prompt: "passage") == asked)
        #expect(try await embedder.embed(["gone!"], prefix: "go, ") == asked)
        await #expect(throws: TesseraError.self) { try await embedder.embed(["gone!"], prompt: "other") }
      }
      let pool = #"{"pooling_mode": "mean", "include_prompt": false}"#
      try await withFolder("bert", documents.merging(["1_Pooling/config.json": pool]) { $1 }) { url in
        let embedder = try await Embedder.load(from: url)
        let tokens = try embedder.tokens(of: ["go, gone!"])[0]
        // The beginning token, "go" and the comma are not pooled.
        let rows = try await embedder.model.hidden(tokens: tokens).dropFirst(3 * 32)
        let count = rows.count / 32
        let mean = (0..<32).map { column in
          (0..<count).reduce(0) { $0 + rows[rows.startIndex + $1 * 32 + column] } / Float(count)
        }
        let vector = try await embedder.embed(["gone!"], isNormalized: false)[0]
        #expect(worstRelative(vector, mean) < 1e-5)
      }
    }

    @Test("layers that do not fit, and files that are missing, are refused by name")
    func refused() async throws {
      for (name, text, word) in [
        ("head/config.json", #"{"in_features": 16, "out_features": 24}"#, "linear.weight"),
        (
          "head/config.json", #"{"in_features": 32, "out_features": 24, "activation_function": "torch.nn.SiLU"}"#,
          "SiLU"
        ),
        ("head/config.json", #"{"in_features": 32, "out_features": 24, "use_residual": true}"#, "use_residual"),
        ("modules.json", Self.modules.replacingOccurrences(of: "\"head\"", with: "\"../head\""), "out of the folder"),
        ("modules.json", Self.modules.replacingOccurrences(of: "\"head\"", with: "\"none\""), "none"),
        ("config_sentence_transformers.json", #"{"default_prompt_name": "query"}"#, "query"),
      ] {
        var documents = ["modules.json": Self.modules]
        documents[name] = text
        try await withFolder("bert", documents) { url in
          do {
            _ = try await Embedder.load(from: url)
            Issue.record("no error with \(word)")
          } catch { #expect("\(error)".contains(word), "\(error)") }
        }
      }
    }
  }
}

/// A small tokenizer of words, as BERT's.
enum WordTokenizer {
  static let document = """
    {"model": {"type": "WordPiece", "unk_token": "[UNK]", "vocab": {"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3,
      "go": 4, "##ing": 5, "##ne": 6, "e": 7, ",": 8, "!": 9}},
     "added_tokens": [{"id": 0, "content": "[PAD]", "special": true}, {"id": 2, "content": "[CLS]", "special": true},
      {"id": 3, "content": "[SEP]", "special": true}],
     "normalizer": {"type": "BertNormalizer"}, "pre_tokenizer": {"type": "BertPreTokenizer"},
     "decoder": {"type": "WordPiece"},
     "post_processor": {"type": "BertProcessing", "cls": ["[CLS]", 2], "sep": ["[SEP]", 3]}}
    """
}
