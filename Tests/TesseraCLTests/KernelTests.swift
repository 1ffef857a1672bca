import TestSupport
import Testing

@testable import TesseraCL

extension OpenCLOnDevices {
  @Suite("Programs, kernels and events")
  struct KernelTests {
    @Test("a kernel runs with its arguments and its constants", arguments: TestDevices.all)
    func run(device: TestDevice) throws {
      let queue = try Queue(device.context())
      for factor in [1, 3] {
        let program = try Program(queue.context, source: addSource, name: "add.cl", options: ["-DFACTOR=\(factor)"])
        let kernel = try program.kernel("add")
        #expect(kernel.name == "add" && kernel.argumentCount == 3)
        let x = try Buffer(queue.context, byteCount: 40)
        try queue.write((0..<10).map { Float($0) }, to: x)
        try queue.enqueue(kernel, over: NDRange(global: [10]), x, Float(2), UInt32(9))
        let expected = (0..<9).map { Float($0 + 2 * factor) } + [9]
        #expect(try queue.read(x, as: Float.self, count: 10) == expected)
      }
    }

    @Test(
      "arguments that do not fit the kernel are an error, and the kernel still runs after it",
      arguments: TestDevices.all)
    func arguments(device: TestDevice) throws {
      let queue = try Queue(device.context())
      let kernel = try Program(queue.context, source: addSource, name: "add.cl").kernel("add")
      let x = try Buffer(queue.context, byteCount: 4)
      try queue.fill(x, byteCount: 4)
      let range = NDRange(global: [1])
      let uses: [() throws -> Void] = [
        { try queue.enqueue(kernel, over: range, x, Float(1)) },
        { try queue.enqueue(kernel, over: range) },
        { try queue.enqueue(kernel, over: range, x, Float(1), UInt32(1), UInt32(1)) },
        { try queue.enqueue(kernel, over: range, x, UInt64(1), UInt32(1)) },
        { _ = try queue.enqueueTimed(kernel, over: range, x) },
      ]
      for use in uses {
        let error = try clError(use)
        #expect(error.message.contains("add") && error.call == "clSetKernelArg", "\(error)")
        try queue.enqueue(kernel, over: range, x, Float(1), UInt32(1))
      }
      #expect(try queue.read(x, as: Float.self, count: 1) == [Float(uses.count)])
    }

    @Test(
      "a range that is empty, of four dimensions or no multiple of its work-group is refused",
      arguments: TestDevices.all)
    func ranges(device: TestDevice) throws {
      let queue = try Queue(device.context())
      let kernel = try Program(queue.context, source: addSource, name: "add.cl").kernel("add")
      let x = try Buffer(queue.context, byteCount: 4)
      for range in [
        NDRange(global: []), NDRange(global: [0]), NDRange(global: [-1]), NDRange(global: [4, 0]),
        NDRange(global: [1, 1, 1, 1]), NDRange(global: [4], local: [3]), NDRange(global: [4], local: [8]),
        NDRange(global: [4], local: []), NDRange(global: [4], local: [0]), NDRange(global: [4], local: [-2]),
        NDRange(global: [4], local: [2, 2]), NDRange(global: [4], local: [0, 0, 0]), NDRange(x: 4, local: (0, 0, 0)),
        NDRange(x: 4, y: 0), NDRange(x: 4, y: 2, z: 3, local: (4, 2, 2)), NDRange(global: [4, 4], local: [4, 3]),
      ] {
        let error = try clError { try queue.enqueue(kernel, over: range, x, Float(1), UInt32(1)) }
        #expect(error.code == .badLaunch && error.message.contains("add"), "\(range): \(error)")
      }
      let huge = queue.context.device.profile.maxWorkGroupSize * 2
      #expect(throws: CLError.self) {
        try queue.enqueue(kernel, over: NDRange(global: [huge], local: [huge]), x, Float(1), UInt32(1))
      }
    }

