import TesseraCL
import TesseraMemory
import Testing

@testable import TesseraOperators

/// What scripts/gpu-check compiles: the variants in the `simt` style that operators make of all weight formats, of each form
/// of attention, of quantizers, samplers and the cache.
struct GPUVariants {
  /// A GPU with 48 KiB of local memory, as most have at least.
  static let limits = limits(maxWorkGroupSize: 1024)
  /// One whose runtime allows work-groups as AMD's do.
  static let limitsOfAMD = limits(maxWorkGroupSize: 256)

  private static func limits(maxWorkGroupSize: Int) -> DeviceLimits {
    DeviceLimits(
      name: "a GPU", isCPU: false, computeUnits: GPULaunches.computeUnits, vectorWidth: 1, localMemoryBytes: 48 << 10,
      maxWorkGroupSize: maxWorkGroupSize, globalMemoryBytes: 16 << 30, maxAllocationBytes: 4 << 30,
      baseAddressAlignment: 128)
  }

  let library: KernelLibrary
  private let sink = DispatchList()
  private let memory = BufferView(.planned("any"))

  /// - Parameter context: any; nothing is compiled.
  init(_ context: Context) {
    library = KernelLibrary(context: context, style: .simt, cache: nil, computeUnits: GPULaunches.computeUnits)
  }

  /// A variant, with what a real model launches of it.
  struct Entry: Encodable {
    var variant: VariantDescription
    var launches: [GPULaunches.Launch]

    private enum Keys: CodingKey { case launches }

    func encode(to encoder: any Encoder) throws {
      try variant.encode(to: encoder)
      var container = encoder.container(keyedBy: Keys.self)
      if !launches.isEmpty { try container.encode(launches, forKey: .launches) }
    }
  }

  /// Each variant once, in an order of its own.
  func entries() throws -> [Entry] {
    let launches = try GPULaunches(library).byVariant()
    try addProducts(Self.limits)
    try addProducts(Self.limitsOfAMD)
    try addFastProducts()
    try addMatrixUnits()
    try addWeights()
    try addAttention()
    try addRows()
    try addCache()
    try addSampling()
    let variants = Set(sink.dispatches.map(\.variantDescription)).union(launches.keys)
    let lines = try variants.map { (try $0.json(), $0) }
    return lines.sorted { ($0.1.file, $0.0) < ($1.1.file, $1.0) }
      .map { Entry(variant: $1, launches: launches[$1] ?? []) }
  }

  // MARK: Products

  private var workspace: MatrixProduct.Workspace { .init(packed: memory, sums: memory) }

  private func matrix(_ format: WeightFormat, columns: Int = 4096, experts: Int = 1) throws -> WeightMatrix {
    WeightMatrix(
      planning: try WeightShape(format: format, rows: 4096, columns: columns), label: "any", expertCount: experts)
  }

  private func experts(tileTokens: Int, tokens: Int = 32) -> MatrixProduct.Experts {
    .init(
      list: memory, order: memory, gathers: true,
      routing: .init(tokens: tokens, expertCount: 8, topK: 2, tileTokens: tileTokens))
  }

  /// One token and few, also with a norm; many; tiles of experts; every activation.
  private func addProducts(_ limits: DeviceLimits) throws {
    let product = MatrixProduct(library, tiles: try TilePlan(limits: limits, headDim: 64, style: .simt).matrix)
    func add(
      _ weights: WeightMatrix, tokens: Int, norm: Bool = false, epilogue: MatrixProduct.Epilogue = .init(),
      experts: MatrixProduct.Experts? = nil
    ) throws {
      try product.enqueue(
        memory, weights, into: memory, tokens: tokens, norm: norm ? .init(weight: memory, epsilon: 1e-5) : nil,
        epilogue: epilogue, workspace: workspace, experts: experts, on: sink)
    }
    for format in WeightFormat.allCases {
      let weights = try matrix(format)
      for tokens in [1, 2, 4, 8, 512] { try add(weights, tokens: tokens) }
      for tokens in [1, 8] { try add(weights, tokens: tokens, norm: true) }
      for tile in [1, 8] {
        try add(matrix(format, experts: 8), tokens: 32, experts: experts(tileTokens: tile))
      }
    }
    for format in [WeightFormat.q4_K, .q6_K] { try add(matrix(format), tokens: 64) }
    try add(matrix(.q4_K, experts: 8), tokens: 512, experts: experts(tileTokens: 64))
    try add(matrix(.q4_K, columns: 14336), tokens: 1)
    // Of adapters, whose inner width is a rank in whole blocks.
    for tile in [1, 8, 64] {
      try add(matrix(.f32, columns: 32, experts: 8), tokens: 128, experts: experts(tileTokens: tile, tokens: 128))
    }
    for function in Activation.Function.allCases {
      for tokens in [1, 8, 512] { try add(matrix(.q4_K), tokens: tokens, epilogue: .init(gate: function)) }
    }
  }

