import Foundation
import Testing

@testable import TesseraReference

@Suite("Quantization reference")
struct QuantizationTests {
  struct Case: Decodable {
    let kind: String
    let values: Data
    let blocks: [String: Data]
    let errors: [String: Double]
  }

  private func cases() throws -> [(item: Case, values: [Float])] {
    try Fixtures.decode([Case].self, from: "quantizers").map { item in
      let count = item.values.count / 4
      return (item, try ReferenceQuantization.dequantize(type: .f32, bytes: Array(item.values), count: count))
    }
  }

  @Test("blocks equal those of numpy gguf to the byte, for every format that it quantizes")
  func matchesGGUF() throws {
    for (item, values) in try cases() {
      #expect(item.blocks.count == 10)
      for (name, expected) in item.blocks {
        let type = try #require(ReferenceWeightType(rawValue: name))
        let actual = try ReferenceQuantization.quantize(type: type, values)
        let differing = zip(actual, expected).filter { $0 != $1 }.count
        #expect(actual.count == expected.count && differing == 0, "\(name), \(item.kind): \(differing) bytes differ")
      }
    }
  }

  @Test("searched formats have no greater root mean square error than ggml's own quantizer")
  func noWorseThanGGML() throws {
    for (item, values) in try cases() {
      #expect(item.errors.count == 3)
      for (name, limit) in item.errors {
        let type = try #require(ReferenceWeightType(rawValue: name))
        let bytes = try ReferenceQuantization.quantize(type: type, values)
        let decoded = try ReferenceQuantization.dequantize(type: type, bytes: bytes, count: values.count)
        let squares = zip(decoded, values).reduce(0) { $0 + Double($1.0 - $1.1) * Double($1.0 - $1.1) }
        let error = (squares / Double(values.count)).squareRoot()
        #expect(error <= limit, "\(name), \(item.kind): \(error) against \(limit)")
      }
    }
  }

  @Test("a count that is no whole number of blocks, and a format without a quantizer, are refused")
  func refusals() {
    #expect(throws: ReferenceError.self) { try ReferenceQuantization.quantize(type: .q8_0, [1, 2]) }
    #expect(throws: ReferenceError.self) {
      try ReferenceQuantization.quantize(type: .iq1_S, [Float](repeating: 0, count: 256))
    }
  }
}
