import TesseraFiles

/// Tensors of floats on the host: small ones, which become float32, and those that are stored sideways.
enum FloatTensor {
  /// The values of a tensor of F32, F16 or BF16, in order.
  static func values(_ tensor: StoredTensor, in checkpoint: any Checkpoint) throws -> [Float] {
    try check(tensor, in: checkpoint)
    let bytes = try checkpoint.bytes(of: tensor)
    func word<T: FixedWidthInteger>(_ index: Int, _ type: T.Type) -> T {
      T(littleEndian: bytes.loadUnaligned(fromByteOffset: index * MemoryLayout<T>.size, as: T.self))
    }
    switch tensor.type {
    case .f32: return (0..<tensor.elementCount).map { Float(bitPattern: word($0, UInt32.self)) }
    case .bf16: return (0..<tensor.elementCount).map { Float(bitPattern: UInt32(word($0, UInt16.self)) << 16) }
    case .f16: return (0..<tensor.elementCount).map { half(word($0, UInt16.self)) }
    default: return []
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

  /// A half's value, exactly.
  static func half(_ bits: UInt16) -> Float {
    let (exponent, mantissa) = (Int(bits >> 10 & 31), Int(bits & 0x3ff))
    let magnitude: Float =
      switch exponent {
      case 0: Float(mantissa) * 0x1p-24
      case 31: mantissa == 0 ? .infinity : .nan
      default: Float(bitPattern: UInt32(exponent + 112) << 23 | UInt32(mantissa) << 13)
      }
    return bits >> 15 == 0 ? magnitude : -magnitude
  }

  /// The bytes of a tensor of two dimensions with rows and columns exchanged.
  static func transposed(_ bytes: UnsafeRawBufferPointer, _ tensor: StoredTensor) -> [UInt8] {
    let size = tensor.type.blockByteCount
    let (rows, columns) = (tensor.rowCount, tensor.columnCount)
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
