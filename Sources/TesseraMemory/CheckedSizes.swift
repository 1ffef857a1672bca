/// Sizes come from model files, so every product and sum of them is checked: absurd ones throw instead of trapping.

/// The product of `factors`, none of which may be negative.
func checkedProduct(_ factors: Int..., of what: String) throws(MemoryError) -> Int {
  var product = 1
  for factor in factors {
    let (next, overflow) = product.multipliedReportingOverflow(by: factor)
    guard factor >= 0, !overflow else {
      let text = factors.map(String.init).joined(separator: " × ")
      throw MemoryError(.invalidRequest, "\(what): \(text) is not a size that memory can have")
    }
    product = next
  }
  return product
}

/// The sum of `terms`, none of which may be negative.
func checkedSum(_ terms: [Int], of what: String) throws(MemoryError) -> Int {
  var sum = 0
  for term in terms {
    let (next, overflow) = sum.addingReportingOverflow(term)
    guard term >= 0, !overflow else {
      throw MemoryError(.invalidRequest, "\(what): a sum of sizes is negative or too large (\(sum) + \(term))")
    }
    sum = next
  }
  return sum
}

/// `size` rounded up to a multiple of `alignment`; both must be positive, or `size` zero.
func checkedRoundUp(_ size: Int, to alignment: Int, of what: String) throws(MemoryError) -> Int {
  guard alignment > 0, size >= 0 else {
    throw MemoryError(.invalidRequest, "\(what): \(size) bytes at an alignment of \(alignment)")
  }
  let remainder = size % alignment
  return remainder == 0 ? size : try checkedSum([size, alignment - remainder], of: what)
}
