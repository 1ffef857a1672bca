import Foundation
import TestSupport

@testable import Tessera

extension SyntheticModel {
  /// The model, loaded, with some of its file changed.
  func load(
    _ options: LoadOptions = LoadOptions(), _ change: (inout GGUFWriter) -> Void = { _ in }
  ) async throws -> LanguageModel {
    var writer = writer()
    change(&writer)
    let url = FileManager.default.temporaryDirectory.appendingPathComponent("tessera-\(UUID().uuidString).gguf")
    defer { try? FileManager.default.removeItem(at: url) }
    try writer.write(to: url)
    return try await LanguageModel.load(from: url, options: options)
  }
}
