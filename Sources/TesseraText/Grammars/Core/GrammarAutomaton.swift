/// Follows a grammar byte by byte. States are made as they are reached, and known from then on: a step to a known
/// state is a look-up.
///
/// A state is all places that could have been reached. A place is a frame: a node, and below it the frames of the
/// rules that are open.
struct GrammarAutomaton {
  /// A place in a rule, and who goes on once the rule has ended.
  struct Frame: Hashable {
    var node: Int32
    /// How often the loop must still go round, and may, where the rule is one.
    var least: UInt32 = 0
    var most: UInt32 = 0
    /// The frame below: a number, `bottom` or `open`.
    var parent: Int32
  }

  /// Below the first rule: its end is the text's.
  static let bottom: Int32 = -1
  /// Below frames of which only the upper ones are looked at: its end is where these say no more.
  static let open: Int32 = -2

  /// The state from which nothing goes on.
  static let dead: Int32 = 0

  /// The most frames of one state, and frames that may be looked at between two `beginWork`.
  static let widthLimit = 2_048
  static let workLimit = 4_000_000

  let grammar: Grammar
  private let classes: [UInt8]
  private let classCount: Int
  private(set) var frames: [Frame] = []
  private(set) var depths: [Int32] = []
  private var numbers: [Frame: Int32] = [:]
  /// Of each state its frames, all of which read a byte next.
  private(set) var places: [[Int32]] = []
  private(set) var isEnd: [Bool] = []
  private(set) var isOpen: [Bool] = []
  private var states: [Key: Int32] = [:]
  /// (state, class of the byte) → the next state; -1 where it is not known yet.
  private(set) var next: [Int32] = []
  private var work = 0

  private struct Key: Hashable {
    var places: [Int32]
    var isEnd: Bool
    var isOpen: Bool
  }

  init(_ grammar: Grammar) {
    (self.grammar, classes, classCount) = (grammar, grammar.classes, grammar.classCount)
    _ = state(Key(places: [], isEnd: false, isOpen: false))
  }

  /// Bytes that its tables take, about.
  var byteCount: Int {
    frames.count * 60 + next.count * 4 + places.count * 120
  }

  /// Allows `workLimit` more.
  mutating func beginWork() { work = 0 }

  /// The state at the beginning of a text.
  mutating func start() throws(GrammarError) -> Int32 {
    try close([Frame(node: grammar.start, parent: Self.bottom)])
  }

  /// The state behind a byte.
  @inline(__always)
  mutating func step(_ state: Int32, _ byte: UInt8) throws(GrammarError) -> Int32 {
    let byteClass = Int(classes[Int(byte)])
    let known = next[Int(state) * classCount + byteClass]
    return known >= 0 ? known : try step(state, byClass: byteClass)
  }

  /// As `step`, for the first time.
  private mutating func step(_ state: Int32, byClass byteClass: Int) throws(GrammarError) -> Int32 {
    var seeds: [Frame] = []
    for place in places[Int(state)] {
      var frame = frames[Int(place)]
      let node = grammar.nodes[Int(frame.node)]
      for edge in node.reading {
        let reading = grammar.reading[Int(edge)]
        guard reading.contains(byteClass) else { continue }
        frame.node = reading.next
        seeds.append(frame)
      }
      work += node.reading.count / 8
    }
    let new = try close(seeds)
    next[Int(state) * classCount + byteClass] = new
    return new
  }

  /// Whether any byte leads on.
  func goesOn(_ state: Int32) -> Bool { !places[Int(state)].isEmpty }

  // MARK: Making states

  /// The state of all that is reached from frames without a byte.
  private mutating func close(_ seeds: [Frame]) throws(GrammarError) -> Int32 {
    if seeds.isEmpty { return Self.dead }
    var waiting = seeds
    var seen = Set<Frame>()
    // Counts of the frames that are alike but for these.
    var counts: [Frame: [(least: UInt32, most: UInt32)]] = [:]
    var key = Key(places: [], isEnd: false, isOpen: false)
    while let frame = waiting.popLast() {
      let node = grammar.nodes[Int(frame.node)]
      let depth = depth(frame.parent) + 1
      guard depth + node.need <= Int32(Grammar.depthLimit), seen.insert(frame).inserted else { continue }
      work += 1
      guard seen.count <= 16 * Self.widthLimit, work <= Self.workLimit else { throw Self.tooComplex }
      if frame.most > 0 || frame.least > 0 {
        var alike = frame
        (alike.least, alike.most) = (0, 0)
        let known = counts[alike] ?? []
        work += known.count / 8
        // What asks for more rounds and allows fewer adds nothing.
        if known.contains(where: { $0.least <= frame.least && $0.most >= frame.most }) { continue }
        counts[alike, default: []].append((frame.least, frame.most))
      }
      if node.isEnd, !node.isLoop || frame.least == 0 {
        switch frame.parent {
        case Self.bottom: key.isEnd = true
        case Self.open: key.isOpen = true
        default: waiting.append(frames[Int(frame.parent)])
        }
      }
      for edge in node.others {
        var target = frame
        switch grammar.others[Int(edge)] {
        case .empty(let next): target.node = next
        case .round(let next):
          guard frame.most > 0 else { continue }
          target.node = next
          target.least -= target.least > 0 ? 1 : 0
          if target.most != Grammar.endless { target.most -= 1 }
        case .call(let rule, let least, let most, let next):
          guard depth + grammar.nodes[Int(next)].need <= Int32(Grammar.depthLimit) else { continue }
          target.node = next
          // Where nothing is left to do behind the rule, its end is this one's.
          let parent = grammar.nodes[Int(next)].isOnlyEnd ? frame.parent : number(target, depth)
          target = Frame(node: rule, least: least, most: most, parent: parent)
        }
        waiting.append(target)
      }
      if !node.reading.isEmpty { key.places.append(number(frame, depth)) }
    }
    guard key.places.count <= Self.widthLimit else { throw Self.tooComplex }
    key.places.sort()
    return state(key)
  }

