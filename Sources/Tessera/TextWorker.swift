import TesseraCL

/// Renders and tokenizes on a thread of its own: that may take long, and neither Swift's threads nor the model's steps wait for
/// it.
actor TextWorker {
  private let thread = DeviceThread(name: "tessera text")
  nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

  func run<T: Sendable>(_ body: @Sendable () throws -> T) throws -> T { try body() }
}
