import TesseraCL
import TesseraMemory
import TesseraReference
import TesseraWorkbench
import TestSupport
import Testing

@testable import TesseraOperators

extension OperatorsOnDevices {
  @Suite("Gathered rows")
  @MainActor struct RowGatherTests {
    @Test("chosen tokens are the next step's ids, of the vocabulary where nothing was chosen", arguments: Target.all)
    func tokens(target: Target) throws {
      let bench = try target.bench()
      for count in [1, 3, 130] {
        let tokens = (0..<count).map { $0 % 5 == 2 ? UInt32.max : UInt32($0) }
        let ids = try bench.output(count + 1)
        try TokenFeed(bench.library).enqueue(
          bench.buffer(tokens.flatMap { [$0, 7, 7, 7] }), into: ids, rows: count, vocabularySize: 129, on: bench.queue)
        let found = try bench.queue.read(ids, as: UInt32.self, count: count + 1)
        // Nothing behind them is written.
        #expect(found == tokens.map { min($0, 128) } + [.max])
      }
      let any = try bench.output(4)
      #expect(throws: OperatorError.self) {
        try TokenFeed(bench.library).enqueue(any, into: any, rows: 0, vocabularySize: 4, on: bench.queue)
      }
    }

    @Test("rows are those that the indices name, of any width", arguments: Target.all)
    func rows(target: Target) throws {
      let bench = try target.bench()
      let indices = [6, 0, 3, 3, 5]
      for (columns, stride) in [(1, 1), (16, 16), (37, 40), (300, 300)] {
        var generator = SeededGenerator(seed: 3)
        let x = generator.floats(7 * stride)
        let y = try bench.output(indices.count * columns)
        try RowGather(bench.library).enqueue(
          bench.buffer(x), indices: bench.buffer(indices.map { UInt32($0) }), into: y, rows: indices.count,
          columns: columns, xStride: stride, on: bench.queue)
        let expected = indices.flatMap { x[$0 * stride..<$0 * stride + columns] }
        #expect(sameBits(try bench.floats(y), expected), "\(columns) of \(stride)")
      }
      // Beside what is there.
      let beside = try bench.output(2 * 40)
      try RowGather(bench.library).enqueue(
        bench.buffer([1, 2, 3, 4, 5, 6] as [Float]), indices: nil, into: beside.view.advanced(byFloats: 9), rows: 2,
        columns: 3, yStride: 30, leavesRest: true, on: bench.queue)
      let besides = try bench.floats(beside)
      #expect(besides[9..<12] == [1, 2, 3] && besides[39..<42] == [4, 5, 6])
      #expect(besides.filter { $0.bitPattern == .max }.count == 74)
      // In order, and with zeros behind: what a product of an odd width reads.
      var generator = SeededGenerator(seed: 4)
      let x = generator.floats(3 * 37)
      let y = try bench.output(3 * 64)
      try RowGather(bench.library).enqueue(
        bench.buffer(x), indices: nil, into: y, rows: 3, columns: 37, yStride: 64, on: bench.queue)
      let padded = (0..<3).flatMap { x[$0 * 37..<($0 + 1) * 37] + [Float](repeating: 0, count: 27) }
      #expect(sameBits(try bench.floats(y), padded))
      // Rows that overlap, and rows of zeros: what a convolution's patches are made of.
      let patches = try bench.output(4 * 32)
      try RowGather(bench.library).enqueue(
        bench.buffer(x), indices: nil, into: patches, rows: 3, columns: 30, xStride: 10, yStride: 32, on: bench.queue)
      try RowGather(bench.library).enqueue(
        bench.buffer(x), indices: nil, into: patches.view.advanced(byFloats: 96), rows: 1, columns: 0, yStride: 32,
        on: bench.queue)
      let overlapping = (0..<3).flatMap { x[$0 * 10..<$0 * 10 + 30] + [0, 0] }
      #expect(sameBits(try bench.floats(patches), overlapping + [Float](repeating: 0, count: 32)))
      let any = try bench.output(4)
      for (rows, columns, stride) in [(0, 4, 4), (1, 5, 4), (1, 0, 0)] {
        #expect(throws: OperatorError.self) {
          try RowGather(bench.library).enqueue(
            any, indices: any, into: any, rows: rows, columns: columns, yStride: stride, on: bench.queue)
        }
      }
    }

    @Test("an embedding may be added to what is there, and views need no alignment", arguments: Target.all)
    func embedding(target: Target) throws {
      let bench = try target.bench()
      let bytes = try ReferenceQuantization.randomBlocks(type: .q8_0, rows: 20, columns: 64, seed: 2)
      let matrix = try bench.matrix(.q8_0, bytes: bytes, rows: 20, columns: 64)
      var generator = SeededGenerator(seed: 6)
      let before = generator.floats(3 + 2 * 64)
      let y = try bench.buffer(before)
      let ids = try bench.buffer([UInt32(99), 19, 4])
      try Embedding(bench.library).enqueue(
        ids.view.advanced(byBytes: 4), matrix, into: y.view.advanced(byFloats: 3), tokens: 2, scale: 3, adds: true,
        on: bench.queue)
      let rows = try ReferenceEmbedding.lookup(
        tokens: [19, 4], type: .q8_0, bytes: bytes, vocabularySize: 20, width: 64, scale: 3)
      let expected = before[..<3] + zip(before[3...], rows).map { $0 + $1 }
      #expect(sameBits(try bench.floats(y), Array(expected)))
    }
  }
}
