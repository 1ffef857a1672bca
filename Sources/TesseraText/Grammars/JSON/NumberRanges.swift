/// Decimal numbers of a range, digit by digit.
enum NumberRanges {
  private static let digit = JSONGrammar.digit

  private static func digits(_ range: ClosedRange<UInt8>) -> GrammarNode {
    .set(UInt32(range.lowerBound) + 48...UInt32(range.upperBound) + 48)
  }

  // MARK: Integers

  /// Integers from `low` to `high`; nil: without limit.
  static func integers(_ low: Int?, _ high: Int?) -> GrammarNode {
    var options: [GrammarNode] = []
    if low ?? -1 < 0 {
      let (least, most) = (high.map { $0 < 0 ? $0.magnitude : 1 } ?? 1, low?.magnitude)
      options.append(.sequence([.text("-"), naturals(least, most)]))
    }
    if high ?? 0 >= 0 { options.append(naturals(low.map { $0 > 0 ? $0.magnitude : 0 } ?? 0, high?.magnitude)) }
    return .choice(options)
  }

  private static func naturals(_ low: UInt, _ high: UInt?) -> GrammarNode {
    if let high, low > high { return .never }
    let (lowest, highest) = (decimal(low), high.map(decimal))
    let longest = highest?.count ?? max(JSONGrammar.integerDigits, lowest.count)
    var options: [GrammarNode] = []
    for length in lowest.count...longest {
      let first: [UInt8] = length == lowest.count ? lowest : [1] + [UInt8](repeating: 0, count: length - 1)
      let last = length == highest?.count ? highest ?? [] : [UInt8](repeating: 9, count: length)
      options.append(between(first[...], last[...]))
    }
    return .choice(options)
  }

  private static func decimal(_ value: UInt) -> [UInt8] { String(value).utf8.map { $0 - 48 } }

  /// Digits from `low` to `high`, which are equally many.
  private static func between(_ low: ArraySlice<UInt8>, _ high: ArraySlice<UInt8>) -> GrammarNode {
    guard let first = low.first, let last = high.first else { return .empty }
    let (lowRest, highRest) = (low.dropFirst(), high.dropFirst())
    if lowRest.allSatisfy({ $0 == 0 }), highRest.allSatisfy({ $0 == 9 }) {
      return .sequence([digits(first...last), .repeated(digit, lowRest.count, lowRest.count)])
    }
    if first == last { return .sequence([digits(first...first), between(lowRest, highRest)]) }
    let (zeros, nines) = (lowRest.map { _ in UInt8(0) }, lowRest.map { _ in UInt8(9) })
    var options: [GrammarNode] = [
      .sequence([digits(first...first), between(lowRest, nines[...])]),
      .sequence([digits(last...last), between(zeros[...], highRest)]),
    ]
    if first + 1 < last {
      options.append(.sequence([digits(first + 1...last - 1), .repeated(digit, lowRest.count, lowRest.count)]))
    }
    return .choice(options)
  }

  // MARK: Numbers

  /// An end of a range.
  struct Bound {
    var isNegative = false
    var integer: UInt
    /// Digits behind the point, without zeros at the end.
    var fraction: [UInt8] = []
    /// Whether the number itself is left out.
    var isExclusive: Bool

    var isZero: Bool { integer == 0 && fraction.isEmpty }
  }

  /// Numbers without exponents from `low` to `high`.
  static func numbers(_ low: Bound?, _ high: Bound?) -> GrammarNode {
    let zero = Bound(integer: 0, isExclusive: false)
    var options: [GrammarNode] = []
    if low?.isNegative ?? true {
      // −x, x from the upper end's amount to the lower's.
      let least = high.map { $0.isNegative || $0.isZero ? $0 : zero } ?? zero
      options.append(.sequence([.text("-"), magnitudes(least, low)]))
    }
    if !(high?.isNegative ?? false) {
      options.append(magnitudes(low.map { $0.isNegative ? zero : $0 } ?? zero, high))
    }
    return .choice(options)
  }

