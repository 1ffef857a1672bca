/// The `loop` of a `for` loop: Jinja's LoopContext.
final class LoopState {
  private let source: LazyIterator
  /// The number of items where the iterated value has a length.
  private(set) var knownLength: Int?
  private(set) var index0 = -1
  private var current: Value?
  private var previous: Value?
  private var peeked: Value?
  /// Items taken early, because the length was asked for.
  private var buffered: [Value] = []
  private var bufferPosition = 0
  private var lastChanged: [Value]?
  private var isEnded = false

  init(_ source: LazyIterator, length: Int?) {
    self.source = source
    knownLength = length
  }

  private func pull() throws(TemplateError) -> Value? {
    if bufferPosition < buffered.count {
      bufferPosition += 1
      return buffered[bufferPosition - 1]
    }
    return try source.next()
  }

  /// Moves to the next item; nil at the end.
  func advance() throws(TemplateError) -> Value? {
    let next: Value?
    if let peeked {
      next = peeked
      self.peeked = nil
    } else {
      next = try pull()
    }
    guard let next else { return nil }
    index0 += 1
    previous = current
    current = next
    return next
  }

  private func peek() throws(TemplateError) -> Value? {
    if peeked == nil { peeked = try pull() }
    return peeked
  }

  private func length(_ interpreter: Interpreter) throws(TemplateError) -> Int {
    if let knownLength { return knownLength }
    var rest: [Value] = []
    while let item = try pull() {
      try interpreter.charge(1)
      try interpreter.checkCount(rest.count)
      rest.append(item)
    }
    buffered = rest
    bufferPosition = 0
    let length = rest.count + index0 + 1 + (peeked == nil ? 0 : 1)
    knownLength = length
    return length
  }

  /// Lets go of the items when the loop has ended, so that loops kept in namespaces cannot hold each other.
  func end() {
    isEnded = true
    current = nil
    previous = nil
    peeked = nil
    buffered = []
    lastChanged = nil
  }

  /// An attribute of `loop`; nil when there is none of that name.
  func attribute(_ name: String, _ interpreter: Interpreter) throws(TemplateError) -> Value? {
    if isEnded { throw interpreter.unsupported("'loop' after its loop has ended") }
    switch name {
    case "index": return .int(index0 + 1)
    case "index0": return .int(index0)
    case "first": return .bool(index0 == 0)
    case "last": return .bool(try peek() == nil)
    case "length": return .int(try length(interpreter))
    case "revindex": return .int(try length(interpreter) - index0)
    case "revindex0": return .int(try length(interpreter) - index0 - 1)
    case "depth": return .int(1)
    case "depth0": return .int(0)
    case "previtem":
      return index0 == 0 ? .undefined("there is no previous item") : previous ?? .undefined("there is no previous item")
    case "nextitem": return try peek() ?? .undefined("there is no next item")
    case "cycle", "changed": return .method(BoundMethod(.loop(self), name))
    default: return nil
    }
  }

  /// Whether the values differ from those of the last call.
  func changed(_ values: [Value], _ interpreter: Interpreter) throws(TemplateError) -> Bool {
    if let lastChanged, try interpreter.areEqual(lastChanged, values) { return false }
    lastChanged = values
    return true
  }
}
