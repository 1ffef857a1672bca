import TesseraCL
import TesseraMemory
import TesseraReference
import TesseraWorkbench
import TestSupport
import Testing

@testable import TesseraOperators

extension OperatorsOnDevices {
  @Suite("Experts")
  @MainActor struct ExpertTests {
    /// Of the largest result: two products of 256 columns in float32, and an activation between them.
    static let tolerance = 3e-6

    /// Scores by which of 5 experts one has all tokens, one none, one a single token.
    private func scores(tokens: Int) -> [Float] {
      var generator = SeededGenerator(seed: 8)
      return (0..<tokens).flatMap { token -> [Float] in
        let random = generator.floats(5)
        return [random[0], 5 + random[1], -9, token == tokens / 2 ? 4 : -8, random[4]]
      }
    }

    @Test("tokens go to the experts with the largest scores, of equals to the first", arguments: Target.all)
    func routing(target: Target) throws {
      let bench = try target.bench()
      for (tokens, experts, topK, tileTokens) in Grid.values(
        [(1, 8, 2, 1), (7, 8, 2, 4), (64, 60, 4, 8), (33, 1, 1, 12), (130, 128, 8, 12), (5, 3, 3, 1), (200, 6, 2, 4)],
        small: [(1, 8, 2, 1), (37, 6, 2, 4), (200, 6, 2, 4)])
      {
        var generator = SeededGenerator(seed: UInt64(tokens))
        // Few distinct scores, so that there are ties.
        let scores = generator.floats(tokens * experts, magnitude: 3).map { ($0 * 2).rounded() / 2 }
        let routing = ExpertRouter.Routing(tokens: tokens, expertCount: experts, topK: topK, tileTokens: tileTokens)
        let buffers = try [routing.weightBytes, routing.slotBytes, routing.listBytes, routing.orderBytes].map {
          try bench.output($0 / 4)
        }
        try ExpertRouter(bench.library).route(
          bench.buffer(scores), routing,
          into: .init(weights: buffers[0], slots: buffers[1], list: buffers[2], order: buffers[3]), on: bench.queue)
        let weights = try bench.floats(buffers[0])
        let slots = try bench.queue.read(buffers[1], as: UInt32.self, count: tokens * topK).map(Int.init)
        let order = try bench.queue.read(buffers[3], as: UInt32.self, count: tokens * topK).map(Int.init)
        let list = try bench.queue.read(buffers[2], as: Int32.self, count: routing.listBytes / 4).map(Int.init)

        // Slots: expert by expert, in an expert by token and choice.
        let choices = try (0..<tokens).map {
          try ReferenceExperts.choices(Array(scores[$0 * experts..<($0 + 1) * experts]), topK: topK)
        }
        var (expectedSlots, expectedOrder) = ([Int](repeating: -1, count: tokens * topK), [Int]())
        var tiles: [[Int]] = []
        for expert in 0..<experts {
          let first = expectedOrder.count
          for token in 0..<tokens {
            for (k, choice) in choices[token].enumerated() where choice.expert == expert {
              expectedSlots[token * topK + k] = expectedOrder.count
              expectedOrder.append(token)
            }
          }
          for start in stride(from: first, to: expectedOrder.count, by: tileTokens) {
            tiles.append([expert, start, min(tileTokens, expectedOrder.count - start), expert])
          }
        }
        let what: Comment = "\(topK) of \(experts) experts for \(tokens) tokens"
        #expect(slots == expectedSlots && order == expectedOrder, what)
        #expect(list[0] == tiles.count && tiles.count <= routing.mostTiles, what)
        #expect(Array(list[4..<4 + 4 * tiles.count]) == tiles.flatMap { $0 }, what)
        let expected = choices.flatMap { $0.map { Float($0.weight) } }
        #expect(worstError(weights, expected, relativeTo: expected) <= 1e-6, what)
      }
    }

