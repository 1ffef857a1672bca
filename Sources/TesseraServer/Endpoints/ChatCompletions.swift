import Tessera
import TesseraJSON
import TesseraText

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
    return stream(param: request.param) { [self] writer in
      for choice in 0..<request.choices {
        try await writer.send(form.chunk(choice, delta: ["role": "assistant", "content": ""]))
      }
      let (total, parsers) = (StatisticsList(count: request.choices), form.parsers(request.choices))
      try await started.forEach { choice, event, reproduction in
        for chunk in form.chunks(choice, event, parsers, reproduction) { try await writer.send(chunk) }
        if case .finished(let result) = event {
          metrics.finish(result, model: request.model.name)
          total.set(result.statistics, ofChoice: choice)
        }
      }
      if request.includesUsage {
        try await writer.send(form.usageChunk(Usage(total.values, choices: request.choices)))
      }
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

  private var hasLogprobs: Bool { request.tellsLogprobs }

  private func head(_ object: String) -> JSONObject {
    [
      "id": .string(id), "object": .string(object), "created": .int(created),
      "model": .string(request.generation.modelName), "system_fingerprint": .string(Fingerprint.text),
    ]
  }

  func document(_ answers: [Answer]) -> JSONValue {
    var document = head("chat.completion")
    let parsers = parsers(answers.count)
    document["choices"] = .array(
      answers.enumerated().map { index, answer in
        let (parsed, hasCalls) = parsed(index, answer, parsers)
        var choice: JSONObject = [
          "index": .int(index), "message": .object(message(index, parsed)),
          "logprobs": hasLogprobs ? texts.chatLogprobs(answer.tokens) : nil,
          "finish_reason": .string(Self.reason(answer.finishReason, hasCalls: hasCalls)),
        ]
        for (key, value) in request.generation.notes(ofAnswer: index, answer.reproduction) { choice[key] = value }
        return .object(choice)
      })
    document["usage"] = Usage(answers.compactMap(\.statistics), choices: answers.count).document
    document["timings"] = answers.first?.statistics?.timings
    return .object(document)
  }

  func parsers(_ count: Int) -> ChoiceParsers {
    ChoiceParsers(request.conversation, count: count)
  }

  private func parsed(_ index: Int, _ answer: Answer, _ parsers: ChoiceParsers) -> (ParsedAnswer, hasCalls: Bool) {
    var (parsed, hasCalls) = (ParsedAnswer(), false)
    for event in answer.events {
      let taken = parsers.take(index, event)
      for delta in taken.deltas { parsed.append(delta) }
      hasCalls = taken.hasCalls
    }
    return (parsed, hasCalls)
  }

  private static func reason(_ reason: FinishReason, hasCalls: Bool) -> String {
    hasCalls && reason == .stop ? "tool_calls" : reason.rawValue
  }

  /// By which the result of a call names it.
  private func callID(_ choice: Int, _ index: Int) -> String { "call_\(id.dropFirst(9))_\(choice)_\(index)" }

  private func message(_ choice: Int, _ answer: ParsedAnswer) -> JSONObject {
    let isEmpty = answer.content.isEmpty && !answer.toolCalls.isEmpty
    var message: JSONObject = ["role": "assistant", "content": isEmpty ? nil : .string(answer.content), "refusal": nil]
    if !answer.reasoning.isEmpty { message["reasoning_content"] = .string(answer.reasoning) }
    if !answer.toolCalls.isEmpty {
      message["tool_calls"] = .array(
        answer.toolCalls.enumerated().map { index, call in
          [
            "id": .string(callID(choice, index)), "type": "function",
            "function": ["name": .string(call.name), "arguments": .string(call.arguments)],
          ]
        })
    }
    return message
  }

  private func delta(_ choice: Int, _ delta: AnswerDelta) -> JSONObject {
    switch delta {
    case .content(let text): return ["content": .string(text)]
    case .reasoning(let text): return ["reasoning_content": .string(text)]
    case .toolCall(let part):
      var call: JSONObject = ["index": .int(part.index)]
      var function: JSONObject = [:]
      if let name = part.name {
        call["id"] = .string(callID(choice, part.index))
        call["type"] = "function"
        function["name"] = .string(name)
      }
      function["arguments"] = .string(part.arguments)
      call["function"] = .object(function)
      return ["tool_calls": [.object(call)]]
    }
  }

  // MARK: Chunks

  func chunk(
    _ choice: Int, delta: JSONObject, logprobs: JSONValue = nil, finishReason: String? = nil,
    timings: JSONValue? = nil, notes: [(key: String, value: JSONValue)] = []
  ) -> JSONValue {
    var chunk = head("chat.completion.chunk")
    var part: JSONObject = [
      "index": .int(choice), "delta": .object(delta), "logprobs": logprobs,
      "finish_reason": finishReason.map { .string($0) } ?? nil,
    ]
    for (key, value) in notes { part[key] = value }
    chunk["choices"] = [.object(part)]
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

  /// What an event tells a reader; a token may complete nothing.
  ///
  /// - Parameter reproduction: of an answer that ends.
  func chunks(
    _ choice: Int, _ event: GenerationEvent, _ parsers: ChoiceParsers, _ reproduction: JSONValue?
  ) -> [JSONValue] {
    let (deltas, hasCalls) = parsers.take(choice, event)
    var parts = deltas.map { delta(choice, $0) }
    var logprobs = JSONValue.null
    if case .token(let token) = event, hasLogprobs {
      logprobs = texts.chatLogprobs([token])
      if parts.isEmpty { parts = [["content": ""]] }
    }
    var chunks: [JSONValue] = []
    for part in parts {
      chunks.append(chunk(choice, delta: part, logprobs: logprobs))
      logprobs = .null
    }
    if case .finished(let result) = event {
      let reason = Self.reason(result.finishReason, hasCalls: hasCalls)
      chunks.append(
        chunk(
          choice, delta: [:], finishReason: reason, timings: result.statistics.timings,
          notes: request.generation.notes(ofAnswer: choice, reproduction)))
    }
    return chunks
  }
}
