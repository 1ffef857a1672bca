/// A fault in the arguments of a reference operator.
package struct ReferenceError: Error, CustomStringConvertible, Sendable, Equatable {
  /// The kind of mistake, for callers that branch on it.
  package enum Code: Sendable, Equatable {
    /// An array's length does not match the shape it is said to have.
    case shapeMismatch
    /// A parameter lies outside the values the formula allows.
    case invalidParameter
    /// A token id lies outside the vocabulary.
    case tokenOutOfRange
  }

  /// The kind of mistake.
  package let code: Code
  /// The fault, where it is, and what was expected.
  package let message: String

  /// The message, for printing.
  package var description: String { message }

  init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }
}

/// The product of `dimensions`.
///
/// Throws when a dimension is negative or the product does not fit in an `Int`.
func elementCount(_ dimensions: Int..., of what: String) throws(ReferenceError) -> Int {
  var count = 1
  for dimension in dimensions {
    let (product, overflow) = count.multipliedReportingOverflow(by: dimension)
    guard dimension >= 0, !overflow else {
      throw ReferenceError(.invalidParameter, "\(what): the shape \(dimensions) has no usable element count")
    }
    count = product
  }
  return count
}

/// Throws unless `array` holds exactly `count` elements.
func require<Element>(_ array: [Element], count: Int, _ what: String) throws(ReferenceError) {
  guard array.count == count else {
    throw ReferenceError(.shapeMismatch, "\(what) holds \(array.count) elements, its shape needs \(count)")
  }
}
