import Synchronization
import TesseraModels
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
  /// As they are open, with their scales.
  private let adapters: [(opened: Adapter, scale: Double)]
  private let known = Mutex<Digests?>(nil)

  /// - Parameter adapters: the options', opened.
  init(_ source: ModelSource, _ options: LoadOptions, _ adapters: [Adapter]) {
    (name, contents) = (source.name, source.contents)
    (weightType, self.adapters) = (options.weightType, zip(adapters, options.adapters.map(\.scale)).map { ($0, $1) })
  }

  /// The names of all contents. The first time every byte is read, on a thread of its own.
  ///
  /// - Throws: `FileError` where a file cannot be read, or was changed since it was opened.
  func digests() async throws -> Digests {
    if let digests = known.withLock({ $0 }) { return digests }
    let digests = try await TextWorker(name: "tessera digests").run { [contents, adapters] in
      var digests = Digests(model: try contents.digest().hexadecimal)
      for (adapter, scale) in adapters { digests.adapters[adapter.name] = try Reproduction.Adapter(adapter, scale) }
      return digests
    }
    known.withLock { $0 = digests }
    return digests
  }
}
