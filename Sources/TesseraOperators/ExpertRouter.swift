import TesseraCL
import TesseraKernels
import TesseraMemory

/// The choice of experts for each token, and the sum of what they gave: `Kernels/experts/` (Shazeer et al. 2017; Mixtral, Jiang et
/// al. 2024). All on the device: how many tokens an expert has is never known to the host.
package struct ExpertRouter: Sendable {
  /// Sizes that follow from a batch's tokens.
  package struct Routing: Sendable, Equatable {
    package var tokens: Int
    package var expertCount: Int
    package var topK: Int
    /// Slots of a tile.
    package var tileTokens: Int

    package init(tokens: Int, expertCount: Int, topK: Int, tileTokens: Int) {
      (self.tokens, self.expertCount, self.topK, self.tileTokens) = (tokens, expertCount, topK, tileTokens)
    }

    package var slotCount: Int { tokens * topK }
    /// Tiles that there can be: each expert that has tokens may leave one unfilled.
    package var mostTiles: Int { slotCount / tileTokens + min(expertCount, slotCount) }
    package var listBytes: Int { 16 + mostTiles * 16 }
    /// Of the choices' slots, and of their experts.
    package var slotBytes: Int { 2 * slotCount * 4 }
    package var orderBytes: Int { slotCount * 4 }
    package var weightBytes: Int { slotCount * 4 }
  }

  /// How scores choose experts and weigh them.
  package struct Gate: Sendable {
    /// What is compared and weighs; the raw value is the macro `GATING`.
    package enum Function: Int, Sendable, CaseIterable {
      /// The scores; weights are the softmax of those chosen.
      case softmaxOfChosen = 0
      case softmax = 1
      case sigmoid = 2
    }

    package var function: Function
    /// Whether weights, of the last two, are divided by the sum of those chosen.
    package var isNormalized: Bool
    /// Added to sigmoids for the choice alone, (expertCount).
    package var bias: (any DeviceMemory)?
    /// Groups of experts, and how many of them may be chosen from; not of the first function.
    package var groupCount: Int
    package var topGroups: Int
    /// Factor of the weights.
    package var scale: Float

    package init(
      _ function: Function = .softmaxOfChosen, isNormalized: Bool = false, bias: (any DeviceMemory)? = nil,
      groupCount: Int = 1, topGroups: Int = 1, scale: Float = 1
    ) {
      (self.function, self.isNormalized, self.bias) = (function, isNormalized, bias)
      (self.groupCount, self.topGroups, self.scale) = (groupCount, topGroups, scale)
    }

    /// Whether so many experts can be chosen.
    fileprivate func fits(_ routing: Routing) -> Bool {
      guard groupCount > 1 else { return groupCount == 1 && topGroups == 1 && (bias == nil || function == .sigmoid) }
      let size = routing.expertCount / groupCount
      return groupCount <= Int(MOST_EXPERT_GROUPS) && routing.expertCount.isMultiple(of: groupCount)
        && (1...groupCount).contains(topGroups) && topGroups * size >= routing.topK && function != .softmaxOfChosen
        && (function == .softmax ? bias == nil : size >= 2)
    }
  }

  /// The results of a routing.
  package struct Choices: Sendable {
    /// (tokens, topK) floats.
    package var weights: any DeviceMemory
    /// (tokens, topK) UInt32: `Routing.slotBytes`.
    package var slots: any DeviceMemory
    /// `Routing.listBytes`, and `Routing.orderBytes`.
    package var list: any DeviceMemory
    package var order: any DeviceMemory

    package init(
      weights: any DeviceMemory, slots: any DeviceMemory, list: any DeviceMemory, order: any DeviceMemory
    ) {
      (self.weights, self.slots, self.list, self.order) = (weights, slots, list, order)
    }
  }

  private static let mostExperts = Int(MOST_EXPERTS)
  /// Work-items that number an expert's slots.
  private static let routingItems = 256
  private let library: KernelLibrary

  package init(_ library: KernelLibrary) { self.library = library }

  /// Enqueues the choice.
  ///
  /// - Parameter scores: (tokens, expertCount) floats, before any softmax.
  package func route(
    _ scores: any DeviceMemory, _ routing: Routing, gate: Gate = .init(), into choices: Choices,
    on sink: some CommandSink
  ) throws {
    guard routing.tokens > 0, (1...Self.mostExperts).contains(routing.expertCount),
      (1...routing.expertCount).contains(routing.topK), routing.tileTokens > 0, gate.fits(routing)
    else {
      throw OperatorError(
        .shape,
        "\(routing.topK) of \(routing.expertCount) experts for \(routing.tokens) tokens, of \(gate.topGroups) of "
          + "\(gate.groupCount) groups: at most \(Self.mostExperts)")
    }
    var block = RouteArguments()
    block.tokens = UInt32(routing.tokens)
    block.expert_count = UInt32(routing.expertCount)
    block.top_k = UInt32(routing.topK)
    block.tile_tokens = UInt32(routing.tileTokens)
    block.group_count = UInt32(gate.groupCount)
    block.top_groups = UInt32(gate.topGroups)
    block.flags = (gate.isNormalized ? 1 : 0) | (gate.bias == nil ? 0 : 2)
    block.scale = gate.scale
    let defines = gate.function == .softmaxOfChosen ? [] : [KernelVariant.Define("GATING", gate.function.rawValue)]
    func dispatch(_ function: String, _ units: Int, localSize: Int, _ defines: [KernelVariant.Define] = []) throws {
      try sink.dispatch(
        Dispatch(
          KernelVariant("experts/route.cl", function, defines), block,
          views: [
            scores.view, choices.weights.view, choices.slots.view, choices.list.view, choices.order.view,
            gate.bias?.view,
          ],
          written: [1, 2, 3, 4], units: .init(units), localSize: localSize,
          cost: .init(bytes: routing.tokens * routing.expertCount * 4)), library)
    }
    guard library.style == .simt else { return try dispatch("route", 1, localSize: 1, defines) }
    try dispatch("choose", routing.tokens, localSize: library.style.localSize, defines)
    try dispatch("route", routing.expertCount, localSize: Self.routingItems)
  }

  /// Enqueues the list of rows token · heads + head, each of which goes to the matrix of its head, and no other.
  ///
  /// - Parameter routing: of tokens · heads rows to one of as many experts as there are heads.
  package func routeHeads(
    tokens: Int, _ routing: Routing, slots: any DeviceMemory, list: any DeviceMemory, order: any DeviceMemory,
    on sink: some CommandSink
  ) throws {
    guard tokens > 0, routing.tokens == tokens * routing.expertCount, routing.topK == 1, routing.tileTokens > 0 else {
      throw OperatorError(
        .shape, "\(routing.tokens) rows of \(tokens) tokens and \(routing.expertCount) heads: one for each head")
    }
    var block = HeadsArguments()
    block.tokens = UInt32(tokens)
    block.heads = UInt32(routing.expertCount)
    block.tile_tokens = UInt32(routing.tileTokens)
    let slotsOfUnit = library.style == .vector ? Int(HEAD_SLOTS) : library.style.localSize
    try sink.dispatch(
      Dispatch(
        KernelVariant("experts/heads.cl", "heads"), block, views: [slots.view, list.view, order.view],
        written: [0, 1, 2], units: .init((routing.slotCount + slotsOfUnit - 1) / slotsOfUnit),
        localSize: library.style.localSize, cost: .init(bytes: routing.slotCount * 8)), library)
  }

  /// Enqueues `y[token] = Σ weight · x[slot] (+ sigmoid(gate[token]) · shared[token]) (+ residual[token])`, in the order of
  /// a token's choices.
  ///
  /// - Parameters:
  ///   - x: (slots, columns), columns a multiple of 16.
  ///   - shared: (tokens, columns) and (tokens).
  ///   - residual, y: (tokens, columns); may be the same.
  package func combine(
    _ x: any DeviceMemory, _ choices: Choices, _ routing: Routing, columns: Int,
    shared: (x: any DeviceMemory, gate: any DeviceMemory)? = nil, residual: (any DeviceMemory)? = nil,
    into y: any DeviceMemory, on sink: some CommandSink
  ) throws {
    guard columns > 0, columns.isMultiple(of: 16) else {
      throw OperatorError(.shape, "experts' results of \(columns) columns: a multiple of 16 is possible")
    }
    var block = CombineArguments()
    block.tokens = UInt32(routing.tokens)
    block.top_k = UInt32(routing.topK)
    block.columns = UInt32(columns)
    block.flags = (residual == nil ? 0 : 1) | (shared == nil ? 0 : 2)
    let columnsOfUnit = library.style == .vector ? Int(COMBINE_COLUMNS) : library.style.localSize * 4
    try sink.dispatch(
      Dispatch(
        KernelVariant("experts/combine.cl", "combine"), block,
        views: [
          x.view, choices.weights.view, choices.slots.view, residual?.view, y.view, shared?.x.view, shared?.gate.view,
        ], written: [4],
        units: .init((columns + columnsOfUnit - 1) / columnsOfUnit, routing.tokens),
        localSize: library.style.localSize, cost: .init(bytes: (routing.slotCount + routing.tokens) * columns * 4)),
      library)
  }
}
