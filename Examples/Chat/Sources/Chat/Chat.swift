import Foundation
import Tessera

/// Asks a model two questions: `swift run Chat model.gguf`.
@main
struct Chat {
  static func main() async throws {
    guard CommandLine.arguments.count == 2 else {
      print("usage: Chat MODEL.gguf")
      exit(64)
    }
    let url = URL(fileURLWithPath: CommandLine.arguments[1])

    var loading = LoadOptions()
    loading.keyEncoding = .f16
    loading.valueEncoding = .f16
    let model = try await LanguageModel.load(from: url, options: loading)
    let profile: ModelProfile = model.profile
    print("\(profile.architecture), \(profile.layerCount) layers, on \(model.device.name)")
    var options = GenerationOptions()
    options.maxTokens = 48
    let chat = ChatSession(model, instructions: "You are terse.", options: options)
    print(try await chat.respond(to: "What is gravity?"))
    for try await piece in chat.streamResponse(to: "And why is it weak?") { print(piece, terminator: "") }
    print()
  }
}
