import TesseraSystem

/// A matrix of MXFP4 in two tensors of bytes, as gpt-oss is published: `NAME_blocks` (…, blocks, 16), of which byte i has the
/// elements 2i and 2i + 1, and `NAME_scales` (…, blocks). Here it is one tensor, `NAME`, whose rows are as GGUF files have them.
///
/// Source: OCP Microscaling Formats (MX), version 1.0, 2023; `integrations/mxfp4.py` of transformers.
struct BlocksAndScales: Sendable {
  /// What the two are together.
  let tensor: StoredTensor
  let blocks: StoredTensor
  let scales: StoredTensor

  private static let blocksEnding = "_blocks"

  /// The matrices among tensors of bytes.
  static func all(_ bytes: [StoredTensor]) -> [BlocksAndScales] {
    let named = Dictionary(bytes.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    return bytes.compactMap { blocks in
      guard blocks.name.hasSuffix(blocksEnding) else { return nil }
      let name = String(blocks.name.dropLast(blocksEnding.count))
      guard let scales = named[name + "_scales"], blocks.shape == scales.shape + [16],
        let (columns, overflow) = scales.shape.last?.multipliedReportingOverflow(by: 32), !overflow,
        let tensor = try? StoredTensor(name, .mxfp4, scales.shape.dropLast() + [columns])
      else { return nil }
      return BlocksAndScales(tensor: tensor, blocks: blocks, scales: scales)
    }
  }

  /// Rows as GGUF files have them: a block is its scale and 16 bytes, of which byte j has the elements j and j + 16.
  static func rows(blocks: UnsafeRawBufferPointer, scales: UnsafeRawBufferPointer) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: scales.count * 17) { memory, count in
      for (index, scale) in scales.enumerated() {
        memory[index * 17] = scale
        for j in 0..<16 {
          let (low, high) = (blocks[index * 16 + j / 2], blocks[index * 16 + 8 + j / 2])
          memory[index * 17 + 1 + j] =
            j % 2 == 0 ? low & 0x0f | high << 4 : low >> 4 | high & 0xf0
        }
      }
      count = scales.count * 17
    }
  }
}
