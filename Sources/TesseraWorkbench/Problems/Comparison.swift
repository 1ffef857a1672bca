import Foundation
import TesseraOperators
import TesseraReference

/// The largest |value − expected| / magnitude; infinite where a value is not a number or the counts differ.
package func worstError(_ values: [Float], _ expected: [Float], relativeTo magnitude: [Float]) -> Double {
  guard values.count == expected.count, values.count == magnitude.count else { return .infinity }
  return values.withUnsafeBufferPointer { values in
    expected.withUnsafeBufferPointer { expected in
      magnitude.withUnsafeBufferPointer { magnitude in
        var worst = 0.0
        var i = 0
        while i < values.count {
          let difference = abs(Double(values[i]) - Double(expected[i]))
          // A zero magnitude leaves no room for any difference; a NaN fails the comparison.
          let error = difference == 0 ? 0 : difference / Double(magnitude[i])
          if !(error <= worst) { worst = error.isNaN ? .infinity : error }
          i += 1
        }
        return worst
      }
    }
  }
}

/// Whether two arrays are equal to the bit; a NaN's bits count too.
package func sameBits<T: BitwiseCopyable>(_ a: [T], _ b: [T]) -> Bool {
  guard a.count == b.count else { return false }
  return a.withUnsafeBytes { a in
    b.withUnsafeBytes { b in
      guard let p = a.baseAddress, let q = b.baseAddress else { return true }
      return memcmp(p, q, a.count) == 0
    }
  }
}

extension WeightFormat {
  /// The reference's name of the format.
  package var reference: ReferenceWeightType {
    get throws(OperatorError) {
      guard let type = ReferenceWeightType.allCases.first(where: { $0.rawValue.uppercased() == name }) else {
        throw OperatorError(.parameter, "the reference has no \(name)")
      }
      return type
    }
  }
}

extension Activation.Function {
  /// The reference's function of the same name.
  package var reference: ReferenceActivation {
    get throws(OperatorError) {
      guard let function = ReferenceActivation(rawValue: "\(self)") else {
        throw OperatorError(.parameter, "the reference has no \(self)")
      }
      return function
    }
  }
}
