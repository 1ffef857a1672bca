import TesseraFiles

/// Tensors of floats on the host: small ones, which become float32, and those that are stored sideways.
package enum FloatTensor {
  /// The values of a tensor of F32, F16 or BF16, in order.
  static func values(_ tensor: StoredTensor, in checkpoint: any Checkpoint) throws -> [Float] {
    try check(tensor, in: checkpoint)
    return values(try checkpoint.bytes(of: tensor), tensor.type)
  }

  /// The values of elements of F32, F16 or BF16; none of other types.
  package static func values(_ bytes: UnsafeRawBufferPointer, _ type: GGMLType) -> [Float] {
    func word<T: FixedWidthInteger>(_ index: Int, _: T.Type) -> T {
      T(littleEndian: bytes.loadUnaligned(fromByteOffset: index * MemoryLayout<T>.size, as: T.self))
    }
    let indices = 0..<bytes.count / type.blockByteCount
    return switch type {
    case .f32: indices.map { Float(bitPattern: word($0, UInt32.self)) }
    case .bf16: indices.map { Float(bitPattern: UInt32(word($0, UInt16.self)) << 16) }
    case .f16: indices.map { Float(halfBits: word($0, UInt16.self)) }
    default: []
    }
  }

  /// Throws unless `values` can read the tensor.
  static func check(_ tensor: StoredTensor, in checkpoint: any Checkpoint) throws {
    guard [.f32, .f16, .bf16].contains(tensor.type) else {
      throw ModelError(
        .unsupportedFeature,
        "\(checkpoint.path): tensor \(tensor.name) is \(tensor.type.name): F32, F16 and BF16 are supported there: get "
          + "the model in one of them")
    }
  }

  /// The bytes of a tensor of F32, F16 or BF16 whose rows are divided by their lengths; of other types as they are.
  static func normalized(_ bytes: UnsafeRawBufferPointer, _ tensor: StoredTensor) -> [UInt8] {
    var result = [UInt8](bytes)
    let size = tensor.rowByteCount
    for start in stride(from: 0, to: bytes.count - bytes.count % max(1, size), by: max(1, size)) {
      let row = values(UnsafeRawBufferPointer(rebasing: bytes[start..<start + size]), tensor.type)
      let length = row.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
      for (index, value) in row.enumerated() {
        let share = Float(Double(value) / max(length, 1e-12))
        let bits: UInt32 =
          switch tensor.type {
          case .f16: UInt32(Float16(share).bitPattern)
          // Rounded to the nearest, of two the even one.
          case .bf16: (share.bitPattern + 0x7fff + (share.bitPattern >> 16 & 1)) >> 16
          default: share.bitPattern
          }
        for byte in 0..<tensor.type.blockByteCount {
          result[start + index * tensor.type.blockByteCount + byte] = UInt8(
            truncatingIfNeeded: bits >> UInt32(8 * byte))
        }
      }
    }
    return result
  }

  /// The bytes of a tensor of two dimensions with rows and columns exchanged.
  static func transposed(_ bytes: UnsafeRawBufferPointer, _ tensor: StoredTensor) -> [UInt8] {
    let (size, columns) = (tensor.type.blockByteCount, tensor.columnCount)
    let rows = bytes.count / (columns * size)
    return [UInt8](unsafeUninitializedCapacity: bytes.count) { memory, count in
      for column in 0..<columns {
        for row in 0..<rows {
          for byte in 0..<size {
            memory[(column * rows + row) * size + byte] = bytes[(row * columns + column) * size + byte]
          }
        }
      }
      count = bytes.count
    }
  }
}
