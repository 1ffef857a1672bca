import TesseraReference
import Testing

@Suite("The reference's activations of 8 bits")
struct QuantizedActivationsTests {
  @Test("are within half a scale of what they round, whose largest is exact to a rounding")
  func bound() throws {
    var generator = SeededGenerator(seed: 3)
    let x = generator.floats(32 * 40)
    let rounded = try ReferenceQuantizedActivations.rounded(x)
    for start in stride(from: 0, to: x.count, by: 32) {
      let largest = x[start..<start + 32].map(abs).max() ?? 0
      for i in start..<start + 32 { #expect(abs(rounded[i] - x[i]) <= largest / 127 * 0.50001) }
      let i = try #require((start..<start + 32).first { abs(x[$0]) == largest })
      #expect(abs(rounded[i] - x[i]) <= largest * 2e-7)
    }
  }

  @Test("are steps of a scale, rounded to the even one in the middle")
  func steps() throws {
    // A largest of 127 makes the scale 1.
    var x = [Float](repeating: 0, count: 32)
    for (i, value) in [127, 0.5, 1.5, 2.5, -0.5, -1.5, 2.4, -2.6].enumerated() { x[i] = Float(value) }
    #expect(try ReferenceQuantizedActivations.rounded(x).prefix(8) == [127, 0, 2, 2, 0, -2, 2, -3])
    #expect(try ReferenceQuantizedActivations.rounded(Array(repeating: 0, count: 64)).allSatisfy { $0 == 0 })
    #expect(throws: ReferenceError.self) { try ReferenceQuantizedActivations.rounded([1]) }
  }
}
