/// How far the loading of a model has come.
public enum LoadProgress: Sendable, Equatable {
  /// The share of the time, 0 to 1, in which a GPU that was never tuned is: once (`LoadOptions.tunesNewDevices`).
  case tuning(Double)
  /// Kernels that are compiled, of those that a prompt and an answer need and that were not compiled yet
  /// (`LoadOptions.compilesAhead`): of GPUs before the weights, of CPUs behind them, where the last is a program of many.
  case kernels(Int, of: Int)
  /// The share of the weights that are on the device, 0 to 1.
  case weights(Double)
}
