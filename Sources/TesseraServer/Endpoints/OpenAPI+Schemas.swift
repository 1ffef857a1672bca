import Tessera
import TesseraJSON

extension OpenAPI {
  static var schemas: [(String, JSONValue)] {
    [
      ("Error", errorSchema),
      ("Message", message),
      ("ChatRequest", object(sampling + chat, required: ["messages"])),
      ("CompletionRequest", object(sampling + completion, required: ["prompt"])),
      ("ResponsesRequest", object(sampling + responses, required: ["input"])),
      (
        "EmbeddingsRequest",
        object(
          [model, ("input", inputs), ("encoding_format", ["enum": ["float", "base64"]]), ("dimensions", whole(1))],
          required: ["input"])
      ),
      (
        "RerankRequest",
        object(
          [
            model, ("query", text), ("documents", ["type": "array", "items": text, "minItems": 1]), ("top_n", whole(1)),
            ("return_documents", flag),
          ], required: ["query", "documents"])
      ),
      (
        "TranscriptionRequest",
        object(
          [
            model, ("file", ["type": "string", "format": "binary"]), ("language", text), ("prompt", text),
            ("temperature", number(0, 1)), ("response_format", ["enum": ["json", "text", "verbose_json"]]),
          ], required: ["file"])
      ),
      (
        "TokenizeRequest",
        object([
          model, ("content", text), ("prompt", text), ("messages", messages), ("add_special", flag),
          ("add_special_tokens", flag), ("parse_special", flag), ("with_pieces", flag), ("return_token_strs", flag),
        ])
      ),
      ("DetokenizeRequest", object([model, ("tokens", ids)], required: ["tokens"])),
      (
        "TemplateRequest",
        object([model, ("messages", messages), ("add_generation_prompt", flag)], required: ["messages"])
      ),
    ]
  }

  private typealias Field = (String, JSONValue)

  private static func object(_ fields: [Field], required: [String] = []) -> JSONValue {
    [
      "type": "object", "properties": .object(JSONObject(fields)), "required": .array(required.map { .string($0) }),
    ]
  }

  // MARK: Values

  private static let text: JSONValue = ["type": "string"]
  private static let flag: JSONValue = ["type": "boolean"]
  private static let ids: JSONValue = ["type": "array", "items": ["type": "integer"]]
  private static func whole(_ least: Int, _ most: Int? = nil) -> JSONValue {
    var value: JSONObject = ["type": "integer", "minimum": .int(least)]
    if let most { value["maximum"] = .int(most) }
    return .object(value)
  }
  private static func number(_ least: Double, _ most: Double) -> JSONValue {
    ["type": "number", "minimum": .double(least), "maximum": .double(most)]
  }
  private static let model: Field = ("model", ["type": "string", "description": "None: the first that can do it."])
  private static let inputs: JSONValue = [
    "anyOf": [
      text, ["type": "array", "items": text, "minItems": 1], ids, ["type": "array", "items": ids, "minItems": 1],
    ]
  ]
  private static let message: JSONValue = [
    "type": "object", "required": ["role"],
    "properties": [
      "role": ["enum": ["system", "developer", "user", "assistant", "tool"]],
      "content": ["anyOf": [text, ["type": "array", "items": ["type": "object"]], ["type": "null"]]],
    ],
  ]
  private static let messages: JSONValue = [
    "type": "array", "minItems": 1, "items": ["$ref": "#/components/schemas/Message"],
  ]
  private static let errorSchema: JSONValue = [
    "type": "object", "required": ["error"],
    "properties": [
      "error": [
        "type": "object", "required": ["message", "type", "param", "code"],
        "properties": [
          "message": text, "type": text, "param": ["type": ["string", "null"]], "code": ["type": ["string", "null"]],
        ],
      ]
    ],
  ]

  // MARK: Fields

  private static let limits = ServerOptions.Limits()

  private static var sampling: [Field] {
    [
      model, ("temperature", number(0, 100)), ("top_p", number(0, 1)), ("top_k", whole(-1, Int(Int32.max))),
      ("min_p", number(0, 1)), ("presence_penalty", number(-100, 100)), ("frequency_penalty", number(-100, 100)),
      ("repetition_penalty", number(0.01, 100)), ("seed", ["type": "integer"]), ("stream", flag),
      ("stop", ["anyOf": [text, ["type": "array", "items": text, "maxItems": .int(limits.stopStrings)]]]),
      ("logit_bias", ["type": "object", "additionalProperties": number(-100, 100)]),
      ("priority", whole(-1_000_000, 1_000_000)), ("cache_salt", text), ("user", text),
      ("reproduce", ["type": "boolean", "description": "Answers come with what `tessera replay` reads."]),
    ]
  }

  private static var chat: [Field] {
    [
      ("messages", messages), ("n", whole(1, limits.choices)), ("max_tokens", whole(0)),
      ("max_completion_tokens", whole(0)), ("logprobs", flag),
      ("top_logprobs", whole(0, GenerationOptions.topLogprobsLimit)), streamOptions,
      ("chat_template_kwargs", ["type": "object"]), ("reasoning_effort", text),
    ] + tools + forms
  }

  private static var completion: [Field] {
    [
      ("prompt", inputs), ("n", whole(1, limits.choices)), ("best_of", whole(1, limits.choices)),
      ("max_tokens", whole(0)), ("echo", flag), ("logprobs", whole(0, GenerationOptions.topLogprobsLimit)),
      streamOptions,
    ] + forms
  }

  private static let tools: [Field] = [
    ("tools", ["type": "array", "items": ["type": "object"]]),
    ("tool_choice", ["anyOf": [["enum": ["auto", "none", "required"]], ["type": "object"]]]),
    ("parallel_tool_calls", flag),
  ]

  /// What answers must be: one of these.
  private static var forms: [Field] {
    let schema: JSONValue = ["type": ["object", "boolean", "string"]]
    return [
      (
        "response_format",
        [
          "type": "object", "required": ["type"],
          "properties": [
            "type": ["enum": ["text", "json_object", "json_schema"]],
            "json_schema": ["type": "object", "required": ["schema"], "properties": ["schema": schema]],
          ],
        ]
      ), ("json_schema", schema), ("grammar", text), ("guided_json", schema), ("guided_regex", text),
      ("guided_choice", ["type": "array", "items": text, "minItems": 1]), ("guided_grammar", text),
      ("structured_outputs", ["type": "object"]),
    ]
  }

  private static var responses: [Field] {
    [
      ("input", ["anyOf": [text, ["type": "array", "minItems": 1, "items": ["type": "object"]]]]),
      ("instructions", text),
      ("max_output_tokens", whole(0)), ("metadata", ["type": "object"]),
      ("reasoning", ["type": "object", "properties": ["effort": text]]),
      ("text", ["type": "object", "properties": ["format": ["type": "object", "required": ["type"]]]]),
    ] + tools + forms
  }

  private static let streamOptions: Field = (
    "stream_options", ["type": "object", "properties": ["include_usage": flag]]
  )
}
