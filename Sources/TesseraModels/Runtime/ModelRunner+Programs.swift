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
    var steps: [[Dispatch]] = []
    for shape in try draft.layout.stepShapes(planner.family, planner.operators) {
      let plan = try planner.plan(shape, inputs: inputs.buffer.view)
      // Steps with experts in host memory are cut at each layer's.
      guard plan.arenaBytes <= arena.byteCount, plan.commands.sections.isEmpty else { continue }
      steps.append(try plan.commands.placed(in: arena.buffer, at: plan.offsets))
    }
    try StepProgram.compile(steps, library, queue: queue, counters: counters)
    progress(.kernels(kernelCount + 1, of: kernelCount + 1))
  }
}
