import Foundation
import TesseraModels
import Testing

@testable import Tessera

/// Folders of real models, named by environment variables; those are skipped that are not set.
private let folders = ["minilm", "e5"].compactMap { name in
  ProcessInfo.processInfo.environment["TESSERA_TEST_\(name.uppercased())"].flatMap { $0.isEmpty ? nil : (name, $0) }
}

extension ModelSuites {
  @Suite("Vectors of texts")
  struct EmbedderTests {
    private func folder(_ name: String) throws -> URL {
      try #require(Bundle.module.url(forResource: name, withExtension: nil, subdirectory: "Fixtures/families"))
    }

    @Test("an encoder's vectors do not depend on what runs beside a text")
    func together() async throws {
      let embedder = try await Embedder.load(from: folder("bert"))
      #expect(embedder.pooling == .mean && embedder.isNormalized && embedder.longestText == 48)
      #expect(embedder.dimensions == 32)
      // More tokens than a step takes.
      let texts = (1...9).map { length in (0..<length * 3).map { ($0 * 37 + length) % 100 } }
      for pooling in Embedder.Pooling.allCases {
        let vectors = try await embedder.embed(tokens: texts, pooling: pooling)
        #expect(vectors.count == texts.count)
        for (text, vector) in zip(texts, vectors) {
          #expect(try await embedder.embed(tokens: [text], pooling: pooling) == [vector])
          #expect(abs(vector.reduce(0) { $0 + $1 * $1 } - 1) < 1e-5)
        }
      }
      #expect(try await embedder.embed(tokens: []) == [])
      await #expect(throws: TesseraError.self) { try await embedder.embed(tokens: [[1], []]) }
      await #expect(throws: TesseraError.self) { try await embedder.embed(tokens: [[Int](repeating: 1, count: 65)]) }
      await #expect(throws: (any Error).self) { try await embedder.embed(tokens: [[100]]) }
      await #expect(throws: TesseraError.self) { try await embedder.embed(["no tokenizer"]) }
    }

    @Test("a decoder's vector is its last hidden state, an encoder-decoder's the mean of its encoder's")
    func others() async throws {
      let decoder = try await Embedder.load(from: folder("qwen2-untied"))
      #expect(decoder.pooling == .last)
      let tokens = [53, 86, 37, 91]
      let states = try await decoder.model.hidden(tokens: tokens)
      #expect(try await decoder.embed(tokens: [tokens], isNormalized: false) == [Array(states.suffix(32))])
      let both = try await Embedder.load(from: folder("t5"))
      #expect(both.pooling == .mean)
      let source = try await both.model.sourceHidden(tokens: tokens)
      let size = both.dimensions
      let mean = (0..<size).map { column in
        Float((0..<4).reduce(0.0) { $0 + Double(source[$1 * size + column]) } / 4)
      }
      #expect(try await both.embed(tokens: [tokens], isNormalized: false) == [mean])
    }

    private struct Fixture: Decodable {
      struct Array: Decodable { let float32: Data }
      struct Text: Decodable {
        let text: String
        let ids: [Int]
        let embedding: Array
      }
      let architecture: String
      let texts: [Text]
    }

    @Test(
      "all-MiniLM-L6-v2 and multilingual-e5-small give what transformers gives",
      .enabled(if: !folders.isEmpty, "neither TESSERA_TEST_MINILM nor TESSERA_TEST_E5 is set"), arguments: folders)
    func real(name: String, path: String) async throws {
      let url = try #require(
        Bundle.module.url(forResource: "embeddings-\(name)", withExtension: "json", subdirectory: "Fixtures"))
      let fixture = try JSONDecoder().decode(Fixture.self, from: Data(contentsOf: url))
      let texts = fixture.texts
      let embedder = try await Embedder.load(from: URL(fileURLWithPath: path))
      #expect(embedder.model.profile.architecture == fixture.architecture)
      #expect(try embedder.tokens(of: texts.map(\.text)) == texts.map(\.ids))
      let vectors = try await embedder.embed(texts.map(\.text))
      for (text, vector) in zip(texts, vectors) {
        let expected = text.embedding.float32.withUnsafeBytes { bytes in
          (0..<bytes.count / 4).map {
            Float(bitPattern: UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 4 * $0, as: UInt32.self)))
          }
        }
        #expect(vector.count == expected.count)
        let difference = zip(vector, expected).reduce(0) { max($0, abs($1.0 - $1.1)) }
        // 1e-4 of the root mean square of 384 values whose length is one.
        #expect(difference < 5e-6, "\(text.text.prefix(40))")
      }
      let long = try embedder.tokens(of: [String(repeating: "word ", count: 1000)])[0]
      let frame = try embedder.tokens(of: [""])[0]
      #expect(long.count == embedder.longestText && long.first == frame.first && long.last == frame.last)
      #expect(frame == (name == "minilm" ? [101, 102] : [0, 2]))
    }
  }
}
