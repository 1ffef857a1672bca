import Tessera
import TesseraJSON

extension API {
  /// `/v1/chat/completions`
  func chat(_ request: APIRequest) async throws -> Reply {
    let fields = try RequestFields(request.body, limits: options.limits)
    let request = try await ChatRequest(fields, self)
    let form = ChatForm(request)
    if request.generation.isStreamed { return try await stream(form) }
    let answers = try await answers(request.generation)
    return Reply(form.document(answers))
  }

  private func stream(_ form: ChatForm) async throws -> Reply {
    let request = form.request.generation
    let started = try await begin(request)
    return Reply { [self] writer in
      for choice in 0..<request.choices {
        try await writer.send(form.chunk(choice, delta: ["role": "assistant", "content": ""]))
      }
      let total = StatisticsList()
      try await started.forEach { choice, event in
        for chunk in form.chunks(choice, event) { try await writer.send(chunk) }
        if case .finished(let result) = event {
          metrics.finish(result, model: request.model.name)
          total.add(result.statistics)
        }
      }
      if request.includesUsage {
        try await writer.send(form.usageChunk(Usage(total.values, choices: request.choices)))
      }
      try await writer.sendDone()
    }
  }
}

/// The documents of one chat request's answers.
struct ChatForm: Sendable {
  let request: ChatRequest
  private let id = API.id("chatcmpl-")
  private let created = API.now
  private let texts: TokenTexts

  init(_ request: ChatRequest) {
    self.request = request
    texts = TokenTexts(request.generation.language)
  }

  private var hasLogprobs: Bool { request.generation.options.topLogprobs != nil }

  private func head(_ object: String) -> JSONObject {
    [
      "id": .string(id), "object": .string(object), "created": .int(created),
      "model": .string(request.generation.modelName), "system_fingerprint": .string(Fingerprint.text),
    ]
  }

  func document(_ answers: [Answer]) -> JSONValue {
    var document = head("chat.completion")
    document["choices"] = .array(
      answers.enumerated().map { index, answer in
        [
          "index": .int(index), "message": .object(message(answer)),
          "logprobs": hasLogprobs ? texts.chatLogprobs(answer.tokens) : nil,
          "finish_reason": .string(answer.finishReason.rawValue),
        ]
      })
    document["usage"] = Usage(answers.compactMap(\.statistics), choices: answers.count).document
    document["timings"] = answers.first?.statistics?.timings
    return .object(document)
  }

  private func message(_ answer: Answer) -> JSONObject {
    ["role": "assistant", "content": .string(answer.text), "refusal": nil]
  }

  // MARK: Chunks

  func chunk(
    _ choice: Int, delta: JSONObject, logprobs: JSONValue = nil, finishReason: FinishReason? = nil,
    timings: JSONValue? = nil
  ) -> JSONValue {
    var chunk = head("chat.completion.chunk")
    chunk["choices"] = [
      [
        "index": .int(choice), "delta": .object(delta), "logprobs": logprobs,
        "finish_reason": finishReason.map { .string($0.rawValue) } ?? nil,
      ]
    ]
    if request.generation.includesUsage { chunk["usage"] = .null }
    if let timings { chunk["timings"] = timings }
    return .object(chunk)
  }

  func usageChunk(_ usage: Usage) -> JSONValue {
    var chunk = head("chat.completion.chunk")
    chunk["choices"] = []
    chunk["usage"] = usage.document
    return .object(chunk)
  }

  /// What an event tells a reader; a token may complete no character.
  func chunks(_ choice: Int, _ event: GenerationEvent) -> [JSONValue] {
    switch event {
    case .token(let token):
      guard hasLogprobs || !token.text.isEmpty else { return [] }
      return [
        chunk(
          choice, delta: ["content": .string(token.text)], logprobs: hasLogprobs ? texts.chatLogprobs([token]) : nil)
      ]
    case .finished(let result):
      var chunks: [JSONValue] = []
      if !result.trailingText.isEmpty { chunks.append(chunk(choice, delta: ["content": .string(result.trailingText)])) }
      chunks.append(
        chunk(choice, delta: [:], finishReason: result.finishReason, timings: result.statistics.timings))
      return chunks
    }
  }
}
