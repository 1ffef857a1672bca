import Tessera
import TesseraJSON

extension API {
  /// `/v1/responses`: text or items in, one answer out; nothing is kept.
  func responses(_ request: APIRequest) async throws -> Reply {
    let fields = try RequestFields(request.body, limits: options.limits)
    let form = ResponseForm(try await ResponsesRequest(fields, self))
    let generation = form.request.generation
    guard generation.isStreamed else {
      let answer = try await answers(generation).first ?? Answer()
      var output = ResponseOutput(form.request.conversation)
      for event in answer.events { _ = output.take(event) }
      return Reply(form.response(output, answer.reproduction))
    }
    let started = try await begin(generation)
    return Reply { [self] writer in
      let events = ResponseEvents(form, writer)
      try await streaming(param: generation.param) {
        try await events.begin()
        try await started.forEach { _, event, reproduction in
          if case .finished(let result) = event { metrics.finish(result, model: generation.model.name) }
          try await events.take(event, reproduction)
        }
      } failed: {
        try await events.fail($0)
      }
    }
  }
}

/// The documents of one response.
struct ResponseForm: Sendable {
  let request: ResponsesRequest
  private let id = API.id("resp_")
  private let created = API.now

  init(_ request: ResponsesRequest) { self.request = request }

  /// - Parameters:
  ///   - output: what has come of the answer, which is not told before its end.
  ///   - reproduction: of an answer that has ended, if the request asks for it.
  ///   - error: what ended the answer.
  func response(
    _ output: ResponseOutput, _ reproduction: JSONValue? = nil, failed error: APIError? = nil
  ) -> JSONValue {
    let result = output.result
    let isCut = result?.finishReason == .length
    var response: JSONObject = [
      "id": .string(id), "object": "response", "created_at": .int(created),
      "status": .string(error == nil ? Self.status(result) : "failed"), "background": false,
      "error": error.map(Self.document) ?? nil,
      "incomplete_details": isCut ? ["reason": "max_output_tokens"] : nil,
      "model": .string(request.generation.modelName),
      "output": .array(result == nil && error == nil ? [] : output.items),
      "previous_response_id": nil, "store": false, "truncation": "disabled", "user": nil,
    ]
    response["usage"] =
      result.map { Usage([$0.statistics], choices: 1).responseDocument(reasoningTokens: output.reasoningTokens) }
      ?? .null
    if result != nil {
      for (key, value) in request.generation.notes(ofAnswer: 0, reproduction) { response[key] = value }
    }
    return .object(response + request.repeated)
  }

  /// An error by the two codes that clients know.
  private static func document(_ error: APIError) -> JSONValue {
    ["code": error.status < 500 ? "invalid_prompt" : "server_error", "message": .string(error.message)]
  }

  static func status(_ result: GenerationResult?) -> String {
    result.map { $0.finishReason == .length ? "incomplete" : "completed" } ?? "in_progress"
  }
}

/// The events of one response that is streamed.
actor ResponseEvents {
  private let form: ResponseForm
  private let writer: any EventWriter
  private var output: ResponseOutput
  private var number = 0

  init(_ form: ResponseForm, _ writer: any EventWriter) {
    (self.form, self.writer) = (form, writer)
    output = ResponseOutput(form.request.conversation)
  }

  func begin() async throws {
    try await send("response.created", ["response": form.response(output)])
    try await send("response.in_progress", ["response": form.response(output)])
  }

  /// Takes the next event of the answer, the last one with what reproduces it.
  func take(_ event: GenerationEvent, _ reproduction: JSONValue?) async throws {
    for event in output.take(event) { try await send(event.name, event.fields) }
    guard output.result != nil else { return }
    try await send(
      "response." + ResponseForm.status(output.result), ["response": form.response(output, reproduction)])
  }

  func fail(_ error: APIError) async throws {
    let text: (String?) -> JSONValue = { $0.map { .string($0) } ?? .null }
    try await send("error", ["code": text(error.code), "message": .string(error.message), "param": text(error.param)])
    try await send("response.failed", ["response": form.response(output, failed: error)])
  }

  private func send(_ name: String, _ fields: JSONObject) async throws {
    let event = ["type": .string(name), "sequence_number": .int(number)] + fields
    number += 1
    try await writer.send(.object(event), event: name)
  }
}
