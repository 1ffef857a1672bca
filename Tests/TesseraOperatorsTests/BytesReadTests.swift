import TesseraCL
import TesseraMemory
import TesseraWorkbench
import TestSupport
import Testing

@testable import TesseraOperators

extension OperatorsOnDevices {
  /// What a launch should read is counted byte by byte, in the style of GPUs.
  @Suite("Bytes that kernels read", .enabled(if: ReadCounter.log != nil, "they are counted in oclgrind"))
  @MainActor struct BytesReadTests {
    /// How the counts differ from `times`, if they do.
    private func difference(_ counts: some Collection<Int>, _ times: Int) -> String? {
      let wrong = counts.enumerated().filter { $0.element != times }
      guard let first = wrong.first else { return nil }
      return "\(wrong.count) of \(counts.count) bytes, the first, \(first.offset), \(first.element) times, not \(times)"
    }

    private func bench() throws -> Bench {
      try Bench(try #require(TestDevices.all.first).context(), style: .simt)
    }

    /// The product's own launch, without what packs activations.
    private func product(
      _ format: WeightFormat, tokens: Int, rows: Int, columns: Int, watching views: [Int], on bench: Bench
    ) throws -> ReadCounter.Launch {
      let counter = ReadCounter(bench.queue, watching: ["matmul": views])
      let weights = try WeightMatrix(
        WeightShape(format: format, rows: rows, columns: columns), heap: bench.heap, label: "weights")
      func zeros(_ bytes: Int) throws -> Buffer {
        let buffer = try Buffer(bench.queue.context, byteCount: bytes)
        try bench.queue.fill(buffer, byte: 0, byteCount: bytes)
        return buffer
      }
      try MatrixProduct(bench.library, tiles: bench.plan().matrix).enqueue(
        zeros(tokens * columns * 4), weights, into: zeros(tokens * rows * 4), tokens: tokens,
        workspace: .init(
          packed: zeros(MatrixProduct.Workspace.packedBytes(tokens: tokens, columns: columns)),
          sums: zeros(MatrixProduct.Workspace.sumBytes(tokens: tokens, columns: columns))), on: counter)
      return try #require(counter.launches.last { $0.dispatch.variant.function == "matmul" })
    }

    /// Tokens that pass over the weights together.
    private func tileTokens(_ launch: ReadCounter.Launch) -> Int {
      (launch.define("TILE_M") ?? 0) * (launch.define("TILES") ?? 1)
    }

    @Test("a product reads each byte of its weights once for each tile of tokens")
    func weights() throws {
      let bench = try bench()
      let (rows, columns) = (128, 256)
      let longest = try bench.plan().matrix.tokens
      for format in WeightFormat.allCases {
        let shape = try WeightShape(format: format, rows: rows, columns: columns)
        for tokens in [.f16, .q4_0].contains(format) ? [1, longest, 70] : [1] {
          let launch = try product(format, tokens: tokens, rows: rows, columns: columns, watching: [2], on: bench)
          let tile = tileTokens(launch)
          let counts = try #require(launch.reads[2]).counts
          let times = (tokens + tile - 1) / tile
          let read = counts.prefix(shape.byteCount)
          // Work-items past the end of a panel's scales load its last 16 bytes again.
          #expect(
            read.allSatisfy { $0 >= times } && read.count { $0 > times } <= rows / 32 * 16,
            "\(format.name), \(tokens) tokens in tiles of \(tile): \(difference(read, times) ?? "none")")
          #expect(difference(counts.dropFirst(shape.byteCount), 0) == nil, "\(format.name): behind the weights")
        }
      }
    }

    @Test("a product's work-groups read each activation of their tile once")
    func activations() throws {
      let bench = try bench()
      let (rows, columns) = (128, 256)
      for format in [WeightFormat.f16, .q4_0] {
        for tokens in [1, 70] {
          let launch = try product(format, tokens: tokens, rows: rows, columns: columns, watching: [0], on: bench)
          let tile = tileTokens(launch)
          let bytes = try #require(launch.reads[0]).counts.reduce(0, +)
          // Of a multiply-add 4 bytes, divided by the rows of a work-group. What is fetched ahead may pass the end.
          let model = launch.dispatch.units.count * tile * columns * 4
          let each = Double(bytes) / Double(tokens * rows * columns)
          #expect(
            (model...model * 9 / 8).contains(bytes), "\(format.name), \(tokens) tokens: \(each) bytes a multiply-add")
        }
      }
    }

    @Test("attention reads each byte of the keys and of the values once for each tile of queries")
    func keysAndValues() throws {
      let bench = try bench()
      let heads = 4
      for encoding in KVEncoding.allCases {
        for (keyCount, queries) in [(256, 1), (256, 5)] + (encoding == .f16 ? [(512, 1)] : []) {
          let problem = AttentionProblem(
            heads: heads, kvHeads: 1, headDim: 64, mask: .full, keys: encoding,
            sequences: [.init(history: keyCount - queries, count: queries)])
          let counter = ReadCounter(bench.queue, watching: ["flash_attention": [1, 2], "decode_attention": [1, 2]])
          try problem.command(isOneByOne: queries == 1, on: bench).enqueue(on: counter)
          let launch = try #require(counter.launches.first)
          let tokens = try #require(launch.define("TOKENS"))
          let headRows = try #require(launch.define("HEAD_ROWS"))
          let times = (queries + tokens - 1) / tokens * ((heads + headRows - 1) / headRows)
          for (view, name) in [(1, "keys"), (2, "values")] {
            let counts = try #require(launch.reads[view]).counts
            // The pool has two blocks more than the sequence.
            let blocks = keyCount / 16
            let used = counts.count / (blocks + 2) * blocks
            let read = counts.filter { $0 > 0 }
            #expect(read.count == used, "\(encoding.rawValue) \(name) of \(keyCount) keys")
            // A byte with quants of two elements, and a scale, are loaded by each work-item that needs them.
            guard encoding == .f32 || encoding == .f16 else { continue }
            #expect(
              difference(read, times) == nil,
              "\(encoding.rawValue) \(name), \(queries) queries in tiles of \(tokens) × \(headRows)")
          }
        }
      }
    }
  }
}
