import TesseraCL
import TesseraFiles
import TesseraMemory
import TesseraOperators

/// Where a family's declared parameters go: onto the device, or, for a plan, nowhere. Each is brought there once, and
/// what was not asked for is known.
final class ParameterStore {
  /// Sizes of what was declared.
  struct Plan: Sendable, Equatable {
    var totalBytes = 0
    var largestBytes = 0
    /// Rows that pass through staging, at most.
    var largestRowBytes = 0
    var formats: Set<WeightFormat> = []
    var experts = ExpertStock()
  }

  /// A tensor that the family has declared, for what writes a model instead of running it.
  struct Declaration: Sendable {
    var tensor: StoredTensor
    var parameter: Parameter
    var isMatrix: Bool

    /// The rows of the tensor, or elements of a vector, that were declared; nil: all.
    var storedRows: StridedRows? {
      parameter.slice == nil ? nil : parameter.storedRows(of: tensor.rowCount)
    }
  }

  let checkpoint: any Checkpoint
  /// The type that float matrices are quantized to.
  let weightFormat: WeightFormat?
  /// What is beside the model's matrices.
  let adapters: [Adapter]
  /// Names of pairs that have a place, by the adapter's path.
  var usedPairs: [String: Set<String>] = [:]
  var plan = Plan()
  /// What of the tensors does not fit, of a store that goes on all the same; nil: it throws.
  private(set) var faults: TensorFaults?
  /// In the order of the declarations; a tensor may be declared more than once.
  private(set) var declarations: [Declaration] = []
  let device: ParameterDevice?
  /// Whether experts stay in host memory: they are none of the plan's bytes then.
  private let keepsExperts: Bool
  /// Brings such experts to the device; nil for a plan.
  private let residency: ExpertResidency?
  private let alignment: Int
  private var used: Set<String> = []
  private var loaded: [String: WeightMatrix] = [:]
  private var loadedBytes = 0
  private let totalBytes: Int
  private let progress: (Double) -> Void

  /// A store that plans.
  ///
  /// - Parameters:
  ///   - keepsExperts: they stay in host memory.
  ///   - isTolerant: whether it takes note of tensors that do not fit, and makes up others, to find all that is wrong.
  init(
    planning checkpoint: any Checkpoint, weightFormat: WeightFormat?, adapters: [Adapter] = [], alignment: Int,
    keepsExperts: Bool = false, isTolerant: Bool = false
  ) {
    (self.checkpoint, self.weightFormat, self.alignment) = (checkpoint, weightFormat, alignment)
    self.adapters = adapters
    (device, totalBytes, progress) = (nil, 1, { _ in })
    faults = isTolerant ? TensorFaults() : nil
    (self.keepsExperts, residency) = (keepsExperts, nil)
  }

  /// A store that loads.
  ///
  /// - Parameters:
  ///   - residency: of experts that stay in host memory; nil: all come to the device.
  ///   - progress: called with the fraction of the bytes that are on the device, 0 to 1.
  init(
    loading checkpoint: any Checkpoint, weightFormat: WeightFormat?, adapters: [Adapter] = [],
    onto device: ParameterDevice, alignment: Int, residency: ExpertResidency? = nil,
    progress: @escaping (Double) -> Void
  ) {
    (keepsExperts, self.residency) = (residency != nil, residency)
    (self.checkpoint, self.weightFormat, self.alignment) = (checkpoint, weightFormat, alignment)
    self.adapters = adapters
    (self.device, self.progress) = (device, progress)
    totalBytes = max(1, checkpoint.tensors.reduce(0) { $0 + $1.byteCount })
  }

  // MARK: Matrices

  /// One matrix; the same one for each use of a tensor's rows.
  func matrix(_ parameter: Parameter, rows: Int, columns: Int, of scope: ParameterScope) throws -> WeightMatrix {
    let piece = try piece(parameter, rows: rows, columns: columns, of: scope)
    let key = "\(piece.tensor.name) \(piece.rows) \(parameter.isNormalized)"
    if let matrix = loaded[key] { return matrix }
    let matrix = try place([piece], rows: rows, columns: columns, experts: nil)
    loaded[key] = matrix
    return matrix
  }

