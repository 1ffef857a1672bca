import CZlib

/// How many times shorter zlib makes a text: one that repeats itself is compressed well. 0 for an empty one.
func compressionRatio(_ text: String) -> Double {
  let bytes = Array(text.utf8)
  var size = compressBound(uLong(bytes.count))
  var compressed = [UInt8](repeating: 0, count: Int(size))
  guard !bytes.isEmpty, compress(&compressed, &size, bytes, uLong(bytes.count)) == Z_OK, size > 0 else { return 0 }
  return Double(bytes.count) / Double(size)
}
