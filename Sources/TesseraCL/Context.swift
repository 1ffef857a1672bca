import COpenCL

/// The OpenCL context that buffers, programs and queues of one device share.
package final class Context: Sendable {
  package let device: Device
  // A retained handle; OpenCL 1.2, appendix A.2: every call on it is thread-safe.
  nonisolated(unsafe) let handle: cl_context

  package init(_ device: Device) throws(CLError) {
    self.device = device
    let properties: [cl_context_properties] = [
      cl_context_properties(CL_CONTEXT_PLATFORM), Int(bitPattern: device.platform), 0,
    ]
    var id: cl_device_id? = device.id
    var status: cl_int = 0
    guard let handle = clCreateContext(properties, 1, &id, nil, nil, &status), status == CL_SUCCESS else {
      throw CLError(status: status, call: "clCreateContext", about: device.profile.name)
    }
    self.handle = handle
  }

  deinit { clReleaseContext(handle) }
}
