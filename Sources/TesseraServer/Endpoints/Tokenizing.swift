import Foundation
import Tessera
import TesseraJSON
import TesseraText

extension API {
  /// `/tokenize`: `content` as llama-server has it, `prompt` or `messages` as vLLM has them.
  func tokenize(_ request: APIRequest) async throws -> Reply {
    let fields = try RequestFields(request.body, limits: options.limits)
    let language = try anyModel(fields)
    let ids: [Int]
    if fields.has("messages") {
      ids = try await conversationPrompt(fields, language).tokens
    } else {
      let key = fields.has("prompt") ? "prompt" : "content"
      guard let text = try fields.string(key) else { throw fields.missing(key) }
      // llama-server adds nothing unless asked, vLLM does.
      let adds = try fields.bool(key == "prompt" ? "add_special_tokens" : "add_special") ?? (key == "prompt")
      let parses = try fields.bool("parse_special") ?? true
      ids = try await tokens(of: [text], language, addSpecial: adds, parseSpecial: parses, param: key).first ?? []
    }
    let texts = TokenTexts(language)
    var document: JSONObject = ["tokens": .array(ids.map { .int($0) })]
    if try fields.bool("with_pieces") ?? false {
      document["tokens"] = .array(ids.map { ["id": .int($0), "piece": texts.piece($0)] })
    }
    document["count"] = .int(ids.count)
    document["max_model_len"] = .int(language.contextLength)
    if try fields.bool("return_token_strs") ?? false {
      document["token_strs"] = .array(ids.map { .string(texts.text($0)) })
    }
    return Reply(.object(document))
  }

  /// `/detokenize`
  func detokenize(_ request: APIRequest) async throws -> Reply {
    let fields = try RequestFields(request.body, limits: options.limits)
    let language = try anyModel(fields)
    guard let list = try fields.array("tokens") else { throw fields.missing("tokens") }
    let ids = try fields.ids("tokens", list)
    let text: String
    do {
      let tokenizer = try language.tokenizer
      text = try await texts.run { try tokenizer.decode(ids, includingControl: true) }
    } catch {
      throw APIError.of(error, param: "tokens")
    }
    // By llama-server's name and by vLLM's.
    return Reply(["content": .string(text), "prompt": .string(text)])
  }

  /// `/tokenizer_info`, as vLLM has it: by which evaluations find the tokenizer.
  func tokenizerInfo() throws -> Reply {
    guard let language = models.models.first?.language else { throw APIError.hidden }
    let tokenizer: Tokenizer
    do { tokenizer = try language.tokenizer } catch { throw APIError.of(error, param: "model") }
    let texts = TokenTexts(language)
    func text(_ id: Int?) -> JSONValue { id.map { .string(texts.text($0)) } ?? .null }
    return Reply([
      "tokenizer_class": "Tokenizer", "bos_token": text(tokenizer.beginToken), "eos_token": text(tokenizer.endToken),
      "pad_token": text(tokenizer.paddingToken), "unk_token": text(tokenizer.unknownToken),
      "add_bos_token": .bool(tokenizer.addsBeginToken), "add_eos_token": .bool(tokenizer.addsEndToken),
      "vocab_size": .int(tokenizer.vocabularyCount), "model_max_length": .int(language.contextLength),
    ])
  }

  /// `/apply-template`
  func applyTemplate(_ request: APIRequest) async throws -> Reply {
    let fields = try RequestFields(request.body, limits: options.limits)
    let prompt = try await conversationPrompt(fields, try anyModel(fields))
    return Reply(["prompt": .string(prompt.text), "tokens": .array(prompt.tokens.map { .int($0) })])
  }

  private func conversationPrompt(_ fields: RequestFields, _ language: LanguageModel) async throws -> ChatPrompt {
    let tools = try fields.tools(try? language.chatTemplate, try fields.toolChoice())
    let conversation = Conversation(messages: try await messages { try fields.messages(options.limits) }, tools: tools)
    return try await prompt(
      of: conversation, language, variables: try fields.fields("chat_template_kwargs")?.object ?? [:],
      addGenerationPrompt: try fields.bool("add_generation_prompt") ?? true, isAnswered: false, param: "messages")
  }

  /// A model of any kind.
  private func anyModel(_ fields: RequestFields) throws(APIError) -> LanguageModel {
    if let name = try fields.string("model") { return try models.model(named: name).language }
    guard let model = models.models.first else { throw .hidden }
    return model.language
  }
}

extension TokenTexts {
  /// A token's text, or its bytes where it is none by itself.
  func piece(_ id: Int) -> JSONValue {
    let bytes = bytes(id)
    if let text = String(validating: bytes, as: UTF8.self) { return .string(text) }
    return .array(bytes.map { .int(Int($0)) })
  }
}
