/// The element types of `.npy` files that can be read: little-endian numbers and bools.
package enum NPYType: String, Sendable, CaseIterable {
  case float16 = "<f2"
  case float32 = "<f4"
  case float64 = "<f8"
  case int8 = "|i1"
  case int16 = "<i2"
  case int32 = "<i4"
  case int64 = "<i8"
  case uint8 = "|u1"
  case uint16 = "<u2"
  case uint32 = "<u4"
  case uint64 = "<u8"
  case bool = "|b1"

  /// The type of a header's `descr`; one-byte types may carry any byte order.
  init?(description: String) {
    if let type = NPYType(rawValue: description) {
      self = type
    } else if description.hasPrefix("<"), let type = NPYType(rawValue: "|" + description.dropFirst()) {
      self = type
    } else {
      return nil
    }
  }

  /// Bytes of one element.
  package var byteCount: Int {
    switch self {
    case .int8, .uint8, .bool: 1
    case .float16, .int16, .uint16: 2
    case .float32, .int32, .uint32: 4
    case .float64, .int64, .uint64: 8
    }
  }
}
