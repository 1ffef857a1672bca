import Foundation
import TesseraJSON

/// A path, and what is done at it.
struct Route: Sendable {
  enum Content: Sendable {
    case none
    case json
    case form
  }

  let method: String
  let content: Content
  let answer: @Sendable (API, APIRequest) async throws -> Reply

  var takesBody: Bool { content != .none }

  /// - Throws: 415 for a body that is something else than what is read.
  func check(mediaType: String?) throws(APIError) {
    let wanted = content == .form ? "multipart/form-data" : "application/json"
    // Clients that say nothing mean JSON.
    guard let mediaType else {
      if content == .json { return }
      throw APIError(415, "The body must be \(wanted).", code: "unsupported_media_type")
    }
    guard mediaType == wanted || content == .json && mediaType.hasSuffix("+json") else {
      throw APIError(
        415, "The body is \(mediaType.prefix(100)): it must be \(wanted).", code: "unsupported_media_type")
    }
  }
}

enum Routes {
  static func isKnown(_ path: String) -> Bool { all[path] != nil }

  /// All paths; those of OpenAI also without their version.
  static let all: [String: [Route]] = {
    var all: [String: [Route]] = [:]
    func add(
      _ method: String, _ paths: String..., content: Route.Content = .none,
      _ answer: @escaping @Sendable (API, APIRequest) async throws -> Reply
    ) {
      for path in paths { all[path, default: []].append(Route(method: method, content: content, answer: answer)) }
    }
    add("GET", "/health") { api, _ in api.health() }
    add("GET", "/v1/models", "/models") { api, _ in Reply(api.models.document) }
    add("POST", "/v1/completions", "/completions", content: .json) { try await $0.completions($1) }
    add("POST", "/v1/chat/completions", "/chat/completions", content: .json) { try await $0.chat($1) }
    add("POST", "/v1/embeddings", "/embeddings", content: .json) { try await $0.embeddings($1) }
    add("POST", "/v1/rerank", "/v2/rerank", "/rerank", content: .json) { try await $0.rerank($1) }
    add("POST", "/v1/audio/transcriptions", content: .form) { try await $0.transcriptions($1, .transcribe) }
    add("POST", "/v1/audio/translations", content: .form) { try await $0.transcriptions($1, .translate) }
    add("POST", "/tokenize", content: .json) { try await $0.tokenize($1) }
    add("POST", "/detokenize", content: .json) { try await $0.detokenize($1) }
    add("POST", "/apply-template", content: .json) { try await $0.applyTemplate($1) }
    add("GET", "/") { _, _ in .chatPage }
    add("POST", "/v1/responses", "/responses", content: .json) { try await $0.responses($1) }
    add("GET", "/tokenizer_info") { api, _ in try api.tokenizerInfo() }
    add("GET", "/openapi.json") { _, _ in Reply(OpenAPI.document) }
    add("GET", "/metrics") { api, _ in await api.metricsPage() }
    return all
  }()

  /// - Throws: 404 for a path that is not known, 405 for a method that it does not have.
  static func route(_ request: APIRequest) throws(APIError) -> Route {
    let path = request.path.count > 1 && request.path.hasSuffix("/") ? String(request.path.dropLast()) : request.path
    // HEAD is GET without the body.
    let method = request.method == "HEAD" ? "GET" : request.method
    if let route = all[path]?.first(where: { $0.method == method }) { return route }
    if let routes = all[path] {
      let methods = routes.map(\.method).joined(separator: ", ")
      var error = APIError(405, "'\(path)' takes \(methods), and not \(method.prefix(32)).", code: "method_not_allowed")
      error.allow = methods
      throw error
    }
    if path.hasPrefix("/v1/models/") || path.hasPrefix("/models/") {
      let name = path.split(separator: "/", omittingEmptySubsequences: true).drop { $0 != "models" }.dropFirst()
        .joined(separator: "/")
      guard method == "GET" else {
        var error = APIError(405, "'\(path.prefix(200))' takes GET alone.", code: "method_not_allowed")
        error.allow = "GET"
        throw error
      }
      return Route(method: "GET", content: .none) { api, _ in
        Reply(try api.models.model(named: name.removingPercentEncoding ?? name).document)
      }
    }
    throw APIError(404, "There is nothing at '\(path.prefix(200))'.", code: "not_found")
  }
}
