/// Writes WAV files for tests, right ones and wrong ones.
struct WAVBuilder {
  var kind = "RIFF"
  var tag: UInt16 = 1
  var bits: UInt16 = 16
  var channels: UInt16 = 1
  var rate: UInt32 = 16_000
  /// Bytes of a frame; nil for what channels and bits make.
  var frameBytes: UInt16?
  var isExtensible = false
  /// The size that the samples' chunk claims; nil for the right one.
  var dataSize: UInt32?
  /// The size in the chunk `ds64`; nil for no such chunk.
  var longSize: UInt64?
  /// Chunks before the samples.
  var before: [(String, [UInt8])] = []
  var data: [UInt8] = []
  var after: [UInt8] = []

  static func bytes<T: FixedWidthInteger>(_ value: T) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { Array($0) }
  }

  static func chunk(_ id: String, _ body: [UInt8], size: UInt32? = nil) -> [UInt8] {
    Array(id.utf8) + bytes(size ?? UInt32(body.count)) + body + (body.count % 2 == 1 ? [0] : [])
  }

  func build() -> [UInt8] {
    let frame = frameBytes ?? channels * ((bits + 7) / 8)
    var format = Self.bytes(isExtensible ? 0xFFFE : tag) + Self.bytes(channels) + Self.bytes(rate)
    format += Self.bytes(rate &* UInt32(frame)) + Self.bytes(frame) + Self.bytes(bits)
    if isExtensible {
      format += Self.bytes(UInt16(22)) + Self.bytes(bits) + Self.bytes(UInt32(0)) + Self.bytes(tag)
      format += [0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xAA, 0, 0x38, 0x9B, 0x71]
    }
    var body = Array("WAVE".utf8)
    if let longSize {
      body += Self.chunk("ds64", Self.bytes(UInt64(0)) + Self.bytes(longSize) + Self.bytes(UInt64(0)) + [0, 0, 0, 0])
    }
    body += Self.chunk("fmt ", format)
    for (id, bytes) in before { body += Self.chunk(id, bytes) }
    body += Self.chunk("data", data, size: dataSize) + after
    return Array(kind.utf8) + Self.bytes(longSize == nil ? UInt32(body.count) : .max) + body
  }
}
