import TesseraCL
import TesseraMemory
import TesseraOperators
import TesseraWorkbench

extension DoctorBench {
  /// Commands of every operator as step programs, which CPUs run: the share of results whose bits are not those of a queue.
  func programChecks(_ grid: DoctorGrid) -> [DoctorCheck] {
    guard StepProgram.isPossible(library) else { return [] }
    func program(_ variant: String, _ add: @escaping (SinkProblem) throws -> Void) -> DoctorCheck {
      check("step/step_program", variant, tolerance: 0) { [self] in
        let problems = try (0..<2).map { _ in
          let problem = SinkProblem(on: self)
          try add(problem)
          return problem
        }
        try problems[0].enqueue(on: queue)
        let program = try StepProgram(problems[1].dispatches(), library, heap: heap, queue: queue)
        // A second run begins where the first has left its counters.
        for _ in 0..<2 { try program.run() }
        try problems[0].enqueue(on: queue)
        return try zip(problems[0].outputs, problems[1].outputs).map {
          doctorDifference(try floats($0.buffer), try floats($1.buffer))
        }
      }
    }
    return [
      program("rows and rotations") {
        try $0.addRows()
        try $0.addRotations()
      },
      program("attention") { try $0.addAttention(grid.attention) },
      program("experts") {
        try $0.addExperts(ExpertProblem(.q8_0, tokens: 2, topK: 2, scores: [3, 1, -9, 2, 0.5, 0.5, -9, 0.5]))
      },
    ]
      + grid.formats.map { format in
        program("products of \(format.name)") {
          for tokens in [1, 14] { try $0.addProducts([format], tokens: tokens) }
        }
      }
  }

  /// A step that is recorded as a command buffer, as GPUs run steps again: the share of results whose bits are not those of a
  /// queue.
  func recordedChecks() -> [DoctorCheck] {
    guard library.style == .simt, queue.context.device.profile.commandBuffers else { return [] }
    return [
      check("command buffer", "rows, rotations and products", tolerance: 0) { [self] in
        let problems = try (0..<2).map { _ in
          let problem = SinkProblem(on: self)
          try problem.addRows()
          try problem.addRotations()
          try problem.addProducts([.q4_0], tokens: 1)
          return problem
        }
        let step = try StepLaunches(problems[1].dispatches(), ends: [], library, queue: queue, isRecorded: true)
        // Launched, recorded, and once more while that runs.
        for _ in 0..<3 {
          try problems[0].enqueue(on: queue)
          try step.run()
        }
        guard step.isRecorded else { throw InputError(message: "the driver does not record kernels") }
        return try zip(problems[0].outputs, problems[1].outputs).map {
          doctorDifference(try floats($0.buffer), try floats($1.buffer))
        }
      }
    ]
  }
}
