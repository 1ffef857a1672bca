import TesseraJSON

extension JSONSchemaReader {
  // MARK: Strings

  mutating func string(_ fields: JSONObject, at place: String) throws(GrammarError) -> GrammarNode {
    let count = try counts("minLength", "maxLength", of: fields, at: place)
    if let most = count.most, most < count.least { return .never }
    let (pattern, format) = (
      try text("pattern", of: fields, at: place), try text("format", of: fields, at: place)
    )
    if pattern != nil, format != nil {
      throw Self.error(.unsupported, at: place, "'pattern' and 'format' together are not supported: leave one out")
    }
    var content: GrammarNode?
    if let pattern {
      try spend(pattern.utf8.count, at: place)
      content = try located("\(place)/pattern") { () throws(GrammarError) in
        try RegularExpressionReader.read(pattern).withoutEdges(isSearch: true)
      }
    } else if let format, format != "password" {
      guard let known = SchemaFormats.patterns[format] else {
        let names = (SchemaFormats.patterns.keys + ["password"]).sorted().joined(separator: ", ")
        throw Self.error(
          .unsupported, at: place, "the format \(GrammarError.quoted(format)) is not supported; known are \(names)")
      }
      try spend(known.utf8.count, at: place)
      content = try RegularExpressionReader.read(known).withoutEdges(isSearch: false)
    }
    guard let content else {
      return JSONGrammar.quoted(.repeated(JSONGrammar.character, count))
    }
    return JSONGrammar.quoted(try Self.limited(content, count, at: place).withinJSON)
  }

  /// An expression whose texts are of some lengths.
  private static func limited(
    _ content: GrammarNode, _ count: GrammarBuilder.Count, at place: String
  ) throws(GrammarError) -> GrammarNode {
    let (least, most) = content.lengths
    if least >= count.least, count.most == nil || most.map({ $0 <= count.most ?? $0 }) ?? false { return content }
    // Characters of one set can be counted.
    if case .repeated(.scalars(let set), let old) = content {
      let least = max(old.least, count.least)
      let most = [old.most, count.most].compactMap { $0 }.min()
      if let most, most < least { return .never }
      return .repeated(.scalars(set), .init(least: least, most: most))
    }
    throw error(
      .unsupported, at: place,
      "'minLength' and 'maxLength' beside a 'pattern' or 'format' are supported for one repeated class ('^[a-z]+$') "
        + "alone: put the length into the pattern")
  }

  // MARK: Numbers

  func integer(_ fields: JSONObject, at place: String) throws(GrammarError) -> GrammarNode {
    var (low, high): (Int?, Int?)
    switch try text("format", of: fields, at: place) {
    case "int32": (low, high) = (Int(Int32.min), Int(Int32.max))
    case "uint32": (low, high) = (0, Int(UInt32.max))
    case "uint64": low = 0
    case nil, "int64": break
    case let format?: throw Self.unknownNumber(format, at: place)
    }
    for (key, isLow, isExclusive) in Self.boundKeys {
      guard let value = try field(key, of: fields, at: place, "a number", { $0.doubleValue != nil ? $0 : nil })
      else { continue }
      var bound: Int
      if let whole = value.intValue {
        bound = whole
        if isExclusive {
          let (next, isOver) = isLow ? whole.addingReportingOverflow(1) : whole.subtractingReportingOverflow(1)
          if isOver { return .never }
          bound = next
        }
      } else {
        let rounded = (value.doubleValue ?? 0).rounded(isLow ? .up : .down)
        guard let whole = Int(exactly: rounded) else {
          // Beyond all integers.
          if (rounded > 0) == isLow { return .never }
          continue
        }
        bound = whole
      }
      if isLow { low = max(low ?? bound, bound) } else { high = min(high ?? bound, bound) }
    }
    if low == nil, high == nil { return JSONGrammar.integer }
    if let low, let high, low > high { return .never }
    return NumberRanges.integers(low, high)
  }

  private static let boundKeys = [
    ("minimum", true, false), ("exclusiveMinimum", true, true), ("maximum", false, false),
    ("exclusiveMaximum", false, true),
  ]

  private static func unknownNumber(_ format: String, at place: String) -> GrammarError {
    error(.unsupported, at: place, "the format \(GrammarError.quoted(format)) of numbers is not supported")
  }

  func number(_ fields: JSONObject, at place: String) throws(GrammarError) -> GrammarNode {
    let format = try text("format", of: fields, at: place)
    switch format {
    case nil, "float", "double": break
    case "int32", "int64", "uint32", "uint64": return try integer(fields, at: place)
    case let format?: throw Self.unknownNumber(format, at: place)
    }
    var (low, high): (NumberRanges.Bound?, NumberRanges.Bound?)
    for (key, isLow, isExclusive) in Self.boundKeys {
      guard let value = try field(key, of: fields, at: place, "a number", { $0.doubleValue != nil ? $0 : nil })
      else { continue }
      guard let bound = NumberRanges.Bound(value, isExclusive: isExclusive) else {
        throw Self.error(
          .unsupported, at: place, "'\(key)' has too many digits: up to 18 before the point are supported")
      }
      if isLow {
        // Of two lower bounds one is exclusive: that one counts where they are equal.
        low = low.map { $0 < bound || !($0 > bound) ? bound : $0 } ?? bound
      } else {
        high = high.map { bound < $0 || !(bound > $0) ? bound : $0 } ?? bound
      }
    }
    if low == nil, high == nil {
      return format == "float" ? JSONGrammar.float : format == "double" ? JSONGrammar.double : JSONGrammar.number
    }
    return NumberRanges.numbers(low, high)
  }
}

extension NumberRanges.Bound {
  /// A JSON number; nil for one of too many digits.
  init?(_ value: JSONValue, isExclusive: Bool) {
    let text: String
    switch value {
    case .int(let number): text = String(number)
    case .double(let number): text = number.pythonDescription
    default: return nil
    }
    let isNegative = text.hasPrefix("-")
    let parts = text.drop { $0 == "-" }.split(separator: ".", omittingEmptySubsequences: false)
    guard let whole = parts.first, whole.count <= 18, let integer = UInt(whole) else { return nil }
    var fraction: [UInt8] = []
    for byte in parts.count > 1 ? Array(parts[1].utf8) : [] {
      guard (48...57).contains(byte) else { return nil }
      fraction.append(byte - 48)
    }
    while fraction.last == 0 { fraction.removeLast() }
    self.init(
      isNegative: isNegative && (integer > 0 || !fraction.isEmpty), integer: integer, fraction: fraction,
      isExclusive: isExclusive)
  }

  private var amount: [UInt] { [integer] + fraction.map { UInt($0) } }

  static func < (left: Self, right: Self) -> Bool {
    if left.isNegative != right.isNegative { return left.isNegative }
    let (a, b) = left.isNegative ? (right, left) : (left, right)
    return a.amount.lexicographicallyPrecedes(b.amount)
  }

  static func > (left: Self, right: Self) -> Bool { right < left }
}