  private func addFastProducts() throws {
    let tiles = try TilePlan(limits: Self.limits, headDim: 64, style: .simt).matrix
    guard let fast = try FastProduct(library, tiles: tiles, dot: .dp4a) else { return }
    let product = MatrixProduct(library, tiles: tiles, fast: fast)
    for format in WeightFormat.allCases where fast.serves(format) {
      for tokens in [1, 4, 8] {
        try product.enqueue(memory, matrix(format), into: memory, tokens: tokens, workspace: workspace, on: sink)
      }
      try product.enqueue(
        memory, matrix(format, experts: 8), into: memory, tokens: 128, workspace: workspace,
        experts: experts(tileTokens: 8, tokens: 128), on: sink)
    }
    guard let tensor = try FastProduct(library, tiles: tiles, dot: .tensor) else { return }
    let many = MatrixProduct(library, tiles: tiles, fast: tensor)
    for format in WeightFormat.allCases where tensor.serves(format) {
      for tokens in [1, 64, 512] {
        try many.enqueue(memory, matrix(format), into: memory, tokens: tokens, workspace: workspace, on: sink)
      }
      for tile in format.hasScales ? [1, 8, 16, 128] : [16, 128] {
        try many.enqueue(
          memory, matrix(format, experts: 8), into: memory, tokens: 32, workspace: workspace,
          experts: experts(tileTokens: tile), on: sink)
      }
    }
  }

  /// What Hopper alone has.
  private func addMatrixUnits() throws {
    let tiles = try TilePlan(limits: Self.limits, headDim: 64, style: .simt).matrix
    guard let fast = try FastProduct(library, tiles: tiles, dot: .dp4a, units: MatrixUnits(localBytes: 192 << 10))
    else { return }
    let product = MatrixProduct(library, tiles: tiles, fast: fast)
    for format in [WeightFormat.f16, .bf16] {
      for tokens in [1, 16, 64, 128, 2048] {
        try product.enqueue(memory, matrix(format), into: memory, tokens: tokens, workspace: workspace, on: sink)
      }
    }
  }

  /// What reads, brings and makes matrices.
  private func addWeights() throws {
    for format in WeightFormat.allCases {
      let weights = try matrix(format)
      try Embedding(library).enqueue(memory, weights, into: memory, tokens: 1, on: sink)
      try WeightUpload.repack(memory, rows: 0..<4096, into: weights, at: .whole, library, on: sink)
      try RandomWeights(library).enqueue(into: weights, seed: 1, on: sink)
    }
    for format in Quantizer.formats {
      for input in Quantizer.inputs {
        try Quantizer(library).enqueue(memory, as: input, into: memory, elements: 4096, to: format, on: sink)
      }
    }
  }

  // MARK: Attention

  private typealias Extras = FlashAttention.Extras

  private func cache(
    _ size: Int, values: Int? = nil, _ encodings: (KVEncoding, KVEncoding), shared: Bool = false
  ) -> CacheGeometry {
    CacheGeometry(
      kvHeadCount: 2, headDim: size, valueDim: values, blockCount: 8, blockSize: 16, keys: encodings.0,
      values: encodings.1, sharesValues: shared)
  }

  private static let encodings: [(KVEncoding, KVEncoding)] =
    KVEncoding.allCases.map { ($0, $0) } + [(.q8_0, .f16), (.f16, .q4_0)]

  /// One query and many, with split keys, in each form; and how keys get where they are.
  private func addAttention() throws {
    for size in [32, 64, 80, 96, 128, 192, 256, 512, 576] {
      for encoding in [KVEncoding.f32, .f16] { try add(cache(size, (encoding, encoding))) }
    }
    for size in [64, 128] {
      for encodings in Self.encodings { try add(cache(size, encodings)) }
    }
    try add(cache(192, values: 128, (.f16, .f16)))
    for encoding in KVEncoding.allCases { try add(cache(576, values: 512, (encoding, encoding), shared: true)) }
    let extras = [
      Extras(), Extras(slopes: memory), Extras(sinks: memory), Extras(bias: .init(table: memory, reach: 128)),
      Extras(logSums: memory), Extras(sinks: memory, logSums: memory),
    ]
    for cache in [cache(64, (.f32, .f32)), cache(128, (.f16, .f16)), cache(128, (.q8_0, .q8_0))] {
      for extras in extras {
        try add(cache, extras: extras)
        try add(cache, mask: .full, extras: extras)
      }
      try add(cache, softCap: 50)
      for words in [1, 2, 8] { try add(cache, mask: .tree(words: words), extras: Extras(treeMasks: memory)) }
    }
    for size in [64, 128] {
      for mask in [FlashAttention.Mask.causal, .full] {
        try add(cache(size, (.f16, .f16)), mask: mask, tensor: .tensor)
      }
      try attention(size).enqueueMerge(
        results: memory, logSums: memory, parts: 2, rows: 8, valueDim: size, into: memory, outLogSums: memory, on: sink)
    }
  }

