extension GrammarBuilder {
  /// Of each node the edges that depend on it.
  private func dependents() -> [[(node: Int, edge: Edge)]] {
    var dependents = [[(node: Int, edge: Edge)]](repeating: [], count: nodes.count)
    for (index, node) in nodes.enumerated() {
      for edge in node.edges {
        switch edge {
        case .bytes(_, let next), .empty(let next), .round(let next): dependents[next].append((index, edge))
        case .call(let rule, let count, let next):
          dependents[next].append((index, edge))
          if count.least == 0 { dependents[rule].append((index, edge)) }
          // A loop that must go round is as deep as its round.
          for case .round(let start) in nodes[rule].edges { dependents[start].append((index, edge)) }
        }
      }
    }
    return dependents
  }

  /// For each node how many rules must be opened within each other to reach the end of its rule; `Grammar.never`
  /// where that cannot be.
  func needs() -> [Int32] {
    var needs = [Int32](repeating: Grammar.never, count: nodes.count)
    let dependents = dependents()
    // By what they need, the least first: none of these changes once its turn has come (Knuth 1977).
    var waiting = [[Int]](repeating: [], count: Int(Grammar.never))
    for (index, node) in nodes.enumerated() where node.isEnd {
      needs[index] = 0
      waiting[0].append(index)
    }
    for level in waiting.indices {
      while let changed = waiting[level].popLast() {
        guard needs[changed] == Int32(level) else { continue }
        for (index, edge) in dependents[changed] {
          let need = need(of: edge, needs)
          guard need < needs[index] else { continue }
          needs[index] = need
          waiting[Int(need)].append(index)
        }
      }
    }
    return needs
  }

  private func need(of edge: Edge, _ needs: [Int32]) -> Int32 {
    switch edge {
    case .bytes(let set, let next): set == ByteSet() ? Grammar.never : needs[next]
    case .empty(let next), .round(let next): needs[next]
    case .call(let rule, let count, let next): min(Grammar.never, max(need(of: rule, count, needs) + 1, needs[next]))
    }
  }

  /// The need of a rule that is read `count` times.
  func need(of rule: Int, _ count: Count, _ needs: [Int32]) -> Int32 {
    guard count.least > 0 else { return needs[rule] }
    var need = Grammar.never
    for case .round(let next) in nodes[rule].edges { need = min(need, needs[next]) }
    return need
  }

  /// - Throws: `GrammarError` for a rule that can begin with itself.
  func refuseLeftRecursion(_ empties: [Bool]) throws(GrammarError) {
    /// The nodes that are reached without a byte, and whether by a call.
    func targets(_ index: Int) -> [Int] {
      nodes[index].edges.flatMap { edge in
        switch edge {
        case .bytes: [Int]()
        case .empty(let next), .round(let next): [next]
        case .call(let rule, let count, let next): isEmpty(rule, count, empties) ? [rule, next] : [rule]
        }
      }
    }
    let components = Self.components(nodes.count, targets)
    for (index, node) in nodes.enumerated() {
      for case .call(let rule, _, _) in node.edges where components[rule] == components[index] {
        let name = names[rule].map { " \(GrammarError.quoted($0))" } ?? ""
        throw GrammarError(
          .unsupported,
          "the rule\(name) can begin with itself (left recursion): put something before it, or repeat with *")
      }
    }
  }

  /// Whether a rule read `count` times may be empty.
  func isEmpty(_ rule: Int, _ count: Count, _ empties: [Bool]) -> Bool {
    guard nodes[rule].isLoop, count.least > 0 else { return empties[rule] }
    return nodes[rule].edges.contains { if case .round(let next) = $0 { empties[next] } else { false } }
  }

  /// The nodes from which the end of their rule is reached without a byte.
  func nullable() -> [Bool] {
    var empties = nodes.map(\.isEnd)
    let dependents = dependents()
    var waiting = nodes.indices.filter { empties[$0] }
    while let changed = waiting.popLast() {
      for (index, edge) in dependents[changed] where !empties[index] {
        let isEmpty =
          switch edge {
          case .bytes: false
          case .empty(let next), .round(let next): empties[next]
          case .call(let rule, let count, let next): empties[next] && isEmpty(rule, count, empties)
          }
        guard isEmpty else { continue }
        empties[index] = true
        waiting.append(index)
      }
    }
    return empties
  }

  /// Numbers of strongly connected components (Tarjan 1972), without recursion.
  private static func components(_ count: Int, _ targets: (Int) -> [Int]) -> [Int] {
    var component = [Int](repeating: -1, count: count)
    var order = [Int](repeating: -1, count: count)
    var low = [Int](repeating: 0, count: count)
    var (nextOrder, nextComponent) = (0, 0)
    var stack: [Int] = []
    for root in 0..<count where order[root] < 0 {
      var path: [(node: Int, targets: [Int], index: Int)] = []
      func open(_ node: Int) {
        (order[node], low[node]) = (nextOrder, nextOrder)
        nextOrder += 1
        stack.append(node)
        path.append((node, targets(node), 0))
      }
      open(root)
      while let top = path.last {
        if top.index < top.targets.count {
          path[path.count - 1].index += 1
          let target = top.targets[top.index]
          if order[target] < 0 {
            open(target)
          } else if component[target] < 0 {
            low[top.node] = min(low[top.node], order[target])
          }
          continue
        }
        path.removeLast()
        if let parent = path.last { low[parent.node] = min(low[parent.node], low[top.node]) }
        guard low[top.node] == order[top.node] else { continue }
        while let node = stack.popLast() {
          component[node] = nextComponent
          if node == top.node { break }
        }
        nextComponent += 1
      }
    }
    return component
  }
}
