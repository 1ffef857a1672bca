/// Where a tensor lies in a GGUF file and how it is stored.
package struct TensorInfo: Sendable, Equatable {
  /// The tensor's name, such as `blk.0.attn_q.weight`.
  package let name: String
  /// The element type.
  package let type: GGMLType
  /// One to four sizes in ggml's order: the fastest-moving (a row's length) first. All are at least 1.
  package let dimensions: [Int]
  /// The product of the dimensions.
  package let elementCount: Int
  /// Bytes that the tensor takes in the file.
  package let byteCount: Int
  /// Where its bytes begin, counted from the start of the file.
  package let fileOffset: Int

  /// Elements in a row: the first dimension.
  package var rowLength: Int { dimensions.first ?? 0 }

  /// Bytes of a row: whole blocks.
  package var rowByteCount: Int { rowLength / type.blockElementCount * type.blockByteCount }

  /// Number of rows: the product of all dimensions but the first.
  package var rowCount: Int { rowLength == 0 ? 0 : elementCount / rowLength }
}
