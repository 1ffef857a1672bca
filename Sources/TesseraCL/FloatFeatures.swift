/// How a device calculates with floats of one width, as its driver tells (`CL_DEVICE_SINGLE_FP_CONFIG`).
///
/// Source: OpenCL 3.0 API specification, table of device queries, `cl_device_fp_config`.
package struct FloatFeatures: OptionSet, Sendable {
  package let rawValue: UInt64

  package init(rawValue: UInt64) { self.rawValue = rawValue }

  /// Numbers under the smallest normal one are kept, not flushed to zero.
  package static let denormals = FloatFeatures(rawValue: 1 << 0)
  package static let infinityAndNaN = FloatFeatures(rawValue: 1 << 1)
  package static let roundToNearest = FloatFeatures(rawValue: 1 << 2)
  /// A fused multiply-add in hardware.
  package static let fusedMultiplyAdd = FloatFeatures(rawValue: 1 << 5)
  /// Division and square roots can be rounded correctly, where the build asks for it.
  package static let correctDivideSqrt = FloatFeatures(rawValue: 1 << 7)

  /// Options of a build that make results the same on as many devices as can be.
  var buildOptions: [String] { contains(.correctDivideSqrt) ? ["-cl-fp32-correctly-rounded-divide-sqrt"] : [] }
}
