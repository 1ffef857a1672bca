import TesseraCL

/// Renders and tokenizes, or prepares sounds, on a thread of its own: that may take long, and neither Swift's threads nor the
/// model's steps wait for it.
package actor TextWorker {
  private let thread: DeviceThread
  package nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

  package init(name: String = "tessera text") { thread = DeviceThread(name: name) }

  package func run<T: Sendable>(_ body: @Sendable () throws -> T) throws -> T { try body() }
}
