import TesseraCL
import TesseraKernels

/// A program that all of some steps can run by, compiled before any of them is there.
package struct StepProgramUnion {
  private var wanted = KernelLibrary.StepVariants(variants: [], rootCount: 0)

  package init() {}

  /// Adds what a step needs: commands whose views all have memory.
  package mutating func add(_ commands: [Dispatch]) throws {
    for case .commands(let segment) in try StepProgram.runs(commands) {
      let needed = try StepProgram.requirements(segment).program
      wanted.variants.formUnion(needed.variants)
      wanted.rootCount = max(wanted.rootCount, needed.rootCount)
    }
  }

  /// Compiles it, unless the library has one that will do.
  package func compile(_ library: KernelLibrary, queue: Queue, counters: StepCounters) throws {
    guard !wanted.variants.isEmpty else { return }
    let program = try library.stepProgram(wanted)
    // Drivers compile some of it when it is first launched: here with no commands.
    try queue.enqueue(
      program.kernel, over: NDRange(global: [counters.groupCount], local: [1]),
      buffers: Array(repeating: counters.memory.buffer, count: program.rootCount + 2),
      block: withUnsafeBytes(of: ProgramArguments()) { Array($0) })
    try queue.finish()
  }
}
