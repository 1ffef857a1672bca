import Tessera
import TesseraJSON
import TesseraText

/// How tokens are shown.
struct TokenTexts: Sendable {
  private let tokenizer: Tokenizer?

  init(_ language: LanguageModel) { tokenizer = try? language.tokenizer }

  /// Tells where tokens begin in the text that they make.
  func places(from start: Int) -> TokenPlaces { TokenPlaces(tokenizer, from: start) }

  func bytes(_ id: Int) -> [UInt8] { (try? tokenizer?.piece(id)) ?? [] }

  /// The token's text; of one that is no text by itself its bytes, as OpenAI writes them: `bytes:\xe2\x80`.
  func text(_ id: Int) -> String {
    let bytes = bytes(id)
    if let text = String(validating: bytes, as: UTF8.self) { return text }
    return "bytes:" + bytes.map { "\\x" + ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }

  /// A log-probability as JSON can say it.
  static func number(_ logprob: Float) -> JSONValue { .double(logprob.isFinite ? Double(logprob) : -9999) }

  private func entry(_ id: Int, _ logprob: Float) -> JSONObject {
    [
      "token": .string(text(id)), "logprob": Self.number(logprob),
      "bytes": .array(bytes(id).map { .int(Int($0)) }), "id": .int(id),
    ]
  }

  /// Of a chat's answer: `{content: [{token, logprob, bytes, top_logprobs}]}`.
  func chatLogprobs(_ tokens: [GeneratedToken]) -> JSONValue {
    let content = tokens.map { token -> JSONValue in
      var object = entry(token.id, token.logprob ?? 0)
      object["top_logprobs"] = .array(token.topLogprobs.map { .object(entry($0.id, $0.logprob)) })
      return .object(object)
    }
    return ["content": .array(content), "refusal": nil]
  }
}
