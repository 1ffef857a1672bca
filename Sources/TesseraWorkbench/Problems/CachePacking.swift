import TesseraMemory
import TesseraOperators
import TesseraReference

/// How a token's key or value lies in its group of 16 tokens: `Kernels/common/cache.cl`.
package struct CachePacking {
  package let element: KVEncoding
  /// Elements of a head there; what it has more than a token's has is zero.
  package let size: Int
  package let isKeys: Bool
  /// Of the kernels: keys lie otherwise in the simt style.
  package let style: KernelStyle

  package init(element: KVEncoding, size: Int, isKeys: Bool, style: KernelStyle) {
    (self.element, self.size, self.isKeys, self.style) = (element, size, isKeys, style)
  }

  /// Where unit `i` of a token's lies, which are `count`: elements, or bytes of Q4_0, of `bytes`.
  package func place(_ i: Int, token: Int, of count: Int, bytes: Int) -> Int {
    guard isKeys else { return token * count + i }
    let run = style == .simt ? 16 / bytes : 1
    return (i / run * 16 + token) * run + i % run
  }

  package var groupBytes: Int { 16 * size / element.blockElements * element.blockBytes }

  package func store(_ x: [Float], token: Int, in bytes: inout [UInt8], at group: Int) {
    let x = x + [Float](repeating: 0, count: size - x.count)
    func place(_ i: Int, of count: Int) -> Int {
      self.place(i, token: token, of: count, bytes: element == .f32 ? 4 : element == .f16 ? 2 : 1)
    }
    func put<T: FixedWidthInteger>(_ value: T, _ index: Int, from start: Int) {
      let at = start + index * MemoryLayout<T>.size
      withUnsafeBytes(of: value.littleEndian) { bytes.replaceSubrange(at..<at + $0.count, with: $0) }
    }
    switch element {
    case .f32: for i in x.indices { put(x[i].bitPattern, place(i, of: size), from: group) }
    case .f16: for i in x.indices { put(ReferenceHalf.half(fromFloat: x[i]), place(i, of: size), from: group) }
    case .q8_0, .q4_0:
      let quantBytes = element == .q8_0 ? size * 16 : size * 8
      let type: ReferenceCacheType = element == .q8_0 ? .q8_0 : .q4_0
      for (index, block) in type.blocks(x).enumerated() {
        put(block.scale, index * 16 + token, from: group + quantBytes)
        if element == .q8_0 {
          for i in 0..<32 { put(block.quants[i], place(index * 32 + i, of: size), from: group) }
        } else {
          for i in 0..<16 {
            let byte = UInt8(block.quants[i] + 8) | UInt8(block.quants[i + 16] + 8) << 4
            put(byte, place(index * 16 + i, of: size / 2), from: group)
          }
        }
      }
    }
  }
}

extension ReferenceCacheType {
  package init(_ encoding: KVEncoding) {
    switch encoding {
    case .f32: self = .f32
    case .f16: self = .f16
    case .q8_0: self = .q8_0
    case .q4_0: self = .q4_0
    }
  }
}