  private static let tooComplex = GrammarError(
    .tooComplex, "the grammar is too ambiguous: too many ways lead to one place; make it simpler")

  /// The depth of a frame's number. What is below an open end may be half as deep as all.
  private func depth(_ number: Int32) -> Int32 {
    number >= 0 ? depths[Int(number)] : number == Self.open ? Int32(Grammar.depthLimit / 2) : 0
  }

  private mutating func number(_ frame: Frame, _ depth: Int32) -> Int32 {
    if let number = numbers[frame] { return number }
    let number = Int32(frames.count)
    frames.append(frame)
    depths.append(depth)
    numbers[frame] = number
    return number
  }

  private mutating func state(_ key: Key) -> Int32 {
    if let state = states[key] { return state }
    let state = Int32(places.count)
    states[key] = state
    places.append(key.places)
    isEnd.append(key.isEnd)
    isOpen.append(key.isOpen)
    next += [Int32](repeating: state == Self.dead ? Self.dead : -1, count: classCount)
    return state
  }

  // MARK: States of frames that are known

  /// A state as another automaton of the same grammar has it.
  mutating func adopt(_ state: Int32, from other: GrammarAutomaton) -> Int32 {
    var moved: [Int32: Int32] = [:]
    let places = other.places[Int(state)].map {
      copy($0, from: other, to: Self.bottom, below: Self.bottom, &moved) { $0 }
    }
    return self.state(
      Key(places: places.sorted(), isEnd: other.isEnd[Int(state)], isOpen: other.isOpen[Int(state)]))
  }

  /// The state of the upper frames of a state: down to the first that all stand on. Whatever stands there is the same.
  ///
  /// - Parameter reach: bytes that will be looked ahead; counts beyond these are alike.
  mutating func upper(_ state: Int32, reach: Int) -> Int32 {
    let base = commonParent(places[Int(state)])
    // What may be deeper than half must be looked at as it is.
    let isDeep = depth(base) > Int32(Grammar.depthLimit / 2)
    let (end, parent) = base == Self.bottom || isDeep ? (Self.bottom, Self.bottom) : (base, Self.open)
    let limit = UInt32(reach + 1)
    var moved: [Int32: Int32] = [:]
    let copies = places[Int(state)].map { place in
      copy(place, from: self, to: parent, below: end, &moved) { frame in
        var frame = frame
        frame.least = min(frame.least, limit)
        if frame.most != Grammar.endless { frame.most = min(frame.most, limit) }
        return frame
      }
    }
    return self.state(Key(places: Set(copies).sorted(), isEnd: isEnd[Int(state)], isOpen: isOpen[Int(state)]))
  }

  /// Copies a frame and those below it down to `end`, in the place of which `parent` is put.
  private mutating func copy(
    _ place: Int32, from other: GrammarAutomaton, to parent: Int32, below end: Int32, _ moved: inout [Int32: Int32],
    _ change: (Frame) -> Frame
  ) -> Int32 {
    var path: [Int32] = []
    var bottom = parent
    var place = place
    while place != end {
      if let known = moved[place] {
        bottom = known
        break
      }
      path.append(place)
      place = other.frames[Int(place)].parent
    }
    for old in path.reversed() {
      var frame = change(other.frames[Int(old)])
      frame.parent = bottom
      bottom = number(frame, depth(bottom) + 1)
      moved[old] = bottom
    }
    return bottom
  }

  /// The highest frame that is below all of some; `bottom` if there is none.
  private func commonParent(_ places: [Int32]) -> Int32 {
    var common: Int32?
    for place in places {
      var (a, b) = (frames[Int(place)].parent, common ?? frames[Int(place)].parent)
      while a != b {
        if depth(a) >= depth(b) { a = frames[Int(a)].parent } else { b = frames[Int(b)].parent }
      }
      common = a
    }
    return common ?? Self.bottom
  }
}
