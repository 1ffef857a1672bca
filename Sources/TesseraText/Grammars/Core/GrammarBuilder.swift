/// Makes a grammar: nodes, and edges between them.
///
/// A rule is what can be read from its first node to a node that ends it; `call` reads a rule on the way from one
/// node to another. Whoever adds names a node to begin from, and gets the node behind what was added.
struct GrammarBuilder {
  /// The most nodes and edges of a grammar.
  static let nodeLimit = 100_000
  static let edgeLimit = 400_000
  /// The most that a repetition can count to.
  static let countLimit = 1_000_000

  enum Edge {
    /// Reads a byte of a set.
    case bytes(ByteSet, to: Int)
    /// Reads nothing.
    case empty(to: Int)
    /// Reads a rule, so often if it is a loop.
    case call(rule: Int, count: Count, to: Int)
    /// One more round of the loop that the node is.
    case round(to: Int)
  }

  /// How often a loop goes round; `most` nil: any number of times.
  struct Count: Hashable {
    var least = 0
    var most: Int?

    static let none = Count(least: 0, most: 0)
  }

  struct Node {
    var edges: [Edge] = []
    /// Whether the rule ends here; for a loop: once it has gone round often enough.
    var isEnd = false
    var isLoop = false
  }

  private(set) var nodes: [Node] = []
  private var edgeCount = 0
  /// What rules are called, for errors: by their first nodes.
  private(set) var names: [Int: String] = [:]

  /// A new node.
  mutating func node() throws(GrammarError) -> Int {
    guard nodes.count < Self.nodeLimit else { throw Self.tooLarge }
    nodes.append(Node())
    return nodes.count - 1
  }

  /// A new rule's first node.
  mutating func rule(_ name: String? = nil) throws(GrammarError) -> Int {
    let rule = try node()
    if let name { names[rule] = name }
    return rule
  }

  /// A new node as another grammar has it.
  mutating func add(end isEnd: Bool, loop isLoop: Bool) throws(GrammarError) {
    let node = try node()
    (nodes[node].isEnd, nodes[node].isLoop) = (isEnd, isLoop)
  }

  /// The rule of a node ends there.
  mutating func end(_ node: Int) { nodes[node].isEnd = true }

  mutating func add(_ edge: Edge, from node: Int) throws(GrammarError) {
    edgeCount += 1
    guard edgeCount <= Self.edgeLimit else { throw Self.tooLarge }
    nodes[node].edges.append(edge)
  }

  private static let tooLarge = GrammarError(
    .tooComplex, "the grammar has more than \(nodeLimit) places or \(edgeLimit) ways between them: make it smaller")

  // MARK: Pieces

  mutating func bytes(_ set: ByteSet, from node: Int) throws(GrammarError) -> Int {
    let next = try self.node()
    try add(.bytes(set, to: next), from: node)
    return next
  }

  mutating func literal(_ text: String, from node: Int) throws(GrammarError) -> Int {
    try literal(Array(text.utf8), from: node)
  }

  mutating func literal(_ bytes: [UInt8], from node: Int) throws(GrammarError) -> Int {
    var place = node
    for byte in bytes { place = try self.bytes(ByteSet(byte), from: place) }
    return place
  }

  mutating func call(_ rule: Int, from node: Int) throws(GrammarError) -> Int {
    let next = try self.node()
    try add(.call(rule: rule, count: .none, to: next), from: node)
    return next
  }

  mutating func optional(
    from node: Int, _ body: (inout GrammarBuilder, Int) throws(GrammarError) -> Int
  ) throws(GrammarError) -> Int {
    let end = try body(&self, node)
    try add(.empty(to: end), from: node)
    return end
  }

  /// A body as often as `count` says.
  mutating func repeated(
    _ count: Count, from node: Int, _ body: (inout GrammarBuilder, Int) throws(GrammarError) -> Int
  ) throws(GrammarError) -> Int {
    switch (count.least, count.most) {
    case (_, 0): return node
    case (1, 1): return try body(&self, node)
    case (0, 1): return try optional(from: try passing(node), body)
    case (0, nil):
      let loop = try passing(node)
      let end = try body(&self, loop)
      try add(.empty(to: loop), from: end)
      return try passing(loop)
    case (1, nil):
      let start = try passing(node)
      let end = try body(&self, start)
      try add(.empty(to: start), from: end)
      return try passing(end)
    default:
      guard max(count.least, count.most ?? 0) <= Self.countLimit else {
        throw GrammarError(.tooComplex, "a repetition counts beyond \(Self.countLimit): at most so many are possible")
      }
      let loop = try rule()
      nodes[loop].isLoop = true
      nodes[loop].isEnd = true
      let start = try self.node()
      try add(.round(to: start), from: loop)
      let end = try body(&self, start)
      try add(.empty(to: loop), from: end)
      let next = try self.node()
      try add(.call(rule: loop, count: count, to: next), from: node)
      return next
    }
  }

  /// A node behind another: edges back to it, or over what follows it, change nothing before it.
  private mutating func passing(_ node: Int) throws(GrammarError) -> Int {
    let next = try self.node()
    try add(.empty(to: next), from: node)
    return next
  }

  /// One of several texts, beginnings that they share read once.
  mutating func oneOf(_ texts: [[UInt8]], from node: Int) throws(GrammarError) -> Int {
    let next = try self.node()
    let sorted = texts.sorted { $0.lexicographicallyPrecedes($1) }
    // The nodes along the last text.
    var path = [node]
    var last: [UInt8] = []
    for (index, text) in sorted.enumerated() where index == 0 || text != last {
      let shared = zip(text, last).prefix { $0 == $1 }.count
      path.removeSubrange((shared + 1)...)
      for byte in text[shared...] { path.append(try bytes(ByteSet(byte), from: path[path.count - 1])) }
      try add(.empty(to: next), from: path[path.count - 1])
      last = text
    }
    return next
  }
}
