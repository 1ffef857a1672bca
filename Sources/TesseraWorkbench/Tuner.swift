import TesseraCL
import TesseraMemory
import TesseraOperators

/// Work of a class, and how to do it with a tuning.
package struct TunerSubject {
  /// The class: see `Tuning`.
  package let name: String
  /// The work that was measured, for people.
  package let shape: String
  /// The parameters to vary, in order, and what they are without a choice.
  package let parameters: [String]
  package let initial: [String: Int]
  /// How far a result may be from the first one's, of the largest value; nil asks for the same bits.
  package let tolerance: Float?
  /// Does the work once and returns its seconds.
  package let run: (Tuning) throws -> Double
  /// The work's result, once it has run.
  package let result: () throws -> [Float]

  package init(
    name: String, shape: String, parameters: [String], initial: [String: Int], tolerance: Float? = nil,
    run: @escaping (Tuning) throws -> Double, result: @escaping () throws -> [Float]
  ) {
    (self.name, self.shape, self.parameters, self.initial) = (name, shape, parameters, initial)
    (self.tolerance, self.run, self.result) = (tolerance, run, result)
  }
}

/// Finds the values of kernels' parameters that are fastest on a device: one parameter after another, each candidate
/// against the best so far, in turns.
///
/// A candidate whose result differs in a bit from the first one's is never taken (CLBlast's: beyond rounding).
package final class Tuner {
  /// The result for a class.
  package struct Outcome: Sendable, Encodable {
    package let name: String
    package let shape: String
    package let initial: [String: Int]
    package let best: [String: Int]
    /// The shortest device times of both, measured in turns.
    package let initialSeconds: Double
    package let bestSeconds: Double
    /// Candidates that were measured.
    package let candidates: Int
    /// Candidates that gave other bits, or did not build.
    package let refused: [[String: Int]]

    package var gain: Double { bestSeconds > 0 ? initialSeconds / bestSeconds : 1 }
  }

  /// Makes the subject of a class of step programs, which takes a model.
  package typealias StepSubjects = (WeightFormat, Tuning.TokenClass, Workbench) throws -> TunerSubject

  private let bench: Workbench
  private let start: Tuning
  private let steps: StepSubjects?
  private let isCancelled: () -> Bool

  /// - Parameters:
  ///   - bench: with profiling.
  ///   - start: where to search from.
  ///   - steps: nil tunes no step programs.
  ///   - isCancelled: asked between launches; when it says so, what was found so far is returned.
  package init(
    _ bench: Workbench, from start: Tuning = Tuning(), steps: StepSubjects? = nil,
    isCancelled: @escaping () -> Bool = { false }
  ) {
    self.bench = bench
    self.start = start
    self.steps = steps
    self.isCancelled = isCancelled
  }

  /// Tunes the products of `formats`, as steps where models record those, for prompts first, then attention and dense products,
  /// until `seconds` have passed.
  ///
  /// - Parameter progress: told the class at work and the share of the time that has passed.
  /// - Returns: an outcome for each class that there was time, and memory, for.
  package func tune(
    _ formats: [WeightFormat], seconds: Double, progress: (String, Double) -> Void = { _, _ in }
  ) throws -> [Outcome] {
    let begin = ContinuousClock.now
    func elapsed() -> Double { (ContinuousClock.now - begin) / .seconds(1) }
    var outcomes: [Outcome] = []
    // Models run steps there, and look up no tile of a product alone.
    let runsPrograms = StepProgram.isPossible(bench.library)
    // Prompts gain most, and have the most candidates: they have three shares of the time.
    var work: [(shares: Double, make: () throws -> TunerSubject?)] = []
    for tokens in [Tuning.TokenClass.many, .one, .few] {
      for format in formats {
        let shares = tokens == .many ? 3.0 : 1
        if !runsPrograms {
          work.append(
            (shares, { [bench] in try ProductSubject(format, tokens, on: bench).subject(bench, bench.plan().matrix) }))
        } else if tokens != .one, let steps {
          work.append((shares, { [bench] in try steps(format, tokens, bench) }))
        }
      }
    }
    for (isOne, headDim) in [(false, 128), (false, 64), (true, 128), (true, 64)] {
      work.append((1, { [bench] in try AttentionSubject(isOne: isOne, headDim: headDim, on: bench).subject() }))
    }
    #if CLBlast
      for tokens in Tuning.TokenClass.allCases { work.append((1, { [bench] in try denseSubject(tokens, on: bench) })) }
    #endif
    for (index, (shares, make)) in work.enumerated() {
      let left = seconds - elapsed()
      guard left > 0, !isCancelled() else { break }
      let subject: TunerSubject
      do {
        guard let made = try make() else { continue }
        subject = made
      } catch is MemoryError { continue }
      progress(subject.name, elapsed() / seconds)
      let deadline = begin + .seconds(elapsed() + left * shares / work[index...].reduce(0) { $0 + $1.shares })
      if let outcome = try tune(subject, until: deadline) { outcomes.append(outcome) }
    }
    progress("", 1)
    return outcomes
  }

  /// Nil where there was not even time for the first measurement.
  func tune(_ subject: TunerSubject, until deadline: ContinuousClock.Instant) throws -> Outcome? {
    func isOver() -> Bool { isCancelled() || ContinuousClock.now >= deadline }
    let initial = subject.initial
    guard try run(subject, initial) != nil else { return nil }
    let expected = try subject.result()
    var best = initial.merging(start.choices[subject.name] ?? [:]) { $1 }
    var seen: Set<[String: Int]> = [initial, best]
    var refused: [[String: Int]] = []
    if best != initial, try !isSame(subject, best, expected) {
      refused.append(best)
      best = initial
    }
    let space = Tuning.space(of: subject.name, style: bench.library.style) ?? [:]
    var isImproved = true
    while isImproved, !isOver() {
      isImproved = false
      for parameter in subject.parameters {
        for value in space[parameter] ?? [] where !isOver() {
          var candidate = best
          candidate[parameter] = value
          guard seen.insert(candidate).inserted else { continue }
          guard try isSame(subject, candidate, expected) else {
            refused.append(candidate)
            continue
          }
          let (old, new) = try duel(subject, best, candidate, rounds: 4)
          if new < old * 0.98 {
            best = candidate
            isImproved = true
          }
        }
      }
    }
    // The first measurements chose the winner, and so flatter it: what is reported is measured anew.
    var (initialSeconds, bestSeconds) = try duel(subject, initial, best, rounds: 8)
    if best == initial || bestSeconds > initialSeconds * 0.99 { (best, bestSeconds) = (initial, initialSeconds) }
    return Outcome(
      name: subject.name, shape: subject.shape, initial: initial, best: best, initialSeconds: initialSeconds,
      bestSeconds: bestSeconds, candidates: seen.count, refused: refused)
  }

  /// The shortest times of both, measured in turns; they have been compiled.
  private func duel(
    _ subject: TunerSubject, _ a: [String: Int], _ b: [String: Int], rounds: Int
  ) throws -> (Double, Double) {
    var shortest = (Double.infinity, Double.infinity)
    for _ in 0..<rounds {
      shortest.0 = min(shortest.0, try run(subject, a) ?? .infinity)
      shortest.1 = min(shortest.1, try run(subject, b) ?? .infinity)
    }
    return shortest
  }

  private func isSame(_ subject: TunerSubject, _ values: [String: Int], _ expected: [Float]) throws -> Bool {
    guard try run(subject, values) != nil else { return false }
    let result = try subject.result()
    guard let tolerance = subject.tolerance else {
      return zip(result, expected).allSatisfy { $0.bitPattern == $1.bitPattern }
    }
    let largest = expected.reduce(0) { max($0, abs($1)) }
    return zip(result, expected).allSatisfy { abs($0 - $1) <= tolerance * largest }
  }

  /// Device seconds; nil where the kernel does not build or cannot be launched with these values.
  private func run(_ subject: TunerSubject, _ values: [String: Int]) throws -> Double? {
    var tuning = Tuning()
    guard tuning.choose(values, for: subject.name, style: bench.library.style) else { return nil }
    do { return try subject.run(tuning) } catch is CLError { return nil }
  }
}