  private func attention(_ size: Int, tensor: IntegerDot? = nil) throws -> FlashAttention {
    FlashAttention(
      library, tiles: try TilePlan(limits: Self.limits, headDim: size, style: .simt).attention, tensor: tensor)
  }

  private func add(
    _ cache: CacheGeometry, mask: FlashAttention.Mask = .causal, softCap: Float? = nil, extras: Extras = Extras(),
    tensor: IntegerDot? = nil
  ) throws {
    let attention = try attention(cache.queryDim, tensor: tensor)
    for longest in [1, 64] {
      let rows = attention.tileRows(longest: longest, headCount: 8, kvHeadCount: 2)
      try attention.enqueue(
        q: memory, qStride: 8 * cache.queryDim, keys: memory, values: memory, tables: memory, tiles: memory,
        tileCount: 1, tileRows: rows, positions: memory, into: memory,
        shape: .init(headCount: 8, mask: mask, scale: 1, softCap: softCap), cache: cache, extras: extras,
        split: .init(count: 2, tokens: 1, longest: 1024, partials: memory), on: sink)
    }
    guard !cache.sharesValues else { return }
    for pairing in [RotaryTable.Pairing.interleaved, .neox] {
      try RotaryStore(library).enqueue(
        memory, rotation: .init(memory, at: memory), slots: memory, keys: memory, values: memory, tokens: 1,
        headCount: 8, rotaryDim: 32,
        pairing: pairing, cache: cache, on: sink)
    }
  }

  // MARK: Rows

  private func addRows() throws {
    // A head, and a row.
    for rows in [128, 4096].map({ NormRows(columns: $0) }) {
      let (norm, centered) = (RMSNorm(library), LayerNorm(library))
      try norm.enqueue(memory, weight: memory, into: memory, rows: rows, count: 1, epsilon: 1e-5, on: sink)
      try centered.enqueue(memory, weight: memory, into: memory, rows: rows, count: 1, epsilon: 1e-5, on: sink)
    }
    for function in Activation.Function.allCases {
      for isGated in [false, true] {
        try Activation(library).enqueue(
          memory, into: memory, rows: 1, size: 4096, function: function, isGated: isGated, on: sink)
      }
    }
    try SoftCap(library).enqueue(memory, cap: 30, size: 4096, on: sink)
    try RowGather(library).enqueue(memory, indices: memory, into: memory, rows: 1, columns: 4096, on: sink)
    let router = ExpertRouter(library)
    let routing = experts(tileTokens: 8).routing
    let choices = ExpertRouter.Choices(weights: memory, slots: memory, list: memory, order: memory)
    for function in ExpertRouter.Gate.Function.allCases {
      try router.route(memory, routing, gate: .init(function), into: choices, on: sink)
    }
    try router.routeHeads(
      tokens: 4, .init(tokens: 32, expertCount: 8, topK: 1, tileTokens: 4), slots: memory, list: memory, order: memory,
      on: sink)
    try router.combine(memory, choices, routing, columns: 4096, into: memory, on: sink)
  }

  // MARK: The cache and sampling

  private func addCache() throws {
    let blocks = CacheBlocks(library)
    for encoding in KVEncoding.allCases {
      let layout = try KVCacheLayout(
        layerCount: 2, geometry: KVGeometry(kvHeadCount: 2, keyDim: 128, keys: encoding), blockSize: 16)
      let plane = try #require(CachePlane.planes(planning: layout.groups[0], blockCount: 8).first)
      for work in [.clear, .copy, .stage(memory, blockBytes: 32768, toPools: false)] as [CacheBlocks.BlockWork] {
        try blocks.enqueue(work, plane, memory, 1, on: sink)
      }
      for work in [
        .move, .stage(memory, toPools: false), .rotate(memory, begin: 0, rotaryDim: 128, .interleaved),
        .rotate(memory, begin: 0, rotaryDim: 128, .neox),
      ] as [CacheBlocks.RowWork] {
        try blocks.enqueue(work, plane, memory, 1, on: sink)
      }
    }
  }

  private func addSampling() throws {
    var row = SamplingRow()
    (row.temperature, row.topP, row.topTokens, row.repetitionPenalty) = (1, 0.9, 5, 1.1)
    row.occurrences = [.init(id: 1, count: 1)]
    row.bias = [.init(id: 2, value: 1)]
    row.allowed = [UInt32](repeating: .max, count: 4)
    try TokenFeed(library).enqueue(memory, into: memory, rows: 1, vocabularySize: 32_000, on: sink)
    try TokenSampler(library).enqueue(
      SamplingRequest([row], vocabularySize: 128), logits: memory, inputs: memory, workspace: memory, results: memory,
      on: sink)
  }
}
