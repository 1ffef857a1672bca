import Synchronization
import TesseraFiles

/// The values that a family looks up in a folder's configuration, by the keys that a GGUF file has for them.
final class ExportRecord: Sendable {
  struct Contents: Sendable {
    /// Without the architecture before them.
    var keys: [String] = []
    var values: [String: MetadataValue] = [:]
    /// Values that GGUF has no key for, and that are not what a file without one means.
    var inexpressible: [String] = []
    /// The size of the heads whose rows are interleaved in GGUF files; nil: they are not.
    fileprivate var interleavedHeadDim: Int?

    /// The size of the heads that the rows of a tensor, by its GGUF name, have in another order in folders (`HeadOrder`); nil:
    /// there they are in the same.
    func interleavedHeadDim(of name: String) -> Int? {
      [".attn_q.", ".attn_k."].contains { name.contains($0) } ? interleavedHeadDim : nil
    }
  }

  private let state = Mutex(Contents())
  var contents: Contents { state.withLock { $0 } }

  func set(_ key: String, _ value: MetadataValue) {
    state.withLock { if $0.values.updateValue(value, forKey: key) == nil { $0.keys.append(key) } }
  }

  func set(_ key: String, _ value: Int) { set(key, UInt32(exactly: value).map { .uint32($0) } ?? .int64(Int64(value))) }
  func set(_ key: String, _ value: Double) { set(key, .float32(Float(value))) }

  func addInexpressible(_ name: String, _ value: Int) { state.withLock { $0.inexpressible.append("\(name) \(value)") } }

  func interleaveHeads(of size: Int) { state.withLock { $0.interleavedHeadDim = size } }
}
