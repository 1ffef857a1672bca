import Synchronization
import Tessera
import TesseraJSON

/// The documents of one completion request's answers.
struct CompletionForm: Sendable {
  let request: CompletionRequest
  /// Of each prompt's tokens, where answers begin with it.
  private let promptScores: [[ShownToken]]
  private let id = API.id("cmpl-")
  private let created = API.now
  private let texts: TokenTexts

  init(_ request: CompletionRequest, promptScores: [[ShownToken]]) {
    (self.request, self.promptScores) = (request, promptScores)
    texts = TokenTexts(request.generation.language)
  }

  private var head: JSONObject {
    [
      "id": .string(id), "object": "text_completion", "created": .int(created),
      "model": .string(request.generation.modelName), "system_fingerprint": .string(Fingerprint.text),
    ]
  }

  private func prompt(ofChoice choice: Int) -> Int { choice / max(1, request.generation.choices) }

  /// What the answer of a choice begins with.
  func echo(_ choice: Int) -> String { request.echoes?[prompt(ofChoice: choice)] ?? "" }

  /// In Unicode scalars.
  func length(ofEcho choice: Int) -> Int { echo(choice).unicodeScalars.count }

  func document(_ answers: [Answer]) -> JSONValue {
    var document = head
    let given = best(answers)
    document["choices"] = .array(
      given.enumerated().map { index, choice in
        let answer = answers[choice]
        let tokens =
          (promptScores.isEmpty ? [] : promptScores[prompt(ofChoice: choice)]) + answer.tokens.map(ShownToken.init)
        return self.choice(
          index, text: echo(choice) + answer.text, tokens: tokens,
          places: texts.places(from: promptScores.isEmpty ? length(ofEcho: choice) : 0),
          finishReason: answer.finishReason, notes: request.generation.notes(ofAnswer: choice, answer.reproduction))
      })
    document["usage"] = Usage(answers.compactMap(\.statistics), choices: request.generation.choices).document
    document["timings"] = answers.first?.statistics?.timings
    return .object(document)
  }

  /// The answers that are given: of each prompt's the likeliest, by the mean of their tokens' log-probabilities.
  private func best(_ answers: [Answer]) -> [Int] {
    guard request.bestOf > request.choices else { return Array(answers.indices) }
    return stride(from: 0, to: answers.count, by: request.bestOf).flatMap { first in
      let all = first..<min(first + request.bestOf, answers.count)
      func mean(_ index: Int) -> Double { answers[index].logprob / Double(max(1, answers[index].tokens.count)) }
      return all.sorted { (mean($0), $1) > (mean($1), $0) }.prefix(request.choices)
    }
  }

  private func choice(
    _ index: Int, text: String, tokens: [ShownToken] = [], places: TokenPlaces? = nil, finishReason: FinishReason?,
    notes: [(key: String, value: JSONValue)] = []
  ) -> JSONValue {
    var choice = choice(index, text: text, tokens: tokens, finishReason: finishReason) {
      var places = places ?? texts.places(from: 0)
      return tokens.map { places.next($0.id) }
    }
    for (key, value) in notes { choice[key] = value }
    return .object(choice)
  }

  /// - Parameter places: where the tokens' texts begin.
  private func choice(
    _ index: Int, text: String, tokens: [ShownToken], finishReason: FinishReason?, _ places: () -> [Int]
  ) -> JSONObject {
    [
      "index": .int(index), "text": .string(text),
      "logprobs": request.logprobs == nil || tokens.isEmpty ? nil : logprobs(tokens, places()),
      "finish_reason": finishReason.map { .string($0.rawValue) } ?? nil,
    ]
  }

  /// In the older form of OpenAI's: lists that go along with each other.
  private func logprobs(_ tokens: [ShownToken], _ places: [Int]) -> JSONValue {
    let top = tokens.map { token -> JSONValue in
      guard token.logprob != nil else { return nil }
      return .object(JSONObject(token.alternatives.map { (texts.text($0.id), TokenTexts.number($0.logprob)) }))
    }
    return [
      "tokens": .array(tokens.map { .string(texts.text($0.id)) }),
      "token_logprobs": .array(tokens.map { $0.logprob.map(TokenTexts.number) ?? nil }),
      "top_logprobs": .array(top), "text_offset": .array(places.map { .int($0) }),
    ]
  }

  // MARK: Chunks

  /// Of an answer behind its echo.
  func places(_ choice: Int) -> TokenPlaces { texts.places(from: length(ofEcho: choice)) }

  private func chunk(_ choice: JSONValue) -> JSONValue {
    var chunk = head
    chunk["choices"] = [choice]
    if request.generation.includesUsage { chunk["usage"] = .null }
    return .object(chunk)
  }

  /// The prompt, where answers begin with it.
  func echoChunk(_ choice: Int) -> JSONValue? {
    guard request.echoes != nil else { return nil }
    let tokens = promptScores.isEmpty ? [] : promptScores[prompt(ofChoice: choice)]
    return chunk(self.choice(choice, text: echo(choice), tokens: tokens, finishReason: nil))
  }

  /// - Parameter reproduction: of an answer that ends.
  func chunks(
    _ index: Int, _ event: GenerationEvent, _ offsets: TextOffsets, _ reproduction: JSONValue?
  ) -> [JSONValue] {
    switch event {
    case .token(let token):
      guard request.logprobs != nil || !token.text.isEmpty else { return [] }
      let place = offsets.next(index, token.id)
      return [
        chunk(.object(choice(index, text: token.text, tokens: [ShownToken(token)], finishReason: nil) { [place] }))
      ]
    case .finished(let result):
      var last = chunk(
        choice(
          index, text: result.trailingText, finishReason: result.finishReason,
          notes: request.generation.notes(ofAnswer: index, reproduction)))
      if var object = last.objectValue {
        object["timings"] = result.statistics.timings
        last = .object(object)
      }
      return [last]
    }
  }

  func usageChunk(_ usage: Usage) -> JSONValue {
    var chunk = head
    chunk["choices"] = []
    chunk["usage"] = usage.document
    return .object(chunk)
  }
}

/// Where the tokens of each answer begin.
final class TextOffsets: Sendable {
  private let state: Mutex<[TokenPlaces]>

  init(_ form: CompletionForm, count: Int) { state = Mutex((0..<count).map { form.places($0) }) }

  func next(_ index: Int, _ id: Int) -> Int { state.withLock { $0[index].next(id) } }
}
