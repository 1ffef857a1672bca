/// What a model will need on the device, computed before anything is allocated.
public struct MemoryPlan: Sendable, Equatable, Encodable {
  /// Bytes of all weights as they will lie on the device.
  public let weightsBytes: Int
  /// Bytes of the largest single weight buffer.
  public let largestWeightBytes: Int
  /// KV bytes of one token over all layers.
  public let kvBytesPerToken: Int
  /// Tokens of one KV block; the cache grows by whole blocks.
  public let kvBlockSize: Int
  /// KV bytes of one token in the largest single pool buffer (one layer's keys or values).
  public let largestKVBytesPerToken: Int
  /// Tokens that each sequence may hold.
  public let contextLength: Int
  /// Sequences that may be full at once.
  public let sequenceCount: Int
  /// KV bytes of all sequences, in whole blocks.
  public let kvBytes: Int
  /// Bytes of step-local workspace.
  public let workspaceBytes: Int
  /// Bytes through which data passes on its way to and from the device.
  public let stagingBytes: Int
  /// The sum.
  public let totalBytes: Int

  /// The plan for a model whose weights take `weightsBytes` and whose cache has `kvLayout`.
  ///
  /// Throws ``MemoryError`` when a size is negative, a count not positive, or a sum beyond `Int`.
  public init(
    weightsBytes: Int, largestWeightBytes: Int, kvLayout: KVCacheLayout, contextLength: Int, sequenceCount: Int = 1,
    workspaceBytes: Int, stagingBytes: Int = 0
  ) throws(MemoryError) {
    let blocks = try kvLayout.blockCount(contextLength: contextLength, sequenceCount: sequenceCount)
    self.weightsBytes = weightsBytes
    self.largestWeightBytes = largestWeightBytes
    kvBytesPerToken = kvLayout.bytesPerToken
    kvBlockSize = kvLayout.blockSize
    largestKVBytesPerToken = kvLayout.largestPoolBytesPerToken
    self.contextLength = contextLength
    self.sequenceCount = sequenceCount
    kvBytes = try checkedProduct(blocks, kvLayout.bytesPerBlock, of: "KV cache of \(contextLength) tokens")
    self.workspaceBytes = workspaceBytes
    self.stagingBytes = stagingBytes
    totalBytes = try checkedSum([weightsBytes, kvBytes, workspaceBytes, stagingBytes], of: "memory plan")
  }

  /// Throws ``MemoryError`` unless the plan fits into `budgetBytes` on a device with `limits`.
  ///
  /// The refusal names every number and, where a shorter context would fit, that context.
  public func check(limits: DeviceLimits, budgetBytes: Int? = nil) throws(MemoryError) {
    let budget = budgetBytes ?? limits.defaultBudgetBytes
    guard largestWeightBytes <= limits.maxAllocationBytes else {
      throw MemoryError(
        .overMaxAllocation,
        "the largest weight needs \(formatted(bytes: largestWeightBytes)) in one buffer, \(limits.name) allows "
          + "\(formatted(bytes: limits.maxAllocationBytes)): use another device or a smaller model")
    }
    let kvPool = largestPoolBytes
    guard totalBytes <= budget, kvPool <= limits.maxAllocationBytes else {
      let fitting = largestContext(limits: limits, budgetBytes: budget)
      let remedy =
        fitting > 0
        ? "use --context \(fitting)"
        : "use a smaller model or a device with more memory (no context fits)"
      let overBudget = totalBytes > budget
      let reason =
        overBudget
        ? "it may use \(formatted(bytes: budget))"
        : "its largest buffer may have \(formatted(bytes: limits.maxAllocationBytes)), one layer's keys would need "
          + formatted(bytes: kvPool)
      throw MemoryError(
        overBudget ? .overBudget : .overMaxAllocation,
        "the model does not fit on \(limits.name): weights \(formatted(bytes: weightsBytes)), KV cache "
          + "\(formatted(bytes: kvBytes)) for \(sequences) (\(kvBytesPerToken) bytes a token), workspace "
          + "\(formatted(bytes: workspaceBytes)), staging \(formatted(bytes: stagingBytes)), together "
          + "\(formatted(bytes: totalBytes)); \(reason): \(remedy)")
    }
  }

  /// The longest context, in whole blocks, that fits into `budgetBytes`; 0 when none does.
  public func largestContext(limits: DeviceLimits, budgetBytes: Int) -> Int {
    let fixed = totalBytes - kvBytes
    guard budgetBytes > fixed, largestWeightBytes <= limits.maxAllocationBytes else { return 0 }
    // Bytes a block of every sequence takes. These products are parts of `kvBytes`, so they cannot overflow.
    let blockBytes = kvBytesPerToken * kvBlockSize * sequenceCount
    let poolBlockBytes = largestKVBytesPerToken * kvBlockSize * sequenceCount
    guard blockBytes > 0, poolBlockBytes > 0 else { return 0 }
    let blocks = min((budgetBytes - fixed) / blockBytes, max(0, limits.maxAllocationBytes) / poolBlockBytes)
    return blocks.multipliedReportingOverflow(by: kvBlockSize).overflow ? contextLength : blocks * kvBlockSize
  }

  /// Bytes of the largest pool buffer, one layer's keys or values.
  private var largestPoolBytes: Int {
    kvBytesPerToken > 0 ? kvBytes / kvBytesPerToken * largestKVBytesPerToken : 0
  }

  private var sequences: String {
    sequenceCount == 1 ? "\(contextLength) tokens" : "\(sequenceCount) sequences of \(contextLength) tokens"
  }
}

extension MemoryPlan: CustomStringConvertible {
  /// The plan as lines for people: one for each purpose, and the sum.
  public var description: String {
    """
    weights    \(formatted(bytes: weightsBytes))
    KV cache   \(formatted(bytes: kvBytes)) for \(sequences), \(formatted(bytes: kvBytesPerToken)) a token
    workspace  \(formatted(bytes: workspaceBytes))
    staging    \(formatted(bytes: stagingBytes))
    together   \(formatted(bytes: totalBytes))
    """
  }
}
