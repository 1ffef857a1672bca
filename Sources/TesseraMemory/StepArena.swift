import TesseraCL

/// Step-local workspace: one buffer, carved once into the named slices of an ``ArenaPlan``.
///
/// All slices are made at the start, so that a step costs no OpenCL call. Slices whose lifetimes do not overlap share
/// memory: an in-order queue keeps their uses apart.
public final class StepArena: Sendable {
  /// The layout.
  public let plan: ArenaPlan

  private let allocation: DeviceAllocation?
  private let slices: [String: Buffer]

  /// Allocates `plan` on `heap` and makes its slices.
  ///
  /// Throws ``MemoryError`` when the plan's alignment is not the device's or the heap refuses.
  public init(_ plan: ArenaPlan, on heap: DeviceHeap, label: String = "step arena") throws(MemoryError) {
    self.plan = plan
    guard plan.byteCount > 0 else {
      allocation = nil
      slices = [:]
      return
    }
    let needed = heap.limits.baseAddressAlignment
    guard needed <= 0 || plan.alignment % needed == 0 else {
      throw MemoryError(
        .invalidRequest,
        "\(label): planned at an alignment of \(plan.alignment) bytes, \(heap.limits.name) needs multiples of \(needed)"
      )
    }
    let allocation = try heap.allocate(byteCount: plan.byteCount, purpose: .workspace, label: label)
    var slices: [String: Buffer] = [:]
    for (name, slot) in plan.slots {
      do {
        slices[name] = try allocation.buffer.slice(offset: slot.offset, byteCount: slot.byteCount)
      } catch {
        throw MemoryError(error, while: "\(label): carving out \(name)")
      }
    }
    self.allocation = allocation
    self.slices = slices
  }

  /// The slice that was planned as `name`.
  ///
  /// Throws ``MemoryError`` when the plan has no such piece.
  public func slice(_ name: String) throws(MemoryError) -> Buffer {
    guard let slice = slices[name] else {
      let names = slices.keys.sorted().joined(separator: ", ")
      throw MemoryError(.invalidRequest, "the step arena has no slice \(name); it has: \(names)")
    }
    return slice
  }
}