  /// Matrices whose rows follow each other, in as few as their formats allow.
  func matrices(_ parameters: [Parameter], rows: [Int], columns: Int, of scope: ParameterScope) throws
    -> [(matrix: WeightMatrix, firstRow: Int)]
  {
    let pieces = try zip(parameters, rows).map { try piece($0, rows: $1, columns: columns, of: scope) }
    if pieces.count == 1 {
      return [(try matrix(parameters[0], rows: rows[0], columns: columns, of: scope), 0)]
    }
    var result: [(matrix: WeightMatrix, firstRow: Int)] = []
    var start = 0
    var firstRow = 0
    while start < pieces.count {
      var end = start + 1
      while end < pieces.count, rows[end - 1].isMultiple(of: 16), pieces[end].format == pieces[start].format {
        end += 1
      }
      let count = rows[start..<end].reduce(0, +)
      result.append((try place(Array(pieces[start..<end]), rows: count, columns: columns, experts: nil), firstRow))
      firstRow += count
      start = end
    }
    return result
  }

  /// Two matrices of `rows` rows whose groups alternate; nil where their formats differ.
  func interleaved(_ parameters: [Parameter], rows: Int, columns: Int, of scope: ParameterScope) throws -> WeightMatrix?
  {
    let pieces = try parameters.map { try piece($0, rows: rows, columns: columns, of: scope) }
    guard Set(pieces.map(\.format)).count == 1 else { return nil }
    return try place(pieces, rows: rows * pieces.count, columns: columns, isInterleaved: true, experts: nil)
  }

  /// The matrices of several experts, each of one tensor, or of two whose groups alternate.
  func experts(_ parameters: [[Parameter]], rows: Int, columns: Int, of scope: ParameterScope) throws -> WeightMatrix {
    try place(expertPieces(parameters, rows: rows, columns: columns, of: scope), rows: rows, columns: columns)
  }

  private func place(_ experts: [[Piece]], rows: Int, columns: Int) throws -> WeightMatrix {
    let parts = experts.first?.count ?? 1
    return try place(
      experts.flatMap { $0 }, rows: rows * parts, columns: columns, isInterleaved: parts > 1, experts: experts.count)
  }

  /// The matrices of a layer's experts, which may stay in host memory: their places are in pools on the device then.
  func expertMatrices(
    gateUp: [[Parameter]], down: [[Parameter]], hiddenSize: Int, size: Int, of scope: ParameterScope
  ) throws -> ExpertMatrices {
    let gateUps = try expertPieces(gateUp, rows: size, columns: hiddenSize, of: scope)
    let downs = try expertPieces(down, rows: hiddenSize, columns: size, of: scope)
    let (gateUpShape, downShape) = (
      try shape(gateUps.first?.first, rows: 2 * size, columns: hiddenSize),
      try shape(downs.first?.first, rows: hiddenSize, columns: size)
    )
    plan.experts.add(gateUp: gateUpShape, down: downShape, count: gateUps.count)
    guard keepsExperts else {
      return ExpertMatrices(
        gateUp: try place(gateUps, rows: size, columns: hiddenSize),
        down: try place(downs, rows: hiddenSize, columns: size))
    }
    for piece in (gateUps + downs).joined() {
      used.insert(piece.tensor.name)
      if residency != nil { finish(piece) }
    }
    for shape in [gateUpShape, downShape] {
      plan.formats.insert(shape.format)
      plan.largestRowBytes = max(plan.largestRowBytes, shape.columns * 4)
    }
    guard let residency else {
      func planned(_ shape: WeightShape) -> WeightMatrix {
        WeightMatrix(planning: shape, label: "experts", expertCount: gateUps.count)
      }
      return ExpertMatrices(
        gateUp: planned(gateUpShape), down: planned(downShape), hostLayer: plan.experts.layerCount - 1)
    }
    return try residency.add(.init(shape: gateUpShape, pieces: gateUps), .init(shape: downShape, pieces: downs))
  }

  private func expertPieces(_ parameters: [[Parameter]], rows: Int, columns: Int, of scope: ParameterScope) throws
    -> [[Piece]]
  {
    let pieces = try parameters.map { try $0.map { try piece($0, rows: rows, columns: columns, of: scope) } }
    let parts = pieces.first?.count ?? 1
    guard Set(pieces.joined().map(\.format)).count == 1, parts == 1 || rows.isMultiple(of: 16) else {
      throw ModelError(
        .unsupportedFeature,
        "\(checkpoint.path): experts whose matrices have different types, or gates of \(rows) rows (16 divide it)")
    }
    return pieces
  }

