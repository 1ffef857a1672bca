/// The memory that a model will need, on the device and beside it, computed before anything is allocated.
public struct MemoryPlan: Sendable, Equatable, Encodable {
  /// The pools of one group of layers.
  public struct Group: Sendable, Equatable, Encodable {
    /// `growing`, `window`, `fixed` or `transient`.
    public let kind: String
    public let layerCount: Int
    public let blockSize: Int
    public let blockCount: Int
    /// Bytes of all its pools.
    public let bytes: Int
    /// Bytes of its largest single pool: one layer's keys or values.
    public let largestPoolBytes: Int
    /// How keys and values are kept.
    public let keys, values: KVEncoding

    init(_ group: KVGroup, blockCount: Int) throws(MemoryError) {
      kind =
        switch group.kind {
        case .growing: "growing"
        case .window: "window"
        case .fixed: "fixed"
        case .transient: "transient"
        }
      layerCount = group.layers.count
      blockSize = group.blockSize
      self.blockCount = blockCount
      bytes = try checkedProduct(blockCount, group.bytesPerBlock, of: "KV cache of \(blockCount) blocks")
      (keys, values) = (group.geometry.keys, group.geometry.values)
      largestPoolBytes = blockCount * group.largestPoolBytesPerBlock  // a part of `bytes`
    }
  }

  /// Experts that stay in host memory, and come to places on the device as they are chosen.
  public struct Experts: Sendable, Equatable, Encodable {
    /// Of all of them.
    public let bytes: Int
    /// Of their places on the device, which are a part of the weights' bytes.
    public let deviceBytes: Int

    package init(bytes: Int, deviceBytes: Int) { (self.bytes, self.deviceBytes) = (bytes, deviceBytes) }
  }

  /// Bytes of all weights as they will lie on the device.
  public let weightsBytes: Int
  /// Bytes of the largest single weight buffer.
  public let largestWeightBytes: Int
  /// Nil where all experts are on the device.
  public let experts: Experts?
  /// KV bytes that one more token takes, of the layers that keep all.
  public let kvBytesPerToken: Int
  /// Tokens that each sequence may hold.
  public let contextLength: Int
  /// Sequences that may run at once.
  public let sequenceCount: Int
  /// The most tokens of a step.
  public let stepTokens: Int
  /// The pools of each group of layers.
  public let groups: [Group]
  /// KV bytes of all groups.
  public let kvBytes: Int
  /// Bytes of step-local workspace.
  public let workspaceBytes: Int
  /// Bytes through which data passes on its way to and from the device.
  public let stagingBytes: Int
  /// The sum of what is on the device.
  public let totalBytes: Int
  /// What the model may take of the host's memory beside that.
  public private(set) var host: HostMemoryPlan
  /// Whether the device's memory is the host's, as a CPU's is.
  public let sharesHostMemory: Bool
  /// What counts against the device's budget.
  public var budgetedBytes: Int { totalBytes + (sharesHostMemory ? host.totalBytes : 0) }

  private let layout: KVCacheLayout
  private let hostDemand: HostMemoryDemand
  /// The part of the workspace that each token of the context takes.
  private let workspaceBytesPerToken: Int

  private enum CodingKeys: String, CodingKey {
    case weightsBytes, largestWeightBytes, experts, kvBytesPerToken, contextLength, sequenceCount, stepTokens, groups
    case kvBytes
    case workspaceBytes, stagingBytes, totalBytes, host, sharesHostMemory
  }

  /// How the cache keeps keys and values, as `--kv` says it: `f16`, or `q8_0,f16` where they differ.
  public var cacheEncoding: String {
    // What lives for one step only is never rounded.
    guard let group = groups.first(where: { $0.kind != "transient" }) ?? groups.first else { return "f32" }
    return group.keys == group.values ? group.keys.rawValue : "\(group.keys.rawValue),\(group.values.rawValue)"
  }

  /// Blocks of each group of the cache.
  public var blockCounts: [Int] { groups.map(\.blockCount) }

