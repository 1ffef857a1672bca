import TesseraFiles
import TesseraOperators

extension ParameterStore {
  /// What adapters add to projections of one input, whose rows follow each other; nil where none does.
  func lowRank(_ parts: [(parameter: Parameter, rows: Int)], columns: Int, of scope: ParameterScope) throws -> LowRank?
  {
    let stacks = try adapters.map { try AdapterStack($0, parts, columns: columns, in: self, scope) }
    guard let ranks = stacks.map(\.rank).max(), ranks > 0 else { return nil }
    for (adapter, stack) in zip(adapters, stacks) { usedPairs[adapter.path, default: []].formUnion(stack.names) }
    func padded(_ count: Int) -> Int { (count + 31) / 32 * 32 }
    let (inner, rows) = (padded(ranks), parts.reduce(0) { $0 + $1.rows })
    let label = "adapters of \(parts.first?.parameter.name(in: scope.hyperparameters) ?? "a matrix")"
    func matrix(rows: Int, columns: Int, _ values: (AdapterStack) throws -> [Float]) throws -> WeightMatrix {
      let shape = try WeightShape(format: .f32, rows: rows, columns: columns)
      let (bytes, overflow) = shape.byteCount.multipliedReportingOverflow(by: stacks.count)
      guard !overflow else { throw ModelError(.inconsistent, "\(label): larger than any memory") }
      count(bytes)
      plan.largestRowBytes = max(plan.largestRowBytes, columns * 4)
      guard let device else { return WeightMatrix(planning: shape, label: label, expertCount: stacks.count) }
      let matrix = try WeightMatrix(
        shape, device.allocate(byteCount: bytes, label: label), expertCount: stacks.count)
      for (index, stack) in stacks.enumerated() {
        try device.fill(matrix.expert(index), with: values(stack), rows: rows, columns: columns)
      }
      return matrix
    }
    let width = padded(columns)
    return LowRank(
      down: try matrix(rows: inner, columns: width) { try $0.down(rows: inner, columns: width) },
      up: try matrix(rows: rows, columns: inner) { try $0.up(rows: rows, columns: inner) })
  }

  /// Throws where an adapter has a pair for what is no projection of a layer.
  func checkAdapters() throws {
    for adapter in adapters { try adapter.check(used: usedPairs[adapter.path] ?? [], checkpoint) }
  }
}

/// What one adapter has for parts of a projection.
private struct AdapterStack {
  private let adapter: Adapter
  private var pairs: [(name: String, pair: Adapter.Pair, at: Int)] = []
  /// Of each part its first row, the rows of B, and the pair's index.
  private var blocks: [(firstRow: Int, rows: [Int], pair: Int)] = []
  private(set) var rank = 0
  private let columns: Int

  var names: [String] { pairs.map(\.name) }

  init(
    _ adapter: Adapter, _ parts: [(parameter: Parameter, rows: Int)], columns: Int, in store: ParameterStore,
    _ scope: ParameterScope
  ) throws {
    (self.adapter, self.columns) = (adapter, columns)
    var firstRow = 0
    for (parameter, rows) in parts {
      defer { firstRow += rows }
      // What is no part of a layer may be computed for rows that are no sequence's any more.
      let own = parameter.name(in: scope.hyperparameters) ?? ""
      guard own.split(separator: ".").contains(where: { Int($0) != nil }), let (name, pair) = adapter.pair(parameter)
      else { continue }
      let isSameKind = adapter.isGGUF == scope.hyperparameters.isGGUF
      guard isSameKind || parameter.slice == nil else {
        throw ModelError(
          .unsupportedFeature,
          "\(adapter.path): \(name) lies in \(own) otherwise: take an adapter of the same kind of file as "
            + store.checkpoint.path)
      }
      let stored = parameter.slice?.of ?? rows
      guard pair.a.columnCount == columns, pair.b.rowCount == stored else {
        throw ModelError(
          .inconsistent,
          "\(adapter.path): \(name) is beside a matrix of (\(pair.b.rowCount), \(pair.a.columnCount)), in "
            + "\(store.checkpoint.path) it is (\(stored), \(columns)): the adapter is another model's")
      }
      if !pairs.contains(where: { $0.name == name }) {
        pairs.append((name, pair, rank))
        rank += pair.rank
      }
      var order = parameter.storedRows(of: stored).flatMap { Array($0) }
      if !isSameKind, let size = scope.interleavedHeadDim(of: parameter), rows.isMultiple(of: size) {
        order = order.map {
          adapter.isGGUF ? HeadOrder.interleaved($0, size: size) : HeadOrder.halved($0, size: size)
        }
      }
      blocks.append((firstRow, order, pairs.firstIndex { $0.name == name } ?? 0))
    }
  }

  /// A of each pair, one behind the other, (rows, columns).
  func down(rows: Int, columns: Int) throws -> [Float] {
    var result = [Float](repeating: 0, count: rows * columns)
    for (_, pair, at) in pairs {
      let values = try adapter.values(pair.a)
      for row in 0..<pair.rank {
        for column in 0..<self.columns {
          result[(at + row) * columns + column] = values[row * self.columns + column]
        }
      }
    }
    return result
  }

  /// scale · B of each part, (rows, columns).
  func up(rows: Int, columns: Int) throws -> [Float] {
    var result = [Float](repeating: 0, count: rows * columns)
    let all = try pairs.map { try adapter.values($0.pair.b) }
    for (firstRow, order, index) in blocks {
      let (_, pair, at) = pairs[index]
      let scale = Float(pair.scale)
      for (row, source) in order.enumerated() {
        for column in 0..<pair.rank {
          result[(firstRow + row) * columns + at + column] = scale * all[index][source * pair.rank + column]
        }
      }
    }
    return result
  }
}

/// The order of a head's rows: dimensions i and i + size / 2 turn together in folders, 2i and 2i + 1 in some GGUF files.
enum HeadOrder {
  /// The row of a folder that is row `row` of a GGUF file.
  static func halved(_ row: Int, size: Int) -> Int {
    let (head, place) = (row / size, row % size)
    return head * size + place % 2 * (size / 2) + place / 2
  }

  /// The row of a GGUF file that is row `row` of a folder.
  static func interleaved(_ row: Int, size: Int) -> Int {
    let (head, place) = (row / size, row % size)
    return head * size + place % (size / 2) * 2 + place / (size / 2)
  }
}
