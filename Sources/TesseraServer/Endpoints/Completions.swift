import Tessera
import TesseraJSON

extension API {
  /// `/v1/completions`
  func completions(_ request: APIRequest) async throws -> Reply {
    let fields = try RequestFields(request.body, limits: options.limits)
    let request = try await CompletionRequest(fields, self)
    let scores = try await promptScores(request)
    let form = CompletionForm(request, promptScores: scores)
    if request.generation.isStreamed { return try await stream(form) }
    let answers = try await answers(request.generation)
    return Reply(form.document(answers))
  }

  /// The log-probabilities of prompts that answers begin with.
  private func promptScores(_ request: CompletionRequest) async throws -> [[ShownToken]] {
    guard request.echoes != nil, let count = request.logprobs else { return [] }
    let ticket = try admission.admit(1)
    defer { withExtendedLifetime(ticket) {} }
    var scores: [[ShownToken]] = []
    do {
      for prompt in request.generation.prompts {
        let generation = request.generation
        let salt = generation.options.cacheSalt
        scores.append(try await generation.language.promptScores(prompt.tokens, count: count, salt: salt))
      }
    } catch {
      throw refusal(error, param: "prompt")
    }
    return scores
  }

  private func stream(_ form: CompletionForm) async throws -> Reply {
    let request = form.request.generation
    let started = try await begin(request)
    return stream(param: request.param) { [self] writer in
      for choice in 0..<request.answerCount {
        if let chunk = form.echoChunk(choice) { try await writer.send(chunk) }
      }
      let (total, offsets) = (StatisticsList(count: request.answerCount), TextOffsets(form, count: request.answerCount))
      try await started.forEach { choice, event, reproduction in
        for chunk in form.chunks(choice, event, offsets, reproduction) { try await writer.send(chunk) }
        if case .finished(let result) = event {
          metrics.finish(result, model: request.model.name)
          total.set(result.statistics, ofChoice: choice)
        }
      }
      if request.includesUsage {
        try await writer.send(form.usageChunk(Usage(total.values, choices: request.choices)))
      }
    }
  }
}
