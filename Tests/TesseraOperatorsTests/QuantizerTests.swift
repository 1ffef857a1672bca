import TesseraCL
import TesseraReference
import TesseraWorkbench
import TestSupport
import Testing

@testable import TesseraOperators

extension OperatorsOnDevices {
  @Suite("Quantizers")
  @MainActor struct QuantizerTests {
    /// Blocks like weights, with heavy tails, around another mean, of zeros, tiny, huge and equal.
    private func values(blocks: Int, seed: UInt64) -> [Float] {
      var generator = SeededGenerator(seed: seed)
      return (0..<blocks).flatMap { block -> [Float] in
        (0..<256).map { i in
          let normal = (0..<4).reduce(Float(0)) { sum, _ in sum + Float.random(in: -1...1, using: &generator) }
          return switch block % 9 {
          case 0, 1: normal * 0.02
          case 2: normal * normal * normal * 0.1
          case 3: normal * 0.1 + 0.4
          case 4: i < 64 ? 0 : normal * 1e-7
          case 5: normal * 1e7
          case 6: Float(i / 32) * 0.25 - 0.5
          case 7: Float(Int(normal * 8)) / 8
          default: normal * 1e-20
          }
        }
      }
    }

    private func quantize(
      _ bytes: [UInt8], _ input: WeightFormat, to format: WeightFormat, elements: Int, on bench: Bench
    ) throws -> [UInt8] {
      let x = try bench.buffer([UInt8](repeating: 0, count: 8) + bytes)
      let count = Quantizer.byteCount(elements, as: format)
      let y = try bench.buffer([UInt8](repeating: 0xA5, count: count + 6))
      try Quantizer(bench.library).enqueue(
        x.view.advanced(byBytes: 8), as: input, into: y.view.advanced(byBytes: 3), elements: elements, to: format,
        on: bench.queue)
      let all = try bench.queue.read(y, as: UInt8.self, count: count + 6)
      #expect(all.prefix(3) == [0xA5, 0xA5, 0xA5] && all.suffix(3) == [0xA5, 0xA5, 0xA5], "\(format.name)")
      return Array(all[3..<3 + count])
    }

    @Test("blocks of every format equal the reference's to the byte", arguments: Target.all)
    func formats(target: Target) throws {
      let bench = try target.bench()
      let values = values(blocks: 70, seed: 3)
      let bytes = try ReferenceQuantization.quantize(type: .f32, values)
      for format in Quantizer.formats {
        let expected = try ReferenceQuantization.quantize(type: format.reference, values)
        let actual = try quantize(bytes, .f32, to: format, elements: values.count, on: bench)
        let differing = zip(actual, expected).enumerated().filter { $1.0 != $1.1 }.map(\.offset)
        #expect(
          actual.count == expected.count && differing.isEmpty,
          "\(format.name): \(differing.count) bytes, the first \(differing.first ?? 0)")
      }
    }

    @Test("elements of float16 and bfloat16 are taken as what they are worth", arguments: Target.all)
    func inputs(target: Target) throws {
      let bench = try target.bench()
      let values = values(blocks: 9, seed: 4)
      for input in [WeightFormat.f16, .bf16] {
        let bytes = try ReferenceQuantization.quantize(type: input.reference, values)
        let rounded = try ReferenceQuantization.dequantize(
          type: input.reference, bytes: bytes, count: values.count
        ).map { $0.isFinite ? $0 : Float(signOf: $0, magnitudeOf: 65536) }
        for format in [WeightFormat.q8_0, .f32, input == .f16 ? .bf16 : .f16] {
          let finite =
            format == .q8_0
            ? rounded
            : try ReferenceQuantization.dequantize(
              type: input.reference, bytes: bytes, count: values.count)
          let expected = try ReferenceQuantization.quantize(type: format.reference, finite)
          #expect(
            try quantize(bytes, input, to: format, elements: values.count, on: bench) == expected,
            "\(input.name) to \(format.name)")
        }
        #expect(try quantize(bytes, input, to: input, elements: values.count, on: bench) == bytes, "\(input.name)")
      }
    }

    @Test("what is no number or infinite leaves the other elements of a block alone", arguments: Target.all)
    func notFinite(target: Target) throws {
      let bench = try target.bench()
      var values = [Float](repeating: 0.5, count: 256)
      values[3] = .nan
      let bytes = try ReferenceQuantization.quantize(type: .f32, values)
      values[3] = 0
      for format in [WeightFormat.q8_0, .q4_K] {
        let expected = try ReferenceQuantization.quantize(type: format.reference, values)
        #expect(try quantize(bytes, .f32, to: format, elements: 256, on: bench) == expected, "\(format.name)")
      }
      let infinite: [Float] = [.infinity, -.infinity, .nan, 1]
      let halves = try quantize(
        ReferenceQuantization.quantize(type: .f32, infinite), .f32, to: .f16, elements: 4, on: bench)
      #expect(halves == [0, 0x7C, 0, 0xFC, 0, 0x7E, 0, 0x3C])
    }

    @Test("rows that are quantized on their way are those of a file that had them so", arguments: Target.all)
    func upload(target: Target) throws {
      let bench = try target.bench()
      let (rows, columns) = (37, 512)
      // Within what a scale of float16 can hold.
      let values = values(blocks: rows * columns / 256, seed: 5).map { min(max($0, -1000), 1000) }
      for (input, format) in [(WeightFormat.f32, WeightFormat.q4_K), (.bf16, .q8_0)] {
        let bytes = try ReferenceQuantization.quantize(type: input.reference, values)
        let elements = try ReferenceQuantization.dequantize(type: input.reference, bytes: bytes, count: values.count)
        let blocks = try ReferenceQuantization.quantize(type: format.reference, elements)
        let wanted = try ReferenceQuantization.dequantize(type: format.reference, bytes: blocks, count: values.count)
        let matrix = try WeightMatrix(
          WeightShape(format: format, rows: rows, columns: columns), heap: bench.heap, label: "w")
        // Chunks of 16 rows.
        let upload = try WeightUpload(
          bench.library, queue: bench.queue, heap: bench.heap,
          stagingBytes: (bytes.count + blocks.count) / rows * 16 + 5)
        try bytes.withUnsafeBytes { try upload.quantize($0, as: input, rows: rows, into: matrix) }
        let y = try bench.output(rows * columns)
        try Embedding(bench.library).enqueue(
          bench.buffer((0..<rows).map { UInt32($0) }), matrix, into: y, tokens: rows, on: bench.queue)
        #expect(sameBits(try bench.floats(y), wanted), "\(input.name) to \(format.name)")
        #expect(throws: OperatorError.self) {
          try bytes.withUnsafeBytes {
            try upload.quantize(UnsafeRawBufferPointer(rebasing: $0.dropLast(4)), as: input, rows: rows, into: matrix)
          }
        }
      }
    }

    @Test("what does not fit, or has no quantizer, is refused")
    func refusals() throws {
      let bench = try #require(Target.all.first).bench()
      let (x, y) = (try bench.output(512), try bench.output(512))
      let quantizer = Quantizer(bench.library)
      for (input, format, elements) in [
        (WeightFormat.f32, WeightFormat.q8_0, 100), (.f32, .iq1_S, 256), (.q8_0, .q4_0, 32), (.f32, .q8_0, 0),
        (.f32, .q8_0, -32), (.q8_0, .f32, 32), (.f32, .q4_K, 128),
      ] {
        #expect(throws: OperatorError.self, "\(input.name) to \(format.name), \(elements)") {
          try quantizer.enqueue(x, as: input, into: y, elements: elements, to: format, on: bench.queue)
        }
      }
    }
  }
}