    @Test(
      "a layer of experts is the plain loop's over tokens, and a token's does not depend on others",
      arguments: Target.all)
    func layer(target: Target) throws {
      let bench = try target.bench()
      for format in Grid.values([WeightFormat.q8_0, .f16, .q4_K, .iq4_NL, .f32], small: [.q8_0, .f16]) {
        for tokens in Grid.values([1, 3, 40], small: [5]) {
          let problem = try ExpertProblem(format, tokens: tokens, topK: 2, scores: scores(tokens: tokens))
          let call = try problem.call(on: bench)
          try call.enqueue(on: bench.queue)
          let y = try bench.floats(call.y)
          let expected = try problem.reference()
          let largest = expected.reduce(0) { max($0, abs($1)) }
          let error = worstError(y, expected, relativeTo: [Float](repeating: largest, count: y.count))
          #expect(error <= Self.tolerance, "\(format.name), \(tokens) tokens: \(error)")
          // Other tokens beside it, and other tiles.
          let token = tokens / 2
          let alone = try problem.part(token..<token + 1).call(on: bench)
          try alone.enqueue(on: bench.queue)
          let row = token * problem.columns..<(token + 1) * problem.columns
          #expect(sameBits(try bench.floats(alone.y), Array(y[row])), "\(format.name), token \(token) alone")
        }
      }
    }

    @Test("experts have biases of their own, and gates may be clamped", arguments: Target.all)
    func biases(target: Target) throws {
      let bench = try target.bench()
      let fast = try FastProduct(bench.library, tiles: bench.plan().matrix, dot: .plain)
      // Few tokens; in the simt style also tiles of many.
      for (format, tokens) in Grid.values(
        [(WeightFormat.mxfp4, 5), (.q4_0, 5), (.f32, 150)], small: [(.mxfp4, 5), (.f32, 150)])
      {
        let problem = try ExpertProblem(
          format, tokens: tokens, topK: 2, scores: scores(tokens: tokens), columns: 64, inner: 96,
          activation: .clampedQuickGelu, hasBiases: true)
        let call = try problem.call(on: bench)
        try call.enqueue(on: bench.queue)
        let expected = try problem.reference()
        let largest = expected.reduce(0) { max($0, abs($1)) }
        let magnitude = [Float](repeating: largest, count: expected.count)
        let error = worstError(try bench.floats(call.y), expected, relativeTo: magnitude)
        #expect(error <= Self.tolerance, "\(format.name), \(tokens) tokens: \(error)")
        guard format == .q4_0 else { continue }
        let rounded = try problem.call(fast: fast, on: bench)
        try rounded.enqueue(on: bench.queue)
        let distance = worstError(try bench.floats(rounded.y), expected, relativeTo: magnitude)
        #expect(distance > 1e-5 && distance < 3e-2, "fast: \(distance)")
      }
    }

    @Test("experts of activations of 8 bits are those products' sums", arguments: Target.all)
    func fast(target: Target) throws {
      let bench = try target.bench()
      for format in Grid.values([WeightFormat.q8_0, .q6_K, .q4_1], small: [.q4_1]) {
        let fast = try #require(try FastProduct(bench.library, tiles: bench.plan().matrix, dot: .plain))
        let problem = try ExpertProblem(format, tokens: 5, topK: 2, scores: scores(tokens: 5))
        let call = try problem.call(fast: fast, on: bench)
        try call.enqueue(on: bench.queue)
        let y = try bench.floats(call.y)
        let expected = try problem.reference()
        // Activations are rounded to 1/254 of the largest of 32.
        let square = { (x: [Double]) in x.reduce(0) { $0 + $1 * $1 } }
        let error = (square(zip(y, expected).map { Double($0 - $1) }) / square(expected.map(Double.init))).squareRoot()
        #expect(error > 1e-5 && error < 2e-2, "\(format.name): \(error)")
        for token in [0, 2] {
          let alone = try problem.part(token..<token + 1).call(fast: fast, on: bench)
          try alone.enqueue(on: bench.queue)
          let row = token * problem.columns..<(token + 1) * problem.columns
          #expect(sameBits(try bench.floats(alone.y), Array(y[row])), "\(format.name), token \(token) alone")
        }
      }
    }

