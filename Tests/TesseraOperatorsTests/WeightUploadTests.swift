import TesseraCL
import TesseraReference
import TesseraWorkbench
import TestSupport
import Testing

@testable import TesseraOperators

extension OperatorsOnDevices {
  @Suite("Weights and embedding")
  @MainActor struct WeightUploadTests {
    /// All rows of a matrix, looked up as an embedding.
    private func rows(of matrix: WeightMatrix, factor: Float = 1, on bench: Bench) throws -> [Float] {
      let shape = matrix.shape
      let ids = try bench.buffer((0..<shape.rows).map { UInt32($0) })
      let y = try bench.output(shape.rows * shape.columns)
      try Embedding(bench.library).enqueue(ids, matrix, into: y, tokens: shape.rows, scale: factor, on: bench.queue)
      return try bench.floats(y)
    }

    private func upload(
      _ bytes: [UInt8], rows: Int, into matrix: WeightMatrix, at placement: WeightUpload.Placement = .whole,
      stagingRows: Int, on bench: Bench
    ) throws {
      let rowBytes = bytes.count / rows
      let upload = try WeightUpload(
        bench.library, queue: bench.queue, heap: bench.heap, stagingBytes: rowBytes * stagingRows + 8)
      try bytes.withUnsafeBytes { try upload.upload($0, rows: rows, into: matrix, at: placement) }
    }

    @Test("every weight of every format is dequantized to the reference's bits", arguments: Target.all)
    func dequantization(target: Target) throws {
      let bench = try target.bench()
      for format in WeightFormat.allCases {
        for (rows, columns, stagingRows) in Grid.values(
          [(16, 256, 16), (1, 256, 16), (37, 512, 16), (100, 256, 40), (33, 768, 64)], small: [(19, 256, 16)])
        {
          let type = try format.reference
          let bytes = try ReferenceQuantization.randomBlocks(type: type, rows: rows, columns: columns, seed: 1)
          let expected = try ReferenceQuantization.dequantize(type: type, bytes: bytes, count: rows * columns)
          let matrix = try WeightMatrix(
            WeightShape(format: format, rows: rows, columns: columns), heap: bench.heap, label: "w")
          try upload(bytes, rows: rows, into: matrix, stagingRows: stagingRows, on: bench)
          #expect(
            sameBits(try self.rows(of: matrix, on: bench), expected), "\(format.name) \(rows) × \(columns)")
        }
      }
    }

    @Test("rows whose words are no multiple of four keep them", arguments: Target.all)
    func oddWords(target: Target) throws {
      let bench = try target.bench()
      let rows = 19
      for format in [WeightFormat.q5_0, .q5_1] {
        for columns in Grid.values([32, 64, 96, 160, 320], small: [64, 96]) {
          let type = try format.reference
          let bytes = try ReferenceQuantization.randomBlocks(type: type, rows: rows, columns: columns, seed: 8)
          let expected = try ReferenceQuantization.dequantize(type: type, bytes: bytes, count: rows * columns)
          let matrix = try bench.matrix(format, bytes: bytes, rows: rows, columns: columns)
          #expect(sameBits(try self.rows(of: matrix, on: bench), expected), "\(format.name) \(rows) × \(columns)")
        }
      }
    }

    @Test("random weights of every format are small, differ, and are the same for the same seed", arguments: Target.all)
    func random(target: Target) throws {
      let bench = try target.bench()
      for format in Grid.values(WeightFormat.allCases, small: [.q4_K, .iq1_M, .mxfp4, .f16]) {
        let matrix = try WeightMatrix(
          WeightShape(format: format, rows: 40, columns: 512), heap: bench.heap, label: "w")
        let weights = try [1, 1, 2].map { (seed: UInt32) in
          try RandomWeights(bench.library).enqueue(into: matrix, seed: seed, on: bench.queue)
          return try rows(of: matrix, on: bench)
        }
        #expect(weights[0].allSatisfy { abs($0) < 1 }, "\(format.name)")
        let size = weights[0].reduce(0) { $0 + $1 * $1 } / Float(weights[0].count)
        #expect((1e-5...1e-1).contains(size), "\(format.name): the mean square is \(size)")
        #expect(sameBits(weights[0], weights[1]) && !sameBits(weights[0], weights[2]), "\(format.name)")
      }
    }

    @Test("an embedding takes the rows that the ids name, times its factor", arguments: Target.all)
    func lookup(target: Target) throws {
      let bench = try target.bench()
      let (rows, columns) = (50, 512)
      let tokens = [49, 0, 17, 17, 16, 15, 31, 32]
      for format in Grid.values([WeightFormat.f16, .q8_0, .q6_K, .q4_1], small: [.q8_0]) {
        let bytes = try ReferenceQuantization.randomBlocks(
          type: format.reference, rows: rows, columns: columns, seed: 2)
        let matrix = try bench.matrix(format, bytes: bytes, rows: rows, columns: columns)
        let y = try bench.output(tokens.count * columns)
        let factor = Float(columns).squareRoot()
        try Embedding(bench.library).enqueue(
          bench.buffer(tokens.map { UInt32($0) }), matrix, into: y, tokens: tokens.count, scale: factor,
          on: bench.queue)
        let expected = try ReferenceEmbedding.lookup(
          tokens: tokens, type: format.reference, bytes: bytes, vocabularySize: rows, width: columns, scale: factor)
        #expect(sameBits(try bench.floats(y), expected), "\(format.name)")
      }
    }

