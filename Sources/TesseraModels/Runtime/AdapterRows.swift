import TesseraOperators

/// Which rows have adapters, of a step's tokens or of those that are wanted of them: as tiles of consecutive rows of one adapter.
struct AdapterRows: Hashable, Sendable {
  /// Runs of consecutive rows of one adapter, rounded up to a power of two; 0: no row has any.
  var runs = 0
  var tileTokens = 1

  /// The list's size and that of the products, where rows are slots.
  func routing(rows: Int) -> ExpertRouter.Routing {
    .init(tokens: rows, expertCount: max(1, runs), topK: 1, tileTokens: tileTokens)
  }

  func listBytes(rows: Int) -> Int { runs == 0 ? 0 : routing(rows: rows).listBytes }

  /// - Parameter runs: any number, rounded up here.
  init(runs: Int = 0, rows: Int = 1, _ product: MatrixProduct) throws {
    guard runs > 0 else { return }
    while self.runs < runs { self.runs = max(1, self.runs * 2) }
    // All adapters' matrices are of this format, and share the list.
    let shape = try WeightShape(format: .f32, rows: 32, columns: 32)
    tileTokens = product.expertTileTokens(tokens: rows, topK: 1, expertCount: self.runs, matrices: [shape])
  }

  init() {}

  /// The tiles of rows with these adapters, and the list of them that the kernels take (`Kernels/matmul/rows.cl`).
  static func tiles(_ adapters: [Int?], _ product: MatrixProduct) throws -> (rows: AdapterRows, list: [Int32]) {
    var runs: [(adapter: Int, first: Int, count: Int)] = []
    for (row, adapter) in adapters.enumerated() {
      guard let adapter else { continue }
      if let last = runs.last, last.adapter == adapter, last.first + last.count == row {
        runs[runs.count - 1].count += 1
      } else {
        runs.append((adapter, row, 1))
      }
    }
    let rows = try AdapterRows(runs: runs.count, rows: adapters.count, product)
    guard !runs.isEmpty else { return (rows, []) }
    var list: [Int32] = [0, 0, 0, 0]
    for run in runs {
      for start in stride(from: 0, to: run.count, by: rows.tileTokens) {
        list += [
          Int32(run.adapter), Int32(run.first + start), Int32(min(rows.tileTokens, run.count - start)), 0,
        ]
        list[0] += 1
      }
    }
    return (rows, list)
  }

  /// Rows of all tiles that so many rows can make, at most.
  static func mostTiledRows(_ rows: Int, _ product: MatrixProduct) throws -> Int {
    var (most, runs) = (rows, 1)
    while runs < 2 * rows {
      let own = try AdapterRows(runs: runs, rows: rows, product)
      most = max(most, own.routing(rows: rows).mostTiles * own.tileTokens)
      runs *= 2
    }
    return most
  }
}
