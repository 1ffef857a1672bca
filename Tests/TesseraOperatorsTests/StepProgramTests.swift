import TesseraCL
import TesseraMemory
import TesseraReference
import TestSupport
import Testing

@testable import TesseraOperators

extension OperatorsOnDevices {
  @Suite("Recorded steps")
  struct StepProgramTests {
    static let targets = Target.all.filter { $0.style == .vector }

    @Test("a recorded step gives the bits of its operators on a queue", arguments: targets, [1, 3, 29])
    func recorded(target: Target, tokens: Int) throws {
      let bench = try target.bench()
      for pairing in [RotaryTable.Pairing.interleaved, .neox] {
        let queued = try StepProblem(tokens: tokens, on: bench)
        try queued.enqueue(on: bench.queue, pairing)
        let recorded = try StepProblem(tokens: tokens, on: bench)
        let program = try #require(recorded.program(on: bench))
        try recorded.enqueue(on: program, pairing)
        try program.finish()
        try program.run()
        for (index, slice) in queued.results.enumerated() {
          let (a, b) = (try bench.floats(slice), try bench.floats(recorded.results[index]))
          #expect(a.allSatisfy(\.isFinite) && sameBits(a, b), "\(tokens) tokens, result \(index)")
        }
        // Again, and again: each launch clears the counters of the next. The last command has no state.
        for _ in 0..<3 {
          try program.run()
          #expect(sameBits(try bench.floats(queued.output), try bench.floats(recorded.output)))
        }
      }
    }

    @Test(
      "a recorded step of activations of 8 bits gives the bits of its operators on a queue", arguments: targets,
      [1, 29])
    func fastBits(target: Target, tokens: Int) throws {
      let bench = try target.bench()
      let dots = [IntegerDot.plain] + (try IntegerDot.bestX86(bench.library).map { [$0] } ?? [])
      for dot in dots {
        let fast = try FastProduct(bench.library, tiles: bench.plan().matrix, dot: dot)
        let queued = try StepProblem(tokens: tokens, on: bench)
        try queued.enqueue(on: bench.queue, .neox, fast: fast)
        let recorded = try StepProblem(tokens: tokens, on: bench)
        let program = try #require(recorded.program(on: bench))
        try recorded.enqueue(on: program, .neox, fast: fast)
        try program.finish()
        try program.run()
        for (index, slice) in queued.results.enumerated() {
          let (a, b) = (try bench.floats(slice), try bench.floats(recorded.results[index]))
          #expect(a.allSatisfy(\.isFinite) && sameBits(a, b), "\(dot), \(tokens) tokens, result \(index)")
        }
      }
    }

    @Test("what a program cannot hold is refused, and clearing makes room")
    func refusals() throws {
      let bench = try #require(Self.targets.first).bench()
      let problem = try StepProblem(tokens: 1, on: bench)
      let program = try #require(problem.program(on: bench, commandCount: 2))
      #expect(throws: OperatorError.self) { try program.finish() }
      #expect(throws: OperatorError.self) { try program.run() }
      let elsewhere = try bench.output(64)
      let error = try #require(throws: OperatorError.self) {
        try SoftCap(bench.library).enqueue(elsewhere, cap: 1, count: 64, on: program)
      }
      #expect(error.code == .unrecordable)
      #expect(throws: OperatorError.self) { try problem.norm(elsewhere, on: program) }
      for _ in 0..<2 { try problem.norm(problem.x, on: program) }
      #expect(throws: OperatorError.self) { try problem.norm(problem.x, on: program) }
      program.clear()
      try problem.norm(problem.x, on: program)
    }

    @Test("the simt style has no programs")
    func simt() throws {
      let bench = try #require(Target.all.first { $0.style == .simt }).bench()
      let problem = try StepProblem(tokens: 1, on: bench)
      #expect(problem.program(on: bench) == nil)
    }
  }
}

/// A small attention block whose buffers lie in an arena, a slab of weights and one of keys and values.
private struct StepProblem {
  static let (size, heads, headDim) = (96, 3, 32)
  let tokens: Int
  let arena: Buffer
  let (x, normed, qkv, attended, output): (Buffer, Buffer, Buffer, Buffer, Buffer)
  private let (packed, sums, inputs, memory): (Buffer, Buffer, Buffer, Buffer)
  private let (norm, weights, cache): (DeviceAllocation, WeightMatrix, DeviceSlab)
  private let (keys, values): (DeviceAllocation, DeviceAllocation)
  private let geometry = CacheGeometry(kvHeadCount: 3, headDim: 32, blockCount: 1, blockSize: 32)
  private let bench: Bench