    @Test("many tokens' experts by products of small matrices have the bits of plain sums", arguments: TestDevices.all)
    func tensor(device: TestDevice) throws {
      let bench = try Target(device: device, style: .simt).bench()
      let tiles = try bench.plan().matrix
      let dots = try bench.tensorDots()
      for format in Grid.values([WeightFormat.q4_0, .q8_0, .q6_K], small: [.q4_0]) {
        // Tiles of 8, 16 and 32.
        for tokens in Grid.values([5, 40, 60], small: [40]) {
          let (columns, inner) = format == .q6_K ? (256, 256) : (64, 96)
          let problem = try ExpertProblem(
            format, tokens: tokens, topK: 2, scores: scores(tokens: tokens), columns: columns, inner: inner)
          func result(_ dot: IntegerDot) throws -> [Float] {
            let call = try problem.call(fast: try FastProduct(bench.library, tiles: tiles, dot: dot), on: bench)
            try call.enqueue(on: bench.queue)
            return try bench.floats(call.y)
          }
          let plain = try result(.plain)
          for dot in dots { #expect(sameBits(try result(dot), plain), "\(format.name), \(tokens) tokens, \(dot)") }
        }
      }
    }

    @Test(
      "experts of 16 bits meet rounded activations, any number of tokens with the same bits", arguments: TestDevices.all
    )
    func halves(device: TestDevice) throws {
      let bench = try Target(device: device, style: .simt).bench()
      let tiles = try bench.plan().matrix
      let dots = try bench.tensorDots()
      for (format, tolerance) in [(WeightFormat.f16, 1e-3), (.bf16, 1e-2)] {
        let problem = try ExpertProblem(
          format, tokens: 60, topK: 2, scores: scores(tokens: 60), columns: 64, inner: 96)
        let expected = try problem.reference()
        let largest = expected.reduce(0) { max($0, abs($1)) }
        for dot in dots {
          let fast = try #require(try FastProduct(bench.library, tiles: tiles, dot: dot))
          let call = try problem.call(fast: fast, on: bench)
          try call.enqueue(on: bench.queue)
          let y = try bench.floats(call.y)
          let error = worstError(y, expected, relativeTo: [Float](repeating: largest, count: y.count))
          #expect(error > 1e-6 && error <= tolerance, "\(format.name), \(dot): \(error)")
          for range in [0..<1, 30..<31, 7..<20] {
            let some = try problem.part(range).call(fast: fast, on: bench)
            try some.enqueue(on: bench.queue)
            let rows = range.lowerBound * problem.columns..<range.upperBound * problem.columns
            #expect(sameBits(try bench.floats(some.y), Array(y[rows])), "\(format.name), \(dot), tokens \(range)")
          }
        }
      }
    }

    @Test("tiles suit both matrices of an expert, each by the kernel that serves it")
    func tiles() throws {
      let library = KernelLibrary(
        context: try #require(TestDevices.all.first).context(), style: .simt, cache: nil,
        computeUnits: GPULaunches.computeUnits)
      let tiles = try TilePlan(limits: GPUVariants.limits, headDim: 64, style: .simt).matrix
      let fast = try #require(try FastProduct(library, tiles: tiles, dot: .tensor))
      let memory = BufferView(.planned("any"))
      let (shared, wide) = ("matmul/matmul.simt.cl", "matmul/tiles.simt.cl")
      let (bytes, halves) = ("matmul/matmul_8.ptx.cl", "matmul/matmul_16.ptx.cl")
      for (formats, tokens, expected, kernels) in [
        ([WeightFormat.q4_K, .q6_K], 1, 1, [shared, shared]), ([.q4_K, .q6_K], 40, 16, [bytes, bytes]),
        ([.q4_0, .q8_0], 2048, 128, [bytes, bytes]), ([.f16, .f16], 1, 16, [halves, halves]),
        ([.bf16, .bf16], 512, 128, [halves, halves]),
        // What fast mode does not serve is exact, in wide tiles.
        ([.q2_K, .q3_K], 512, 64, [wide, wide]), ([.q2_K, .q3_K], 8, 2, [shared, shared]),
        ([.q2_K, .q4_K], 512, 64, [wide, bytes]), ([.q4_K, .q2_K], 40, 8, [shared, shared]),
        ([.f16, .q2_K], 8, 8, [halves, shared]), ([.q2_K, .bf16], 512, 64, [wide, halves]),
      ] {
        let what: Comment = "\(formats), \(tokens) tokens"
        let shapes = try formats.map { try WeightShape(format: $0, rows: 4096, columns: 4096) }
        let product = MatrixProduct(library, tiles: tiles, fast: fast)
        let tile = product.expertTileTokens(tokens: tokens, topK: 2, expertCount: 8, matrices: shapes)
        #expect(tile == expected, what)
        let routing = ExpertRouter.Routing(tokens: tokens, expertCount: 8, topK: 2, tileTokens: tile)
        for (shape, kernel) in zip(shapes, kernels) {
          let list = DispatchList()
          try product.enqueue(
            memory, WeightMatrix(planning: shape, label: "experts", expertCount: 8), into: memory, tokens: tokens,
            workspace: .init(packed: memory, sums: memory),
            experts: .init(list: memory, order: memory, gathers: true, routing: routing), on: list)
          #expect(list.dispatches.last?.variant.file == kernel, what)
        }
      }
    }

    @Test("both styles give the same bits", arguments: TestDevices.all)
    func styles(device: TestDevice) throws {
      for (tokens, isFast) in [(5, false), (5, true), (60, false)] {
        let problem = try ExpertProblem(.q8_0, tokens: tokens, topK: 2, scores: scores(tokens: tokens))
        let results = try KernelStyle.allCases.map { style in
          let bench = try Target(device: device, style: style).bench()
          let fast = isFast ? try FastProduct(bench.library, tiles: bench.plan().matrix, dot: .plain) : nil
          let call = try problem.call(fast: fast, on: bench)
          try call.enqueue(on: bench.queue)
          return try bench.floats(call.y)
        }
        #expect(sameBits(results[0], results[1]), "\(tokens) tokens, fast: \(isFast)")
      }
    }

    @Test("sigmoids, biases, groups, norms and factors are those of plain loops", arguments: Target.all)
    func gates(target: Target) throws {
      let bench = try target.bench()
      let (tokens, experts, topK) = (9, 24, 4)
      var generator = SeededGenerator(seed: 21)
      let scores = generator.floats(tokens * experts, magnitude: 3)
      let bias = generator.floats(experts)
      let routing = ExpertRouter.Routing(tokens: tokens, expertCount: experts, topK: topK, tileTokens: 2)
      let kinds: [(ExpertRouter.Gate.Function, ReferenceExperts.Gate.Function, Bool)] = [
        (.softmaxOfChosen, .softmaxOfChosen, false), (.softmax, .softmax, false), (.softmax, .softmax, true),
        (.sigmoid, .sigmoid, false), (.sigmoid, .sigmoid, true),
      ]
      for (function, reference, isNormalized) in kinds {
        for (groupCount, topGroups) in function == .softmaxOfChosen ? [(1, 1)] : [(1, 1), (6, 3)] {
          let hasBias = function == .sigmoid
          let gate = ExpertRouter.Gate(
            function, isNormalized: isNormalized, bias: try hasBias ? bench.buffer(bias) : nil, groupCount: groupCount,
            topGroups: topGroups, scale: 0.6)
          let buffers = try [routing.weightBytes, routing.slotBytes, routing.listBytes, routing.orderBytes].map {
            try bench.output($0 / 4)
          }
          try ExpertRouter(bench.library).route(
            bench.buffer(scores), routing, gate: gate,
            into: .init(weights: buffers[0], slots: buffers[1], list: buffers[2], order: buffers[3]), on: bench.queue)
          let choices = try (0..<tokens).map {
            try ReferenceExperts.choices(
              Array(scores[$0 * experts..<($0 + 1) * experts]), topK: topK,
              gate: .init(
                reference, isNormalized: isNormalized, bias: hasBias ? bias : [], groupCount: groupCount,
                topGroups: topGroups, scale: 0.6))
          }
          let entries = choices.joined().enumerated().sorted {
            ($0.element.expert, $0.offset) < ($1.element.expert, $1.offset)
          }
          var slots = [UInt32](repeating: 0, count: entries.count)
          for (slot, entry) in entries.enumerated() { slots[entry.offset] = UInt32(slot) }
          let what: Comment = "\(function), normalized \(isNormalized), \(topGroups) of \(groupCount) groups"
          #expect(try bench.queue.read(buffers[1], as: UInt32.self, count: tokens * topK) == slots, what)
          let expected = choices.flatMap { $0.map { Float($0.weight) } }
          #expect(worstError(try bench.floats(buffers[0]), expected, relativeTo: expected) <= 1e-6, what)
        }
      }
    }

    @Test("a shared expert is added behind its gate, and bits do not depend on the style", arguments: TestDevices.all)
    func shared(device: TestDevice) throws {
      let (tokens, topK, columns) = (3, 2, 48)
      var generator = SeededGenerator(seed: 22)
      let (x, shared) = (generator.floats(tokens * topK * columns), generator.floats(tokens * columns))
      let (residual, weights) = (generator.floats(tokens * columns), generator.floats(tokens * topK))
      let gates = generator.floats(tokens, magnitude: 4)
      let slots = [5, 0, 1, 4, 2, 3]
      let sigmoid = ReferenceActivation.sigmoid
      let expected = (0..<tokens * columns).map { (i: Int) -> Float in
        let (token, column) = (i / columns, i % columns)
        let sum = (0..<topK).reduce(0.0) {
          let entry = token * topK + $1
          return $0 + Double(weights[entry]) * Double(x[slots[entry] * columns + column])
        }
        return Float(sum + sigmoid(Double(gates[token])) * Double(shared[i]) + Double(residual[i]))
      }
      let results = try KernelStyle.allCases.map { style in
        let bench = try Target(device: device, style: style).bench()
        let y = try bench.buffer(residual)
        let shares = try bench.buffer(weights)
        try ExpertRouter(bench.library).combine(
          bench.buffer(x),
          .init(weights: shares, slots: bench.buffer(slots.map { UInt32($0) }), list: shares, order: shares),
          .init(tokens: tokens, expertCount: 6, topK: topK, tileTokens: 1), columns: columns,
          shared: (bench.buffer(shared), bench.buffer(gates)), residual: y, into: y, on: bench.queue)
        return try bench.floats(y)
      }
      #expect(worstError(results[0], expected, relativeTo: [Float](repeating: 1, count: expected.count)) < 1e-6)
      #expect(sameBits(results[0], results[1]))
    }

    @Test("each head's rows go to its matrix, in the order of the tokens", arguments: Target.all)
    func heads(target: Target) throws {
      let bench = try target.bench()
      for (tokens, heads, tile) in [(1, 2, 1), (5, 3, 2), (700, 2, 8)] {
        let routing = ExpertRouter.Routing(tokens: tokens * heads, expertCount: heads, topK: 1, tileTokens: tile)
        let buffers = try [routing.slotBytes, routing.listBytes, routing.orderBytes].map { try bench.output($0 / 4) }
        try ExpertRouter(bench.library).routeHeads(
          tokens: tokens, routing, slots: buffers[0], list: buffers[1], order: buffers[2], on: bench.queue)
        let slots = try bench.queue.read(buffers[0], as: UInt32.self, count: tokens * heads).map(Int.init)
        let order = try bench.queue.read(buffers[2], as: UInt32.self, count: tokens * heads).map(Int.init)
        let list = try bench.queue.read(buffers[1], as: Int32.self, count: routing.listBytes / 4).map(Int.init)
        #expect(slots == (0..<tokens * heads).map { $0 % heads * tokens + $0 / heads })
        #expect(order == (0..<tokens * heads).map { $0 % tokens * heads + $0 / tokens })
        let tiles = (0..<heads).flatMap { head in
          stride(from: 0, to: tokens, by: tile).map { [head, head * tokens + $0, min(tile, tokens - $0), head] }
        }
        #expect(list[0] == tiles.count && tiles.count <= routing.mostTiles)
        #expect(Array(list[4..<4 + 4 * tiles.count]) == tiles.flatMap { $0 })
      }
      let any = try bench.output(4)
      #expect(throws: OperatorError.self) {
        try ExpertRouter(bench.library).routeHeads(
          tokens: 2, .init(tokens: 3, expertCount: 2, topK: 1, tileTokens: 1), slots: any, list: any, order: any,
          on: bench.queue)
      }
    }

