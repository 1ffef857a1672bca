import TesseraCL
import TesseraFiles
import TesseraMemory
import TesseraOperators

/// Vectors, and values that a family computes with.
extension ParameterStore {
  /// Vectors one after another, as float32, with zeros behind them.
  func vector(_ parts: [(parameter: Parameter, count: Int)], isZeroWhereMissing: Bool, of scope: ParameterScope) throws
    -> Vector
  {
    let label = parts.first?.parameter.name(in: scope.hyperparameters) ?? "a vector"
    var values: [Float] = []
    var plannedCount = 0
    for (parameter, count) in parts {
      plannedCount += count
      if isZeroWhereMissing, parameter.name(in: scope.hyperparameters).flatMap(checkpoint.tensor) == nil {
        if device != nil { values += [Float](repeating: 0, count: count) }
      } else if device == nil {
        // A plan reads no values.
        _ = try floats(parameter, shape: [parameter.slice?.of ?? count], of: scope)
      } else {
        let all = try self.values(parameter, shape: [parameter.slice?.of ?? count], of: scope)
        let part =
          parameter.slice == nil ? all : parameter.storedRows(of: count).flatMap { all[$0.clamped(to: all.indices)] }
        guard part.count == count else { throw wrongPart(parameter, count) }
        values += parameter.offset == 0 ? part : part.map { $0 + parameter.offset }
      }
    }
    return try vector(values, count: plannedCount, label: label)
  }

  func vector(_ values: [Float], label: String) throws -> Vector {
    try vector(values, count: values.count, label: label)
  }

  /// - Parameter values: `count`, or, for a plan, none.
  private func vector(_ values: [Float], count: Int, label: String) throws -> Vector {
    // Whole groups of 16 are read, also of a part that begins within one.
    let padded = (count + 15) / 16 * 16 + 16
    self.count(padded * 4)
    guard let device else { return Vector(view: BufferView(.planned(label)), allocation: nil) }
    let allocation = try device.allocate(byteCount: padded * 4, label: label)
    try device.queue.write(
      values + [Float](repeating: 0, count: padded - values.count), to: allocation.buffer)
    return Vector(view: allocation.buffer.view, allocation: allocation)
  }

  /// The values of a float tensor; of a described model ones, and zeros for biases.
  ///
  /// - Parameter isOfPlan: a plan needs none, and gets those of a described model.
  func values(_ parameter: Parameter, shape: [Int], isOfPlan: Bool = false, of scope: ParameterScope) throws -> [Float]
  {
    try valueReader(parameter, shape: shape, isOfPlan: isOfPlan, of: scope)()
  }

  /// Declares such a tensor; what is returned reads it.
  func valueReader(
    _ parameter: Parameter, shape: [Int], isOfPlan: Bool = false, of scope: ParameterScope
  ) throws -> () throws -> [Float] {
    let tensor = try floats(parameter, shape: shape, of: scope)
    let isFaulty = faults?.names.contains(tensor.name) == true
    let isRead = checkpoint.hasData && !isFaulty && (device != nil || !isOfPlan)
    return { [checkpoint] in
      if isRead { return try FloatTensor.values(tensor, in: checkpoint) }
      guard !isFaulty || tensor.byteCount <= checkpoint.tensors.reduce(0, { $0 + $1.byteCount }) else {
        // A file of other sizes than its configuration's: nothing else that is found helps.
        throw TensorFaults.TooMany()
      }
      return [Float](repeating: parameter.name?.hasSuffix("bias") == true ? 0 : 1, count: tensor.elementCount)
    }
  }

  private func wrongPart(_ parameter: Parameter, _ count: Int) -> ModelError {
    ModelError(.inconsistent, "\(checkpoint.path): \(parameter.name ?? "a vector") has no \(count) elements of a part")
  }
}

/// A vector of float32 on the device, padded so that groups of 16 can be read from any of its elements on.
struct Vector: Sendable, DeviceMemory {
  let view: BufferView
  let allocation: DeviceAllocation?
}
