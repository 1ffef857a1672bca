import TesseraCL
import TesseraMemory
import TesseraOperators

/// A step of one shape, ready to run any number of times: its commands have memory, on a CPU as a program of one launch,
/// elsewhere as launches whose arguments are bound, recorded where that is asked for.
final class PreparedStep {
  let inputs: StepInputs
  /// Where the result lies; nil where there is none.
  let result: BufferView?
  private let parts: [Part]
  private let experts: ExpertService

  /// Commands that run without the host, and what it does before them.
  private struct Part {
    var section: ExpertSection?
    var run: () throws -> Void
  }

  init(
    _ shape: StepShape, _ planner: StepPlanner, inputs: Buffer, arena: Buffer, library: KernelLibrary,
    heap: DeviceHeap, queue: Queue, counters: StepCounters?, isRecorded: Bool, experts: ExpertService
  ) throws {
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
    self.experts = experts
    func part(_ range: Range<Int>, _ section: ExpertSection? = nil) throws -> Part {
      let own = Array(commands[range])
      if let counters {
        let program = try StepProgram(own, library, heap: heap, queue: queue, counters: counters)
        return Part(section: section, run: program.run)
      }
      let ends = plan.commands.ends.filter { range.contains($0 - 1) }.map { $0 - range.lowerBound }
      let launches = try StepLaunches(own, ends: ends, library, queue: queue, isRecorded: isRecorded)
      return Part(section: section, run: launches.run)
    }
    var parts: [Part] = []
    var start = 0
    for var section in plan.commands.sections {
      section.list = try DispatchList.placed(section.list, in: arena, at: plan.offsets)
      parts += [try part(start..<section.range.lowerBound), try part(section.range, section)]
      start = section.range.upperBound
    }
    self.parts = parts + [try part(start..<commands.count)]
  }

  /// Enqueues the step; waits at each section of experts.
  func run() throws {
    for part in parts {
      if let section = part.section { try experts.run(section, part.run) } else { try part.run() }
    }
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
