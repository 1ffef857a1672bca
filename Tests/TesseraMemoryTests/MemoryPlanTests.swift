import Foundation
import TesseraCL
import Testing

@testable import TesseraMemory

@Suite("Memory plan")
struct MemoryPlanTests {
  /// SmolLM2-135M: 30 layers, 3 kv heads of 64, float32: 46,080 bytes a token.
  static func layout(blockSize: Int = 64) throws -> KVCacheLayout {
    try KVCacheLayout(layerCount: 30, geometry: KVGeometry(kvHeadCount: 3, keyDim: 64), blockSize: blockSize)
  }

  static func plan(context: Int, sequences: Int = 1, workspacePerToken: Int = 0) throws -> MemoryPlan {
    try MemoryPlan(
      weightsBytes: 100_000_000, largestWeightBytes: 30_000_000, kvLayout: layout(), contextLength: context,
      sequenceCount: sequences, stepTokens: 512, workspaceBytes: 5_000_000 + workspacePerToken * context,
      workspaceBytesPerToken: workspacePerToken, stagingBytes: 1_000_000)
  }

  @Test("the sum is weights, whole KV blocks of every sequence, workspace and staging")
  func sums() throws {
    let plan = try Self.plan(context: 1000, sequences: 2)
    #expect(plan.kvBytesPerToken == 2 * 30 * 3 * 64 * 4)
    #expect(plan.kvBytes == 2 * 1024 * 46080)
    #expect(plan.totalBytes == 100_000_000 + 2 * 1024 * 46080 + 5_000_000 + 1_000_000)
    try plan.check(limits: .cpu)
  }

  @Test("a plan over the budget is refused with every number and the longest context that fits")
  func overBudget() throws {
    let plan = try Self.plan(context: 8192)
    let error = try memoryError { try plan.check(limits: .cpu, budgetBytes: 200_000_000) }
    #expect(error.code == .overBudget)
    for number in [100_000_000, 8192 * 46080, 46080, 5_000_000, 1_000_000, plan.totalBytes, 200_000_000] {
      #expect(error.message.contains("\(number)"), "\(number) is missing: \(error.message)")
    }
    // (200 MB − 106 MB) / (64 · 46,080 bytes) = 31 blocks.
    #expect(error.message.contains("--context 1984"))
  }

  @Test("the context that a refusal names fits, and one block more does not", arguments: [1, 3], [0, 512])
  func remedyIsExact(sequences: Int, workspacePerToken: Int) throws {
    func plan(_ context: Int) throws -> MemoryPlan {
      try Self.plan(context: context, sequences: sequences, workspacePerToken: workspacePerToken)
    }
    for budget in stride(from: 120_000_000, through: 900_000_000, by: 37_000_000) {
      let wanted = try plan(1 << 20)
      let fitting = wanted.largestContext(limits: .cpu, budgetBytes: budget)
      if fitting > 0 {
        try plan(fitting).check(limits: .cpu, budgetBytes: budget)
      }
      #expect(throws: MemoryError.self) { try plan(fitting + 64).check(limits: .cpu, budgetBytes: budget) }
    }
  }

  @Test("one layer's keys beyond the largest allocation are refused with the context that fits")
  func poolOverMaxAllocation() throws {
    var limits = DeviceLimits.gpu
    limits.maxAllocationBytes = 40_000_000  // 768 bytes of keys a token: 52,083 tokens, 813 blocks
    let plan = try Self.plan(context: 100_000)
    let error = try memoryError { try plan.check(limits: limits) }
    #expect(error.code == .overMaxAllocation)
    #expect(error.message.contains("--context 52032"), "\(error.message)")
    try Self.plan(context: 52032).check(limits: limits)
  }

  @Test("a weight beyond the largest allocation is refused, and so is a model that leaves no room for a context")
  func noRemedy() throws {
    var limits = DeviceLimits.gpu
    limits.maxAllocationBytes = 20_000_000
    let error = try memoryError { try Self.plan(context: 64).check(limits: limits) }
    #expect(error.code == .overMaxAllocation && error.message.contains("30000000"))
    let full = try memoryError { try Self.plan(context: 64).check(limits: .cpu, budgetBytes: 50_000_000) }
    #expect(full.message.contains("no context fits"))
  }

