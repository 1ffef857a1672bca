import Tessera
import TesseraJSON

extension API {
  /// `/v1/rerank`, as Jina, Cohere, vLLM and llama-server have it.
  func rerank(_ request: APIRequest) async throws -> Reply {
    let fields = try RequestFields(request.body, limits: options.limits)
    let name = try fields.string("model")
    let model = try models.model(name, for: .rerank)
    guard case .reranker(let reranker) = model.kind else { throw APIError.hidden }
    guard let query = try fields.string("query") else { throw fields.missing("query") }
    let documents = try documents(fields)
    let top = try fields.int("top_n", in: 1 ... .max) ?? documents.count
    let returnsTexts = try fields.bool("return_documents") ?? false
    let ticket = try admission.admit(1)
    defer { withExtendedLifetime(ticket) {} }
    let pairs = try await pairs(query, documents, reranker)
    let scores: [Reranker.Score]
    do {
      scores = try await reranker.rank(tokens: pairs.map(\.ids), tokenTypes: pairs.map(\.types))
    } catch {
      throw refusal(error, param: "documents")
    }
    let results = scores.prefix(top).map { score -> JSONValue in
      var result: JSONObject = ["index": .int(score.index), "relevance_score": .double(Double(score.score))]
      if returnsTexts { result["document"] = ["text": .string(documents[score.index])] }
      return .object(result)
    }
    let count = pairs.reduce(0) { $0 + $1.ids.count }
    return Reply([
      "object": "list", "model": .string(name ?? model.name), "results": .array(results),
      "usage": ["prompt_tokens": .int(count), "total_tokens": .int(count)],
    ])
  }

  /// Texts, or objects that have one.
  private func documents(_ fields: RequestFields) throws(APIError) -> [String] {
    guard let list = try fields.array("documents") else { throw fields.missing("documents") }
    guard !list.isEmpty else { throw .invalid("documents", "'documents' is empty: give at least one.") }
    guard list.count <= options.limits.inputs else {
      throw fields.outOfRange("documents", "a list of \(list.count)", "of at most \(options.limits.inputs)")
    }
    var documents: [String] = []
    for (index, element) in list.enumerated() {
      guard let text = element.stringValue ?? element.objectValue?["text"]?.stringValue else {
        throw fields.wrongType("documents[\(index)]", "a string", element)
      }
      documents.append(text)
    }
    return documents
  }

  /// Question and document together; what does not fit is refused and not cut.
  private func pairs(_ query: String, _ documents: [String], _ reranker: Reranker) async throws -> [(
    ids: [Int], types: [Int]
  )] {
    let language = reranker.model
    let pairs: [(ids: [Int], types: [Int])]
    do {
      let tokenizer = try language.tokenizer
      pairs = try await texts.run {
        let first = try tokenizer.encode(query, addSpecial: false)
        return try documents.map { document -> (ids: [Int], types: [Int]) in
          let (ids, types) = tokenizer.framed(first, pair: try tokenizer.encode(document, addSpecial: false))
          return (ids, types)
        }
      }
    } catch {
      throw APIError.of(error, param: "documents")
    }
    for (index, pair) in pairs.enumerated() where pair.ids.count > language.contextLength {
      throw APIError.contextExceeded(pair.ids.count, language.contextLength, param: "documents[\(index)]")
    }
    return pairs
  }
}
