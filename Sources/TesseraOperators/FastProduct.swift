import TesseraCL
import TesseraKernels
import TesseraMemory

/// Products with activations of 8 bits: `Kernels/matmul/matmul_8.cl`. Where the device has `IntegerDot.tensor`, those of many tokens are
/// `matmul_8.ptx.cl`, and matrices of F16 and BF16 meet activations of 16 bits: `matmul_16.ptx.cl`,
/// on Hopper `matmul_16.wgmma.cl`.
///
/// A token's result has the same bits however many tokens run beside it, in either style, by any `IntegerDot`.
package struct FastProduct: Sendable {
  /// How the device sums.
  package let dot: IntegerDot
  private let library: KernelLibrary
  private let tiles: TilePlan.Matrix
  /// Multiplies matrices of 16 bits where the device has Hopper's units.
  private let units: MatrixUnitProduct?

  /// - Parameters:
  ///   - dot: nil takes the device's best.
  ///   - units: nil asks the device, where `dot` is nil as well.
  /// - Returns: nil where none is faster than float32.
  package init?(
    _ library: KernelLibrary, tiles: TilePlan.Matrix, dot: IntegerDot? = nil, units: MatrixUnits? = nil
  ) throws {
    self.units = units == nil && dot != nil ? nil : MatrixUnitProduct(library, units: units)
    guard let dot = try dot ?? IntegerDot.best(library) else { return nil }
    (self.library, self.tiles, self.dot) = (library, tiles, dot)
  }

  /// Whether matrices of the format are multiplied so: `SERVES_TYPE` in `Kernels/matmul/dot_8.cl`.
  package func serves(_ format: WeightFormat) -> Bool {
    switch format {
    case .q4_0, .q4_1, .q5_0, .q5_1, .q4_K, .q5_K, .q6_K: true
    // Sums of 16 bits have no room for its products, and in pairs it is slower than float32.
    case .q8_0: dot != .x86
    case .f16, .bf16: units != nil || hasTensor
    default: false
    }
  }

  /// Whether a matrix's products are computed so, which does not depend on their tokens.
  func serves(_ shape: WeightShape, ofExperts: Bool) -> Bool {
    guard serves(shape.format) else { return false }
    // The tokens' factors take the place of the sums of their blocks, which are as many only from 64 columns on.
    return shape.format.hasScales || (shape.columns >= 64 && (hasTensor || !ofExperts))
  }

  /// Whether products of many tokens are kernels of their own.
  private var hasTensor: Bool { dot.isTensor && library.style == .simt }

  /// Words that describe 32 activations of a token: `PACKED_8`, at most.
  private func packedWords(_ format: WeightFormat) -> Int {
    1 + 32 / format.blockSize + (dot.ofFew == .plain ? 16 : 8)
  }

  func enqueue(
    _ problem: MatrixProduct.Problem, x: any DeviceMemory, y: any DeviceMemory, norm: MatrixProduct.Norm? = nil,
    on sink: some CommandSink
  ) throws {
    let shape = problem.weights.shape
    guard serves(shape, ofExperts: problem.experts != nil), shape.columns.isMultiple(of: 32) else {
      throw OperatorError(
        .shape, "a fast product of \(shape.format.name) and \(shape.columns) columns: use MatrixProduct")
    }
    let style = library.style
    if !shape.format.hasScales {
      if let units, problem.experts == nil { return try units.enqueue(problem, x: x, y: y, on: sink) }
      return try enqueueHalves(problem, x: x, y: y, on: sink)
    }
    if style == .simt, isFew(problem) {
      // By float32 sums of the rounded activations, which are exact: the same bits.
      return try sink.dispatch(problem.sharedRows(x, into: y, tiles, norm: norm, isRounded: true), library)
    }
    if hasTensor { return try enqueueTensor(problem, x: x, y: y, on: sink) }
    try sink.dispatch(
      problem.pack(
        x, "matmul/activations_8.cl", "quantize_activations", defines: [dot.define], language: dot.language,
        blocks: shape.columns / 32 * (style == .vector ? 1 : problem.tile.tokens),
        blocksOfUnit: style == .vector ? Int(ROUNDED_BLOCKS) : style.localSize / 8, style: style,
        bytesOfTile: shape.columns / 32 * packedWords(shape.format) * problem.tile.tokens * 4), library)
    try sink.dispatch(
      Dispatch(
        KernelVariant(
          "matmul/matmul_8.cl", "matmul_8", problem.defines(library.style) + [dot.define], language: dot.language),
        problem.block,
        views: [
          problem.workspace.packed.view, nil, problem.weights.view, problem.epilogue.bias?.view,
          problem.epilogue.residual?.view, y.view, nil, problem.experts?.list.view,
        ], written: [5], units: problem.units(style), localSize: style == .vector ? 1 : problem.tile.groupSize,
        count: problem.experts?.list.view, cost: problem.cost), library)
  }

  /// Tokens that one pass over the weights serves without products of small matrices.
  static let fewTokens = 16

  private func isFew(_ problem: MatrixProduct.Problem) -> Bool {
    guard let routing = problem.experts?.routing else { return problem.tokens <= Self.fewTokens }
    return hasTensor
      ? routing.tileTokens <= MatrixProduct.mostFewExpertTokens
      : routing.slotCount <= Self.fewTokens * routing.expertCount
  }

  /// The tiles that a matrix of experts can have, in the simt style.
  func expertTiles(_ format: WeightFormat) -> [Int] {
    let few = [1, 2, 4, MatrixProduct.mostFewExpertTokens]
    guard hasTensor else { return few }
    let many = dot == .emulatedTensor ? [16, 32] : [16, 32, 64, 128]
    return format.hasScales ? few + many : many
  }

  /// Many tokens, by products of small matrices: the same bits.
  private func enqueueTensor(
    _ problem: MatrixProduct.Problem, x: any DeviceMemory, y: any DeviceMemory, on sink: some CommandSink
  ) throws {
    var problem = problem
    let shape = problem.weights.shape
    setManyTokensTile(&problem)
    // Words of a token's 32 activations, 8 bits each, and their scale and sums: `TOKEN_WORDS`.
    let words = shape.format.blockSize == 16 ? 12 : 10
    try sink.dispatch(
      problem.pack(
        x, "matmul/activations_8.cl", "quantize_activations", defines: [dot.define, .init("TENSOR", 1)],
        blocks: shape.columns / 32 * problem.tile.tokens, blocksOfUnit: KernelStyle.simt.localSize / 8, style: .simt,
        bytesOfTile: shape.columns / 32 * words * problem.tile.tokens * 4), library)
    try sink.dispatch(
      product(
        problem, "matmul/matmul_8.ptx.cl", "matmul_8", [dot.define, stage(shape)], sums: nil, y: y,
        rowsOfUnit: problem.tile.groupSize / 2), library)
  }

  /// Weights and activations of 16 bits: `Kernels/matmul/matmul_16.ptx.cl`.
  private func enqueueHalves(
    _ problem: MatrixProduct.Problem, x: any DeviceMemory, y: any DeviceMemory, on sink: some CommandSink
  ) throws {
    var problem = problem
    setManyTokensTile(&problem)
    let most = problem.experts?.routing.tileTokens ?? problem.tokens
    if most <= Self.fewTokens { (problem.tile.tokens, problem.tile.groupSize) = (Self.fewTokens, 64) }
    let shape = problem.weights.shape
    try sink.dispatch(
      problem.pack(
        x, "matmul/activations_16.cl", "round_activations", blocks: problem.tile.tokens, blocksOfUnit: 1, style: .simt,
        bytesOfTile: shape.columns * problem.tile.tokens * 2), library)
    // A warp has two or four tiles of 8 rows, and half of many tokens.
    try sink.dispatch(
      product(
        problem, "matmul/matmul_16.ptx.cl", "matmul_16", [stage(shape)], sums: problem.workspace.sums, y: y,
        rowsOfUnit: problem.tile.groupSize / 2), library)
  }

  private func setManyTokensTile(_ problem: inout MatrixProduct.Problem) {
    // Drivers for CPUs keep all work-items of a work-group on a thread's stack, which larger tiles overflow.
    let isEmulated = dot == .emulatedTensor
    problem.tile.tokens =
      problem.experts?.routing.tileTokens ?? (isEmulated ? 32 : problem.tokens > 64 ? 128 : 64)
    (problem.tile.groups, problem.tile.repeats, problem.tile.groupSize) = (2, 1, isEmulated ? 64 : 128)
  }

  /// Blocks of 32 columns that pass through local memory at once.
  private func stage(_ shape: WeightShape) -> KernelVariant.Define {
    .init("STAGE", shape.columns.isMultiple(of: 64) ? 2 : 1)
  }

  private func product(
    _ problem: MatrixProduct.Problem, _ file: String, _ function: String, _ defines: [KernelVariant.Define],
    sums: (any DeviceMemory)?, y: any DeviceMemory, rowsOfUnit: Int
  ) throws(OperatorError) -> Dispatch {
    let emulation: [KernelVariant.Define] = dot == .emulatedTensor ? [.init("EMULATED", 1)] : []
    let rows = problem.weights.shape.groupCount * 16
    return try Dispatch(
      KernelVariant(file, function, problem.defines(.simt) + defines + emulation), problem.block,
      views: [
        problem.workspace.packed.view, sums?.view, problem.weights.view, problem.epilogue.bias?.view,
        problem.epilogue.residual?.view, y.view, nil, problem.experts?.list.view,
      ], written: [5], units: .init(problem.tileCount, (rows + rowsOfUnit - 1) / rowsOfUnit),
      localSize: problem.tile.groupSize, count: problem.experts?.list.view, cost: problem.cost)
  }
}