  /// How a matrix lies on the device that begins with a piece.
  private func shape(_ first: Piece?, rows: Int, columns: Int) throws -> WeightShape {
    guard let first else { throw ModelError(.inconsistent, "a matrix of no tensors") }
    // Rows of floats get zeros behind them where they are no whole blocks; others are blocks already.
    let block = first.format.isFloat ? first.format.superBlockSize : 1
    let columns = (columns + block - 1) / block * block
    do { return try WeightShape(format: first.format, rows: rows, columns: columns) } catch {
      throw ModelError(.unsupportedFeature, "\(checkpoint.path): tensor \(first.tensor.name): \(error)")
    }
  }

  /// Where a parameter's rows are stored, and the format that they get.
  struct Piece {
    var tensor: StoredTensor
    var parameter: Parameter
    /// Its rows of the tensor.
    var rows: StridedRows
    var format: WeightFormat

    var rowCount: Int { rows.rowCount }
  }

  private func piece(_ parameter: Parameter, rows: Int, columns: Int, of scope: ParameterScope) throws -> Piece {
    let storedRows = parameter.columnRows?.of ?? parameter.slice?.of ?? rows
    let storedColumns = parameter.columnRows == nil ? columns : parameter.slice?.of ?? rows
    let expected = parameter.isTransposed ? [columns, storedRows] : [storedRows, storedColumns]
    // Experts' matrices may be one tensor of three dimensions.
    let tensor = try tensor(parameter, shape: expected, of: scope) {
      [$0.rowCount, $0.columnCount] == expected && $0.shape.count <= (parameter.slice == nil ? 2 : 3)
        && parameter.slice.map({ $0.rows.lowerBound >= 0 && $0.rows.upperBound <= $0.of }) ?? true
    }
    declarations.append(Declaration(tensor: tensor, parameter: parameter, isMatrix: true))
    // Its rows are the configuration's, and may be any number.
    if faults?.names.contains(tensor.name) == true {
      return Piece(tensor: tensor, parameter: parameter, rows: StridedRows(0..<0), format: .f32)
    }
    let piece = Piece(
      tensor: tensor, parameter: parameter, rows: parameter.storedRows(of: rows),
      format: try format(of: tensor, as: parameter, rows: rows, columns: columns))
    guard piece.rowCount == rows else { throw wrongShape(tensor, expected: "\(rows) of its rows") }
    return piece
  }

  private func wrongShape(_ tensor: StoredTensor, expected: String) -> ModelError {
    ModelError(
      .inconsistent,
      "\(checkpoint.path): tensor \(tensor.name) has the shape \(tensor.shape), \(expected) is expected: the file is "
        + "damaged, or its configuration is another model's: get it again")
  }

  /// The format of a matrix on the device.
  private func format(of tensor: StoredTensor, as parameter: Parameter, rows: Int, columns: Int) throws -> WeightFormat
  {
    guard let stored = WeightFormat(tensor.type) else {
      if try faults?.note(tensor, isType: tensor.type.name) != nil { return .f32 }
      throw ModelError(
        .unsupportedFeature,
        "\(checkpoint.path): tensor \(tensor.name) is \(tensor.type.name): "
          + "\(WeightFormat.allCases.map(\.name).joined(separator: ", ")) are supported: get the model in one of them")
    }
    guard let wanted = weightFormat, stored.isFloat else { return stored }
    // As a converted file would have it.
    let type = ConversionType.type(
      of: parameter.gguf ?? tensor.name, shape: [rows, columns], from: tensor.type,
      wanted: wanted.ggmlType)
    return WeightFormat(type) ?? stored
  }

