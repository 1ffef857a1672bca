import COpenCL
import TestSupport
import Testing

@testable import TesseraCL

@Suite("Which command buffers are used")
struct CommandBufferSupportTests {
  @Test("versions whose interface is known, that may run twice at once, on any queue")
  func versions() {
    func isUsable(_ version: [Int], _ capabilities: UInt64 = 0b101, _ required: UInt64 = 0) -> Bool {
      CommandBufferSupport(version: version, capabilities: capabilities, requiredQueueProperties: required).isUsable
    }
    for version in [[0, 9, 0], [0, 9, 4], [0, 9, 8], [1, 0, 0], [1, 0, 7]] { #expect(isUsable(version), "\(version)") }
    for version in [[], [0, 0, 0], [0, 8, 9], [0, 9, 9], [0, 10, 0], [1, 1, 0], [2, 0, 0], [1, 0]] {
      #expect(!isUsable(version), "\(version)")
    }
    #expect(!isUsable([1, 0, 0], 0b1011) && !isUsable([1, 0, 0], 0b101, 1))
  }
}

extension OpenCLOnDevices {
  @Suite("Command buffers")
  struct CommandBufferTests {
    private static let source = """
      struct change { uint factor; uint term; };
      kernel void change(global uint *x, const struct change c) { x[0] = x[0] * c.factor + c.term; }
      """

    private func launches(_ changes: [(UInt32, UInt32)], of x: Buffer) throws -> [BoundKernel] {
      let kernel = try Program(x.context, source: Self.source, name: "change.cl").kernel("change")
      return try changes.map { factor, term in
        let block = withUnsafeBytes(of: factor) { Array($0) } + withUnsafeBytes(of: term) { Array($0) }
        return try BoundKernel(kernel, over: NDRange(global: [1], local: [1]), buffers: [x], block: block)
      }
    }

    @Test("recorded kernels run in order, as often as they are enqueued, while they run", arguments: TestDevices.all)
    func order(device: TestDevice) throws {
      let context = try device.context()
      let (queue, x) = (try Queue(context), try Buffer(context, byteCount: 4))
      let changes = (0..<50).map { (UInt32($0 % 7 + 1), UInt32($0)) }
      let commands = try queue.record(launches(changes, of: x))
      #expect((commands != nil) == context.device.profile.commandBuffers)
      guard let commands else { return }
      try queue.write([UInt32(3)], to: x)
      var expected: UInt32 = 3
      for _ in 0..<20 {
        try queue.enqueue(commands)
        for (factor, term) in changes { expected = expected &* factor &+ term }
        // Other commands come before and after, as they are enqueued.
        try queue.enqueue(launches([(5, 1)], of: x))
        expected = expected &* 5 &+ 1
      }
      #expect(try queue.read(x, as: UInt32.self, count: 1) == [expected])
      #expect(queue.launchCount == 20 * 51 && queue.recordedRunCount == 20)
      #expect(throws: CLError.self) { try Queue(context).enqueue(commands) }
    }

    @Test("while kernels are timed, each is launched", arguments: TestDevices.all)
    func timed(device: TestDevice) throws {
      let context = try device.context()
      let (queue, x) = (try Queue(context, profiling: true), try Buffer(context, byteCount: 4))
      try queue.write([UInt32(1)], to: x)
      guard let commands = try queue.record(launches([(2, 0), (3, 1)], of: x)) else { return }
      let seconds = try queue.kernelSeconds { try queue.enqueue(commands) }
      #expect(seconds.count == 2 && queue.recordedRunCount == 0)
      #expect(try queue.read(x, as: UInt32.self, count: 1) == [7])
    }

    @Test("nothing of a recording is kept once it is gone and has run", arguments: TestDevices.all)
    func released(device: TestDevice) throws {
      let context = try device.context()
      let (queue, x) = (try Queue(context), try Buffer(context, byteCount: 4))
      try queue.write([UInt32(0)], to: x)
      func references() throws -> [Int] {
        try queue.finish()
        return [
          Info { clGetCommandQueueInfo(queue.handle, cl_command_queue_info(CL_QUEUE_REFERENCE_COUNT), $0, $1, $2) },
          Info { clGetMemObjectInfo(x.handle, cl_mem_info(CL_MEM_REFERENCE_COUNT), $0, $1, $2) },
        ].map { $0.int ?? 0 }
      }
      let before = try references()
      weak var kept: BoundKernel?
      for _ in 0..<3 {
        let bound = try launches([(1, 1), (1, 1)], of: x)
        kept = bound[0]
        guard let commands = try queue.record(bound) else { return }
        for _ in 0..<4 { try queue.enqueue(commands) }
        // Let go of while it may still run.
      }
      #expect(kept == nil)
      #expect(try queue.read(x, as: UInt32.self, count: 1) == [24])
      #expect(try references() == before)
    }
  }
}