  /// The plan for a model whose weights take `weightsBytes` and whose cache has `kvLayout`, with room for every sequence to
  /// be full.
  ///
  /// - Parameters:
  ///   - stepTokens: the most tokens of one step, which a window holds beside those in sight.
  ///   - workspaceBytesPerToken: what of `workspaceBytes` each token of the context takes.
  ///   - hostDemand: what the host's memory is wanted for.
  ///   - sharesHostMemory: whether the device's memory is the host's.
  /// - Throws: ``MemoryError`` when a size is negative, a count not positive, or a sum beyond `Int`.
  package init(
    weightsBytes: Int, largestWeightBytes: Int, experts: Experts? = nil, kvLayout: KVCacheLayout, contextLength: Int,
    sequenceCount: Int = 1,
    stepTokens: Int, workspaceBytes: Int, workspaceBytesPerToken: Int = 0, stagingBytes: Int = 0,
    hostDemand: HostMemoryDemand = HostMemoryDemand(), sharesHostMemory: Bool = false
  ) throws(MemoryError) {
    let counts = try kvLayout.blockCounts(
      contextLength: contextLength, sequenceCount: sequenceCount, stepTokens: stepTokens)
    var groups: [Group] = []
    for (group, count) in zip(kvLayout.groups, counts) { groups.append(try Group(group, blockCount: count)) }
    kvBytes = try checkedSum(groups.map(\.bytes), of: "KV cache of \(contextLength) tokens")
    totalBytes = try checkedSum([weightsBytes, kvBytes, workspaceBytes, stagingBytes], of: "memory plan")
    host = try hostDemand.plan(kvLayout, contextLength: contextLength, stepTokens: stepTokens)
    _ = try checkedSum([totalBytes, host.totalBytes], of: "memory plan")
    (self.hostDemand, self.sharesHostMemory) = (hostDemand, sharesHostMemory)
    self.groups = groups
    kvBytesPerToken = kvLayout.bytesPerToken
    (self.weightsBytes, self.largestWeightBytes, self.experts) = (weightsBytes, largestWeightBytes, experts)
    (self.contextLength, self.sequenceCount, self.stepTokens) = (contextLength, sequenceCount, stepTokens)
    (self.workspaceBytes, self.stagingBytes) = (workspaceBytes, stagingBytes)
    (layout, self.workspaceBytesPerToken) = (kvLayout, workspaceBytesPerToken)
  }

  /// The plan with host memory for swapping, where nobody says how much: as much as the cache has, at most 1 GiB, and an eighth of
  /// what the rest leaves, so that other models find room.
  package func takingSwap(limits: DeviceLimits, budgetBytes: Int? = nil) -> MemoryPlan {
    guard hostDemand.swapBytes == nil else { return self }
    let budget = sharesHostMemory ? budgetBytes ?? limits.defaultBudgetBytes : limits.hostBudgetBytes
    let rest = budget.map { $0 - (sharesHostMemory ? budgetedBytes : host.totalBytes) } ?? .max
    let swap = min(HostMemoryDemand.mostSwapBytes, kvBytes, max(0, rest / 8))
    var plan = self
    plan.host = HostMemoryPlan(swapBytes: swap, cacheBytes: host.cacheBytes, transferBytes: host.transferBytes)
    return plan
  }

  // MARK: Fitting

  /// Throws ``MemoryError`` unless the plan fits into `budgetBytes` on a device with `limits`, and what it takes beside the device
  /// into the host's memory.
  ///
  /// The refusal names every number and, where a shorter context would fit, that context.
  package func check(limits: DeviceLimits, budgetBytes: Int? = nil) throws(MemoryError) {
    let budget = budgetBytes ?? limits.defaultBudgetBytes
    guard fits(limits: limits, budgetBytes: budget) else {
      throw refusal(limits: limits, budgetBytes: budget, isDefault: budgetBytes == nil)
    }
    guard !sharesHostMemory, let free = limits.hostBudgetBytes, wantedHostBytes > free else { return }
    let reason = limits.hostFree.map { " (\($0.reason))" } ?? ""
    throw MemoryError(
      .overBudget,
      "the model does not fit the host's memory: \(hostParts), together \(formatted(bytes: wantedHostBytes)); it may use "
        + "\(formatted(bytes: free))\(reason): \(hostRemedy(wantedHostBytes - free))")
  }