    @Test("the argument that does not fit is named, or how many the kernel takes", arguments: TestDevices.all)
    func argumentMessages(device: TestDevice) throws {
      let queue = try Queue(device.context())
      let kernel = try Program(queue.context, source: addSource, name: "add.cl").kernel("add")
      let x = try Buffer(queue.context, byteCount: 4)
      let range = NDRange(x: 1)
      let unfit = try clError { try queue.enqueue(kernel, over: range, x, UInt64(1), UInt32(1)) }
      #expect(unfit.code == .badLaunch && unfit.message.contains("argument 1 does not fit"), "\(unfit)")
      #expect(unfit.message.contains("Buffer, UInt64, UInt32"))
      let few = try clError { try queue.enqueue(kernel, over: range, x) }
      let many = try clError { try queue.enqueue(kernel, over: range, x, Float(1), UInt32(1), UInt32(1)) }
      #expect(few.message.contains("takes 3 arguments; given are 1"), "\(few)")
      #expect(many.message.contains("takes 3 arguments; given are 4"), "\(many)")
    }

    @Test("what belongs to another context is refused", arguments: TestDevices.all)
    func contexts(device: TestDevice) throws {
      let queue = try Queue(device.context())
      let other = try Context(queue.context.device)
      let kernel = try Program(queue.context, source: addSource, name: "add.cl").kernel("add")
      let foreignKernel = try Program(other, source: addSource, name: "add.cl").kernel("add")
      let x = try Buffer(queue.context, byteCount: 4)
      let foreign = try Buffer(other, byteCount: 4)
      let uses: [() throws -> Void] = [
        { try queue.enqueue(kernel, over: NDRange(x: 1), foreign, Float(1), UInt32(1)) },
        { try queue.enqueue(foreignKernel, over: NDRange(x: 1), foreign, Float(1), UInt32(1)) },
        { try queue.copy(from: x, to: foreign, byteCount: 4) },
        { try queue.copy(from: foreign, to: x, byteCount: 4) },
        { try queue.fill(foreign, byteCount: 4) },
        { try queue.write([1] as [Float], to: foreign) },
        { _ = try queue.read(foreign, as: Float.self, count: 1) },
      ]
      for (i, use) in uses.enumerated() { #expect(try clError(use).code == .badLaunch, "use \(i)") }
    }

    @Test("a kernel tells the work-group and the memory that it is compiled for", arguments: TestDevices.all)
    func kernelInfo(device: TestDevice) throws {
      let context = try device.context()
      let source = """
        kernel void k(global float *x) {
          local float scratch[64];
          scratch[get_local_id(0)] = x[get_global_id(0)];
          barrier(CLK_LOCAL_MEM_FENCE);
          x[get_global_id(0)] = scratch[63 - get_local_id(0)];
        }
        """
      let kernel = try Program(context, source: source, name: "k.cl").kernel("k")
      #expect((64...context.device.profile.maxWorkGroupSize).contains(kernel.maxWorkGroupSize))
      #expect(kernel.privateBytes >= 0)
      #expect(kernel.localBytes >= 256 && kernel.localBytes <= context.device.profile.localMemoryBytes)
    }

    @Test("a zero byte, where drivers stop reading, is refused in a source and in options", arguments: TestDevices.all)
    func zeroByte(device: TestDevice) throws {
      let context = try device.context()
      let broken = "kernel void k(global int *x) { x[0] = 1; }\n\0 this is no OpenCL C"
      for (source, options) in [(broken, []), (addSource, ["-DFACTOR=3\0", "-DN=1"])] {
        let error = try clError { try Program(context, source: source, name: "zero.cl", options: options) }
        #expect(error.code == .buildFailed && error.message.contains("zero.cl"))
      }
    }

    @Test("a compiler's log of megabytes is cut to its beginning", arguments: TestDevices.all)
    func longLog(device: TestDevice) throws {
      let source =
        "kernel void k(global int *x) { first_of_all; }\n#pragma message \"\(String(repeating: "x", count: 99_999))\""
      let error = try clError { try Program(device.context(), source: source, name: "long.cl") }
      #expect(error.code == .buildFailed && error.message.contains("long.cl") && error.message.utf8.count < 20_000)
    }

    @Test(
      "a source that does not compile fails with its name, the device and the compiler's log",
      arguments: TestDevices.all)
    func buildFailure(device: TestDevice) throws {
      let context = try device.context()
      let source = "kernel void broken(global float *x) { x[0] = unheard_of_name; }"
      let error = try clError { try Program(context, source: source, name: "folder/broken.cl", options: ["-DN=5"]) }
      #expect(error.code == .buildFailed && error.call == "clBuildProgram")
      for part in ["folder/broken.cl", "unheard_of_name", "-DN=5", context.device.profile.name] {
        #expect(error.message.contains(part), "\(part) is missing: \(error)")
      }
    }

    @Test("division and square roots are correctly rounded where the device can", arguments: TestDevices.all)
    func rounding(device: TestDevice) throws {
      let queue = try Queue(device.context())
      guard queue.context.device.profile.singleFloat.contains(.correctDivideSqrt) else { return }
      let source = """
        kernel void divide(global float *x, const uint n) {
          const uint i = get_global_id(0);
          const float a = x[i], b = x[i + n];
          x[i] = a / b;
          x[i + n] = sqrt(b);
        }
        """
      let kernel = try Program(queue.context, source: source, name: "divide.cl").kernel("divide")
      let count = 4096
      let values: [Float] = (0..<2 * count).map { i in
        let share = Float(i * 7919 % 8191) / 8191
        return 1 + share * Float(1 + i % 97)
      }
      let x = try Buffer(queue.context, byteCount: values.count * 4)
      try queue.write(values, to: x)
      try queue.enqueue(kernel, over: NDRange(global: [count]), x, UInt32(count))
      let expected = (0..<count).map { values[$0] / values[$0 + count] } + values[count...].map { $0.squareRoot() }
      #expect(try queue.read(x, as: Float.self, count: values.count) == expected)
    }

    @Test("a kernel that the program lacks is an error with both names", arguments: TestDevices.all)
    func unknownKernel(device: TestDevice) throws {
      let program = try Program(device.context(), source: addSource, name: "add.cl")
      let error = try clError { try program.kernel("subtract") }
      #expect(error.message.contains("subtract") && error.message.contains("add.cl"))
      #expect(error.code == .call(status: -46) && error.message.contains("CL_INVALID_KERNEL_NAME"))
    }

    @Test("a queue tells the device's seconds of each kernel of a piece of work", arguments: TestDevices.all)
    func kernelSeconds(device: TestDevice) throws {
      let queue = try Queue(device.context(), profiling: true)
      let kernel = try Program(queue.context, source: addSource, name: "add.cl").kernel("add")
      let x = try Buffer(queue.context, byteCount: 1 << 20)
      func add(_ count: Int) throws {
        try queue.enqueue(kernel, over: NDRange(global: [count]), x, Float(1), UInt32(count))
      }
      try add(1)
      let seconds = try queue.kernelSeconds {
        try queue.fill(x, byteCount: 1 << 20)
        try add(1 << 18)
        try add(1 << 10)
      }
      #expect(seconds.count == 2 && seconds.allSatisfy { $0 > 0 })
      #expect(try queue.read(x, as: Float.self, count: 1) == [2])
      // An error leaves nothing behind that the next call would count.
      #expect(throws: CLError.self) {
        try queue.kernelSeconds {
          try add(1)
          try add(0)
        }
      }
      #expect(try queue.kernelSeconds {}.isEmpty)
      // One within another: the inner tells its own, the outer all.
      var inner: [Double] = []
      let outer = try queue.kernelSeconds {
        try add(1)
        inner = try queue.kernelSeconds { try add(1 << 10) }
        try add(1)
      }
      #expect(inner.count == 1 && outer.count == 3 && outer[1] == inner[0])
    }

