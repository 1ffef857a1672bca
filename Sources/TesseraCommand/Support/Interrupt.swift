import Dispatch
import Foundation

/// Runs an action on Ctrl-C instead of ending the process.
final class Interrupt {
  private let source: any DispatchSourceSignal

  init(_ action: @escaping @Sendable () -> Void) {
    signal(SIGINT, SIG_IGN)
    source = DispatchSource.makeSignalSource(signal: SIGINT, queue: .global())
    source.setEventHandler(handler: action)
    source.resume()
  }

  /// Ctrl-C ends the process again.
  func stop() {
    source.cancel()
    signal(SIGINT, SIG_DFL)
  }
}
