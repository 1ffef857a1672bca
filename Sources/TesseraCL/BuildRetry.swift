import COpenCL

/// Builds that are worth another try: a driver whose cache on disk is shared by processes can fail in a race between
/// them, and then has no compiler's message to show.
enum BuildRetry {
  /// Tries in all.
  static let attempts = 3

  /// Whether a failure may pass: the status is a build's, and the log names no error.
  static func mayPass(_ status: cl_int, log: String) -> Bool {
    guard status == CL_BUILD_PROGRAM_FAILURE else { return false }
    let log = log.lowercased()
    return !["error:", "error :", "fatal", "undefined", "unresolved"].contains { log.contains($0) }
  }

  /// The first success of `attempt`, or its last failure.
  ///
  /// - Parameters:
  ///   - attempt: a program, or the status and the log of the build that failed.
  ///   - onRetry: called before each further try.
  static func run<Built>(
    _ attempt: () throws(CLError) -> Result<Built, Failure>, onRetry: (Failure) -> Void
  ) throws(CLError) -> Result<Built, Failure> {
    for _ in 1..<attempts {
      let result = try attempt()
      guard case .failure(let failure) = result, mayPass(failure.status, log: failure.log) else { return result }
      onRetry(failure)
    }
    return try attempt()
  }

  struct Failure: Error {
    var status: cl_int
    var log: String
  }
}
