import TesseraSystem

/// The names of a sequence's full blocks, as its tokens become known: each is the SHA-256 of the name before it and the
/// block's tokens.
package struct KVKeyChain: Sendable, Equatable {
  /// Tokens of a block.
  package let blockSize: Int
  /// Names of the blocks that are full.
  package private(set) var names: [KVBlockKey] = []

  private let root: [UInt8]
  /// Tokens of the block that is not full.
  private var rest: [Int] = []

  /// An empty chain.
  ///
  /// - Parameters:
  ///   - root: the digest of all that keys and values depend on besides tokens.
  ///   - blockSize: over 0.
  package init(root: Fingerprint, blockSize: Int) {
    (self.root, self.blockSize) = (root.bytes, max(1, blockSize))
  }

  /// Takes the sequence's next token; tells whether a block is full with it.
  package mutating func append(_ token: Int) -> Bool {
    rest.append(token)
    guard rest.count == blockSize else { return false }
    var builder = FingerprintBuilder()
    (names.last?.bytes ?? root).withUnsafeBytes { builder.append($0) }
    for token in rest { builder.append(UInt64(truncatingIfNeeded: token)) }
    names.append(KVBlockKey(builder.finish()))
    rest.removeAll(keepingCapacity: true)
    return true
  }

  /// Takes the sequence's next tokens.
  package mutating func append(_ tokens: some Sequence<Int>) {
    for token in tokens { _ = append(token) }
  }
}
