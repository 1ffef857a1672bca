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
  private let known: SharedValue<Digests>

  /// - Parameter adapters: the options', opened.
  init(_ source: ModelSource, _ options: LoadOptions, _ adapters: [Adapter]) {
    (name, weightType) = (source.name, options.weightType)
    // As they are open.
    let (contents, scales) = (source.contents, options.adapters.map(\.scale))
    known = SharedValue {
      try await TextWorker(name: "tessera digests").run {
        var digests = Digests(model: try contents.digest().hexadecimal)
        for (adapter, scale) in zip(adapters, scales) {
          digests.adapters[adapter.name] = try Reproduction.Adapter(adapter, scale)
        }
        return digests
      }
    }
  }

  /// The names of all contents. The first time every byte is read, on a thread of its own.
  ///
  /// - Throws: `FileError` where a file cannot be read, or was changed since it was opened.
  func digests() async throws -> Digests { try await known.value }
}

/// A value that takes long: it is made when it is first asked for, once for all who ask, and again only where that
/// failed.
final class SharedValue<Value: Sendable>: Sendable {
  private let make: @Sendable () async throws -> Value
  private let task = Mutex<Task<Value, any Error>?>(nil)

  init(_ make: @escaping @Sendable () async throws -> Value) { self.make = make }

  var value: Value {
    get async throws {
      let task = self.task.withLock { task in
        let current = task ?? Task { [make] in try await make() }
        task = current
        return current
      }
      do { return try await task.value } catch {
        self.task.withLock { if $0 == task { $0 = nil } }
        throw error
      }
    }
  }
}
