import TesseraFiles
import TesseraMemory
import TesseraModels
import TesseraOperators
import TesseraSystem

/// Names the blocks of a model's sequences by all that their keys and values depend on.
struct PrefixNames: Sendable {
  /// Tokens of a block.
  let blockSize: Int
  private let model: Fingerprint
  /// Of adapters, by their number.
  private let adapters: [String]

  /// Nil where the model's sequences share no prefixes.
  ///
  /// - Parameters:
  ///   - model: tells the weights from others.
  ///   - adapters: tell each adapter from others.
  init?(_ runner: ModelRunner, model: String, adapters: [String]) {
    guard let blockSize = runner.cache.layout.prefixBlockSize else { return nil }
    self.blockSize = blockSize
    self.adapters = adapters
    var builder = FingerprintBuilder()
    builder.append("tessera prefix 1")
    let digest = runner.cache.layout.digest(model: model, style: runner.library.style)
    digest.withUnsafeBytes { builder.append($0) }
    builder.append(runner.precision.rawValue)
    self.model = builder.finish()
  }

  /// The chain of a sequence without tokens.
  func chain(adapter: Int?, salt: String?) -> KVKeyChain {
    var builder = FingerprintBuilder()
    model.bytes.withUnsafeBytes { builder.append($0) }
    // Lists of texts, so that none looks like another.
    builder.append(UInt8(adapter == nil ? 0 : 1))
    builder.append(adapter.map { adapters.indices.contains($0) ? adapters[$0] : "\($0)" } ?? "")
    builder.append(UInt8(salt == nil ? 0 : 1))
    builder.append(salt ?? "")
    return KVKeyChain(root: builder.finish(), blockSize: blockSize)
  }
}
