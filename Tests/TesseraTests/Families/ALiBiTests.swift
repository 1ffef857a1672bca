import Foundation
import Testing

@testable import TesseraModels

@Suite("ALiBi")
struct ALiBiTests {
  @Test("slopes of 8 heads are halves of each other, and of 12 those and every second of 16")
  func slopes() {
    let eight = (1...8).map { Float(1) / Float(1 << $0) }
    #expect(ALiBi.slopes(headCount: 8) == eight)
    let twelve = ALiBi.slopes(headCount: 12)
    #expect(Array(twelve.prefix(8)) == eight)
    for (slope, exponent) in zip(twelve.suffix(4), [0.5, 1.5, 2.5, 3.5]) {
      #expect(abs(Double(slope) * exp2(exponent) - 1) < 1e-6)
    }
    #expect(ALiBi.slopes(headCount: 1) == [1.0 / 256] && ALiBi.slopes(headCount: 2, most: 4) == [0.25, 0.0625])
    #expect(ALiBi.slopes(headCount: 0).isEmpty)
  }
}