  private func place(
    _ pieces: [Piece], rows: Int, columns: Int, isInterleaved: Bool = false, experts: Int?
  ) throws -> WeightMatrix {
    guard let first = pieces.first else { throw ModelError(.inconsistent, "a matrix of no tensors") }
    let label = pieces.count == 1 ? first.tensor.name : "\(first.tensor.name) and \(pieces.count - 1) more"
    let shape = try shape(first, rows: rows, columns: columns)
    let (bytes, overflow) = shape.byteCount.multipliedReportingOverflow(by: experts ?? 1)
    guard !overflow else { throw ModelError(.inconsistent, "\(checkpoint.path): \(label) is larger than any memory") }
    count(bytes)
    plan.formats.insert(first.format)
    plan.largestRowBytes = max(plan.largestRowBytes, shape.columns * 4)
    for piece in pieces { used.insert(piece.tensor.name) }
    guard let device else { return WeightMatrix(planning: shape, label: label, expertCount: experts ?? 1) }
    let matrix = try WeightMatrix(shape, device.allocate(byteCount: bytes, label: label), expertCount: experts ?? 1)
    let partsOfExpert = experts.map { pieces.count / max(1, $0) } ?? pieces.count
    for index in 0..<(experts ?? 1) {
      let own = Array(pieces[index * partsOfExpert..<(index + 1) * partsOfExpert])
      try device.fill(
        experts == nil ? matrix : matrix.expert(index), with: own, isInterleaved: isInterleaved, checkpoint)
      for piece in own { finish(piece) }
    }
    return matrix
  }

  private func finish(_ piece: Piece) {
    let share = Double(piece.rowCount) / Double(max(1, piece.tensor.rowCount)) * Double(piece.tensor.byteCount)
    loadedBytes += Int(share)
    progress(min(1, Double(loadedBytes) / Double(totalBytes)))
  }

  /// A matrix that the family computes; a plan does not.
  func matrix(_ values: () throws -> [Float], rows: Int, columns: Int, label: String) throws -> WeightMatrix {
    let block = WeightFormat.f32.superBlockSize
    let shape = try WeightShape(format: .f32, rows: rows, columns: (columns + block - 1) / block * block)
    count(shape.byteCount)
    plan.largestRowBytes = max(plan.largestRowBytes, shape.columns * 4)
    guard let device else { return WeightMatrix(planning: shape, label: label) }
    let matrix = try WeightMatrix(shape, device.allocate(byteCount: shape.byteCount, label: label))
    try device.fill(matrix, with: try values(), rows: rows, columns: columns)
    return matrix
  }

  /// A tensor of floats that stays as it is stored.
  func floats(_ parameter: Parameter, shape: [Int], of scope: ParameterScope) throws -> StoredTensor {
    let tensor = try tensor(parameter, shape: shape, of: scope) { $0.shape == shape }
    do { try FloatTensor.check(tensor, in: checkpoint) } catch {
      guard try faults?.note(tensor, isType: tensor.type.name) != nil else { throw error }
    }
    used.insert(tensor.name)
    declarations.append(Declaration(tensor: tensor, parameter: parameter, isMatrix: false))
    return tensor
  }

  // MARK: Accounts

  /// A parameter's tensor, which must be of a shape that `fits`.
  private func tensor(
    _ parameter: Parameter, shape: [Int], of scope: ParameterScope, fits: (StoredTensor) -> Bool
  ) throws -> StoredTensor {
    guard let name = parameter.name(in: scope.hyperparameters) else {
      throw ModelError(
        .unsupportedFeature,
        "\(checkpoint.path): \(parameter.name ?? parameter.gguf ?? "a tensor") is not part of this kind of file")
    }
    if faults != nil, checkpoint.tensor(named: name).map({ !fits($0) }) ?? true {
      try faults?.note(name, in: checkpoint, expected: shape)
      used.insert(name)
      return try StoredTensor(name, .f32, shape, of: checkpoint.path)
    }
    let tensor = try checkpoint.requiredTensor(named: name)
    guard fits(tensor) else { throw wrongShape(tensor, expected: "\(shape)") }
    return tensor
  }

  func count(_ bytes: Int) {
    plan.totalBytes += DeviceSlab.paddedBytes(bytes, alignment: alignment)
    plan.largestBytes = max(plan.largestBytes, bytes)
  }

  func ignore(_ names: [String]) { used.formUnion(names) }

  /// Tensors that the family did not declare.
  var unused: [String] { checkpoint.tensors.map(\.name).filter { !used.contains($0) } }

  /// Throws if the checkpoint has a tensor that the family did not declare: its model is not quite that family's.
  func checkAllUsed() throws {
    guard let unused = unused.first else { return }
    throw ModelError(
      .unsupportedFeature,
      "\(checkpoint.path): tensor \(unused) belongs to a variant of the architecture that is not supported")
  }
}