    @Test("matrices joined one behind the other keep their rows", arguments: Target.all)
    func joined(target: Target) throws {
      let bench = try target.bench()
      let columns = 256
      for format in Grid.values(WeightFormat.allCases, small: [.q4_K]) {
        let type = try format.reference
        let parts = try [(48, 3), (16, 4), (21, 5)].map { rows, seed in
          try ReferenceQuantization.randomBlocks(type: type, rows: rows, columns: columns, seed: UInt64(seed))
        }
        let matrix = try WeightMatrix(
          WeightShape(format: format, rows: 85, columns: columns), heap: bench.heap, label: "qkv")
        for (part, rows, first) in [(parts[0], 48, 0), (parts[1], 16, 48), (parts[2], 21, 64)] {
          try upload(part, rows: rows, into: matrix, at: .after(rows: first), stagingRows: 16, on: bench)
        }
        let expected = try ReferenceQuantization.dequantize(
          type: type, bytes: parts.flatMap { $0 }, count: 85 * columns)
        #expect(sameBits(try rows(of: matrix, on: bench), expected), "\(format.name)")
      }
    }

    @Test("gates and ups alternate by groups of 16 rows", arguments: Target.all)
    func alternating(target: Target) throws {
      let bench = try target.bench()
      let (half, columns) = (48, 256)
      for format in Grid.values(WeightFormat.allCases, small: [.q5_0]) {
        let type = try format.reference
        let gates = try ReferenceQuantization.randomBlocks(type: type, rows: half, columns: columns, seed: 6)
        let ups = try ReferenceQuantization.randomBlocks(type: type, rows: half, columns: columns, seed: 7)
        let matrix = try WeightMatrix(
          WeightShape(format: format, rows: 2 * half, columns: columns), heap: bench.heap, label: "gate and up")
        try upload(gates, rows: half, into: matrix, at: .alternating(isUp: false), stagingRows: 16, on: bench)
        try upload(ups, rows: half, into: matrix, at: .alternating(isUp: true), stagingRows: 32, on: bench)
        let groupBytes = gates.count / half * 16
        var woven: [UInt8] = []
        for start in stride(from: 0, to: gates.count, by: groupBytes) {
          woven += gates[start..<start + groupBytes]
          woven += ups[start..<start + groupBytes]
        }
        let expected = try ReferenceQuantization.dequantize(type: type, bytes: woven, count: 2 * half * columns)
        #expect(sameBits(try rows(of: matrix, on: bench), expected), "\(format.name)")
      }
    }

    @Test("an upload of the wrong size, beyond the matrix or too wide for the staging buffer is refused")
    func refusals() throws {
      let bench = try #require(Target.all.first).bench()
      let matrix = try WeightMatrix(
        WeightShape(format: .q8_0, rows: 32, columns: 64), heap: bench.heap, label: "w")
      let upload = try WeightUpload(bench.library, queue: bench.queue, heap: bench.heap, stagingBytes: 16 * 68)
      let bytes = [UInt8](repeating: 0, count: 33 * 68)
      for (count, rows, placement) in [
        (32 * 68 - 1, 32, WeightUpload.Placement.whole), (33 * 68, 33, .whole), (0, 0, .whole),
        (32 * 68, 32, .after(rows: 16)), (32 * 68, 32, .alternating(isUp: true)), (68, 1, .after(rows: 32)),
      ] {
        #expect(throws: OperatorError.self, "\(count) bytes, \(rows) rows") {
          try bytes.withUnsafeBytes {
            try upload.upload(UnsafeRawBufferPointer(rebasing: $0[..<count]), rows: rows, into: matrix, at: placement)
          }
        }
      }
      let narrow = try WeightUpload(bench.library, queue: bench.queue, heap: bench.heap, stagingBytes: 16 * 68 - 1)
      #expect(throws: OperatorError.self) {
        try bytes.withUnsafeBytes {
          try narrow.upload(UnsafeRawBufferPointer(rebasing: $0[..<(32 * 68)]), rows: 32, into: matrix)
        }
      }
    }

    @Test("weights take hardly more bytes on the device than in a file", arguments: WeightFormat.allCases)
    func bytes(format: WeightFormat) throws {
      let shape = try WeightShape(format: format, rows: 64, columns: 512)
      let type = try format.reference
      let fileBytes = try type.byteCount(elements: 64 * 512)
      #expect(512 / format.superBlockSize * 64 * format.fileSuperBlockBytes == fileBytes)
      #expect(Double(shape.byteCount) <= 1.07 * Double(fileBytes))
    }

    @Test("a shape that its format cannot hold is refused")
    func shapes() throws {
      for (format, rows, columns) in [
        (WeightFormat.q4_K, 16, 128), (.iq1_M, 16, 128), (.mxfp4, 16, 48), (.q8_0, 16, 48), (.f32, 0, 32),
        (.f16, 16, 0), (.q6_K, -1, 256),
      ] {
        #expect(throws: OperatorError.self, "\(format.name) \(rows) × \(columns)") {
          try WeightShape(format: format, rows: rows, columns: columns)
        }
      }
    }
  }
}
