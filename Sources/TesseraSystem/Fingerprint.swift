import Crypto

/// A SHA-256 digest: names cache entries, finds damage in them, tells models apart.
package struct Fingerprint: Hashable, Sendable {
  /// The digest's 32 bytes.
  package let bytes: [UInt8]

  /// The digest of `bytes`.
  package init(_ bytes: some Collection<UInt8>) {
    var builder = FingerprintBuilder()
    if bytes.withContiguousStorageIfAvailable({ builder.append(UnsafeRawBufferPointer($0)) }) == nil {
      Array(bytes).withUnsafeBytes { builder.append($0) }
    }
    self = builder.finish()
  }

  fileprivate init(digest: SHA256.Digest) { bytes = Array(digest) }

  /// A digest that was kept; nil unless it has 32 bytes.
  package init?(digest bytes: [UInt8]) {
    guard bytes.count == 32 else { return nil }
    self.bytes = bytes
  }

  /// 64 hexadecimal digits.
  package var hexadecimal: String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }
}

/// Makes a fingerprint of bytes that come piece by piece.
package struct FingerprintBuilder: Sendable {
  private var hash = SHA256()

  package init() {}

  /// Takes the next bytes.
  package mutating func append(_ bytes: UnsafeRawBufferPointer) { hash.update(bufferPointer: bytes) }

  /// Takes a text's length and its bytes, so that no two lists of texts give the same fingerprint.
  package mutating func append(_ text: String) {
    append(UInt64(text.utf8.count))
    Array(text.utf8).withUnsafeBytes { append($0) }
  }

  /// Takes a number, the least significant byte first.
  package mutating func append(_ number: some FixedWidthInteger) {
    withUnsafeBytes(of: number.littleEndian) { append($0) }
  }

  /// The fingerprint of what was taken.
  package func finish() -> Fingerprint { Fingerprint(digest: hash.finalize()) }
}
