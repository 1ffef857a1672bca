import TesseraCL

/// Whether a work-item's long loop runs to its end: `Kernels/common/loop_probe.cl`.
package enum LoopProbe {
  /// Runs the kernel, and waits for it.
  package static func runsToItsEnd(laps: UInt32, _ library: KernelLibrary, queue: Queue) throws -> Bool {
    let buffers = try (Buffer(queue.context, byteCount: 4), Buffer(queue.context, byteCount: 4))
    try queue.write([laps], to: buffers.0)
    try queue.enqueue(
      library.kernel(KernelVariant("common/loop_probe.cl", "loop_probe"), localSize: 1),
      over: NDRange(global: [1], local: [1]), buffers.0, buffers.1)
    var x: UInt32 = 1
    for _ in 0..<laps {
      x ^= x << 13
      x ^= x >> 17
      x ^= x << 5
    }
    return try queue.read(buffers.1, as: UInt32.self, count: 1) == [x]
  }
}