/// A product of random weights and activations, large enough to measure.
struct ProductSubject {
  let shape: WeightShape
  let matrix: WeightMatrix
  let tokens: TokenCount
  let x: Buffer
  let y: Buffer
  let workspace: MatrixProduct.Workspace

  typealias TokenCount = (kind: Tuning.TokenClass, count: Int)

  init(_ format: WeightFormat, _ kind: Tuning.TokenClass, on bench: Workbench) throws {
    let isCPU = bench.heap.limits.isCPU
    // One and few tokens read the weights from memory: more than a cache holds. Many compute.
    let (rows, columns) = kind == .many && isCPU ? (1536, 2048) : isCPU ? (8192, 4096) : (8192, 8192)
    let count = kind == .one ? 1 : kind == .few ? 8 : isCPU ? 192 : 512
    shape = try WeightShape(format: format, rows: rows, columns: columns)
    matrix = try WeightMatrix(shape, heap: bench.heap, label: "weights to tune with")
    try RandomWeights(bench.library).enqueue(into: matrix, seed: 1, on: bench.queue)
    tokens = (kind, count)
    x = try bench.buffer(tunerValues(count * columns))
    y = try bench.output(count * rows)
    workspace = .init(
      packed: try Buffer(
        bench.queue.context, byteCount: MatrixProduct.Workspace.packedBytes(tokens: count, columns: columns)),
      sums: try Buffer(
        bench.queue.context, byteCount: MatrixProduct.Workspace.sumBytes(tokens: count, columns: columns)))
  }

