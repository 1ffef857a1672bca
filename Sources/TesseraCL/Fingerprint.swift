/// A 128-bit FNV-1a hash: names cache entries and finds damage in them.
///
/// Each byte is xored in and multiplied by an odd prime, so that two inputs of one length that differ in one byte never
/// have the same value. It does not resist forgery: what guards the cache from others is who owns its files.
/// Source: RFC 9923, "The FNV Non-Cryptographic Hash Algorithm".
struct Fingerprint: Equatable {
  let value: UInt128

  init(_ bytes: [UInt8]) {
    var value: UInt128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d
    for byte in bytes { value = (value ^ UInt128(byte)) &* 0x0000_0000_0100_0000_0000_0000_0000_013b }
    self.value = value
  }

  /// 32 hexadecimal digits.
  var hexadecimal: String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 32 - digits.count) + digits
  }

  /// 16 bytes, the least significant first.
  var bytes: [UInt8] { (0..<16).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) } }
}
