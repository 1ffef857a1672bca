import Testing

@testable import TesseraCL

/// Suites that use a device run one test at a time.
@Suite("OpenCL on every device", .serialized)
enum OpenCLOnDevices {}

/// The error that `body` throws; fails when it throws none.
func clError<T>(_ body: () throws -> T, sourceLocation: SourceLocation = #_sourceLocation) throws -> CLError {
  let error = #expect(throws: CLError.self, sourceLocation: sourceLocation) { _ = try body() }
  return try #require(error, sourceLocation: sourceLocation)
}

/// x[i] += amount · factor, with FACTOR 1 by default.
let addSource = """
  #ifndef FACTOR
  #define FACTOR 1
  #endif
  kernel void add(global float *x, const float amount, const uint count) {
    const uint i = get_global_id(0);
    if (i < count) x[i] += amount * FACTOR;
  }
  """
