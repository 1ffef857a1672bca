import Foundation
import Testing

@testable import TesseraReference

@Suite("Dequantization reference")
struct DequantizationTests {
  struct Case: Decodable {
    let type: String
    let count: Int
    let bytes: Data
    let values: Data
  }

  @Test("every format equals numpy gguf bit for bit, extreme scales included")
  func matchesGGUF() throws {
    let cases = try Fixtures.decode([Case].self, from: "quantization")
    #expect(Set(cases.map(\.type)) == Set(ReferenceWeightType.allCases.map(\.rawValue)))
    for item in cases {
      let type = try #require(ReferenceWeightType(rawValue: item.type))
      let actual = try ReferenceQuantization.dequantize(type: type, bytes: Array(item.bytes), count: item.count)
      let expected = try ReferenceQuantization.dequantize(type: .f32, bytes: Array(item.values), count: item.count)
      let differing = zip(actual, expected).filter { $0.bitPattern != $1.bitPattern && !($0.isNaN && $1.isNaN) }
      #expect(actual.count == expected.count)
      #expect(differing.isEmpty, "\(type.rawValue): \(differing.count) of \(item.count) values differ")
    }
  }

  @Test("random blocks are finite, moderate, varied and repeatable", arguments: ReferenceWeightType.allCases)
  func randomBlocks(type: ReferenceWeightType) throws {
    let bytes = try ReferenceQuantization.randomBlocks(type: type, rows: 40, columns: 512, seed: 5)
    #expect(try bytes == ReferenceQuantization.randomBlocks(type: type, rows: 40, columns: 512, seed: 5))
    #expect(try bytes != ReferenceQuantization.randomBlocks(type: type, rows: 40, columns: 512, seed: 6))
    let values = try ReferenceQuantization.dequantize(type: type, bytes: bytes, count: 40 * 512)
    #expect(values.allSatisfy { abs($0) < 1.5 })
    #expect(values.contains { $0 > 0.01 } && values.contains { $0 < -0.01 })
    #expect(Set(values).count > 50)
  }

  @Test("a count that is no whole number of blocks, or bytes of another length, are refused")
  func refusals() {
    #expect(throws: ReferenceError.self) {
      try ReferenceQuantization.dequantize(type: .q4_0, bytes: [UInt8](repeating: 0, count: 18), count: 31)
    }
    #expect(throws: ReferenceError.self) {
      try ReferenceQuantization.dequantize(type: .q4_0, bytes: [UInt8](repeating: 0, count: 17), count: 32)
    }
    #expect(throws: ReferenceError.self) {
      try ReferenceQuantization.randomBlocks(type: .q6_K, rows: Int.max, columns: 256, seed: 0)
    }
    #expect(throws: ReferenceError.self) {
      try ReferenceQuantization.randomBlocks(type: .q6_K, rows: 2, columns: 128, seed: 0)
    }
  }

  #if !(os(macOS) && arch(x86_64))
    @Test("half precision converts both ways as Swift's Float16 does")
    func halfPrecision() {
      for bits in UInt16.min...UInt16.max {
        let expected = Float(Float16(bitPattern: bits))
        let actual = ReferenceHalf.float(fromHalf: bits)
        guard !expected.isNaN else {
          #expect(actual.isNaN)
          continue
        }
        if actual.bitPattern != expected.bitPattern || ReferenceHalf.half(fromFloat: expected) != bits {
          Issue.record("half \(bits) becomes \(actual), expected \(expected)")
        }
      }
      var generator = SeededGenerator(seed: 3)
      for _ in 0..<100_000 {
        // Exponents around the whole half range, so that rounding, underflow and overflow all occur.
        let bits = UInt32(truncatingIfNeeded: generator.next())
        let value = Float(bitPattern: (bits & 0x807F_FFFF) | UInt32.random(in: 98...146, using: &generator) << 23)
        if ReferenceHalf.half(fromFloat: value) != Float16(value).bitPattern {
          Issue.record(
            "\(value) becomes \(ReferenceHalf.half(fromFloat: value)), expected \(Float16(value).bitPattern)")
        }
      }
    }
  #endif
}
