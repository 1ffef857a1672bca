import Foundation
import FoundationNetworking
import Tessera
import TesseraServer

/// Serves a model on a free port of this machine, asks it something as any client would, and ends: `swift run Serve model.gguf`.
@main
struct Serve {
  static func main() async throws {
    guard CommandLine.arguments.count == 2 else {
      print("usage: Serve MODEL.gguf")
      exit(64)
    }
    let model = try await LanguageModel.load(from: URL(fileURLWithPath: CommandLine.arguments[1]))
    var options = ServerOptions()
    options.port = 0
    let (ports, port) = AsyncStream<Int>.makeStream()
    let server = HTTPServer([ServedModel(names: ["model"], kind: .text(model, nil))], options: options) {
      port.yield($0)
      port.finish()
    }
    let serving = Task { try await server.run() }
    for await port in ports { print(try await ask("http://127.0.0.1:\(port)/v1/chat/completions")) }
    await server.drain()
    try await serving.value
  }

  private static func ask(_ address: String) async throws -> String {
    guard let url = URL(string: address) else { return "" }
    var request = URLRequest(url: url)
    request.httpMethod = "POST"
    request.setValue("application/json", forHTTPHeaderField: "Content-Type")
    let question =
      #"{"model": "model", "messages": [{"role": "user", "content": "What is gravity?"}], "max_tokens": 16}"#
    request.httpBody = Data(question.utf8)
    return String(decoding: try await URLSession.shared.data(for: request).0, as: UTF8.self)
  }
}
