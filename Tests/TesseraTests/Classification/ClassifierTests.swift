import Foundation
import TesseraFiles
import TesseraModels
import TestSupport
import Testing

@testable import Tessera

extension ModelSuites {
  @Suite("Labels of texts and tokens, and the order of documents")
  struct ClassifierTests {
    private func url(_ name: String) throws -> URL { URL(fileURLWithPath: try FamilyFixture.path("families/\(name)")) }

    private func texts(_ folder: String) throws -> [FamilyReference.Text] {
      try #require(FamilyFixture(folder: folder, isGGUF: false).reference().texts)
    }

    @Test(
      "texts have the labels that transformers gives, alone and together",
      arguments: ["distilbert", "modernbert", "electra", "distilbert/model.gguf"])
    func texts(model: String) async throws {
      let folder = String(model.split(separator: "/")[0])
      let classifier = try await TextClassifier.load(from: url(model))
      #expect(!classifier.judgesTokens && !classifier.isMultiLabel)
      let texts = try texts(folder)
      let types = classifier.model.profile.segmentCount > 0 ? texts.map(\.tokenTypes) : nil
      let all = try await classifier.classify(tokens: texts.map(\.tokens), tokenTypes: types)
      for (index, (text, labels)) in zip(texts, all).enumerated() {
        #expect(labels.map(\.name) == classifier.labels)
        #expect(worstRelative(labels.map(\.logit), try #require(text.scores).values) < 1e-4)
        #expect(abs(labels.reduce(0) { $0 + $1.probability } - 1) < 1e-5)
        let alone = try await classifier.classify(tokens: [text.tokens], tokenTypes: types.map { [$0[index]] })
        #expect(alone == [labels])
      }
      await #expect(throws: TesseraError.self) { try await classifier.classifyTokens(tokens: [[5]]) }
      await #expect(throws: TesseraError.self) { try await classifier.classify(tokens: [[]]) }
      await #expect(throws: TesseraError.self) {
        try await classifier.classify(tokens: [[Int](repeating: 5, count: 65)])
      }
      await #expect(throws: (any Error).self) { try await classifier.classify(tokens: [[100]]) }
    }

    @Test("names of labels are the file's")
    func names() async throws {
      #expect(try await TextClassifier.load(from: url("distilbert")).labels == ["NEGATIVE", "POSITIVE"])
      #expect(try await TextClassifier.load(from: url("distilbert/model.gguf")).labels == ["NEGATIVE", "POSITIVE"])
    }

    @Test("each token has its labels")
    func tokens() async throws {
      let classifier = try await TextClassifier.load(from: url("bert-tokens"))
      #expect(classifier.judgesTokens && classifier.labels == ["O", "B-PER", "I-PER"])
      let texts = try texts("bert-tokens")
      let all = try await classifier.classifyTokens(tokens: texts.map(\.tokens), tokenTypes: texts.map(\.tokenTypes))
      for (text, tokens) in zip(texts, all) {
        #expect(tokens.map(\.id) == text.tokens)
        #expect(worstRelative(tokens.flatMap { $0.labels.map(\.logit) }, try #require(text.scores).values) < 1e-4)
      }
      await #expect(throws: TesseraError.self) { try await classifier.classify(tokens: [[5]]) }
    }

    @Test("documents come best first, with the logits of transformers", arguments: ["bert-pairs", "xlm-roberta"])
    func rerank(folder: String) async throws {
      let reranker = try await Reranker.load(from: url(folder))
      let texts = try texts(folder)
      let scores = try await reranker.rank(tokens: texts.map(\.tokens), tokenTypes: texts.map(\.tokenTypes))
      #expect(Set(scores.map(\.index)) == Set(texts.indices))
      #expect(scores.map(\.logit) == scores.map(\.logit).sorted(by: >))
      for score in scores {
        let expected = try #require(texts[score.index].scores).values[0]
        #expect(abs(score.logit - expected) < 1e-4)
        #expect(abs(score.score - 1 / (1 + exp(-expected))) < 1e-4)
      }
    }

    @Test("a question and documents are read together; what does not fit is cut off")
    func pairs() async throws {
      let place = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
      try FileManager.default.copyItem(at: url("bert-pairs"), to: place)
      defer { try? FileManager.default.removeItem(at: place) }
      try Data(WordTokenizer.document.utf8).write(to: place.appendingPathComponent("tokenizer.json"))
      let reranker = try await Reranker.load(from: place)
      let long = Array(repeating: "go", count: 100).joined(separator: " ")
      let scores = try await reranker.rank("going", documents: ["gone!", "e", long])
      // "going" is go ##ing; the context has 64 tokens.
      let pairs = [
        [2, 4, 5, 3, 4, 6, 9, 3], [2, 4, 5, 3, 7, 3], [2, 4, 5, 3] + [Int](repeating: 4, count: 59) + [3],
      ]
      let types = pairs.map { pair in pair.indices.map { $0 < 4 ? 0 : 1 } }
      #expect(try await reranker.rank(tokens: pairs, tokenTypes: types) == scores)
      #expect(try await reranker.rank(tokens: pairs) != scores)
      await #expect(throws: TesseraError.self) { try await reranker.rank(long, documents: ["e"]) }
    }

    @Test("models without such a head are refused")
    func others() async throws {
      for folder in ["bert", "qwen2-tied"] {
        await #expect(throws: ModelError.self) { try await TextClassifier.load(from: url(folder)) }
      }
      for folder in ["distilbert", "bert-tokens"] {
        await #expect(throws: ModelError.self) { try await Reranker.load(from: url(folder)) }
      }
      let classifier = try await LanguageModel.load(from: url("bert-pairs"))
      await #expect(throws: ModelError.self) { try await classifier.logits(tokens: [5]) { _ in } }
      await #expect(throws: ModelError.self) { try await classifier.score(tokens: [5], continuation: [6]) }
    }
  }
}
