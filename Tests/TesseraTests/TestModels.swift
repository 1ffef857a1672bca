import Foundation
import Testing

@testable import Tessera

/// Suites that run a model run one test at a time: they share the device and its memory.
@Suite("Models end to end", .serialized)
enum ModelSuites {}

/// A real model that tests run, named by an environment variable; the tests are skipped where it is not set.
struct TestModel: Sendable, CustomStringConvertible {
  let name: String
  let path: String
  var description: String { name }

  static let smolLM2 = TestModel("smollm2", variable: "TESSERA_TEST_SMOLLM2")
  static let gemma3 = TestModel("gemma3", variable: "TESSERA_TEST_GEMMA3")
  static let all = [smolLM2, gemma3].compactMap { $0 }
  static let qwen2 = TestModel("qwen2", variable: "TESSERA_TEST_QWEN2")

  private init?(_ name: String, variable: String) {
    guard let path = ProcessInfo.processInfo.environment[variable], !path.isEmpty else { return nil }
    (self.name, self.path) = (name, path)
  }

  /// A path that is given but missing fails here. Fixtures are of an exact cache, on GPUs too.
  func load(_ options: LoadOptions = LoadOptions()) async throws -> LanguageModel {
    var options = options
    options.keyEncoding = options.keyEncoding ?? .f32
    options.valueEncoding = options.valueEncoding ?? .f32
    return try await LanguageModel.load(from: URL(fileURLWithPath: path), options: options)
  }

  /// A fixture of this folder, decoded.
  func fixture<T: Decodable>(_ kind: String, as type: T.Type) throws -> T {
    let url = try #require(
      Bundle.module.url(forResource: "\(kind)-\(name)", withExtension: "json", subdirectory: "Fixtures"))
    return try JSONDecoder().decode(type, from: Data(contentsOf: url))
  }
}
