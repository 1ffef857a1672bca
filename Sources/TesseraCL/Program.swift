import COpenCL

/// Compiled OpenCL C.
package final class Program: Sendable {
  package let name: String
  // A retained handle; OpenCL 1.2, appendix A.2: every call on it is thread-safe.
  nonisolated(unsafe) let handle: cl_program
  let context: Context

  /// Compiles a source, or loads what an earlier run compiled.
  ///
  /// - Parameters:
  ///   - name: says in errors which source it is.
  ///   - options: as `clBuildProgram` takes them; division and square roots are rounded correctly wherever the device
  ///     can (`FloatFeatures.buildOptions`).
  ///   - target: a PTX target, such as `sm_90a`, whose instructions stand in `/*@ … @*/` in the source's assembly.
  ///   - cache: binaries of earlier runs; nil compiles every time.
  /// - Throws: `CLError.buildFailed` with the compiler's log, or if a zero byte is in the source or the options.
  package init(
    _ context: Context, source: String, name: String, options: [String] = [], target: String? = nil,
    cache: ProgramCache? = nil
  ) throws(CLError) {
    let options = (options + context.device.profile.singleFloat.buildOptions).joined(separator: " ")
    self.name = name
    self.context = context
    // Drivers stop there, also when they are given the length, and would compile half of it.
    guard !source.utf8.contains(0), !options.utf8.contains(0) else {
      throw CLError(.buildFailed, "\(name): the source or its options hold a zero byte, where drivers stop reading")
    }
    let start = ContinuousClock.now
    guard let cache else {
      handle = try Self.compiled(source, name, context, options, target)
      BuildLog.note(.compiled, name, options, context.device.profile, since: start)
      return
    }
    let key = ProgramCache.Key(
      source: source, options: options + (target.map { " " + $0 } ?? ""), profile: context.device.profile)
    if let binary = cache.binary(for: key), let built = Self.loaded(binary, context, options) {
      handle = built
      BuildLog.note(.loaded, name, options, context.device.profile, since: start)
      return
    }
    handle = try Self.compiled(source, name, context, options, target)
    // Some drivers finish their work only where the binary is asked for.
    if let binary = Self.binary(of: handle) { cache.store(binary, for: key) }
    BuildLog.note(.compiled, name, options, context.device.profile, since: start)
  }

  deinit { clReleaseProgram(handle) }

  /// A kernel of the program.
  package func kernel(_ name: String) throws(CLError) -> Kernel { try Kernel(self, name: name) }

  /// Without warnings, which some drivers' compilers print on the process's standard error: PoCL's of each wide vector that
  /// a CPU without AVX-512 passes in two registers.
  private static let quiet = "-w "

  private static func compiled(
    _ source: String, _ name: String, _ context: Context, _ options: String
  ) throws(CLError) -> cl_program {
    let device = context.device.profile.name
    let result = try BuildRetry.run { () throws(CLError) in
      try attempt(source, name, context, options)
    } onRetry: { failure in
      Notes.logger.notice(
        "\(name): \(device)'s driver failed to compile it and does not say why (\(statusName(failure.status))): trying again"
      )
    }
    switch result {
    case .success(let program): return program
    case .failure(let failure):
      // One mistake in a header can give megabytes; the first errors say it.
      let log = failure.log
      let text = log.utf8.count <= 16_384 ? log : "\(log.prefix(16_384))\n… (\(log.utf8.count) bytes in all)"
      throw CLError(
        .buildFailed, "\(name) does not compile for \(device) with \(options): \(statusName(failure.status))\n\(text)",
        call: "clBuildProgram")
    }
  }

  /// A program from a source, for a PTX target of its own where one is given.
  private static func compiled(
    _ source: String, _ name: String, _ context: Context, _ options: String, _ target: String?
  ) throws(CLError) -> cl_program {
    let program = try compiled(source, name, context, options)
    guard let target else { return program }
    defer { clReleaseProgram(program) }
    guard let text = binary(of: program).flatMap({ PTX(binary: $0) })?.retargeted(to: target) else {
      throw CLError(.buildFailed, "\(name): \(context.device.profile.name)'s programs cannot be brought to \(target)")
    }
    guard let retargeted = loaded(Array(text.utf8), context, options) else {
      throw CLError(.buildFailed, "\(name): \(context.device.profile.name)'s driver does not take it for \(target)")
    }
    return retargeted
  }

  /// A program from a source, compiled once.
  private static func attempt(
    _ source: String, _ name: String, _ context: Context, _ options: String
  ) throws(CLError) -> Result<cl_program, BuildRetry.Failure> {
    var status: cl_int = 0
    var source = source
    let program = source.withUTF8 { bytes in
      bytes.withMemoryRebound(to: CChar.self) { characters in
        var text = characters.baseAddress
        var length = characters.count
        return clCreateProgramWithSource(context.handle, 1, &text, &length, &status)
      }
    }
    guard let program, status == CL_SUCCESS else {
      throw CLError(status: status, call: "clCreateProgramWithSource", about: name)
    }
    var device: cl_device_id? = context.device.id
    let built = clBuildProgram(program, 1, &device, quiet + options, nil, nil)
    guard built != CL_SUCCESS else { return .success(program) }
    let parameter = cl_program_build_info(CL_PROGRAM_BUILD_LOG)
    let log = Info { clGetProgramBuildInfo(program, device, parameter, $0, $1, $2) }.string
    clReleaseProgram(program)
    return .failure(BuildRetry.Failure(status: built, log: log))
  }

  /// A program from a binary, or nil where the driver does not take it.
  private static func loaded(_ binary: [UInt8], _ context: Context, _ options: String) -> cl_program? {
    var device: cl_device_id? = context.device.id
    var status: cl_int = 0
    var binaryStatus: cl_int = 0
    var size = binary.count
    let program = binary.withUnsafeBufferPointer { bytes in
      var bytes = bytes.baseAddress
      return clCreateProgramWithBinary(context.handle, 1, &device, &size, &bytes, &binaryStatus, &status)
    }
    guard let program else { return nil }
    guard status == CL_SUCCESS, binaryStatus == CL_SUCCESS,
      clBuildProgram(program, 1, &device, quiet + options, nil, nil) == CL_SUCCESS
    else {
      clReleaseProgram(program)
      return nil
    }
    return program
  }

  private static func binary(of program: cl_program) -> [UInt8]? {
    var size = 0
    guard
      clGetProgramInfo(program, cl_program_info(CL_PROGRAM_BINARY_SIZES), MemoryLayout<Int>.size, &size, nil)
        == CL_SUCCESS, size > 0
    else { return nil }
    var binary = [UInt8](repeating: 0, count: size)
    let status = binary.withUnsafeMutableBufferPointer { bytes in
      var bytes = bytes.baseAddress
      return clGetProgramInfo(
        program, cl_program_info(CL_PROGRAM_BINARIES), MemoryLayout<UnsafeMutablePointer<UInt8>?>.size, &bytes, nil)
    }
    return status == CL_SUCCESS ? binary : nil
  }
}