  @Test("absurd sizes are refused without a trap")
  func absurd() throws {
    let layout = try Self.layout()
    for (weights, context, sequences, workspace) in [
      (-1, 64, 1, 0), (Int.max, 64, 1, 1), (1, Int.max, 1, 0), (1, 0, 1, 0), (1, 64, 0, 0), (1, 64, Int.max, 0),
      (1, 64, 1, -5), (1, -64, 1, 0), (1, 1 << 40, 1 << 20, 0),
    ] {
      #expect(throws: MemoryError.self) {
        try MemoryPlan(
          weightsBytes: weights, largestWeightBytes: 1, kvLayout: layout, contextLength: context,
          sequenceCount: sequences, stepTokens: 1, workspaceBytes: workspace)
      }
    }
  }

  /// Gemma 3 270M: of 18 layers, 15 have a window of 512 tokens.
  static func windowed() throws -> KVCacheLayout {
    let geometry = try KVGeometry(kvHeadCount: 1, keyDim: 256)
    let growing = [5, 11, 17]
    return try KVCacheLayout(groups: [
      KVGroup(layers: growing, geometry: geometry),
      KVGroup(layers: (0..<18).filter { !growing.contains($0) }, geometry: geometry, kind: .window(512, sinks: 0)),
    ])
  }

  @Test(
    "layers with a window take what it holds: Gemma 3's cache at most two fifths of a uniform one", arguments: [1, 4])
  func windows(sequences: Int) throws {
    func plan(_ layout: KVCacheLayout) throws -> MemoryPlan {
      try MemoryPlan(
        weightsBytes: 1, largestWeightBytes: 1, kvLayout: layout, contextLength: 8192, sequenceCount: sequences,
        stepTokens: 512, workspaceBytes: 1)
    }
    let (windowed, uniform) = (
      try plan(Self.windowed()),
      try plan(KVCacheLayout(layerCount: 18, geometry: KVGeometry(kvHeadCount: 1, keyDim: 256)))
    )
    #expect(Double(windowed.kvBytes) <= 0.4 * Double(uniform.kvBytes), "\(windowed.kvBytes) of \(uniform.kvBytes)")
    #expect(windowed.kvBytesPerToken == 3 * 2048)
    let lines = windowed.description.split(separator: "\n")
    #expect(lines.count == 7)
    #expect(lines[2].contains("growing, 3 layers") && lines[2].contains("(\(windowed.groups[0].bytes) bytes)"))
    #expect(lines[3].contains("window, 15 layers") && lines[3].contains("\(20 * sequences) blocks of 64 tokens"))
  }

  @Test("the plan prints a line for each purpose and the sum")
  func prints() throws {
    let lines = try Self.plan(context: 1000).description.split(separator: "\n")
    #expect(lines.count == 5)
    #expect(lines[1] == "KV cache   45.0 MiB (47185920 bytes) for 1000 tokens, 45.0 KiB (46080 bytes) a token, f32")
    #expect(lines[4].hasPrefix("together ") && lines[4].hasSuffix("(153185920 bytes)"))
  }

  @Test("the plan says how the cache keeps what is kept")
  func cacheEncoding() throws {
    func encoding(_ kinds: [KVKind], _ keys: KVEncoding, _ values: KVEncoding) throws -> String {
      let groups = try kinds.enumerated().map { index, kind in
        let exact = kind == .transient
        return try KVGroup(
          layers: [index],
          geometry: KVGeometry(
            kvHeadCount: 1, keyDim: 64, keys: exact ? .f32 : keys, values: exact ? .f32 : values), kind: kind)
      }
      return try MemoryPlan(
        weightsBytes: 1, largestWeightBytes: 1, kvLayout: KVCacheLayout(groups: groups), contextLength: 64,
        stepTokens: 64, workspaceBytes: 1
      ).cacheEncoding
    }
    #expect(try encoding([.growing], .f16, .f16) == "f16")
    #expect(try encoding([.transient, .growing], .q8_0, .f16) == "q8_0,f16")
    #expect(try encoding([.transient], .f16, .f16) == "f32")
    #expect(KVEncoding.standard(on: .gpu) == .f16)
    for type in [DeviceProfile.DeviceType.cpu, .accelerator, .other] { #expect(KVEncoding.standard(on: type) == .f32) }
  }

  @Test("the plan encodes every number by name")
  func encodes() throws {
    let plan = try Self.plan(context: 1000)
    let object = try JSONSerialization.jsonObject(with: JSONEncoder().encode(plan)) as? [String: Any]
    #expect(object?["totalBytes"] as? Int == plan.totalBytes)
    #expect(object?["kvBytesPerToken"] as? Int == 46080)
    let groups = object?["groups"] as? [[String: Any]]
    #expect(groups?.count == 1 && groups?[0]["bytes"] as? Int == plan.kvBytes)
  }
}
