import TesseraMemory
import TesseraOperators

/// Brings a batch into the order of a step, and finds its shape and its data.
struct StepShaper {
  /// The most tokens of a step whose attention may split keys: steps of more have work for every core.
  static let splitTokens = 8

  let profile: ModelProfile
  let operators: Operators
  let cache: CacheViews
  /// Positions are below.
  let contextLength: Int

  /// A step's shape, and what goes into its inputs.
  struct Shaped {
    var shape: StepShape
    var data: StepData
  }

  /// - Parameters:
  ///   - tables: for each chunk its tables, one a group.
  ///   - rows: for each chunk its rows in the cache; of a source, from 0 on.
  ///   - sourceCounts: for each chunk the tokens of its source.
  ///   - transient: the tables of groups that live for the step, by group.
  func shape(
    _ batch: Batch, part: StepShape.Part, result: StepShape.Result, tables: [[KVTable]], rows: [Range<Int>],
    sourceCounts: [Int], transient: [Int: [KVTable]]
  ) throws -> Shaped {
    // Chunks of one token first; of these, and of the others, those of one adapter together.
    func adapter(_ index: Int) -> Int? { batch.chunks[index].sequence.adapter }
    let order = batch.chunks.indices.sorted {
      let (a, b) = (batch.chunks[$0].tokens.count == 1, batch.chunks[$1].tokens.count == 1)
      if a != b { return a }
      let (first, second) = (adapter($0) ?? -1, adapter($1) ?? -1)
      return first == second ? $0 < $1 : first < second
    }
    let singleCount = order.prefix { batch.chunks[$0].tokens.count == 1 }.count
    var data = StepData(groups: profile.attentionGroups.map { _ in .init() })
    var groups = profile.attentionGroups.map { _ in StepShape.Group() }
    var firstTokens = [Int](repeating: 0, count: batch.chunks.count)
    var longest = [Int](repeating: 0, count: groups.count)

    for index in order {
      let chunk = batch.chunks[index]
      firstTokens[index] = data.ids.count
      try profile.check(chunk.tokens)
      data.ids += chunk.tokens.map { UInt32($0) }
      data.rows += rows[index].map { Int32($0) }
      data.positions += try positions(of: chunk, rows: rows[index])
      data.tokenTypes += try segments(of: chunk)
      data.features += chunk.features
    }
    for (number, group) in profile.attentionGroups.enumerated() where uses(group, part) {
      let tileRows = operators.attention[number].tileRows(
        longest: 2, headCount: group.headCount, kvHeadCount: group.kvHeadCount)
      for (place, index) in order.enumerated() {
        let count = batch.chunks[index].tokens.count
        let table = transient[number]?[index] ?? tables[index][number]
        let isSource = group.kind == .transient
        let keyCount =
          isSource ? count : group.seesAll ? sourceCounts[index] : 0
        let offset = data.tables.count - table.firstBlock
        data.tables += table.blocks.map { UInt32(bitPattern: $0) }
        longest[number] = max(longest[number], group.seesAll ? keyCount : rows[index].upperBound)
        // Rows that this step writes: of the source for what lives as long as it, or as the target does.
        let written = isSource || (part == .source && group.seesAll) ? 0..<count : rows[index]
        if writes(group, part) {
          for row in written {
            guard let slot = table.slot(ofRow: row) else {
              throw ModelError(.badBatch, "row \(row) of a sequence has no block in KV group \(number)")
            }
            data.groups[number].slots.append(UInt32(bitPattern: slot))
          }
        }
        let first = firstTokens[index]
        if place < singleCount {
          data.groups[number].singleTiles.append(
            .init(firstToken: first, count: 1, tableOffset: offset, keyCount: keyCount))
        } else {
          for start in stride(from: 0, to: count, by: tileRows) {
            data.groups[number].tiles.append(
              .init(
                firstToken: first + start, count: min(tileRows, count - start), tableOffset: offset, keyCount: keyCount)
            )
          }
        }
      }
      groups[number] = tiling(number, data.groups[number], tokens: data.ids.count, longest: longest[number], group)
    }

    var outputs: [UInt32] = []
    for (index, chunk) in batch.chunks.enumerated() {
      let first = UInt32(firstTokens[index])
      switch chunk.outputs {
      case .none: break
      case .last: if !chunk.tokens.isEmpty { outputs.append(first + UInt32(chunk.tokens.count - 1)) }
      case .all: outputs += (0..<UInt32(chunk.tokens.count)).map { first + $0 }
      }
    }
    // Where nobody wants a result, the last layer still computes one row.
    let wanted = outputs
    if outputs.isEmpty { outputs = [UInt32(data.ids.count - 1)] }
    var shape = StepShape(
      part: part, result: wanted.isEmpty ? .nothing : result, tokenCount: data.ids.count, outputCount: outputs.count)
    shape.singleCount = singleCount
    shape.groups = groups
    shape.selectsOutputs = outputs != (0..<UInt32(data.ids.count)).map { $0 }
    if batch.chunks.indices.contains(where: { adapter($0) != nil }) {
      let tokens = order.flatMap { [Int?](repeating: adapter($0), count: batch.chunks[$0].tokens.count) }
      (shape.adapterTokens, data.adapterTokens) = try AdapterRows.tiles(tokens, operators.product)
      if shape.selectsOutputs {
        (shape.adapterOutputs, data.adapterOutputs) = try AdapterRows.tiles(
          outputs.map { tokens[Int($0)] }, operators.product)
      }
    }
    shape.hasTokenTypes = batch.chunks.contains { $0.tokenTypes != nil } || needsTokenTypes
    data.outputs = shape.selectsOutputs ? outputs : []
    return Shaped(shape: shape, data: data)
  }

