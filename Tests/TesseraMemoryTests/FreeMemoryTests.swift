import Testing

@testable import TesseraMemory

@Suite("Free memory")
struct FreeMemoryTests {
  static let base = [
    "/proc/meminfo": "MemTotal:       24000000 kB\nMemFree:         1000000 kB\nMemAvailable:    8000000 kB\n",
    "/proc/self/limits": """
    Limit                     Soft Limit           Hard Limit           Units
    Max cpu time              unlimited            unlimited            seconds
    Max address space         unlimited            unlimited            bytes

    """,
    "/proc/self/status": "Name:\tx\nVmPeak:\t  900000 kB\nVmSize:\t  500000 kB\n",
    "/proc/self/cgroup": "0::/\n",
  ]

  static func free(_ files: [String: String], reserved: Int = 0) -> FreeMemory? {
    let all = base.merging(files) { $1 }
    return FreeMemory.now(reservedBytes: reserved) { all[$0] }
  }

  @Test("without limits it is what the machine has")
  func machine() {
    #expect(Self.free([:])?.byteCount == 8_000_000 << 10)
    #expect(Self.free([:])?.reason.contains("(8192000000 bytes) of the machine's memory") == true)
    #expect(FreeMemory.now { _ in nil } == nil)
  }

  @Test("what the process has reserved and not touched is not free")
  func reserved() throws {
    let touched = ["/proc/self/status": "VmSize:\t 900000 kB\nVmRSS:\t 800000 kB\nRssAnon:\t  500000 kB\n"]
    let free = try #require(Self.free(touched, reserved: 2_000_000 << 10))
    #expect(free.byteCount == 6_500_000 << 10)
    #expect(
      free.reason.contains("free") && free.reason.contains("reserved 1.4 GiB (1536000000 bytes)"), "\(free.reason)")
    #expect(Self.free(touched, reserved: 500_000 << 10)?.byteCount == 8_000_000 << 10)
    #expect(Self.free([:], reserved: 9_000_000 << 10)?.byteCount == 0)
    // Address space is used up at once.
    let limits = ["/proc/self/limits": "Max address space         2000000000           unlimited            bytes\n"]
    #expect(Self.free(limits, reserved: 1_000_000_000)?.byteCount == Self.free(limits)?.byteCount)
  }

  @Test("an address space that is limited leaves what is not mapped")
  func addressSpace() throws {
    let limits = "Max address space         2000000000           unlimited            bytes\n"
    let free = try #require(Self.free(["/proc/self/limits": limits]))
    #expect(free.byteCount == 2_000_000_000 - 512_000_000 - FreeMemory.reservedAddressSpace)
    #expect(free.reason.contains("2000000000") && free.reason.contains("ulimit -v"))
    let used = "VmSize:\t 1500000 kB\n"
    #expect(Self.free(["/proc/self/limits": limits, "/proc/self/status": used])?.byteCount == 0)
  }

  @Test("control groups of both versions, and the groups they are in, leave the least of them; file pages do not count")
  func controlGroups() {
    let second = [
      "/proc/self/cgroup": "0::/a.slice/b\n", "/sys/fs/cgroup/a.slice/b/memory.max": "max\n",
      "/sys/fs/cgroup/a.slice/b/memory.current": "1\n", "/sys/fs/cgroup/a.slice/memory.max": "4000000000\n",
      "/sys/fs/cgroup/a.slice/memory.current": "1500000000\n",
      "/sys/fs/cgroup/a.slice/memory.stat": "anon 1\ninactive_file 500000000\nactive_file 7\n",
    ]
    #expect(Self.free(second)?.byteCount == 3_000_000_000)
    let first = [
      "/proc/self/cgroup": "5:cpu,cpuacct:/x\n4:memory:/docker/1\n",
      "/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
      "/sys/fs/cgroup/memory/memory.usage_in_bytes": "77\n",
      "/sys/fs/cgroup/memory/docker/1/memory.limit_in_bytes": "2000000000\n",
      "/sys/fs/cgroup/memory/docker/1/memory.usage_in_bytes": "700000000\n",
      "/sys/fs/cgroup/memory/docker/1/memory.stat": "total_inactive_file 100000000\n",
    ]
    #expect(Self.free(first)?.byteCount == 1_400_000_000)
  }

  @Test("files that say nothing, or nonsense, bound nothing")
  func nonsense() {
    for text in ["", "\n\n", "MemAvailable:", "MemAvailable: -3 kB", "MemAvailable: 99999999999999999999 kB", "\0"] {
      let files = [
        "/proc/meminfo": text, "/proc/self/limits": "Max address space  many",
        "/proc/self/cgroup": "a\n::\n0::/../..\n",
        "/sys/fs/cgroup/memory.max": "-1", "/sys/fs/cgroup/memory.current": "x",
      ]
      #expect(Self.free(files) == nil, "\(text)")
    }
  }

  @Test("a CPU's default budget is what is free less a margin; a refusal says what sets it")
  func budget() throws {
    var limits = DeviceLimits.cpu
    #expect(limits.defaultBudgetBytes == (8 << 30) - (512 << 20))
    limits.free = FreeMemory(byteCount: 400 << 20, reason: "the process may have little")
    #expect(limits.defaultBudgetBytes == 272 << 20)
    let error = try memoryError { try MemoryPlanTests.plan(context: 8192).check(limits: limits) }
    #expect(error.code == .overBudget && error.message.contains("the process may have little"))
    #expect(error.message.contains("\(272 << 20)"))
    limits.free = FreeMemory(byteCount: 100, reason: "")
    #expect(limits.defaultBudgetBytes == 50)
    // More than the device says it has is not to be had.
    limits.free = FreeMemory(byteCount: 1 << 40, reason: "")
    #expect(limits.defaultBudgetBytes == DeviceLimits.cpu.defaultBudgetBytes)
  }
}
