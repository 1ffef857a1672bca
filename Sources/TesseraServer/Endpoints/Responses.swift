import Tessera
import TesseraJSON

extension API {
  /// `/v1/responses`, in its plain form: text or messages in, one text out; nothing is kept.
  func responses(_ request: APIRequest) async throws -> Reply {
    let fields = try RequestFields(request.body, limits: options.limits)
    let form = ResponseForm(try await ResponsesRequest(fields, self))
    let generation = form.request.generation
    guard generation.isStreamed else {
      return Reply(form.response(try await answers(generation).first))
    }
    let started = try await begin(generation)
    return Reply { [self] writer in
      let events = ResponseEvents(form, writer)
      try await streaming(param: generation.param) {
        try await events.begin()
        var answer = Answer()
        while let event = try await started.sources.first?.next() {
          answer.append(event)
          switch event {
          case .token(let token): try await events.delta(token.text)
          case .finished(let result):
            metrics.finish(result, model: generation.model.name)
            try await events.delta(result.trailingText)
          }
        }
        try await events.end(answer)
      } failed: {
        try await events.fail($0)
      }
    }
  }
}

/// The documents of one response.
struct ResponseForm: Sendable {
  let request: ResponsesRequest
  let messageID = API.id("msg_")
  private let id = API.id("resp_")
  private let created = API.now

  init(_ request: ResponsesRequest) { self.request = request }

  /// - Parameter answer: nil while it is made.
  func response(_ answer: Answer?) -> JSONValue {
    let options = request.generation.options
    let isCut = answer?.finishReason == .length
    var response: JSONObject = [
      "id": .string(id), "object": "response", "created_at": .int(created),
      "status": answer == nil ? "in_progress" : isCut ? "incomplete" : "completed", "background": false, "error": nil,
      "incomplete_details": isCut ? ["reason": "max_output_tokens"] : nil,
      "instructions": request.instructions.map { .string($0) } ?? nil,
      "max_output_tokens": options.maxTokens.map { .int($0) } ?? nil, "model": .string(request.generation.modelName),
    ]
    response["output"] = .array(answer.map { [message($0)] } ?? [])
    response["parallel_tool_calls"] = true
    response["previous_response_id"] = .null
    response["reasoning"] = ["effort": nil, "summary": nil]
    response["store"] = false
    response["temperature"] = .double(Double(options.temperature))
    response["text"] = ["format": request.format]
    response["tool_choice"] = "auto"
    response["tools"] = []
    response["top_p"] = .double(Double(options.topP))
    response["truncation"] = "disabled"
    response["usage"] = answer?.statistics.map { Usage([$0], choices: 1).responseDocument } ?? nil
    response["user"] = .null
    response["metadata"] = .object(request.metadata)
    return .object(response)
  }

  func message(_ answer: Answer?) -> JSONValue {
    [
      "id": .string(messageID), "type": "message", "role": "assistant",
      "status": answer == nil ? "in_progress" : answer?.finishReason == .length ? "incomplete" : "completed",
      "content": .array(answer.map { [part($0.text)] } ?? []),
    ]
  }

  func part(_ text: String) -> JSONValue {
    ["type": "output_text", "text": .string(text), "annotations": [], "logprobs": []]
  }
}

/// The events of one response that is streamed.
actor ResponseEvents {
  private let form: ResponseForm
  private let writer: any EventWriter
  private var number = 0

  init(_ form: ResponseForm, _ writer: any EventWriter) { (self.form, self.writer) = (form, writer) }

  func begin() async throws {
    try await send("response.created", ["response": form.response(nil)])
    try await send("response.in_progress", ["response": form.response(nil)])
    try await send("response.output_item.added", ["output_index": 0, "item": form.message(nil)])
    try await send("response.content_part.added", place(["part": form.part("")]))
  }

  func delta(_ text: String) async throws {
    guard !text.isEmpty else { return }
    try await send("response.output_text.delta", place(["delta": .string(text), "logprobs": []]))
  }

  func end(_ answer: Answer) async throws {
    try await send("response.output_text.done", place(["text": .string(answer.text), "logprobs": []]))
    try await send("response.content_part.done", place(["part": form.part(answer.text)]))
    try await send("response.output_item.done", ["output_index": 0, "item": form.message(answer)])
    let isCut = answer.finishReason == .length
    try await send(isCut ? "response.incomplete" : "response.completed", ["response": form.response(answer)])
  }

  func fail(_ error: APIError) async throws {
    let text: (String?) -> JSONValue = { $0.map { .string($0) } ?? .null }
    try await send("error", ["code": text(error.code), "message": .string(error.message), "param": text(error.param)])
  }

  /// Fields with the place of the text that they are of.
  private func place(_ fields: JSONObject) -> JSONObject {
    var object: JSONObject = ["item_id": .string(form.messageID), "output_index": 0, "content_index": 0]
    for (key, value) in fields.members { object[key] = value }
    return object
  }

  private func send(_ name: String, _ fields: JSONObject) async throws {
    var event: JSONObject = ["type": .string(name), "sequence_number": .int(number)]
    number += 1
    for (key, value) in fields.members { event[key] = value }
    try await writer.send(.object(event), event: name)
  }
}