  /// The longest context, in whole blocks, that fits into `budgetBytes`; 0 when none does.
  package func largestContext(limits: DeviceLimits, budgetBytes: Int) -> Int {
    let unit = layout.contextUnit
    let units = Self.largest(upTo: KVGroup.mostRows / unit) { units in
      let plan = try? MemoryPlan(
        weightsBytes: weightsBytes, largestWeightBytes: largestWeightBytes, kvLayout: layout,
        contextLength: units * unit, sequenceCount: sequenceCount, stepTokens: min(stepTokens, units * unit),
        workspaceBytes: workspaceBytes + (units * unit - contextLength) * workspaceBytesPerToken,
        stagingBytes: stagingBytes, hostDemand: hostDemand, sharesHostMemory: sharesHostMemory)
      return plan?.fits(limits: limits, budgetBytes: budgetBytes) ?? false
    }
    return units * unit
  }

  /// The largest number that `fits`, where all smaller ones do too; 0 when none does.
  private static func largest(upTo limit: Int, fits: (Int) -> Bool) -> Int {
    var (low, high) = (0, max(0, limit))
    while low < high {
      let middle = low + (high - low + 1) / 2
      if fits(middle) { low = middle } else { high = middle - 1 }
    }
    return low
  }

  private func fits(limits: DeviceLimits, budgetBytes: Int) -> Bool {
    wantedBytes <= budgetBytes && max(largestWeightBytes, largestPoolBytes) <= limits.maxAllocationBytes
  }

  /// Host memory that was asked for: what is swapped takes as much as there is.
  private var wantedHostBytes: Int { host.totalBytes - (hostDemand.swapBytes == nil ? host.swapBytes : 0) }
  /// The same with the device's, where it is that of the host.
  private var wantedBytes: Int { totalBytes + (sharesHostMemory ? wantedHostBytes : 0) }

  /// What the host's memory is wanted for.
  private var hostParts: String {
    let parts = [
      ("swapped generations", hostDemand.swapBytes ?? 0), ("host cache", host.cacheBytes),
      ("blocks on their way", host.transferBytes),
    ]
    return parts.filter { $0.1 > 0 }.map { "\($0) \(formatted(bytes: $1))" }.joined(separator: ", ")
  }

  /// How host memory is saved, where so many bytes are too many.
  private func hostRemedy(_ excess: Int) -> String {
    let rest = (host.cacheBytes - excess) >> 20
    if rest > 0 { return "use --host-cache \(rest)" }
    let options = [
      (hostDemand.swapBytes ?? 0 > 0, "--swap"), (host.cacheBytes > 0, "--host-cache"),
      (hostDemand.keepsOnDisk, "--disk-cache"),
    ]
    return "leave out " + options.filter(\.0).map(\.1).joined(separator: " and ")
  }

