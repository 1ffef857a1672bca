import Foundation
import Logging
import TesseraJSON

/// The server without its sockets: what each request is answered with.
package struct API: Sendable {
  let models: ModelList
  let options: ServerOptions
  let gate: Gate
  let admission: Admission
  let metrics: Metrics
  let texts = TextLines()
  let constraints = ConstraintLine()
  /// Whose prompts share what the cache has of them; nil: everybody's.
  private(set) var scope: String?
  let logger = Logger(label: "tessera.server")

  package init(_ models: ModelList, options: ServerOptions = ServerOptions()) {
    (self.models, self.options) = (models, options)
    gate = Gate(options)
    admission = Admission(limit: options.limits.answers)
    metrics = Metrics()
  }

  /// What can be said of a request before its body is read; nil: nothing is against it.
  package func refusal(of request: APIRequest) -> Reply? {
    do {
      if admission.isDraining { throw APIError.draining }
      try gate.check(request)
      if request.method == "OPTIONS", !gate.corsHeaders(request).isEmpty { return preflight(request) }
      let route = try Routes.route(request)
      if route.takesBody { try route.check(mediaType: request.mediaType) }
      return nil
    } catch let error as APIError {
      return finished(Reply(error), request)
    } catch {
      return finished(Reply(.hidden), request)
    }
  }

  /// - Throws: `CancellationError` where the task was canceled: nobody waits for the answer.
  package func reply(to request: APIRequest) async throws -> Reply {
    if let refusal = refusal(of: request) { return refusal }
    do {
      var api = self
      api.scope = gate.scope(of: request)
      let reply = try await Routes.route(request).answer(api, request)
      try Task.checkCancellation()
      return finished(reply, request)
    } catch let error as CancellationError {
      throw error
    } catch let error as APIError {
      return finished(Reply(error), request)
    } catch {
      logger.error("\(error)")
      return finished(Reply(.hidden), request)
    }
  }

  private func preflight(_ request: APIRequest) -> Reply {
    var reply = Reply(text: "", contentType: "text/plain")
    reply.status = 204
    return finished(reply, request)
  }

  private func finished(_ reply: Reply, _ request: APIRequest) -> Reply {
    var reply = reply
    reply.headers += gate.corsHeaders(request)
    return reply
  }

  /// An id that no other answer has.
  static func id(_ prefix: String) -> String {
    prefix + UUID().uuidString.replacingOccurrences(of: "-", with: "").lowercased()
  }

  static var now: Int { Int(Date().timeIntervalSince1970) }
}
