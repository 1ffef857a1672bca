import TesseraCL

/// How a cache keeps the elements of its keys, or of its values.
public enum KVEncoding: String, Sendable, CaseIterable, Codable {
  case f32
  case f16
  /// 8 bits and a scale for each 32 elements.
  case q8_0
  /// 4 bits and a scale for each 32 elements.
  case q4_0

  /// Elements that are stored together: a head's size is a multiple.
  public var blockElements: Int { self == .q8_0 || self == .q4_0 ? 32 : 1 }

  /// Bytes of `blockElements` elements.
  public var blockBytes: Int {
    switch self {
    case .f32: 4
    case .f16: 2
    case .q8_0: 34
    case .q4_0: 18
    }
  }

  /// What a device keeps unless something else is asked for: `.f16` on GPUs, where a long context's time is that of
  /// reading the cache; elsewhere `.f32`, which rounds nothing.
  public static func standard(on type: DeviceProfile.DeviceType) -> KVEncoding { type == .gpu ? .f16 : .f32 }
}
