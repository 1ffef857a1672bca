import Foundation
import Synchronization
import Tessera

/// Render and tokenize on threads of their own: texts may be long, and neither other texts nor the models' steps wait for them.
final class TextLines: Sendable {
  private let lines: [TextWorker]
  /// Of each line, texts that it has.
  private let loads: Mutex<[Int]>

  init() {
    lines = (0..<min(4, max(2, ProcessInfo.processInfo.activeProcessorCount / 2))).map { _ in
      TextWorker(name: "tessera server text")
    }
    loads = Mutex(lines.map { _ in 0 })
  }

  /// Runs what makes prompts of texts. It may take a while: let it look for cancellation first.
  func run<T: Sendable>(_ body: @Sendable () throws -> T) async throws -> T {
    let place = loads.withLock { loads in
      let place = loads.indices.min { loads[$0] < loads[$1] } ?? 0
      loads[place] += 1
      return place
    }
    defer { loads.withLock { $0[place] -= 1 } }
    return try await lines[place].run(body)
  }
}
