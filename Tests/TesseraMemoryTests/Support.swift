import Testing

@testable import TesseraMemory

extension DeviceLimits {
  /// A CPU and a GPU as drivers describe them, for plans that need no device.
  static let cpu = DeviceLimits(
    name: "a CPU", isCPU: true, vectorWidth: 16, localMemoryBytes: 512 << 10, maxWorkGroupSize: 4096,
    globalMemoryBytes: 8 << 30, maxAllocationBytes: 2 << 30, baseAddressAlignment: 128)
  static let gpu = DeviceLimits(
    name: "a GPU", isCPU: false, vectorWidth: 1, localMemoryBytes: 48 << 10, maxWorkGroupSize: 1024,
    globalMemoryBytes: 24 << 30, maxAllocationBytes: 6 << 30, baseAddressAlignment: 512)
}

/// The error that `body` throws; fails when it throws none.
func memoryError<T>(_ body: () throws -> T, sourceLocation: SourceLocation = #_sourceLocation) throws -> MemoryError {
  let error = #expect(throws: MemoryError.self, sourceLocation: sourceLocation) { _ = try body() }
  return try #require(error, sourceLocation: sourceLocation)
}

/// SplitMix64, so that property tests repeat.
struct TestGenerator: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
