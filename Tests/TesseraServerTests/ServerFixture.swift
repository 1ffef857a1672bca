import Foundation
import Tessera
import TesseraJSON
import TestSupport
import Testing

@testable import TesseraServer

/// Suites that run a model run one test at a time: they share the device and its memory.
@Suite("Server", .serialized)
enum ServerSuites {}

/// A tiny model behind the interface.
enum ServerFixture {
  /// Loaded once.
  private static let model = Task { try await load { _ in } }
  /// The same with a chat template that shows how tools are called, as Qwen's does.
  private static let caller = Task {
    try await load { writer in
      writer.metadata["tokenizer.chat_template"] = .string(
        "{% if tools %}{% for tool in tools %}{{ tool.function.name }} <tool_call> {% endfor %}{% endif %}"
          + SyntheticModel.template + "{# <think> #}")
    }
  }

  private static func load(_ change: (inout GGUFWriter) -> Void) async throws -> ServedModel {
    var options = LoadOptions()
    (options.contextLength, options.sequenceCount) = (256, 8)
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("tessera-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let url = folder.appendingPathComponent("tiny.gguf")
    var writer = SyntheticModel.llama.writer()
    change(&writer)
    try writer.write(to: url)
    let model = try await ServedModel.load(url.path, names: [], options: options) { _ in }
    // As long as the file is there.
    _ = try await model.language.digest()
    return model
  }

  static func api(callsTools: Bool = false, _ change: (inout ServerOptions) -> Void = { _ in }) async throws -> API {
    var options = ServerOptions()
    change(&options)
    return API(ModelList([try await callsTools ? caller.value : model.value]), options: options)
  }
}

extension API {
  func send(_ method: String = "POST", _ path: String, _ body: String = "", headers: [String: String] = [:])
    async throws
    -> (status: Int, document: JSONValue)
  {
    let reply = try await reply(to: APIRequest(method: method, path: path, headers: headers, body: Array(body.utf8)))
    return (reply.status, try await reply.document)
  }

  /// The events of a streamed reply, without the last, which says that it is done.
  func stream(_ path: String, _ body: String) async throws -> [JSONValue] {
    let reply = try await reply(to: APIRequest(method: "POST", path: path, body: Array(body.utf8)))
    let text = try await reply.text
    #expect(text.hasSuffix("data: [DONE]\n\n") || path.hasSuffix("responses"))
    return try text.components(separatedBy: "\n\n").compactMap { event in
      guard let data = event.components(separatedBy: "\n").first(where: { $0.hasPrefix("data: {") }) else { return nil }
      return try JSONValue(parsing: String(data.dropFirst(6)), options: .request)
    }
  }
}

extension Reply {
  /// All that is sent.
  var text: String {
    get async throws {
      switch body {
      case .bytes(let bytes): return String(decoding: bytes, as: UTF8.self)
      case .events(let events):
        let list = EventList()
        try await events(list)
        return await list.text
      }
    }
  }

  var document: JSONValue {
    get async throws { try JSONValue(parsing: try await text, options: .request) }
  }
}

private actor EventList: EventWriter {
  var text = ""
  func write(_ text: String) { self.text += text }
}

extension JSONValue {
  /// A member, or an element, of what this holds; null where there is none.
  subscript(_ key: String) -> JSONValue { objectValue?[key] ?? .null }
  subscript(_ index: Int) -> JSONValue {
    guard let array = arrayValue, array.indices.contains(index) else { return .null }
    return array[index]
  }
}
