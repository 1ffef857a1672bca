import TesseraCL
import TesseraMemory
import TesseraOperators

/// A step of one shape, ready to run any number of times: its commands have memory, on a CPU as a program of one launch.
final class PreparedStep {
  let inputs: StepInputs
  /// Where the result lies; nil where there is none.
  let result: BufferView?
  private let program: StepProgram?
  private let commands: [Dispatch]
  private let library: KernelLibrary
  private let queue: Queue

  init(
    _ shape: StepShape, _ planner: StepPlanner, inputs: Buffer, arena: Buffer, library: KernelLibrary,
    heap: DeviceHeap, queue: Queue, counters: StepCounters?
  ) throws {
    (self.library, self.queue) = (library, queue)
    self.inputs = StepInputs(
      shape, planner.profile, in: inputs.view.memory, at: inputs.view.byteOffset)
    let plan = try planner.plan(shape, inputs: inputs.view)
    guard plan.arenaBytes <= arena.byteCount else {
      throw ModelError(
        .badBatch,
        "a step of \(shape.tokenCount) tokens needs \(plan.arenaBytes) bytes of workspace, \(arena.byteCount) are there"
      )
    }
    let commands = try plan.commands.placed(in: arena, at: plan.offsets)
    result = plan.result.map { result in
      guard case .tensor(let id) = result.view.memory, let offset = plan.offsets[id] else { return result.view }
      return arena.view.advanced(byBytes: offset + result.view.byteOffset)
    }
    if StepProgram.isPossible(library) {
      program = try StepProgram(commands, library, heap: heap, queue: queue, counters: counters)
      self.commands = []
    } else {
      program = nil
      self.commands = commands
    }
  }

  /// Enqueues the step.
  func run() throws {
    if let program { return try program.run() }
    for command in commands { try queue.dispatch(command, library) }
  }
}

/// The steps that ran last, by their shape.
struct PreparedSteps {
  /// Steps that are kept, at most.
  static let limit = 16

  private var steps: [StepShape: (step: PreparedStep, lastUse: Int)] = [:]
  private var clock = 0

  mutating func step(_ shape: StepShape, make: () throws -> PreparedStep) throws -> PreparedStep {
    clock += 1
    if let found = steps[shape]?.step {
      steps[shape]?.lastUse = clock
      return found
    }
    if steps.count >= Self.limit, let oldest = steps.min(by: { $0.value.lastUse < $1.value.lastUse })?.key {
      steps[oldest] = nil
    }
    let step = try make()
    steps[shape] = (step, clock)
    return step
  }

  var count: Int { steps.count }
}
