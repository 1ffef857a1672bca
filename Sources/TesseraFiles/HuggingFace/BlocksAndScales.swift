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
  func rows(_ rows: StridedRows, blocks: UnsafeRawBufferPointer, scales: UnsafeRawBufferPointer) -> [UInt8] {
    let blocksOfRow = tensor.columnCount / 32
    return [UInt8](unsafeUninitializedCapacity: rows.rowCount * tensor.rowByteCount) { memory, end in
      let target = UnsafeMutableRawBufferPointer(memory)
      for run in rows {
        for index in run.lowerBound * blocksOfRow..<run.upperBound * blocksOfRow {
          let low = blocks.loadUnaligned(fromByteOffset: index * 16, as: SIMD8<UInt8>.self)
          let high = blocks.loadUnaligned(fromByteOffset: index * 16 + 8, as: SIMD8<UInt8>.self)
          var bytes = SIMD16<UInt8>()
          bytes.evenHalf = low & 0x0f | high &<< 4
          bytes.oddHalf = low &>> 4 | high & 0xf0
          target[end] = scales[index]
          target.storeBytes(of: bytes, toByteOffset: end + 1, as: SIMD16<UInt8>.self)
          end += 17
        }
      }
    }
  }
}