  private static func magnitudes(_ low: Bound, _ high: Bound?) -> GrammarNode {
    let from = Tail(digits: low.fraction[...], isExclusive: low.isExclusive)
    guard let high else {
      return .choice([
        .sequence([integer(low.integer), fraction(from, nil)]),
        low.integer == .max ? .never : .sequence([naturals(low.integer + 1, nil), fraction(nil, nil)]),
      ])
    }
    let to = Tail(digits: high.fraction[...], isExclusive: high.isExclusive)
    if low.integer > high.integer { return .never }
    if low.integer == high.integer { return .sequence([integer(low.integer), fraction(from, to)]) }
    return .choice([
      .sequence([integer(low.integer), fraction(from, nil)]),
      .sequence([naturals(low.integer + 1, high.integer - 1), fraction(nil, nil)]),
      .sequence([integer(high.integer), fraction(nil, to)]),
    ])
  }

  private static func integer(_ value: UInt) -> GrammarNode { .text(String(value)) }

  /// What is left of a bound behind the digits that were equal.
  private struct Tail {
    var digits: ArraySlice<UInt8>
    var isExclusive: Bool

    var rest: Tail { Tail(digits: digits.dropFirst(), isExclusive: isExclusive) }
  }

  /// A fraction, or none, at least `low` and at most `high`.
  private static func fraction(_ low: Tail?, _ high: Tail?) -> GrammarNode {
    .choice([
      mayEnd(low, high) ? .empty : .never, .sequence([.text("."), more(low, high)]),
    ])
  }

  /// Whether zeros from here on are in the range.
  private static func mayEnd(_ low: Tail?, _ high: Tail?) -> Bool {
    (low.map { $0.digits.isEmpty && !$0.isExclusive } ?? true)
      && (high.map { !$0.digits.isEmpty || !$0.isExclusive } ?? true)
  }

  /// One or more digits.
  private static func more(_ low: Tail?, _ high: Tail?) -> GrammarNode {
    func any(_ least: Int) -> GrammarNode { .repeated(digit, least, JSONGrammar.fractionDigits) }
    // Whatever follows is at least this.
    let low = low.flatMap { $0.digits.isEmpty && !$0.isExclusive ? nil : $0 }
    guard let high else {
      guard let low else { return any(1) }
      if low.digits.isEmpty { return .sequence([zeros(0), JSONGrammar.nonzeroDigit, any(0)]) }
      return digits(low, nil)
    }
    if high.digits.isEmpty { return low == nil && !high.isExclusive ? zeros(1) : .never }
    return digits(low, high)
  }

  private static func zeros(_ least: Int) -> GrammarNode {
    .repeated(.text("0"), least, JSONGrammar.fractionDigits)
  }

  private static func digits(_ low: Tail?, _ high: Tail?) -> GrammarNode {
    let (first, last) = (low.map { $0.digits.first ?? 0 } ?? 0, high.map { $0.digits.first ?? 0 } ?? 9)
    guard first <= last else { return .never }
    var options: [GrammarNode] = []
    for value in first...last {
      // A bound counts as long as the digits are its own.
      let (newLow, newHigh) = (value == first ? low?.rest : nil, value == last ? high?.rest : nil)
      if newLow == nil, newHigh == nil { continue }
      options.append(
        .sequence([
          digits(value...value), .choice([mayEnd(newLow, newHigh) ? .empty : .never, more(newLow, newHigh)]),
        ]))
    }
    // Between the bounds any digits follow.
    let (lower, upper) = (Int(first) + (low == nil ? 0 : 1), Int(last) - (high == nil ? 0 : 1))
    if lower <= upper {
      options.append(
        .sequence([
          digits(UInt8(lower)...UInt8(upper)), .repeated(digit, 0, JSONGrammar.fractionDigits),
        ]))
    }
    return .choice(options)
  }
}
