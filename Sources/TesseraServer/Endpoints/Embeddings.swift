import Foundation
import Tessera
import TesseraJSON

extension API {
  /// `/v1/embeddings`
  func embeddings(_ request: APIRequest) async throws -> Reply {
    let fields = try RequestFields(request.body, limits: options.limits)
    let name = try fields.string("model")
    let model = try models.model(name, for: .embeddings)
    guard let embedder = model.embedder else { throw APIError.hidden }
    let encoding = try fields.string("encoding_format") ?? "float"
    guard ["float", "base64"].contains(encoding) else {
      throw APIError.invalid(
        "encoding_format", "'encoding_format' is '\(encoding.prefix(100))': it must be float or base64.")
    }
    if let dimensions = try fields.int("dimensions", in: 1 ... .max), dimensions != embedder.dimensions {
      throw APIError.unsupported(
        "dimensions", "this model's vectors have \(embedder.dimensions) numbers, and are not cut.")
    }
    let inputs = try fields.inputs("input", options.limits)
    let tokens = try await embeddingTokens(inputs, embedder)
    let ticket = try admission.admit(1)
    defer { withExtendedLifetime(ticket) {} }
    let vectors: [[Float]]
    do { vectors = try await Self.vectors(inputs, tokens, embedder) } catch { throw refusal(error, param: "input") }
    let count = tokens.reduce(0) { $0 + $1.count }
    return Reply([
      "object": "list", "model": .string(name ?? model.name),
      "data": .array(
        vectors.enumerated().map { index, vector in
          [
            "object": "embedding", "index": .int(index),
            "embedding": Self.encoded(vector, isBase64: encoding == "base64"),
          ]
        }),
      "usage": ["prompt_tokens": .int(count), "total_tokens": .int(count)],
    ])
  }

  /// The inputs' tokens; what is too long is refused and not cut.
  private func embeddingTokens(_ inputs: [TextInput], _ embedder: Embedder) async throws -> [[Int]] {
    let model = embedder.model
    let prefix = embedder.defaultPrompt.flatMap { embedder.prompts[$0] } ?? ""
    let all = try await texts.run {
      do {
        return try inputs.map { input in
          try Task.checkCancellation()
          switch input {
          case .tokens(let ids): return ids
          case .text(let text): return try embedder.wholeTokens(of: prefix + text)
          }
        }
      } catch {
        throw error is CancellationError ? error : APIError.of(error, param: "input")
      }
    }
    for (index, ids) in all.enumerated() {
      let place = all.count > 1 ? "input[\(index)]" : "input"
      guard !ids.isEmpty else { throw APIError.invalid(place, "'\(place)' has no tokens: leave it out.") }
      let limit = min(embedder.longestText, model.contextLength)
      guard ids.count <= limit else { throw APIError.contextExceeded(ids.count, limit, param: place) }
      if let id = ids.first(where: { !(0..<model.profile.vocabularySize).contains($0) }) {
        throw APIError.invalid(place, "'\(place)' has the token \(id): the model has none such.")
      }
    }
    return all
  }

  /// Texts have what the model's files put before them, token ids stand for themselves.
  private static func vectors(_ inputs: [TextInput], _ tokens: [[Int]], _ embedder: Embedder) async throws -> [[Float]]
  {
    let texts = inputs.compactMap { if case .text(let text) = $0 { text } else { nil } }
    guard texts.count == inputs.count else { return try await embedder.embed(tokens: tokens) }
    return try await embedder.embed(texts)
  }

  /// A vector as numbers, or as the base64 text of its float32 bytes, the least byte first.
  private static func encoded(_ vector: [Float], isBase64: Bool) -> JSONValue {
    guard isBase64 else { return .array(vector.map { .double(Double($0)) }) }
    let bytes = vector.flatMap { value in withUnsafeBytes(of: value.bitPattern.littleEndian) { Array($0) } }
    return .string(Data(bytes).base64EncodedString())
  }
}
