import TesseraMemory
import TesseraOperators

/// The operators that a model uses on one device.
struct Operators: Sendable {
  let product: MatrixProduct
  let embedding: Embedding
  let norm: RMSNorm
  let rotaryStore: RotaryStore
  let attention: FlashAttention
  let softCap: SoftCap
  let cacheBlocks: CacheBlocks
  let rowCopy = RowCopy()

  /// - Parameter fast: for products in fast mode.
  init(_ library: KernelLibrary, tiles: TilePlan, fast: FastProduct?) {
    product = MatrixProduct(library, tiles: tiles.matrix, fast: fast)
    embedding = Embedding(library)
    norm = RMSNorm(library)
    rotaryStore = RotaryStore(library)
    attention = FlashAttention(library, tiles: tiles.attention)
    softCap = SoftCap(library)
    cacheBlocks = CacheBlocks(library)
  }
}