  private func refusal(limits: DeviceLimits, budgetBytes budget: Int, isDefault: Bool = false) -> MemoryError {
    guard largestWeightBytes <= limits.maxAllocationBytes else {
      return MemoryError(
        .overMaxAllocation,
        "the largest weight needs \(formatted(bytes: largestWeightBytes)) in one buffer, \(limits.name) allows "
          + "\(formatted(bytes: limits.maxAllocationBytes)): use another device or a smaller model")
    }
    let fitting = largestContext(limits: limits, budgetBytes: budget)
    let overBudget = wantedBytes > budget
    // Without what is only useful it may fit.
    let isHosts = sharesHostMemory && wantedHostBytes > 0 && totalBytes <= budget
    let contexts =
      fitting > 0
      ? "use --context \(fitting)"
      : isHosts ? nil : "use a smaller model or a device with more memory (no context fits)"
    let remedies = [contexts, isHosts ? hostRemedy(wantedBytes - budget) : nil]
    let remedy = remedies.compactMap { $0 }.joined(separator: ", or ")
    let free = isDefault ? limits.budgetReason.map { " (\($0))" } ?? "" : ""
    let reason =
      overBudget
      ? "it may use \(formatted(bytes: budget))\(free)"
      : "its largest buffer may have \(formatted(bytes: limits.maxAllocationBytes)), one layer's keys would need "
        + formatted(bytes: largestPoolBytes)
    return MemoryError(
      overBudget ? .overBudget : .overMaxAllocation,
      "the model does not fit on \(limits.name): weights \(formatted(bytes: weightsBytes)), KV cache "
        + "\(formatted(bytes: kvBytes)) for \(sequences) (\(kvBytesPerToken) bytes a token), workspace "
        + "\(formatted(bytes: workspaceBytes)), staging \(formatted(bytes: stagingBytes)), "
        + (sharesHostMemory && wantedHostBytes > 0 ? "\(hostParts), " : "")
        + "together \(formatted(bytes: wantedBytes)); \(reason): \(remedy)")
  }

  /// Bytes of the largest pool buffer, one layer's keys or values.
  private var largestPoolBytes: Int { groups.map(\.largestPoolBytes).max() ?? 0 }

  private var sequences: String {
    sequenceCount == 1 ? "\(contextLength) tokens" : "\(sequenceCount) sequences of \(contextLength) tokens"
  }
}

extension KVCacheLayout {
  /// Tokens that contexts are counted in: the largest block of a group that grows with them.
  var contextUnit: Int {
    let growing = groups.filter { $0.kind == .growing }
    return (growing.isEmpty ? groups : growing).map(\.blockSize).max() ?? KVGroup.tokenGroup
  }
}

extension MemoryPlan: CustomStringConvertible {
  /// The plan as lines for people: one for each purpose, for each group where there are several, and the sum.
  public var description: String {
    let parts =
      groups.count < 2
      ? ""
      : groups.map { group in
        "\n  \(group.kind), \(group.layerCount) layers: \(formatted(bytes: group.bytes)), \(group.blockCount) blocks of "
          + "\(group.blockSize) tokens"
      }.joined()
    let places =
      experts.map {
        "\n  places for experts \(formatted(bytes: $0.deviceBytes)); all of them, \(formatted(bytes: $0.bytes)), stay in "
          + "host memory"
      } ?? ""
    let rows = [
      ("swap", host.swapBytes, "for generations that give way"),
      ("host cache", host.cacheBytes, "for beginnings of prompts"),
      ("transfers", host.transferBytes, "for blocks on their way to caches and back"),
    ].filter { $0.1 > 0 }.map { name, bytes, purpose in
      "\n  \(name.padded(to: 10)) \(formatted(bytes: bytes)) \(purpose)"
    }.joined()
    let besides =
      rows.isEmpty
      ? ""
      : "\nhost memory \(formatted(bytes: host.totalBytes))\(rows)"
        + (sharesHostMemory ? "\nboth       \(formatted(bytes: budgetedBytes)): the device's memory is the host's" : "")
    return """
      weights    \(formatted(bytes: weightsBytes))\(places)
      KV cache   \(formatted(bytes: kvBytes)) for \(sequences), \(formatted(bytes: kvBytesPerToken)) a token, \(cacheEncoding)\(parts)
      workspace  \(formatted(bytes: workspaceBytes))
      staging    \(formatted(bytes: stagingBytes))
      together   \(formatted(bytes: totalBytes))\(besides)
      """
  }
}

extension String {
  fileprivate func padded(to width: Int) -> String {
    self + String(repeating: " ", count: max(0, width - utf8.count))
  }
}