  /// Encoders always read segments.
  private var needsTokenTypes: Bool { profile.attentionGroups.allSatisfy { $0.kind == .transient } }

  /// Whether a step of this part reads the group.
  private func uses(_ group: ModelProfile.AttentionGroup, _ part: StepShape.Part) -> Bool {
    switch group.kind {
    case .transient: part == .source || needsTokenTypes
    case .fixed: true
    case .growing, .window: part == .model
    }
  }

  /// Whether a step of this part stores keys and values in the group.
  private func writes(_ group: ModelProfile.AttentionGroup, _ part: StepShape.Part) -> Bool {
    switch group.kind {
    case .transient: part == .source || needsTokenTypes
    case .fixed: part == .source
    case .growing, .window: part == .model
    }
  }

  private func positions(of chunk: Batch.Chunk, rows: Range<Int>) throws -> [UInt32] {
    guard let positions = chunk.positions else { return rows.map { UInt32($0) } }
    guard positions.count == chunk.tokens.count, positions.allSatisfy({ (0..<contextLength).contains($0) })
    else {
      throw ModelError(
        .badBatch,
        "\(positions.count) positions for \(chunk.tokens.count) tokens: one each, from 0 to \(contextLength - 1)"
      )
    }
    return positions.map { UInt32($0) }
  }

  private func segments(of chunk: Batch.Chunk) throws -> [UInt32] {
    guard let types = chunk.tokenTypes else { return Array(repeating: 0, count: chunk.tokens.count) }
    guard profile.segmentCount > 0 else {
      throw ModelError(.badBatch, "token types for a model that tells no segments apart: leave them out")
    }
    guard types.count == chunk.tokens.count, types.allSatisfy({ (0..<profile.segmentCount).contains($0) }) else {
      throw ModelError(
        .badBatch,
        "\(types.count) token types for \(chunk.tokens.count) tokens: the model takes one each of "
          + "\(profile.segmentCount) segments, which begin at 0")
    }
    return types.map { UInt32($0) }
  }

  /// The tiles and splits of one group.
  private func tiling(
    _ number: Int, _ data: StepData.Group, tokens: Int, longest: Int, _ group: ModelProfile.AttentionGroup
  ) -> StepShape.Group {
    let operation = operators.attention[number]
    func splits(_ tileCount: Int) -> Int {
      guard tileCount > 0, tokens <= Self.splitTokens else { return 1 }
      return operation.splitCount(tileCount: tileCount, longest: longest, kvHeadCount: group.kvHeadCount)
    }
    return .init(
      tileCount: data.tiles.count, singleSplits: splits(data.singleTiles.count), splits: splits(data.tiles.count))
  }
}
