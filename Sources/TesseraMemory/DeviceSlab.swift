import Synchronization
import TesseraCL

/// One buffer that is handed out piece by piece, so that a kernel can reach all pieces through one argument.
///
/// Pieces are never given back one by one; the buffer goes with the last of them.
package final class DeviceSlab: Sendable {
  private let allocation: DeviceAllocation
  private let end = Mutex(0)

  /// The buffer that all pieces lie in.
  package var buffer: Buffer { allocation.buffer }

  /// A slab of `byteCount` bytes on `heap`, or nil where that is more than the device allows in one buffer.
  ///
  /// Throws ``MemoryError`` when the heap refuses.
  package init?(_ heap: DeviceHeap, byteCount: Int, purpose: DeviceHeap.Purpose, label: String) throws(MemoryError) {
    guard byteCount > 0, byteCount <= heap.limits.maxAllocationBytes else { return nil }
    allocation = try heap.allocate(byteCount: byteCount, purpose: purpose, label: label)
  }

  /// Bytes that a piece of `byteCount` bytes takes of a slab.
  package static func paddedBytes(_ byteCount: Int, alignment: Int) -> Int {
    alignment <= 1 ? byteCount : (byteCount + alignment - 1) / alignment * alignment
  }

  /// The next `byteCount` bytes; their contents are undefined.
  ///
  /// Throws ``MemoryError`` when the slab is used up or the device refuses.
  package func allocate(byteCount: Int, label: String) throws(MemoryError) -> DeviceAllocation {
    let padded = Self.paddedBytes(byteCount, alignment: allocation.heap.limits.baseAddressAlignment)
    let start: Int? = end.withLock { end in
      guard byteCount > 0, padded <= buffer.byteCount - end else { return nil }
      defer { end += padded }
      return end
    }
    guard let start else {
      throw MemoryError(
        .invalidRequest, "\(label): \(byteCount) bytes do not fit the rest of \(allocation.label)")
    }
    do {
      return DeviceAllocation(
        buffer: try buffer.slice(offset: start, byteCount: byteCount), purpose: allocation.purpose, label: label,
        heap: allocation.heap, slab: allocation)
    } catch { throw MemoryError(error, while: "carving out \(label)") }
  }
}
