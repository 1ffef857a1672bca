import TesseraCL

/// A place in memory that a kernel reads or writes: a buffer and an offset, or what will have a place once a step is laid out.
///
/// Offsets travel as arguments, so they need no alignment but their elements' own.
package struct BufferView: Sendable {
  /// Memory that views lie in.
  package enum Memory: Sendable {
    case buffer(Buffer)
    /// Tensor `id` of a step, which has no place yet (`StepLayout`).
    case tensor(Int)
    /// Memory that is planned, not allocated: a dry run's weights, cache or inputs.
    case planned(String)
  }

  package var memory: Memory
  package var byteOffset: Int

  package init(_ memory: Memory, byteOffset: Int = 0) {
    self.memory = memory
    self.byteOffset = byteOffset
  }

  /// All of a buffer, or of a slice.
  package init(_ buffer: Buffer) {
    let location = buffer.location
    self.init(.buffer(location.whole), byteOffset: location.byteOffset)
  }

  /// The tensor that it lies in, by its id.
  var tensor: Int? { if case .tensor(let id) = memory { id } else { nil } }

  /// The place `bytes` further on.
  package func advanced(byBytes bytes: Int) -> BufferView { BufferView(memory, byteOffset: byteOffset + bytes) }

  /// The place `count` floats further on.
  package func advanced(byFloats count: Int) -> BufferView { advanced(byBytes: count * 4) }
}

/// Memory that an operator takes: a view, a buffer, a tensor of a step.
package protocol DeviceMemory: Sendable {
  var view: BufferView { get }
}

extension BufferView: DeviceMemory {
  package var view: BufferView { self }
}

extension Buffer: DeviceMemory {
  package var view: BufferView { BufferView(self) }
}
