import TesseraMemory
import TesseraWorkbench

@testable import TesseraOperators

/// Where elements lie in a pool of floats: `Kernels/common/cache.cl`.
struct FloatPool {
  let kvHeads, headDim, slots: Int
  let style: KernelStyle

  init(_ a: OperatorsOnDevices.RotaryStoreTests.Case, slots: Int, style: KernelStyle) {
    (kvHeads, headDim, self.slots, self.style) = (a.kvHeads, a.headDim, slots, style)
  }

  var count: Int { kvHeads * headDim * slots }

  /// - Parameter bytes: of an element.
  func key(_ head: Int, _ slot: Int, _ element: Int, bytes: Int = 4) -> Int {
    let packing = CachePacking(element: .f32, size: headDim, isKeys: true, style: style)
    return (head * slots + slot) / 16 * 16 * headDim
      + packing.place(element, token: slot % 16, of: headDim, bytes: bytes)
  }

  /// Of all heads' slots' elements in order.
  func keyPlaces(bytes: Int) -> [Int] {
    (0..<kvHeads).flatMap { head in
      (0..<slots).flatMap { slot in (0..<headDim).map { key(head, slot, $0, bytes: bytes) } }
    }
  }

  func value(_ head: Int, _ slot: Int, _ element: Int) -> Int { (head * slots + slot) * headDim + element }
}
