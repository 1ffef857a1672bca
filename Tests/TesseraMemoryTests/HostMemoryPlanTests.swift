import Testing

@testable import TesseraMemory

@Suite("Plan of the host's memory")
struct HostMemoryPlanTests {
  private static let blockBytes = 64 * 46080

  private static func plan(
    _ demand: HostMemoryDemand, context: Int = 1024, sequences: Int = 1, onHost: Bool = true
  ) throws -> MemoryPlan {
    try MemoryPlan(
      weightsBytes: 100_000_000, largestWeightBytes: 30_000_000, kvLayout: MemoryPlanTests.layout(),
      contextLength: context, sequenceCount: sequences, stepTokens: 512, workspaceBytes: 5_000_000,
      stagingBytes: 1_000_000, hostDemand: demand, sharesHostMemory: onHost)
  }

  private static func free(_ bytes: Int) -> DeviceLimits {
    var limits = DeviceLimits.gpu
    limits.hostFree = FreeMemory(byteCount: bytes, reason: "\(bytes) are free")
    return limits
  }

  @Test("blocks on their way are a context's, a step's twice, and what waits for the disk; a CPU's budget has all")
  func sums() throws {
    let none = try Self.plan(HostMemoryDemand())
    #expect(none.host.totalBytes == 0 && none.budgetedBytes == none.totalBytes)
    #expect(!none.description.contains("host memory"))
    let plan = try Self.plan(HostMemoryDemand(swapBytes: 7_000_000, cacheBytes: 9_000_000))
    #expect(plan.host.swapBytes == 7_000_000 && plan.host.cacheBytes == 9_000_000)
    #expect(plan.host.transferBytes == (16 + 2 * 9) * Self.blockBytes)
    #expect(plan.host.totalBytes == 16_000_000 + plan.host.transferBytes && plan.totalBytes == none.totalBytes)
    #expect(plan.budgetedBytes == plan.totalBytes + plan.host.totalBytes)
    let disk = try Self.plan(HostMemoryDemand(keepsOnDisk: true), onHost: false)
    #expect(disk.host.totalBytes == (16 + 2 * 9) * Self.blockBytes + 128 << 20 && disk.budgetedBytes == disk.totalBytes)
    for bytes in [-1, Int.max] {
      #expect(throws: MemoryError.self) { try Self.plan(HostMemoryDemand(cacheBytes: bytes)) }
      #expect(throws: MemoryError.self) { try Self.plan(HostMemoryDemand(swapBytes: bytes)) }
    }
  }

  @Test("the plan prints what is beside the device, and of a CPU both together")
  func prints() throws {
    let plan = try Self.plan(HostMemoryDemand(swapBytes: 7_000_000, cacheBytes: 9_000_000))
    let lines = plan.description.split(separator: "\n")
    #expect(lines.count == 10 && lines[4].hasPrefix("together "))
    #expect(lines[5].hasPrefix("host memory ") && lines[5].hasSuffix("(\(plan.host.totalBytes) bytes)"))
    #expect(lines[6].hasPrefix("  swap ") && lines[6].contains("(7000000 bytes)"))
    #expect(lines[7].hasPrefix("  host cache ") && lines[7].contains("(9000000 bytes)"))
    #expect(lines[8].hasPrefix("  transfers ") && lines[8].contains("(\(plan.host.transferBytes) bytes)"))
    #expect(lines[9].hasPrefix("both ") && lines[9].contains("(\(plan.budgetedBytes) bytes)"))
    let apart = try Self.plan(HostMemoryDemand(swapBytes: 7_000_000), onHost: false)
    #expect(apart.description.split(separator: "\n").count == 7)
  }