    @Test("more experts than there are, or than a device lists, and odd columns are refused")
    func refusals() throws {
      let bench = try #require(Target.all.first).bench()
      let any = try bench.output(16)
      let choices = ExpertRouter.Choices(weights: any, slots: any, list: any, order: any)
      for (tokens, experts, topK, tile) in [(0, 4, 2, 1), (1, 4, 5, 1), (1, 4, 0, 1), (1, 1025, 2, 1), (1, 4, 2, 0)] {
        #expect(throws: OperatorError.self) {
          try ExpertRouter(bench.library).route(
            any, .init(tokens: tokens, expertCount: experts, topK: topK, tileTokens: tile), into: choices,
            on: bench.queue)
        }
      }
      for gate: ExpertRouter.Gate in [
        .init(groupCount: 2), .init(.softmax, bias: any), .init(.softmax, groupCount: 3, topGroups: 2),
        .init(.sigmoid, groupCount: 4, topGroups: 2), .init(.sigmoid, groupCount: 2, topGroups: 3),
        .init(.softmax, groupCount: 4, topGroups: 1),
      ] {
        #expect(throws: OperatorError.self) {
          try ExpertRouter(bench.library).route(
            any, .init(tokens: 1, expertCount: 4, topK: 2, tileTokens: 1), gate: gate, into: choices, on: bench.queue)
        }
      }
      #expect(throws: OperatorError.self) {
        try ExpertRouter(bench.library).combine(
          any, choices, .init(tokens: 1, expertCount: 2, topK: 1, tileTokens: 1), columns: 15, into: any,
          on: bench.queue)
      }
    }
  }
}
