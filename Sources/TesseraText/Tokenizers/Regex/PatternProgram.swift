/// A pattern as instructions that are followed in the order of its preferences
/// (Thompson, https://swtch.com/~rsc/regexp/regexp2.html).
struct PatternProgram {
  enum Instruction {
    /// Takes a scalar of one of these groups, then goes on at the next instruction.
    case take(groups: [Bool])
    /// Goes on at each of these, the preferred one first.
    case split([Int])
    /// Goes on at the next instruction if the neighbor is of one of these groups.
    case condition(looksBehind: Bool, groups: [Bool])
    case match
  }

  private static let limit = 16_384
  private static let setLimit = 1_024

  let classes: ScalarClasses
  private(set) var instructions: [Instruction] = []
  private(set) var looksBehind = false

  init(_ node: PatternNode) throws(PatternError) {
    var sets: Set<ScalarSet> = []
    try Self.collect(node, &sets)
    classes = try ScalarClasses(of: Array(sets))
    try emit(node)
    try append(.match)
  }

  private static func collect(_ node: PatternNode, _ sets: inout Set<ScalarSet>) throws(PatternError) {
    switch node {
    case .empty: break
    case .set(let set): sets.insert(set)
    case .condition(let condition): sets.insert(condition.scalars)
    case .sequence(let parts), .alternatives(let parts): for part in parts { try collect(part, &sets) }
    case .repeated(let body, _, _, _): try collect(body, &sets)
    }
    guard sets.count <= setLimit else {
      throw PatternError(problem: "it has more than \(setLimit) sets of characters")
    }
  }

  private mutating func append(_ instruction: Instruction) throws(PatternError) {
    guard instructions.count < Self.limit else {
      throw PatternError(problem: "with its repetitions written out it has more than \(Self.limit) steps")
    }
    instructions.append(instruction)
  }

  private func groups(of set: ScalarSet, edge: Bool) -> [Bool] {
    classes.samples.indices.map { $0 == ScalarClasses.edge ? edge : set.contains(classes.samples[$0]) }
  }

  private mutating func emit(_ node: PatternNode) throws(PatternError) {
    switch node {
    case .empty: break
    case .set(let set): try append(.take(groups: groups(of: set, edge: false)))
    case .condition(let condition):
      if condition.looksBehind { looksBehind = true }
      let groups = groups(of: condition.scalars, edge: condition.allowsEdge)
      try append(.condition(looksBehind: condition.looksBehind, groups: groups))
    case .sequence(let parts): for part in parts { try emit(part) }
    case .alternatives(let options): try emit(options)
    case .repeated(let body, let minimum, let maximum, let isLazy):
      for _ in 0..<minimum {
        let before = instructions.count
        try emit(body)
        // What takes nothing takes nothing a thousand times.
        if instructions.count == before { break }
      }
      if let maximum {
        try emitOptional(body, count: maximum - minimum, isLazy)
      } else {
        try emitLoop(body, isLazy)
      }
    }
  }

  private mutating func emit(_ options: [PatternNode]) throws(PatternError) {
    let start = instructions.count
    try append(.split([]))
    var starts: [Int] = []
    var jumps: [Int] = []
    for option in options {
      starts.append(instructions.count)
      try emit(option)
      jumps.append(instructions.count)
      try append(.split([]))
    }
    instructions[start] = .split(starts)
    for jump in jumps { instructions[jump] = .split([instructions.count]) }
  }

  /// `body` up to `count` times: each time is tried only after the one before.
  private mutating func emitOptional(_ body: PatternNode, count: Int, _ isLazy: Bool) throws(PatternError) {
    var splits: [Int] = []
    for _ in 0..<count {
      splits.append(instructions.count)
      try append(.split([]))
      try emit(body)
    }
    let end = instructions.count
    for split in splits { instructions[split] = .split(isLazy ? [end, split + 1] : [split + 1, end]) }
  }

  private mutating func emitLoop(_ body: PatternNode, _ isLazy: Bool) throws(PatternError) {
    let start = instructions.count
    try append(.split([]))
    try emit(body)
    try append(.split([start]))
    let end = instructions.count
    instructions[start] = .split(isLazy ? [end, start + 1] : [start + 1, end])
  }
}
