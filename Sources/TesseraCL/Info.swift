import COpenCL

/// Reads what OpenCL tells of an object: a call with a parameter, asked first for the size and then for the value.
struct Info {
  /// (size of the buffer, the buffer, size of the value) → status
  let query: (Int, UnsafeMutableRawPointer?, UnsafeMutablePointer<Int>?) -> cl_int

  static func platform(_ id: cl_platform_id, _ parameter: Int32) -> Info {
    Info { clGetPlatformInfo(id, cl_platform_info(parameter), $0, $1, $2) }
  }

  static func device(_ id: cl_device_id, _ parameter: Int32) -> Info {
    Info { clGetDeviceInfo(id, cl_device_info(parameter), $0, $1, $2) }
  }

  /// The value's bytes, or nil where the driver does not know the parameter, or tells more than 16 MiB.
  var bytes: [UInt8]? {
    var size = 0
    guard query(0, nil, &size) == CL_SUCCESS, size > 0, size <= 16 << 20 else { return nil }
    var result = [UInt8](repeating: 0, count: size)
    guard result.withUnsafeMutableBytes({ query(size, $0.baseAddress, nil) }) == CL_SUCCESS else { return nil }
    return result
  }

  var string: String {
    String(decoding: (bytes ?? []).prefix { $0 != 0 }, as: UTF8.self).trimmingSpaces
  }

  /// [major, minor, patch] of each name of an array of cl_name_version: a version of 4 bytes, then 64 bytes with a
  /// zero-ended name.
  var versions: [String: [Int]] {
    guard let bytes else { return [:] }
    return Dictionary(
      stride(from: 0, to: bytes.count / 68 * 68, by: 68).map { at in
        let version = bytes[at..<at + 4].reversed().reduce(0) { $0 << 8 | Int($1) }
        return (
          String(decoding: bytes[at + 4..<at + 68].prefix { $0 != 0 }, as: UTF8.self),
          [version >> 22, version >> 12 & 0x3ff, version & 0xfff]
        )
      }, uniquingKeysWith: { first, _ in first })
  }

  /// A little-endian whole number of any width, clamped to Int.
  var int: Int? {
    guard let bytes, bytes.count <= 8 else { return nil }
    return Int(clamping: bytes.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
  }

  /// An array of size_t.
  var ints: [Int] {
    guard let bytes else { return [] }
    return stride(from: 0, to: bytes.count / 8 * 8, by: 8).map { at in
      Int(clamping: bytes[at..<at + 8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
    }
  }
}

extension String {
  var trimmingSpaces: String {
    String(drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
  }
}
