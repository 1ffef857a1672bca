import Tessera
import TesseraJSON

/// The page that describes the interface to programs (`/openapi.json`).
enum OpenAPI {
  static let document: JSONValue = [
    "openapi": "3.1.0",
    "info": [
      "title": "Tessera", "version": .string(TesseraVersion.text),
      "description": "OpenAI's interface to the models that this server has. Fields that are not listed are ignored.",
    ],
    "paths": .object(JSONObject(paths)),
    "components": [
      "schemas": .object(JSONObject(schemas)),
      "securitySchemes": ["key": ["type": "http", "scheme": "bearer"]],
    ],
    "security": [["key": []], [:]],
  ]

  // MARK: Paths

  private static var paths: [(String, JSONValue)] {
    [
      ("/health", ["get": page("Whether the server takes requests.", "application/json")]),
      ("/metrics", ["get": page("Figures in Prometheus' text form.", "text/plain")]),
      ("/v1/models", ["get": page("The models.", "application/json")]),
      ("/v1/models/{model}", ["get": withPath(page("A model.", "application/json"))]),
      ("/tokenizer_info", ["get": page("The tokenizer of the first model.", "application/json")]),
      ("/v1/completions", post("Continues texts.", "CompletionRequest", streams: true)),
      ("/v1/chat/completions", post("Answers a conversation.", "ChatRequest", streams: true)),
      ("/v1/responses", post("Answers a text or a conversation.", "ResponsesRequest", streams: true)),
      ("/v1/embeddings", post("Makes a vector of each text.", "EmbeddingsRequest")),
      ("/v1/rerank", post("Orders documents by how well they answer a question.", "RerankRequest")),
      ("/v1/audio/transcriptions", post("Writes down what a WAV file says.", "TranscriptionRequest", isForm: true)),
      ("/v1/audio/translations", post("The same, in English.", "TranscriptionRequest", isForm: true)),
      ("/tokenize", post("The tokens of a text or a conversation.", "TokenizeRequest")),
      ("/detokenize", post("The text of tokens.", "DetokenizeRequest")),
      ("/apply-template", post("The prompt that a conversation becomes.", "TemplateRequest")),
    ]
  }

  private static let error: JSONValue = [
    "description": "A refusal that says why.",
    "content": ["application/json": ["schema": ["$ref": "#/components/schemas/Error"]]],
  ]

  private static func content(_ type: String) -> JSONValue { .object(JSONObject([(type, .object([:]))])) }

  private static func page(_ summary: String, _ type: String) -> JSONValue {
    [
      "summary": .string(summary),
      "responses": ["200": ["description": "It.", "content": content(type)], "default": error],
    ]
  }

  private static func withPath(_ page: JSONValue) -> JSONValue {
    var object = page.objectValue ?? [:]
    object["parameters"] = [["name": "model", "in": "path", "required": true, "schema": ["type": "string"]]]
    return .object(object)
  }

  private static func post(_ summary: String, _ schema: String, streams: Bool = false, isForm: Bool = false)
    -> JSONValue
  {
    let type = isForm ? "multipart/form-data" : "application/json"
    var answers: JSONObject = ["application/json": [:]]
    if streams { answers["text/event-stream"] = [:] }
    if isForm { answers["text/plain"] = [:] }
    let body: JSONObject = [type: ["schema": ["$ref": .string("#/components/schemas/\(schema)")]]]
    return [
      "post": [
        "summary": .string(summary),
        "requestBody": ["required": true, "content": .object(body)],
        "responses": ["200": ["description": "The answer.", "content": .object(answers)], "default": error],
      ]
    ]
  }
}
