import TesseraCL
import TesseraMemory

/// Counters of the step programs of one queue, by which work-groups share the units of each command: `Kernels/step/phases.cl`.
///
/// They come in two halves: a launch counts in one, which is zero, and clears what the launch before it has used of the other.
package final class StepCounters {
  /// Commands of a launch, at most.
  let commandCount: Int
  let memory: DeviceAllocation
  let groupCount: Int
  private var half = 0
  private var lastCount = 0

  package init(commandCount: Int, heap: DeviceHeap, queue: Queue) throws {
    self.commandCount = max(1, commandCount)
    groupCount = heap.limits.computeUnits
    let bytes = Self.deviceBytes(commandCount: self.commandCount, limits: heap.limits)
    memory = try heap.allocate(byteCount: bytes, purpose: .workspace, label: "step programs' counters")
    try queue.fill(memory.buffer, byteCount: bytes)
  }

  /// Bytes on the device for launches of at most `commandCount` commands.
  package static func deviceBytes(commandCount: Int, limits: DeviceLimits) -> Int {
    2 * commandCount * commandBytes(limits.computeUnits)
  }

  /// Of a command: a counter for each work-group, and one for all, each in a line of the cache.
  private static func commandBytes(_ groupCount: Int) -> Int { (groupCount + 1) * 64 }

  /// Where the next launch, of `count` commands, counts, and which counters it clears: byte offsets, and commands.
  func next(_ count: Int) -> (use: Int, clear: Int, clearCount: Int) {
    let halfBytes = commandCount * Self.commandBytes(groupCount)
    defer { (half, lastCount) = (1 - half, count) }
    return (half * halfBytes, (1 - half) * halfBytes, lastCount)
  }

  /// Begins anew after a launch that failed.
  func reset(on queue: Queue) {
    try? queue.fill(memory.buffer, byteCount: memory.byteCount)
    (half, lastCount) = (0, 0)
  }
}
