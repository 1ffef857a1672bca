#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

extension Interpreter {
  func apply(_ operation: UnaryOperator, _ value: Value) throws(TemplateError) -> Value {
    switch value {
    case .float(let number): return .float(operation == .minus ? -number : number)
    case .undefined(let undefined): throw fail(undefined.message)
    default:
      guard let number = value.index else { throw fail("a sign before a value of type \(value.typeName)") }
      return .int(operation == .minus ? try checked(0.subtractingReportingOverflow(number)) : number)
    }
  }

  func apply(_ operation: BinaryOperator, _ left: Value, _ right: Value) throws(TemplateError) -> Value {
    if case .undefined(let undefined) = left { throw fail(undefined.message) }
    if case .string(let format) = left, operation == .modulo { return try printf(format, right) }
    if case .undefined(let undefined) = right { throw fail(undefined.message) }
    if let a = left.index, let b = right.index { return try integers(operation, a, b) }
    if let a = left.number, let b = right.number { return .float(try floats(operation, a, b)) }
    switch (operation, left, right) {
    case (.add, .markup(let a), .markup(let b)): return .markup(try joined(a, b))
    case (.add, .markup(let a), .string(let b)): return .markup(try joined(a, try escaped(b)))
    case (.add, .string(let a), .markup(let b)): return .markup(try joined(try escaped(a), b))
    case (.add, .markup, _), (.add, _, .markup): break
    case (_, .markup, _), (_, _, .markup): throw unsupported("'\(operation.rawValue)' with text marked safe")
    case (.add, .string(let a), .string(let b)): return .string(try joined(a, b))
    case (.add, .list(let a), .list(let b)):
      try checkCount(a.items.count + b.items.count)
      return try list(a.items + b.items)
    case (.add, .tuple(let a), .tuple(let b)):
      try checkCount(a.items.count + b.items.count)
      return try tuple(a.items + b.items)
    case (.multiply, _, _):
      if let count = right.index, let result = try repeated(left, count) { return result }
      if let count = left.index, let result = try repeated(right, count) { return result }
    default: break
    }
    throw fail("'\(operation.rawValue)' between values of types \(left.typeName) and \(right.typeName)")
  }

  private func joined(_ left: String, _ right: String) throws(TemplateError) -> String {
    try checkText(bytes: left.utf8.count + right.utf8.count)
    return left + right
  }

  private func checked(_ result: (partialValue: Int, overflow: Bool)) throws(TemplateError) -> Int {
    guard !result.overflow else { throw fail("a number does not fit in 64 bits") }
    return result.partialValue
  }

  private func repeated(_ value: Value, _ count: Int) throws(TemplateError) -> Value? {
    let count = max(count, 0)
    switch value {
    case .string(let text):
      let (bytes, overflow) = text.utf8.count.multipliedReportingOverflow(by: count)
      try checkText(bytes: overflow ? Int.max : bytes)
      return .string(String(repeating: text, count: text.isEmpty ? 0 : count))
    case .list(let list), .tuple(let list):
      let (total, overflow) = list.items.count.multipliedReportingOverflow(by: count)
      try checkCount(overflow ? Int.max : total)
      try charge(total)
      let items = list.items.isEmpty ? [] : Array([[Value]](repeating: list.items, count: count).joined())
      if case .list = value { return try self.list(items) }
      return try tuple(items)
    default: return nil
    }
  }

  // MARK: Numbers

  private func integers(_ operation: BinaryOperator, _ a: Int, _ b: Int) throws(TemplateError) -> Value {
    switch operation {
    case .add: return .int(try checked(a.addingReportingOverflow(b)))
    case .subtract: return .int(try checked(a.subtractingReportingOverflow(b)))
    case .multiply: return .int(try checked(a.multipliedReportingOverflow(by: b)))
    case .divide:
      guard b != 0 else { throw fail("division by zero") }
      guard a.magnitude <= 1 << 53, b.magnitude <= 1 << 53 else {
        throw unsupported("'/' between integers of more than 53 bits")
      }
      return .float(Double(a) / Double(b))
    case .floorDivide:
      guard b != 0 else { throw fail("division by zero") }
      let quotient = try checked(a.dividedReportingOverflow(by: b))
      return .int(a % (b == -1 ? 1 : b) != 0 && (a < 0) != (b < 0) ? quotient - 1 : quotient)
    case .modulo:
      guard b != 0 else { throw fail("division by zero") }
      if b == -1 { return .int(0) }
      let remainder = a % b
      return .int(remainder != 0 && (remainder < 0) != (b < 0) ? remainder + b : remainder)
    case .power: return try power(a, b)
    }
  }

  private func power(_ base: Int, _ exponent: Int) throws(TemplateError) -> Value {
    guard exponent >= 0 else { return .float(try floats(.power, Double(base), Double(exponent))) }
    var result = 1
    switch base {
    case 0: return .int(exponent == 0 ? 1 : 0)
    case 1: return .int(1)
    case -1: return .int(exponent % 2 == 0 ? 1 : -1)
    default:
      guard exponent < 64 else { throw fail("a number does not fit in 64 bits") }
      for _ in 0..<exponent { result = try checked(result.multipliedReportingOverflow(by: base)) }
      return .int(result)
    }
  }

  private func floats(_ operation: BinaryOperator, _ a: Double, _ b: Double) throws(TemplateError) -> Double {
    switch operation {
    case .add: return a + b
    case .subtract: return a - b
    case .multiply: return a * b
    case .divide:
      guard b != 0 else { throw fail("division by zero") }
      return a / b
    case .floorDivide, .modulo:
      guard b != 0 else { throw fail("division by zero") }
      return operation == .modulo ? flooredRemainder(a, b) : flooredQuotient(a, b)
    case .power:
      if a == 0, b < 0 { throw fail("zero to a negative power") }
      if a < 0, a.isFinite, b.isFinite, b != b.rounded() { throw unsupported("a complex number") }
      let result = pow(a, b)
      if result.isInfinite, a.isFinite, b.isFinite { throw fail("a power is too large") }
      return result
    }
  }

  /// Python's `%`: the remainder takes the divisor's sign.
  private func flooredRemainder(_ a: Double, _ b: Double) -> Double {
    let remainder = fmod(a, b)
    if remainder == 0 { return Double(signOf: b, magnitudeOf: 0) }
    return (remainder < 0) != (b < 0) ? remainder + b : remainder
  }

  /// Python's `//`, computed from the remainder as CPython does.
  private func flooredQuotient(_ a: Double, _ b: Double) -> Double {
    let remainder = fmod(a, b)
    var quotient = (a - remainder) / b
    if remainder != 0, (remainder < 0) != (b < 0) { quotient -= 1 }
    if quotient == 0 { return Double(signOf: a / b, magnitudeOf: 0) }
    let floored = quotient.rounded(.down)
    return quotient - floored > 0.5 ? floored + 1 : floored
  }
}

extension Value {
  /// The value of a number as a float; nil for anything else.
  var number: Double? {
    if case .float(let value) = self { value } else { index.map(Double.init) }
  }
}
