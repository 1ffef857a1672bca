@testable import TesseraFiles

/// Writes GGUF files for tests, right ones and wrong ones: every count and number can be set to anything.
struct GGUFBuilder {
  struct Tensor {
    var name: String
    var type: UInt32 = GGMLType.f32.rawValue
    var dimensions: [UInt64]
    var offset: UInt64
    var dimensionCount: UInt32? = nil
  }

  var magic = Array("GGUF".utf8)
  var version: UInt32 = 3
  var tensorCount: UInt64? = nil
  var keyCount: UInt64? = nil
  var pairs: [[UInt8]] = []
  var tensors: [Tensor] = []
  var alignment = 32
  /// The tensor data.
  var data: [UInt8] = []

  static func bytes<T: FixedWidthInteger>(_ value: T) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { Array($0) }
  }

  static func string(_ text: [UInt8]) -> [UInt8] { bytes(UInt64(text.count)) + text }

  static func string(_ text: String) -> [UInt8] { string(Array(text.utf8)) }

  /// An array's value: element type, count, and the bytes of its elements.
  static func array(_ type: MetadataType, count: UInt64, _ elements: [UInt8]) -> [UInt8] {
    bytes(type.rawValue) + bytes(count) + elements
  }

  static func strings(_ texts: [String]) -> [UInt8] {
    array(.string, count: UInt64(texts.count), texts.flatMap { string($0) })
  }

  /// Adds a key with the bytes of its value.
  mutating func add(_ key: String, _ type: MetadataType, _ value: [UInt8]) {
    add(key, typeNumber: type.rawValue, value)
  }

  mutating func add(_ key: String, typeNumber: UInt32, _ value: [UInt8]) {
    pairs.append(GGUFBuilder.string(key) + GGUFBuilder.bytes(typeNumber) + value)
  }

  mutating func add(_ key: String, uint32 value: UInt32) { add(key, .uint32, GGUFBuilder.bytes(value)) }

  /// The whole file.
  func build() -> [UInt8] {
    var file = magic + GGUFBuilder.bytes(version)
    file += GGUFBuilder.bytes(tensorCount ?? UInt64(tensors.count))
    file += GGUFBuilder.bytes(keyCount ?? UInt64(pairs.count))
    for pair in pairs { file += pair }
    for tensor in tensors {
      file += GGUFBuilder.string(tensor.name)
      file += GGUFBuilder.bytes(tensor.dimensionCount ?? UInt32(tensor.dimensions.count))
      for dimension in tensor.dimensions { file += GGUFBuilder.bytes(dimension) }
      file += GGUFBuilder.bytes(tensor.type) + GGUFBuilder.bytes(tensor.offset)
    }
    if !data.isEmpty {
      file += Array(repeating: 0, count: (alignment - file.count % alignment) % alignment)
      file += data
    }
    return file
  }

  /// A small right file: every metadata type, nested arrays, three tensors.
  static func small() -> GGUFBuilder {
    var builder = GGUFBuilder()
    builder.add("general.architecture", .string, string("test"))
    builder.add("general.alignment", uint32: 32)
    builder.add("u8", .uint8, [7])
    builder.add("i8", .int8, bytes(Int8(-7)))
    builder.add("u16", .uint16, bytes(UInt16(700)))
    builder.add("i16", .int16, bytes(Int16(-700)))
    builder.add("i32", .int32, bytes(Int32(-70_000)))
    builder.add("u64", .uint64, bytes(UInt64(1) << 40))
    builder.add("i64", .int64, bytes(Int64(-1) << 40))
    builder.add("f32", .float32, bytes(Float(0.5).bitPattern))
    builder.add("f64", .float64, bytes(0.25.bitPattern))
    builder.add("bool", .bool, [1])
    builder.add("strings", .array, strings(["a", "", "日本"]))
    builder.add("ints", .array, array(.int16, count: 2, bytes(Int16(-1)) + bytes(Int16(2))))
    builder.add("nested", .array, array(.array, count: 2, array(.uint8, count: 1, [9]) + strings(["x"])))
    builder.tensors = [
      Tensor(name: "a", dimensions: [4, 2], offset: 0),
      Tensor(name: "b", type: GGMLType.q4_0.rawValue, dimensions: [32], offset: 32),
      Tensor(name: "c", type: GGMLType.f16.rawValue, dimensions: [3, 1, 2], offset: 64),
    ]
    builder.data = (0..<76).map { UInt8($0) }
    return builder
  }
}