    @Test("the times of many kernels hold few of the driver's events", arguments: TestDevices.all)
    func kernelTimes(device: TestDevice) throws {
      let queue = try Queue(device.context(), profiling: true)
      let kernel = try Program(queue.context, source: addSource, name: "add.cl").kernel("add")
      let x = try Buffer(queue.context, byteCount: 4)
      try queue.fill(x, byteCount: 4)
      let times = KernelTimes(held: 8)
      for _ in 0..<100 {
        try times.add(queue.enqueueTimed(kernel, over: NDRange(global: [1]), x, Float(1), UInt32(1)))
        #expect(times.heldCount <= 8)
      }
      let seconds = try times.seconds()
      #expect(seconds.count == 100 && seconds.allSatisfy { $0 >= 0 })
      #expect(try queue.read(x, as: Float.self, count: 1) == [100])
    }

    @Test(
      "a bound kernel keeps its arguments and its buffers, whoever else launches the kernel", arguments: TestDevices.all
    )
    func bound(device: TestDevice) throws {
      let context = try device.context()
      let source = """
        struct change { float amount; uint at; };
        kernel void advance(global float *x, global float *y, const struct change s) {
          x[s.at] += s.amount;
          y[s.at] = x[s.at];
        }
        """
      let kernel = try Program(context, source: source, name: "advance.cl").kernel("advance")
      let queue = try Queue(context, profiling: true)
      let x = try Buffer(context, byteCount: 8)
      try queue.fill(x, byteCount: 8)
      func bound(_ amount: Float, at index: UInt32) throws -> BoundKernel {
        let y = try Buffer(context, byteCount: 8)
        let block = withUnsafeBytes(of: amount) { Array($0) } + withUnsafeBytes(of: index) { Array($0) }
        return try BoundKernel(kernel, over: NDRange(global: [1]), buffers: [x, y], block: block)
      }
      let launches = [try bound(1, at: 0), try bound(10, at: 1)]
      let seconds = try queue.kernelSeconds {
        for _ in 0..<3 { try queue.enqueue(launches) }
        try queue.enqueue(kernel, over: NDRange(global: [1]), buffers: [x, x], block: [0, 0, 200, 66, 0, 0, 0, 0])
        try queue.enqueue(launches)
      }
      #expect(seconds.count == 9 && queue.launchCount == 9)
      #expect(try queue.read(x, as: Float.self, count: 2) == [104, 40])
      // Wrong arguments are found before anything runs.
      for buffers in [[x], [x, x, x]] {
        #expect(throws: CLError.self) {
          try BoundKernel(
            kernel, over: NDRange(global: [1]), buffers: buffers, block: [UInt8](repeating: 0, count: 8))
        }
      }
      #expect(throws: CLError.self) {
        try BoundKernel(kernel, over: NDRange(global: [0]), buffers: [x, x], block: [UInt8](repeating: 0, count: 8))
      }
      let other = try Queue(Context(context.device))
      #expect(throws: CLError.self) { try other.enqueue(launches) }
    }

    @Test("a queue counts the time that it was waited for", arguments: TestDevices.all)
    func timeWaited(device: TestDevice) throws {
      let queue = try Queue(device.context())
      #expect(queue.timeWaited == .zero)
      let x = try Buffer(queue.context, byteCount: 4)
      let start = ContinuousClock.now
      for body in [{ try queue.write([1.5 as Float], to: x) }, { _ = try queue.read(x, as: Float.self, count: 1) }] {
        let before = queue.timeWaited
        try body()
        #expect(queue.timeWaited > before)
      }
      try queue.finish()
      #expect(queue.timeWaited < ContinuousClock.now - start)
    }

    @Test("an event tells the device's seconds on a profiling queue only", arguments: TestDevices.all)
    func events(device: TestDevice) throws {
      let context = try device.context()
      let kernel = try Program(context, source: addSource, name: "add.cl").kernel("add")
      let x = try Buffer(context, byteCount: 1 << 20)
      let profiling = try Queue(context, profiling: true)
      try profiling.fill(x, byteCount: 1 << 20)
      let event = try profiling.enqueueTimed(kernel, over: NDRange(global: [1 << 18]), x, Float(1), UInt32(1 << 18))
      try event.wait()
      let seconds = try event.deviceSeconds
      #expect(seconds > 0 && seconds < 60)
      let plain = try Queue(context)
      let silent = try plain.enqueueTimed(kernel, over: NDRange(global: [1]), x, Float(1), UInt32(1))
      try silent.wait()
      let error = try clError { try silent.deviceSeconds }
      #expect(error.message.contains("CL_PROFILING_INFO_NOT_AVAILABLE"))
    }

    @Test("one kernel enqueued from many tasks takes each one's own arguments", arguments: TestDevices.all)
    func concurrency(device: TestDevice) async throws {
      let queue = try Queue(device.context())
      let kernel = try Program(queue.context, source: addSource, name: "add.cl").kernel("add")
      let buffers = try (0..<64).map { _ in
        let buffer = try Buffer(queue.context, byteCount: 4)
        try queue.fill(buffer, byteCount: 4)
        return buffer
      }
      try await withThrowingTaskGroup(of: Void.self) { group in
        for (i, buffer) in buffers.enumerated() {
          group.addTask { try queue.enqueue(kernel, over: NDRange(global: [1]), buffer, Float(i), UInt32(1)) }
        }
        try await group.waitForAll()
      }
      for (i, buffer) in buffers.enumerated() {
        #expect(try queue.read(buffer, as: Float.self, count: 1) == [Float(i)])
      }
    }
  }
}
