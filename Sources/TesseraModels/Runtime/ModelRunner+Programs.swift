import TesseraOperators

extension ModelRunner {
  /// Compiles a program that steps of all sizes of a decoder can run by, and what draws tokens: one program is compiled in a
  /// fraction of the time that those of single steps take together.
  ///
  /// - Throws: `CancellationError` where the task is canceled between two kernels; `OperatorError`, `CLError`.
  func compileProgram(_ draft: ModelDraft, _ progress: (LoadProgress) -> Void) throws {
    guard let counters, planner.family is any CausalLanguageModel, !takesSource else { return }
    var kernelCount = 0
    try library.compile(draft.variantsBesideSteps(), isCancelled: { Task.isCancelled }) { done, all in
      kernelCount = all
      progress(.kernels(done, of: all + 1))
    }
    if Task.isCancelled { throw CancellationError() }
    var program = StepProgramUnion()
    for shape in try draft.layout.stepShapes(planner.family, planner.operators) {
      if Task.isCancelled { throw CancellationError() }
      let plan = try planner.plan(shape, inputs: inputs.buffer.view)
      guard plan.arenaBytes <= arena.byteCount else { continue }
      let commands = try plan.commands.placed(in: arena.buffer, at: plan.offsets)
      // Experts in host memory cut a step in parts.
      let ends = plan.commands.sections.flatMap { [$0.range.lowerBound, $0.range.upperBound] } + [commands.count]
      var start = 0
      for end in ends {
        try program.add(Array(commands[start..<end]))
        start = end
      }
    }
    try program.compile(library, queue: queue, counters: counters)
    if Task.isCancelled { throw CancellationError() }
    progress(.kernels(kernelCount + 1, of: kernelCount + 1))
  }
}