  @Test("what is too much for a CPU's memory is refused with the numbers and what would fit")
  func refusedOnCPU() throws {
    let plan = try Self.plan(HostMemoryDemand(swapBytes: 7_000_000, cacheBytes: 500 << 20))
    try plan.check(limits: .cpu, budgetBytes: plan.budgetedBytes)
    let budget = plan.budgetedBytes - 100 << 20
    let error = try memoryError { try plan.check(limits: .cpu, budgetBytes: budget) }
    #expect(error.code == .overBudget)
    for part in [
      "7000000 bytes", "\(500 << 20) bytes", "\(plan.host.transferBytes) bytes", "\(plan.budgetedBytes) bytes",
      "\(budget) bytes", "--host-cache 400",
    ] { #expect(error.message.contains(part), "\(part) is missing: \(error.message)") }
    let less = try Self.plan(HostMemoryDemand(swapBytes: 7_000_000, cacheBytes: 400 << 20))
    try less.check(limits: .cpu, budgetBytes: budget)
    // The device's part fits alone, and no context does with the rest.
    let least = try memoryError { try plan.check(limits: .cpu, budgetBytes: plan.totalBytes + 1000) }
    #expect(least.message.hasSuffix(": leave out --swap and --host-cache"), "\(least)")
    // A context that is named fits with all.
    let long = try Self.plan(HostMemoryDemand(cacheBytes: 100 << 20), context: 8192)
    let named = long.largestContext(limits: .cpu, budgetBytes: 400 << 20)
    #expect(named > 0)
    try Self.plan(HostMemoryDemand(cacheBytes: 100 << 20), context: named).check(limits: .cpu, budgetBytes: 400 << 20)
    #expect(throws: MemoryError.self) {
      try Self.plan(HostMemoryDemand(cacheBytes: 100 << 20), context: named + 64)
        .check(limits: .cpu, budgetBytes: 400 << 20)
    }
  }

  @Test("beside a GPU the host's own memory is what it must fit")
  func refusedBesideGPU() throws {
    let plan = try Self.plan(HostMemoryDemand(cacheBytes: 1 << 30), onHost: false)
    try plan.check(limits: .gpu)
    try plan.check(limits: Self.free(2 << 30), budgetBytes: plan.totalBytes)
    let error = try memoryError { try plan.check(limits: Self.free(1 << 30)) }
    #expect(error.code == .overBudget && error.message.contains("the host's memory"))
    #expect(error.message.contains("\(1 << 30) are free") && error.message.contains("--host-cache "), "\(error)")
  }

  @Test("where nobody says how much is swapped: the cache's size, at most an eighth of what is left, never refused")
  func automaticSwap() throws {
    let plan = try Self.plan(HostMemoryDemand(swapBytes: nil), sequences: 4)
    #expect(plan.host.swapBytes == 0)
    let roomy = plan.takingSwap(limits: .cpu)
    #expect(roomy.host.swapBytes == plan.kvBytes && roomy.totalBytes == plan.totalBytes)
    let tight = plan.takingSwap(limits: .cpu, budgetBytes: plan.totalBytes + 80_000_000)
    #expect(tight.host.swapBytes == 10_000_000)
    try tight.check(limits: .cpu, budgetBytes: plan.totalBytes)
    #expect(plan.takingSwap(limits: .cpu, budgetBytes: 1).host.swapBytes == 0)
    let large = try Self.plan(HostMemoryDemand(swapBytes: nil), context: 8192, sequences: 64)
    var limits = DeviceLimits.cpu
    limits.globalMemoryBytes = 1 << 40
    #expect(large.takingSwap(limits: limits).host.swapBytes == 1 << 30)
    let beside = try Self.plan(HostMemoryDemand(swapBytes: nil), sequences: 4, onHost: false)
    #expect(beside.takingSwap(limits: Self.free(1 << 30)).host.swapBytes == (1 << 30 - 128 << 20) / 8)
    #expect(beside.takingSwap(limits: .gpu).host.swapBytes == plan.kvBytes)
    let named = try Self.plan(HostMemoryDemand(swapBytes: 5))
    #expect(named.takingSwap(limits: .cpu) == named)
  }

  @Test("what is reserved beside devices is on the account of CPUs, as long as it lives")
  func reservation() {
    let accounts = DeviceAccounts()
    var first: HostReservation? = HostReservation(byteCount: 30, accounts: accounts)
    let second = HostReservation(byteCount: 12, accounts: accounts)
    #expect(first != nil && accounts.reservedOnHost == 42)
    first = nil
    #expect(accounts.reservedOnHost == 12)
    withExtendedLifetime(second) {}
  }
}
