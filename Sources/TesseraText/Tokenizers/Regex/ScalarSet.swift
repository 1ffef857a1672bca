/// A set of Unicode scalars, as ranges of numbers from 0 to 0x10FFFF that lie apart and in order.
///
/// Surrogates are ordinary numbers here: text that is no proper UTF-8 may hold them.
struct ScalarSet: Hashable, Sendable {
  static let last: UInt32 = 0x10_FFFF
  static let all = ScalarSet(0...last)

  private(set) var ranges: [ClosedRange<UInt32>] = []

  init() {}

  init(_ range: ClosedRange<UInt32>) { ranges = [range] }

  init(_ scalar: Unicode.Scalar) { ranges = [scalar.value...scalar.value] }

  /// The union of ranges that need be in no order.
  init(_ unsorted: some Sequence<ClosedRange<UInt32>>) {
    for range in unsorted.sorted(by: { $0.lowerBound < $1.lowerBound }) {
      if let last = ranges.last, range.lowerBound <= last.upperBound &+ 1 {
        ranges[ranges.count - 1] = last.lowerBound...max(last.upperBound, range.upperBound)
      } else {
        ranges.append(range)
      }
    }
  }

  init(_ text: String) { self.init(text.unicodeScalars.map { $0.value...$0.value }) }

  var isEmpty: Bool { ranges.isEmpty }

  func contains(_ value: UInt32) -> Bool {
    var (low, high) = (0, ranges.count)
    while low < high {
      let middle = (low + high) / 2
      if ranges[middle].upperBound < value { low = middle + 1 } else { high = middle }
    }
    return low < ranges.count && ranges[low].contains(value)
  }

  func contains(_ scalar: Unicode.Scalar) -> Bool { contains(scalar.value) }

  func union(_ other: ScalarSet) -> ScalarSet { ScalarSet(ranges + other.ranges) }

  var complement: ScalarSet {
    var result = ScalarSet()
    var next: UInt32 = 0
    for range in ranges {
      if range.lowerBound > next { result.ranges.append(next...range.lowerBound - 1) }
      next = range.upperBound + 1
    }
    if next <= Self.last { result.ranges.append(next...Self.last) }
    return result
  }

  func intersection(_ other: ScalarSet) -> ScalarSet { complement.union(other.complement).complement }

  func subtracting(_ other: ScalarSet) -> ScalarSet { intersection(other.complement) }

  /// This set with the other letter cases of its scalars, each for itself.
  ///
  /// Scalars beyond ASCII get the cases that are single scalars. Of the folds to ASCII there are two, ſ and the Kelvin
  /// sign.
  var withOtherCases: ScalarSet {
    var added: [ClosedRange<UInt32>] = []
    for range in ranges where range.count <= 0x400 {
      for value in range {
        guard let properties = Unicode.Scalar(value)?.properties else { continue }
        for text in [properties.lowercaseMapping, properties.uppercaseMapping, properties.titlecaseMapping] {
          let scalars = text.unicodeScalars
          if let scalar = scalars.first, scalars.count == 1 { added.append(scalar.value...scalar.value) }
        }
        if value | 0x20 == 0x73 || value == 0x17F { added += [0x73...0x73, 0x53...0x53, 0x17F...0x17F] }
        if value | 0x20 == 0x6B || value == 0x212A { added += [0x6B...0x6B, 0x4B...0x4B, 0x212A...0x212A] }
      }
    }
    return union(ScalarSet(added))
  }
}