  /// Nil where nothing is chosen for it: products of many tokens in the simt style without wide tiles.
  ///
  /// - Parameter matrix: the tiles that are chosen without tuning.
  func subject(_ bench: Workbench, _ matrix: TilePlan.Matrix) -> TunerSubject? {
    let style = bench.library.style
    let weights = shape.format.tuningClass
    let tile = matrix.tile(tokens: tokens.count, weights: weights)
    if let wide = matrix.wideTile(tokens: tokens.count, rows: shape.rows, weights: weights) {
      let initial = ["TILE_M": wide.tokens, "TILE_ROWS": wide.rows, "ITEM_TOKENS": wide.itemTokens]
      return subject(
        bench, name: Tuning.wide(weights), parameters: ["TILE_M", "TILE_ROWS", "ITEM_TOKENS"], initial: initial)
    }
    if style == .simt {
      guard tokens.kind != .many else { return nil }
      let initial = MatrixProduct(bench.library, tiles: matrix).sharedRowChoices(shape, tokens: tokens.count)
      return subject(bench, parameters: ["LOCAL", "SHARE", "AHEAD"], initial: initial)
    }
    var initial = ["TILE_N": tile.groups]
    if tokens.kind != .one {
      initial["TILE_M"] = tile.tokens
      initial["TILES"] = tile.repeats
    }
    // Staged weights are read once, in order: the hardware fetches them.
    if tokens.kind == .one { initial["PREFETCH_WORDS"] = tile.prefetchWords }
    return subject(
      bench, parameters: ["TILE_M", "TILE_N", "TILES", "PREFETCH_WORDS"].filter { initial[$0] != nil }, initial: initial
    )
  }

  private func subject(
    _ bench: Workbench, name: String? = nil, parameters: [String], initial: [String: Int]
  ) -> TunerSubject {
    TunerSubject(
      name: name ?? Tuning.matmul(tokens.kind, shape.format.tuningClass),
      shape: "\(tokens.count) × \(shape.rows) × \(shape.columns) \(shape.format.name)",
      parameters: parameters, initial: initial,
      run: { tuning in
        let tiles = try bench.plan(tuning: tuning).matrix
        // As in a model's layer, half of the work is gated.
        return try bench.queue.kernelSeconds {
          for epilogue in [MatrixProduct.Epilogue(gate: .silu), .init()] {
            try MatrixProduct(bench.library, tiles: tiles).enqueue(
              x, matrix, into: y, tokens: tokens.count, epilogue: epilogue, workspace: workspace, on: bench.queue)
          }
        }.reduce(0, +)
      },
      result: { try bench.floats(y) })
  }
}

/// A product of dense float32 matrices, Tessera's own or CLBlast's, by the host's clock.
private func denseSubject(_ kind: Tuning.TokenClass, on bench: Workbench) throws -> TunerSubject {
  let size = bench.heap.limits.isCPU ? 1024 : 4096
  let rows = kind == .one ? 1 : kind == .few ? 8 : bench.heap.limits.isCPU ? 192 : 512
  let a = try bench.buffer(tunerValues(rows * size))
  let b = try bench.buffer(tunerValues(size * size))
  let c = try bench.output(rows * size)
  let workspace = try DenseProduct.Workspace(rows: rows, columns: size, inner: size, heap: bench.heap)
  return TunerSubject(
    name: Tuning.dense(kind), shape: "\(rows) × \(size) × \(size) F32", parameters: ["CLBLAST"],
    initial: ["CLBLAST": 0], tolerance: 1e-5,
    run: { tuning in
      let product = DenseProduct(bench.library, tiles: try bench.plan(tuning: tuning).matrix)
      let start = ContinuousClock.now
      try product.enqueue(a, b, into: c, rows: rows, order: .any, workspace: workspace, on: bench.queue)
      try bench.queue.finish()
      return (ContinuousClock.now - start) / .seconds(1)
    },
    result: { try bench.floats(c) })
}
