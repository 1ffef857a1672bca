import TesseraCL
import TesseraMemory

@testable import TesseraOperators

/// Launches at the sizes of a real model, cut for a GPU of 132 units: what scripts/gpu-check counts work-groups of.
///
/// Each is named by what it computes, not by its kernels, so that a kernel which takes another's place is counted in its place.
struct GPULaunches {
  /// One launch of a variant.
  struct Launch: Encodable, Hashable {
    /// What is computed.
    var work: String
    /// Work-groups in three dimensions.
    var groups: [Int]
  }

  static let computeUnits = 132
  /// "one token, Q4_0 … Q8_0, K types, F16".
  static let formats: [WeightFormat] = [
    .q4_0, .q4_1, .q5_0, .q5_1, .q8_0, .q2_K, .q3_K, .q4_K, .q5_K, .q6_K, .f16,
  ]

  private let library: KernelLibrary
  private let memory = BufferView(.planned("any"))
  private let headCount = 32
  private let kvHeadCount = 8
  private let headDim = 128

  init(_ library: KernelLibrary) { self.library = library }

  /// Each variant that the work takes, with the launches of it.
  func byVariant() throws -> [VariantDescription: [Launch]] {
    var found: [VariantDescription: [Launch]] = [:]
    func add(_ work: String, _ enqueue: (DispatchList) throws -> Void) throws {
      let sink = DispatchList()
      try enqueue(sink)
      for dispatch in sink.dispatches {
        let units = dispatch.units
        found[dispatch.variantDescription, default: []].append(
          Launch(work: work, groups: [units.x, units.y, units.z]))
      }
    }
    for format in Self.formats {
      for tokens in [1, 512] {
        try add("\(format.name), \(tokens) × 4096 × 4096") { try multiply(format, tokens: tokens, on: $0) }
      }
    }
    for tokens in [1, 512] {
      for format in Self.formats {
        try add("fast \(format.name), \(tokens) × 4096 × 4096") {
          try multiply(format, tokens: tokens, isFast: true, on: $0)
        }
      }
    }
    try add("attention prefill, 2048 keys") { try attend(queries: 2048, keys: 2048, on: $0) }
    try add("fast attention prefill, 2048 keys") { try attend(queries: 2048, keys: 2048, isFast: true, on: $0) }
    try add("attention decode, 8192 keys") { try attend(queries: 1, keys: 8192, on: $0) }
    try add("sampling of 131072 logits", sample)
    return found
  }

  private var plan: TilePlan {
    get throws { try TilePlan(limits: GPUVariants.limits, headDim: headDim, style: .simt) }
  }

  /// - Parameter isFast: by the precision `fast`, only where it serves the format.
  private func multiply(
    _ format: WeightFormat, tokens: Int, isFast: Bool = false, on sink: DispatchList
  ) throws {
    let tiles = try plan.matrix
    var fast: FastProduct?
    if isFast {
      fast = try FastProduct(library, tiles: tiles, dot: .tensor)
      guard fast?.serves(format) == true else { return }
    }
    let weights = WeightMatrix(
      planning: try WeightShape(format: format, rows: 4096, columns: 4096), label: "any", expertCount: 1)
    try MatrixProduct(library, tiles: tiles, fast: fast).enqueue(
      memory, weights, into: memory, tokens: tokens, workspace: .init(packed: memory, sums: memory), on: sink)
  }

  /// Causal attention over a cache of F16, of one sequence.
  private func attend(queries: Int, keys: Int, isFast: Bool = false, on sink: DispatchList) throws {
    let attention = FlashAttention(library, tiles: try plan.attention, tensor: isFast ? .tensor : nil)
    let cache = CacheGeometry(
      kvHeadCount: kvHeadCount, headDim: headDim, blockCount: 512, blockSize: 16, keys: .f16, values: .f16)
    let tileRows = attention.tileRows(longest: queries, headCount: headCount, kvHeadCount: kvHeadCount)
    let tileCount = (queries + tileRows - 1) / tileRows
    let splits =
      queries > 1 ? 1 : attention.splitCount(tileCount: tileCount, longest: keys, kvHeadCount: kvHeadCount)
    try attention.enqueue(
      q: memory, qStride: headCount * headDim, keys: memory, values: memory, tables: memory, tiles: memory,
      tileCount: tileCount, tileRows: tileRows, positions: memory, into: memory,
      shape: .init(headCount: headCount, mask: .causal, scale: 1), cache: cache,
      split: .init(count: splits, tokens: queries, longest: keys, partials: memory), on: sink)
  }

  private func sample(on sink: DispatchList) throws {
    var row = SamplingRow()
    (row.temperature, row.topP, row.topTokens) = (1, 0.9, 5)
    try TokenSampler(library).enqueue(
      SamplingRequest([row], vocabularySize: 131072), logits: memory, inputs: memory, workspace: memory,
      results: memory, on: sink)
  }
}
