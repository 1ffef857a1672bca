import Foundation
import Tessera
import TesseraFiles
import TesseraJSON
import TesseraModels
import TestSupport
import Testing

@testable import TesseraServer

extension ServerSuites {
  /// Models that continue no texts, side by side.
  @Suite("Other models")
  struct OtherModelTests {
    private static let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent()
      .appendingPathComponent("TesseraTests/Fixtures")

    /// A cross-encoder, a sentence encoder and a speech model, loaded once.
    private static let models = Task {
      let folder = FileManager.default.temporaryDirectory.appendingPathComponent("tessera-\(UUID().uuidString)")
      defer { try? FileManager.default.removeItem(at: folder) }
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      var models: [ServedModel] = []
      for name in ["bert-pairs", "bert"] {
        let copy = folder.appendingPathComponent(name)
        try FileManager.default.copyItem(at: fixtures.appendingPathComponent("families/\(name)"), to: copy)
        try Data(WordTokenizer.document.utf8).write(to: copy.appendingPathComponent("tokenizer.json"))
        models.append(try await ServedModel.load(copy.path, names: [], options: LoadOptions()) { _ in })
      }
      let speech = folder.appendingPathComponent("whisper").path
      let source = try CTranslate2Checkpoint(path: fixtures.appendingPathComponent("ctranslate2/float32").path)
      _ = try WhisperFolder(source).write(to: speech) { _ in }
      models.append(try await ServedModel.load(speech, names: ["ear"], options: LoadOptions()) { _ in })
      return models
    }

    private func api() async throws -> API { API(ModelList(try await Self.models.value)) }

    @Test("each is found by what it can do, and refuses the rest")
    func uses() async throws {
      let api = try await api()
      let (_, list) = try await api.send("GET", "/v1/models")
      #expect(list["data"].arrayValue?.compactMap { $0["id"].stringValue } == ["bert-pairs", "bert", "ear"])
      #expect(
        list["data"].arrayValue?.compactMap { $0["meta"]["uses"][0].stringValue } == [
          "rank documents", "make embeddings", "transcribe speech",
        ])
      for (name, status) in [("bert", 400), ("ear", 400), ("nobody", 404)] {
        let (refused, document) = try await api.send(
          "POST", "/v1/completions", #"{"model": "\#(name)", "prompt": "a"}"#)
        #expect(refused == status && document["error"]["param"] == "model")
      }
      #expect(try await api.send("POST", "/v1/completions", #"{"prompt": "a"}"#).status == 404)
      #expect(try await api.send("GET", "/v1/models/ear").document["id"] == "ear")
    }

    @Test("documents come in the reranker's order, and one that is too long is refused")
    func rerank() async throws {
      let api = try await api()
      guard case .reranker(let reranker) = try api.models.model(nil, for: .rerank).kind else {
        Issue.record("no reranker")
        return
      }
      let documents = ["go", "going, e!", "pad2 [e]"]
      let scores = try await reranker.rank("gone", documents: documents)
      let body =
        #"{"query": "gone", "documents": ["go", "going, e!", {"text": "pad2 [e]"}], "top_n": 2, "return_documents": true}"#
      let (status, ranked) = try await api.send("POST", "/v1/rerank", body)
      #expect(status == 200)
      let results = try #require(ranked["results"].arrayValue)
      #expect(results.compactMap { $0["index"].intValue } == scores.prefix(2).map(\.index))
      #expect(
        results.compactMap { $0["relevance_score"].doubleValue }.map { Float($0) } == scores.prefix(2).map(\.score))
      #expect(results.compactMap { $0["document"]["text"].stringValue } == scores.prefix(2).map { documents[$0.index] })
      let long = String(repeating: "go ", count: 2000)
      let (refused, error) = try await api.send(
        "POST", "/v1/rerank", #"{"query": "a", "documents": ["b", "\#(long)"]}"#)
      #expect(refused == 400 && error["error"]["code"] == "context_length_exceeded")
      #expect(error["error"]["param"] == "documents[1]")
    }

    @Test("an encoder's vectors, and texts that it would cut")
    func embeddings() async throws {
      let api = try await api()
      let embedder = try #require(try api.models.model("bert", for: .embeddings).embedder)
      let (status, answer) = try await api.send(
        "POST", "/v1/embeddings", #"{"model": "bert", "input": ["going", "e!"]}"#)
      let vectors = try await embedder.embed(["going", "e!"])
      #expect(status == 200 && answer["data"].arrayValue?.count == 2)
      for (index, vector) in vectors.enumerated() {
        #expect(answer["data"][index]["embedding"].arrayValue?.compactMap(\.doubleValue).map { Float($0) } == vector)
      }
      let long = String(repeating: "go ", count: 2000)
      #expect(try await api.send("POST", "/v1/embeddings", #"{"input": "\#(long)"}"#).status == 400)
    }

    @Test("a sound becomes text in each form, and what is no sound is refused")
    func transcriptions() async throws {
      let api = try await api()
      let sound = try Data(contentsOf: Self.fixtures.appendingPathComponent("speech/sentence.wav"))
      func ask(_ file: Data, _ fields: [String: String] = [:]) async throws -> Reply {
        var body = Data()
        for (name, value) in fields {
          body += Data("--b\r\nContent-Disposition: form-data; name=\"\(name)\"\r\n\r\n\(value)\r\n".utf8)
        }
        body += Data("--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\n\r\n".utf8) + file
        body += Data("\r\n--b--\r\n".utf8)
        return try await api.reply(
          to: APIRequest(
            method: "POST", path: "/v1/audio/transcriptions",
            headers: ["content-type": "multipart/form-data; boundary=b"],
            body: [UInt8](body)))
      }
      guard case .transcriber(let transcriber) = try api.models.model("ear", for: .transcriptions).kind else {
        Issue.record("no speech model")
        return
      }
      let transcript = try await transcriber.transcript(of: AudioSamples(wav: [UInt8](sound)))
      let text = transcript.text.trimmingCharacters(in: .whitespaces)
      let plain = try await ask(sound)
      #expect(plain.status == 200)
      #expect(try await plain.document["text"].stringValue == text)
      #expect(try await ask(sound, ["response_format": "text", "model": "ear"]).text == text + "\n")
      let verbose = try await ask(sound, ["response_format": "verbose_json"]).document
      #expect(verbose["segments"].arrayValue?.count == transcript.segments.count)
      #expect(verbose["language"].stringValue == transcript.language)
      for (file, fields, param) in [
        (Data("no sound".utf8), [:], "file"), (sound, ["response_format": "srt"], "response_format"),
        (sound, ["temperature": "hot"], "temperature"), (sound, ["stream": "true"], "stream"),
        (sound, ["model": "bert"], "model"),
      ] as [(Data, [String: String], String)] {
        let refused = try await ask(file, fields)
        #expect(refused.status == 400)
        #expect(try await refused.document["error"]["param"].stringValue == param)
      }
    }
  }
}
