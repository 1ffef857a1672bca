import COpenCL

/// Why OpenCL work cannot be done: which call failed, its status by name, and what to do.
public struct CLError: Error, CustomStringConvertible, Sendable {
  public enum Code: Sendable, Equatable {
    /// No OpenCL driver, or none with a device, is installed.
    case noDriver
    /// No device answers to the name or number asked for.
    case noSuchDevice
    /// The device lacks what Tessera needs.
    case deviceUnusable
    /// A program does not compile; the message has the compiler's log.
    case buildFailed
    /// A kernel got arguments that it does not take, or a range that cannot be.
    case badLaunch
    /// A size or an offset is out of bounds.
    case outOfBounds
    /// The device has no memory left.
    case outOfMemory
    /// Any other status.
    case call(status: Int32)
  }

  public let code: Code
  /// The OpenCL function that failed, if one did.
  public let call: String?
  /// The fault, where it is, and what to do.
  public let message: String
  public var description: String { message }

  init(_ code: Code, _ message: String, call: String? = nil) {
    self.code = code
    self.call = call
    self.message = message
  }

  /// The error of a call that returned `status`.
  init(status: cl_int, call: String, about: String = "") {
    let place = about.isEmpty ? "" : " (\(about))"
    switch status {
    case -4, -61:
      self.init(
        .outOfMemory,
        "\(call) failed with \(statusName(status))\(place): the device has no room for it; ask for "
          + "less, e.g. --context",
        call: call)
    case -5, -6:
      self.init(
        .outOfMemory, "\(call) failed with \(statusName(status))\(place): the device or the host is out of memory",
        call: call)
    default:
      self.init(.call(status: status), "\(call) failed with \(statusName(status))\(place)", call: call)
    }
  }
}

/// Throws if an OpenCL call did not succeed.
@inline(__always)
func check(_ status: cl_int, _ call: @autoclosure () -> String, _ about: @autoclosure () -> String = "") throws(CLError)
{
  guard status == CL_SUCCESS else { throw CLError(status: status, call: call(), about: about()) }
}
