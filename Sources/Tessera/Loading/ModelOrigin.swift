import Synchronization
import TesseraOperators
import TesseraSystem

/// What a model was loaded from, as what reproduces its answers tells of it.
final class ModelOrigin: Sendable {
  struct Digests: Sendable {
    /// SHA-256 over the model's files.
    var model: String
    /// By their names.
    var adapters: [String: Reproduction.Adapter] = [:]
  }

  let name: String
  let weightType: WeightFormat?
  private let contents: ModelContents
  private let adapters: [LoadOptions.Adapter]
  private let known = Mutex<Digests?>(nil)

  /// - Parameter contents: of the files that the model is loaded from.
  init(_ name: String, _ contents: ModelContents, _ options: LoadOptions) {
    (self.name, self.contents) = (name, contents)
    (weightType, adapters) = (options.weightType, options.adapters)
  }

  /// The names of all contents. The first time every byte is read, on a thread of its own.
  ///
  /// - Throws: `FileError` where a file cannot be read, or is not what was loaded.
  func digests() async throws -> Digests {
    if let digests = known.withLock({ $0 }) { return digests }
    let digests = try await TextWorker(name: "tessera digests").run { [contents, adapters] in
      var digests = Digests(model: try contents.digest().hexadecimal)
      for adapter in adapters { digests.adapters[adapter.name] = try Reproduction.Adapter(adapter) }
      return digests
    }
    known.withLock { $0 = digests }
    return digests
  }
}
