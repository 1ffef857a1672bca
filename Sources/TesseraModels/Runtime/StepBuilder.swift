import TesseraCL
import TesseraMemory
import TesseraOperators

/// One step in the making: layers take tensors, and give tensors; their commands are kept, and get memory when all are known.
final class StepBuilder {
  let shape: StepShape
  let operators: Operators
  let inputs: StepInputs
  let cache: CacheViews
  let profile: ModelProfile
  /// The tensors that layers' kernels write.
  let sink = DispatchList()

  /// Where the rotations of all positions lie, by rotary table.
  private let rotationTables: [BufferView]
  /// What `headSlots` has made, by rows of a tile.
  var headSlots: [Int: HeadSlots] = [:]
  /// Whether the layers that follow see the rows that are wanted alone, in their order.
  private var hasSelected = false
  /// What `mostTiledRows` has found.
  private var tiledRows: [Int: Int] = [:]
  /// Bytes of each tensor, by its id.
  private(set) var tensorBytes: [Int] = []

  init(
    _ shape: StepShape, operators: Operators, inputs: StepInputs, cache: CacheViews, rotations: [BufferView],
    profile: ModelProfile
  ) {
    rotationTables = rotations
    self.shape = shape
    self.operators = operators
    self.inputs = inputs
    self.cache = cache
    self.profile = profile
  }

  var tokenCount: Int { shape.tokenCount }

  /// A source's floats, as rows of `columns`.
  func features(columns: Int) -> Tensor {
    let count = tokenCount * (profile.sourceFeatures?.columns ?? 0)
    return Tensor(view: inputs.features, rows: count / columns, columns: columns)
  }

  /// Memory of the step for (rows, columns) floats; undefined until a kernel has written it.
  func tensor(rows: Int, columns: Int) -> Tensor {
    Tensor(view: bytes(rows * columns * 4), rows: rows, columns: columns)
  }

  /// Memory of the step.
  func bytes(_ count: Int) -> BufferView {
    tensorBytes.append(max(1, count))
    return BufferView(.tensor(tensorBytes.count - 1))
  }

  /// Room for a product's activations in tiles.
  func productWorkspace(rows: Int, columns: Int) -> MatrixProduct.Workspace {
    .init(
      packed: bytes(MatrixProduct.Workspace.packedBytes(tokens: rows, columns: columns)),
      sums: bytes(MatrixProduct.Workspace.sumBytes(tokens: rows, columns: columns)))
  }

  /// The rotations of the step's tokens, of a rotary table.
  func rotation(_ table: Int) -> RotaryStore.Rotation { .init(rotationTables[table], at: inputs.positions) }

  /// The rows that are wanted, of tensors of all tokens: a last layer does it once attention has seen all of them.
  func selectedOutputs(_ tensor: Tensor) throws -> Tensor {
    guard shape.selectsOutputs, tensor.rows == shape.tokenCount else { return tensor }
    hasSelected = true
    let selected = self.tensor(rows: shape.outputCount, columns: tensor.columns)
    try operators.rowGather.enqueue(
      tensor, indices: inputs.outputs, into: selected, rows: shape.outputCount, columns: tensor.columns, on: sink)
    return selected
  }

  /// Which of `count` rows have adapters; nil: none.
  func adapterRows(count: Int) throws -> MatrixProduct.Experts? {
    let rows = hasSelected ? shape.adapterOutputs : shape.adapterTokens
    guard rows.runs > 0 else { return nil }
    guard count == (hasSelected ? shape.outputCount : shape.tokenCount) else {
      throw ModelError(.inconsistent, "a projection of \(count) rows, which are no tokens, with adapters")
    }
    let list = hasSelected ? inputs.adapterOutputs : inputs.adapterTokens
    return .init(list: list, order: list, gathers: false, routing: rows.routing(rows: count))
  }

  /// Rows of all tiles of rows with adapters, at most: room for them does not depend on who has which.
  func mostTiledRows(_ count: Int) throws -> Int {
    if let known = tiledRows[count] { return known }
    let most = try AdapterRows.mostTiledRows(count, operators.product)
    tiledRows[count] = most
    return most
  }
}

/// The cache's pools, by layer; planned ones have no memory.
struct CacheViews: Sendable {
  struct Layer: Sendable {
    var keys, values: BufferView
    var group: Int
  }

  let layers: [Int: Layer]
  /// By group.
  let geometries: [CacheGeometry]
  /// Keys that a sequence can have.
  let longest: Int

  /// - Parameter cache: nil for a plan.
  init(
    _ layout: KVCacheLayout, blockCounts: [Int], contextLength: Int, _ profile: ModelProfile, cache: KVCache?
  ) throws {
    let rows = max(contextLength, profile.sourceLength(contextLength: contextLength))
    longest = layout.groups.map { $0.blockCount(rows: rows) * $0.blockSize }.max() ?? rows
    var layers: [Int: Layer] = [:]
    var geometries: [CacheGeometry] = []
    for (index, (group, attention)) in zip(layout.groups, profile.attentionGroups).enumerated() {
      for layer in group.layers {
        let planned = BufferView(.planned("the KV cache"))
        layers[layer] = Layer(
          keys: try cache?.keys(layer: layer).view ?? planned, values: try cache?.values(layer: layer).view ?? planned,
          group: index)
      }
      geometries.append(
        CacheGeometry(
          kvHeadCount: attention.kvHeadCount, headDim: attention.headDim, valueDim: attention.valueDim,
          blockCount: blockCounts[index], blockSize: group.blockSize, keys: group.geometry.keys,
          values: group.geometry.values, sharesValues: attention.sharesValues))
    }
    (self.layers, self.geometries) = (layers, geometries)
  }

  func layer(_ number: Int) throws(ModelError) -> Layer {
    guard let layer = layers[number] else {
      throw ModelError(.inconsistent, "the model's profile has no cache for layer \(number)")
    }
    return layer
  }
}
