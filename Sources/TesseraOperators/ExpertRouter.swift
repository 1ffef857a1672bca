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
    _ scores: any DeviceMemory, _ routing: Routing, into choices: Choices, on sink: some CommandSink
  ) throws {
    guard routing.tokens > 0, (1...Self.mostExperts).contains(routing.expertCount),
      (1...routing.expertCount).contains(routing.topK), routing.tileTokens > 0
    else {
      throw OperatorError(
        .shape,
        "\(routing.topK) of \(routing.expertCount) experts for \(routing.tokens) tokens: at most \(Self.mostExperts)")
    }
    var block = RouteArguments()
    block.tokens = UInt32(routing.tokens)
    block.expert_count = UInt32(routing.expertCount)
    block.top_k = UInt32(routing.topK)
    block.tile_tokens = UInt32(routing.tileTokens)
    func dispatch(_ function: String, _ units: Int, localSize: Int) throws {
      try sink.dispatch(
        Dispatch(
          KernelVariant("experts/route.cl", function), block,
          views: [scores.view, choices.weights.view, choices.slots.view, choices.list.view, choices.order.view],
          written: [1, 2, 3, 4], units: .init(units), localSize: localSize,
          cost: .init(bytes: routing.tokens * routing.expertCount * 4)), library)
    }
    guard library.style == .simt else { return try dispatch("route", 1, localSize: 1) }
    try dispatch("choose", routing.tokens, localSize: library.style.localSize)
    try dispatch("route", routing.expertCount, localSize: Self.routingItems)
  }

  /// Enqueues `y[token] = Σ weight · x[slot] (+ residual[token])`, in the order of a token's choices.
  ///
  /// - Parameters:
  ///   - x: (slots, columns), columns a multiple of 16.
  ///   - residual, y: (tokens, columns); may be the same.
  package func combine(
    _ x: any DeviceMemory, _ choices: Choices, _ routing: Routing, columns: Int,
    residual: (any DeviceMemory)? = nil, into y: any DeviceMemory, on sink: some CommandSink
  ) throws {
    guard columns > 0, columns.isMultiple(of: 16) else {
      throw OperatorError(.shape, "experts' results of \(columns) columns: a multiple of 16 is possible")
    }
    var block = CombineArguments()
    block.tokens = UInt32(routing.tokens)
    block.top_k = UInt32(routing.topK)
    block.columns = UInt32(columns)
    block.flags = residual == nil ? 0 : 1
    let columnsOfUnit = library.style == .vector ? Int(COMBINE_COLUMNS) : library.style.localSize * 4
    try sink.dispatch(
      Dispatch(
        KernelVariant("experts/combine.cl", "combine"), block,
        views: [x.view, choices.weights.view, choices.slots.view, residual?.view, y.view], written: [4],
        units: .init((columns + columnsOfUnit - 1) / columnsOfUnit, routing.tokens),
        localSize: library.style.localSize, cost: .init(bytes: (routing.slotCount + routing.tokens) * columns * 4)),
      library)
  }
}
