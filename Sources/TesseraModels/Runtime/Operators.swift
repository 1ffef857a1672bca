import TesseraCL
import TesseraMemory
import TesseraOperators

/// The operators that a model uses on one device.
struct Operators: Sendable {
  let library: KernelLibrary
  let product: MatrixProduct
  let embedding: Embedding
  let rmsNorm: RMSNorm
  let layerNorm: LayerNorm
  let rotaryStore: RotaryStore
  let activation: Activation
  let softCap: SoftCap
  let rowGather: RowGather
  let router: ExpertRouter
  /// By group of attention layers: tiles depend on a head's size.
  let attention: [FlashAttention]

  /// - Parameters:
  ///   - usesPrograms: steps are programs, for which other tiles are the fastest.
  ///   - precision: of products.
  init(
    _ library: KernelLibrary, usesPrograms: Bool, limits: DeviceLimits, profile: ModelProfile, tuning: Tuning,
    precision: Precision,
    formats: Set<WeightFormat>
  ) throws {
    self.library = library
    func plan(_ headDim: Int) throws -> TilePlan {
      try TilePlan(limits: limits, headDim: headDim, style: library.style, tuning: tuning)
    }
    let tiles = try plan(64).matrix
    var fast = precision == .fast ? try FastProduct(library, tiles: tiles) : nil
    if let product = fast, !formats.contains(where: product.serves) { fast = nil }
    self.precision = fast == nil ? .exact : .fast
    product = MatrixProduct(
      library, tiles: tiles, fast: fast, activation: profile.activation,
      isOfSteps: usesPrograms)
    embedding = Embedding(library)
    rmsNorm = RMSNorm(library)
    layerNorm = LayerNorm(library)
    rotaryStore = RotaryStore(library)
    activation = Activation(library)
    softCap = SoftCap(library)
    rowGather = RowGather(library)
    router = ExpertRouter(library)
    attention = try profile.attentionGroups.map {
      FlashAttention(library, tiles: try plan(max($0.headDim, $0.valueDim)).attention, tensor: fast?.dot)
    }
  }

  /// The precision that products have: exact where the device or the weights gain nothing by another.
  let precision: Precision
}
