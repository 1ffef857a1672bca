import Foundation

/// Writes GGUF v3 files for tests, right ones and wrong ones (ggml's GGUF specification).
package struct GGUFWriter {
  package enum Value: Sendable {
    case uint32(UInt32), uint64(UInt64), float32(Float), bool(Bool), string(String), strings([String]), int32s([Int32])
  }

  package struct Tensor {
    /// ggml's number of the type.
    package var type: UInt32
    package var dimensions: [Int]
    package var data: [UInt8]

    package init(type: UInt32, dimensions: [Int], data: [UInt8]) {
      (self.type, self.dimensions, self.data) = (type, dimensions, data)
    }
  }

  package var metadata: [String: Value] = [:]
  package var tensors: [String: Tensor] = [:]

  package init() {}

  private static let alignment = 32

  /// Writes the file.
  package func write(to url: URL) throws {
    var file = Array("GGUF".utf8) + bytes(UInt32(3)) + bytes(UInt64(tensors.count)) + bytes(UInt64(metadata.count))
    for (key, value) in metadata.sorted(by: { $0.key < $1.key }) { file += string(key) + encoded(value) }
    let sorted = tensors.sorted { $0.key < $1.key }
    var offset = 0
    for (name, tensor) in sorted {
      file += string(name) + bytes(UInt32(tensor.dimensions.count))
      for dimension in tensor.dimensions { file += bytes(UInt64(dimension)) }
      file += bytes(tensor.type) + bytes(UInt64(offset))
      offset += tensor.data.count + padding(tensor.data.count)
    }
    file += Array(repeating: 0, count: padding(file.count))
    for (_, tensor) in sorted { file += tensor.data + Array(repeating: 0, count: padding(tensor.data.count)) }
    try Data(file).write(to: url)
  }

  private func padding(_ count: Int) -> Int { (Self.alignment - count % Self.alignment) % Self.alignment }

  private func bytes<T: FixedWidthInteger>(_ value: T) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { Array($0) }
  }

  private func string(_ text: String) -> [UInt8] { bytes(UInt64(text.utf8.count)) + Array(text.utf8) }

  private func encoded(_ value: Value) -> [UInt8] {
    switch value {
    case .uint32(let number): bytes(UInt32(4)) + bytes(number)
    case .float32(let number): bytes(UInt32(6)) + bytes(number.bitPattern)
    case .bool(let flag): bytes(UInt32(7)) + [flag ? 1 : 0]
    case .string(let text): bytes(UInt32(8)) + string(text)
    case .strings(let texts):
      bytes(UInt32(9)) + bytes(UInt32(8)) + bytes(UInt64(texts.count)) + texts.flatMap { string($0) }
    case .int32s(let numbers):
      bytes(UInt32(9)) + bytes(UInt32(5)) + bytes(UInt64(numbers.count)) + numbers.flatMap { bytes($0) }
    case .uint64(let number): bytes(UInt32(10)) + bytes(number)
    }
  }
}

extension GGUFWriter.Tensor {
  /// A float32 tensor.
  package static func f32(_ dimensions: [Int], _ values: [Float]) -> Self {
    Self(
      type: 0, dimensions: dimensions,
      data: values.flatMap { withUnsafeBytes(of: $0.bitPattern.littleEndian, Array.init) })
  }

  /// A Q8_0 tensor: blocks of 32 signed bytes behind a float16 scale.
  package static func q8_0(_ dimensions: [Int], _ values: [Float]) -> Self {
    var data: [UInt8] = []
    for start in stride(from: 0, to: values.count, by: 32) {
      let block = values[start..<start + 32]
      let scale = (block.map(abs).max() ?? 0) / 127
      data += withUnsafeBytes(of: Float16(scale).bitPattern.littleEndian, Array.init)
      data += block.map { UInt8(bitPattern: Int8(clamping: Int(($0 / max(scale, 1e-9)).rounded()))) }
    }
    return Self(type: 8, dimensions: dimensions, data: data)
  }

  /// A Q4_0 tensor: blocks of 32 nibbles, each + 8, behind a float16 scale; byte i holds numbers i and i + 16.
  package static func q4_0(_ dimensions: [Int], _ values: [Float]) -> Self {
    var data: [UInt8] = []
    for start in stride(from: 0, to: values.count, by: 32) {
      let block = Array(values[start..<start + 32])
      let scale = (block.map(abs).max() ?? 0) / 7
      let quants = block.map { UInt8(max(0, min(15, Int(($0 / max(scale, 1e-9)).rounded()) + 8))) }
      data += withUnsafeBytes(of: Float16(scale).bitPattern.littleEndian, Array.init)
      data += (0..<16).map { quants[$0] | quants[$0 + 16] << 4 }
    }
    return Self(type: 2, dimensions: dimensions, data: data)
  }
}
