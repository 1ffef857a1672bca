/// Limits of what a GGUF file may ask for before any of it is allocated. Real files stay far below each number.
enum GGUFLimits {
  /// Bytes of header, metadata and tensor descriptions together. (Gemma 3's 262,144 tokens take 7 MB.)
  static let headerByteCount = 256 << 20
  /// Metadata keys. (Real files have under 100.)
  static let metadataCount = 1 << 16
  /// Tensors. (The largest mixtures of experts have some thousand.)
  static let tensorCount = 1 << 16
  /// Elements of one metadata array. (The largest vocabularies have 262,144 tokens.)
  static let arrayCount = 1 << 22
  /// Arrays inside arrays, in the whole file.
  static let nestedArrayCount = 1 << 16
  /// Arrays inside arrays inside arrays…
  static let nestingDepth = 4
  /// Bytes of a key; the limit of the format.
  static let keyByteCount = 65_535
  /// Bytes of a tensor's name. (The format says 64; some writers raise it.)
  static let tensorNameByteCount = 1_024
  /// Dimensions of a tensor; the limit of the format.
  static let dimensionCount = 4
}
