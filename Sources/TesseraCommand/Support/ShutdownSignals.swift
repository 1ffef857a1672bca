#if Server
  import Dispatch
  import Foundation
  import Synchronization

  /// Calls an action when the process is asked to end (SIGINT, SIGTERM), instead of ending it.
  final class ShutdownSignals {
    private let sources: [any DispatchSourceSignal]

    /// - Parameter action: given how often it was asked for.
    init(_ action: @escaping @Sendable (Int) -> Void) {
      sources = [SIGINT, SIGTERM].map { number in
        signal(number, SIG_IGN)
        return DispatchSource.makeSignalSource(signal: number, queue: .global())
      }
      let count = Count()
      for source in sources {
        source.setEventHandler { action(count.next()) }
        source.resume()
      }
    }

    func stop() {
      for source in sources { source.cancel() }
      for number in [SIGINT, SIGTERM] { signal(number, SIG_DFL) }
    }

    private final class Count: Sendable {
      private let value = Mutex(0)

      func next() -> Int {
        value.withLock { value in
          value += 1
          return value
        }
      }
    }
  }
#endif