  init(tokens: Int, on bench: Bench) throws {
    (self.tokens, self.bench) = (tokens, bench)
    let (size, width) = (Self.size, 3 * Self.size)
    let alignment = bench.heap.limits.baseAddressAlignment
    var end = 0
    func place(_ bytes: Int) -> Range<Int> {
      defer { end = DeviceSlab.paddedBytes(end + bytes, alignment: alignment) }
      return end..<end + bytes
    }
    let floats = [size, size, width, size, width].map { place(tokens * $0 * 4) }
    let room = [
      MatrixProduct.Workspace.packedBytes(tokens: tokens, columns: size),
      MatrixProduct.Workspace.sumBytes(tokens: tokens, columns: size), 1 << 14,
      StepProgram.deviceBytes(commandCount: 16, limits: bench.heap.limits),
    ].map { place($0) }
    let arena = try Buffer(bench.queue.context, byteCount: end)
    try bench.queue.fill(arena, byte: 0xff, byteCount: end)
    func slice(_ range: Range<Int>) throws -> Buffer {
      try arena.slice(offset: range.lowerBound, byteCount: range.count)
    }
    self.arena = arena
    (x, normed, qkv) = (try slice(floats[0]), try slice(floats[1]), try slice(floats[2]))
    (attended, output) = (try slice(floats[3]), try slice(floats[4]))
    (packed, sums) = (try slice(room[0]), try slice(room[1]))
    (inputs, memory) = (try slice(room[2]), try slice(room[3]))

    var generator = SeededGenerator(seed: 5)
    try bench.queue.write(generator.floats(tokens * size), to: x)
    let shape = try WeightShape(format: .q4_1, rows: width, columns: size)
    let slab = try Self.slab(bench, .weights, byteCount: 1 << 20)
    norm = try slab.allocate(byteCount: size * 4, label: "norm")
    try bench.queue.write(generator.floats(size), to: norm.buffer)
    weights = try WeightMatrix(shape, slab.allocate(byteCount: shape.byteCount, label: "matrix"))
    let upload = try WeightUpload(bench.library, queue: bench.queue, heap: bench.heap, stagingBytes: 1 << 16)
    let bytes = try ReferenceQuantization.randomBlocks(type: .q4_1, rows: width, columns: size, seed: 6)
    try bytes.withUnsafeBytes { [weights] in try upload.upload($0, rows: width, into: weights) }
    cache = try Self.slab(bench, .kvCache, byteCount: 1 << 16)
    keys = try cache.allocate(byteCount: 32 * size * 4, label: "keys")
    values = try cache.allocate(byteCount: 32 * size * 4, label: "values")
    for pool in [keys, values] { try bench.queue.fill(pool.buffer, byteCount: pool.byteCount) }
  }

  private static func slab(_ bench: Bench, _ purpose: DeviceHeap.Purpose, byteCount: Int) throws -> DeviceSlab {
    let slab = try DeviceSlab(bench.heap, byteCount: byteCount, purpose: purpose, label: "\(purpose)")
    return try #require(slab)
  }

  func program(on bench: Bench, commandCount: Int = 16) -> StepProgram? {
    // A simulator that calls itself a GPU as well has what programs need: work-groups that go on.
    var limits = bench.heap.limits
    limits.isCPU = true
    return StepProgram(
      bench.library, limits: limits, arena: arena, weights: weights.buffer, cache: keys.buffer,
      memory: memory, commandCount: commandCount, queue: bench.queue)
  }

  var results: [Buffer] { [normed, qkv, attended, output] }

  func norm(_ x: Buffer, on target: some CommandTarget) throws {
    try RMSNorm(bench.library).enqueue(
      x, weight: norm.buffer, into: normed, rows: .init(columns: Self.size), count: tokens, epsilon: 1e-5, on: target)
  }

  /// Norm, product, rotation, attention, and a gated product of what attention gave.
  func enqueue(on target: some CommandTarget, _ pairing: RotaryTable.Pairing, fast: FastProduct? = nil) throws {
    let (heads, headDim, width) = (Self.heads, Self.headDim, 3 * Self.size)
    let queue = bench.queue
    let alignment = bench.heap.limits.baseAddressAlignment
    var end = 0
    func input<T: BitwiseCopyable>(_ values: [T]) throws -> Buffer {
      let slice = try inputs.slice(offset: end, byteCount: values.count * MemoryLayout<T>.stride)
      end = DeviceSlab.paddedBytes(end + slice.byteCount, alignment: alignment)
      try queue.write(values, to: slice)
      return slice
    }
    let table = try RotaryTable(rotaryDim: headDim, ropeTheta: 10_000)
    let positions = try input((0..<tokens).map { Int32($0) })
    let slots = try input((0..<tokens).map { UInt32($0) })
    let rotation = try input(table.rows(at: Array(0..<tokens)))
    let tables = try input([UInt32(0)])
    let attention = FlashAttention(bench.library, tiles: try bench.plan(headDim: headDim).attention)
    let rows = attention.tileRows(longest: tokens, headCount: heads, kvHeadCount: heads)
    let firsts = Array(stride(from: 0, to: tokens, by: rows))
    let tiles = try input(
      firsts.map { FlashAttention.Tile(firstToken: $0, count: min(rows, tokens - $0), tableOffset: 0) })
    let product = MatrixProduct(bench.library, tiles: try bench.plan().matrix, fast: fast)
    let workspace = MatrixProduct.Workspace(packed: packed, sums: sums)

    try norm(x, on: target)
    try product.enqueue(normed, weights, into: qkv, tokens: tokens, workspace: workspace, on: target)
    try RotaryStore(bench.library).enqueue(
      qkv: qkv, rotation: rotation, slots: slots, keys: keys.buffer, values: values.buffer, tokens: tokens,
      headCount: heads, rotaryDim: headDim, pairing: pairing, cache: geometry, on: target)
    try attention.enqueue(
      q: qkv, qStride: width, keys: keys.buffer, values: values.buffer, tables: tables, tiles: tiles,
      tileCount: firsts.count, tileRows: rows, positions: positions, into: attended,
      shape: .init(headCount: heads, scale: 0.2), cache: geometry, on: target)
    try product.enqueue(attended, weights, into: output, tokens: tokens, workspace: workspace, on: target)
  }
}
