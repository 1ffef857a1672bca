/// A pattern as a table: for each state and each group of scalars the next state. Built once, so that matching takes
/// two look-ups a scalar, and the same table serves many threads.
///
/// A state is the list of the places in the program that are still possible, the preferred one first, as a backtracking
/// matcher would try them (Cox, https://swtch.com/~rsc/regexp/regexp3.html).
struct PatternAutomaton: Sendable {
  /// The state from which nothing can match.
  static let dead = 0
  private static let stateLimit = 8_192
  private static let workLimit = 1 << 26

  let classes: ScalarClasses
  /// (state, group) → the next state × 2, and 1 if what was read before this scalar is a match.
  private(set) var transitions: [UInt32]
  let groupCount: Int
  /// The state before the first scalar, by the group of the scalar before it.
  private(set) var starts: [Int]

  private struct Key: Hashable {
    let places: [Int32]
    /// The scalar before, where the pattern asks for it.
    let previous: Int
  }

  init(_ program: PatternProgram) throws(PatternError) {
    classes = program.classes
    groupCount = classes.count
    transitions = [UInt32](repeating: 0, count: classes.count)
    starts = []
    var numbers: [Key: Int] = [Key(places: [], previous: 0): Self.dead]
    var waiting: [Key] = []
    func number(_ places: [Int32], _ previous: Int) throws(PatternError) -> Int {
      let key = Key(places: places, previous: places.isEmpty || !program.looksBehind ? 0 : previous)
      if let number = numbers[key] { return number }
      guard numbers.count < Self.stateLimit else {
        throw PatternError(problem: "it has more than \(Self.stateLimit) states; simplify it")
      }
      numbers[key] = numbers.count
      waiting.append(key)
      return numbers.count - 1
    }
    for group in 0..<groupCount { starts.append(try number([0], group)) }
    var marks = [Int](repeating: 0, count: program.instructions.count)
    var round = 0
    var work = 0
    var done = 0
    while done < waiting.count {
      let key = waiting[done]
      done += 1
      for group in 0..<groupCount {
        round += 1
        var step = Step(previous: key.previous, next: group)
        for place in key.places where !step.isMatch { step.follow(program, Int(place), &marks, round, &work) }
        guard work <= Self.workLimit else {
          throw PatternError(problem: "it takes too long to prepare; simplify it")
        }
        let next = try number(step.places, group)
        transitions.append(UInt32(truncatingIfNeeded: next) << 1 | (step.isMatch ? 1 : 0))
      }
    }
  }

  /// Follows the program from a state over one scalar.
  private struct Step {
    let previous: Int
    let next: Int
    var places: [Int32] = []
    var isMatch = false
    private var taken: Set<Int32> = []

    init(previous: Int, next: Int) {
      self.previous = previous
      self.next = next
    }

    /// Everything that is reached from `start` without taking a scalar, in the order of preference, up to a match.
    mutating func follow(_ program: PatternProgram, _ start: Int, _ marks: inout [Int], _ round: Int, _ work: inout Int)
    {
      var stack = [start]
      while let place = stack.popLast() {
        work += 1
        if marks[place] == round { continue }
        marks[place] = round
        switch program.instructions[place] {
        case .match:
          isMatch = true
          return
        case .split(let targets): stack.append(contentsOf: targets.reversed())
        case .condition(let looksBehind, let groups):
          if groups[looksBehind ? previous : next] { stack.append(place + 1) }
        case .take(let groups):
          let target = Int32(truncatingIfNeeded: place + 1)
          if groups[next], taken.insert(target).inserted { places.append(target) }
        }
      }
    }
  }
}
