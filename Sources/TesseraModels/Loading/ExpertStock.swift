import TesseraMemory
import TesseraOperators

/// The experts of all layers, which may stay in host memory.
struct ExpertStock: Sendable, Equatable {
  private(set) var layerCount = 0
  /// Of all layers.
  private(set) var count = 0
  /// Bytes on the device, if all were there.
  private(set) var bytes = 0
  /// Of the largest expert.
  private(set) var gateUpBytes = 0
  private(set) var downBytes = 0

  mutating func add(gateUp: WeightShape, down: WeightShape, count: Int) {
    layerCount += 1
    self.count += count
    bytes += (gateUp.byteCount + down.byteCount) * count
    gateUpBytes = max(gateUpBytes, gateUp.byteCount)
    downBytes = max(downBytes, down.byteCount)
  }

  /// Bytes of a place on the device, which any expert can come to.
  var placeBytes: Int { gateUpBytes + downBytes }

  /// Places on the device within a budget: of all experts at most.
  ///
  /// - Throws: `ModelError` for a model without experts, `MemoryError` where not one fits.
  func places(budget: Int, limits: DeviceLimits) throws -> Int {
    guard count > 0 else {
      throw ModelError(.unsupportedFeature, "memory for experts: the model has none, leave out --expert-memory")
    }
    let places = min(budget / placeBytes, limits.maxAllocationBytes / max(gateUpBytes, downBytes), count)
    guard max(gateUpBytes, downBytes) <= limits.maxAllocationBytes else {
      throw MemoryError(
        .overBudget,
        "an expert takes \(max(gateUpBytes, downBytes)) bytes, and the device's buffers have at most "
          + "\(limits.maxAllocationBytes): use another device")
    }
    guard places > 0 else {
      throw MemoryError(
        .overBudget,
        "\(budget) bytes for experts, of which one takes \(placeBytes): use --expert-memory "
          + "\((placeBytes + (1 << 20) - 1) >> 20) or more, better what a token's experts of all layers take")
    }
    return places
  }
}
