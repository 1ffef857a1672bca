import Synchronization
import Tessera
import TesseraText

/// Takes the answers of a chat apart as they come: text, thoughts, calls of tools.
final class ChoiceParsers: Sendable {
  private struct Choice {
    var parser: AnswerParser
    var hasCalls = false
  }

  private let state: Mutex<[Choice]>
  private let callsOnce: Bool
  /// Whether answers are calls and nothing else.
  private let callsAlone: Bool

  /// - Parameter count: of answers.
  init(_ request: ConversationRequest, count: Int) {
    state = Mutex((0..<count).map { _ in Choice(parser: request.parser) })
    (callsOnce, callsAlone) = (request.callsOnce, request.callsAlone)
  }

  /// What an event of a choice's answer adds to it, and at its end whether it calls tools.
  func take(_ choice: Int, _ event: GenerationEvent) -> (deltas: [AnswerDelta], hasCalls: Bool) {
    state.withLock { choices in
      var deltas: [AnswerDelta]
      switch event {
      case .token(let token): deltas = choices[choice].parser.append(token.text, id: token.id)
      case .finished(let result):
        deltas = choices[choice].parser.append(result.trailingText) + choices[choice].parser.finish()
      }
      // What else there is of them belongs to a call that was cut before its function was known.
      if callsAlone { deltas.removeAll { if case .content = $0 { true } else { false } } }
      if callsOnce {
        deltas.removeAll { if case .toolCall(let call) = $0 { call.index > 0 } else { false } }
      }
      if deltas.contains(where: { if case .toolCall = $0 { true } else { false } }) { choices[choice].hasCalls = true }
      return (deltas, choices[choice].hasCalls)
    }
  }
}
