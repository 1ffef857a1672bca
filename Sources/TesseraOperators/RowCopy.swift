import TesseraCL

/// Moves a row of floats inside a buffer.
public struct RowCopy: Sendable {
  public init() {}

  /// Enqueues the copy of row `from` over row `to`, another one, both of `columns` floats.
  public func enqueue(_ x: Buffer, from: Int, to: Int, columns: Int, on target: some CommandTarget) throws {
    let bytes = columns * 4
    guard let program = target.program else {
      return try target.queue.copy(
        from: x, to: x, byteCount: bytes, fromOffset: from * bytes, toOffset: to * bytes)
    }
    guard from >= 0, to >= 0, from != to, (max(from, to) + 1) * bytes <= x.byteCount else {
      throw OperatorError(.shape, "a copy of row \(from) to \(to), \(columns) floats, in \(x.byteCount) bytes")
    }
    var command = StepProgram.Command(StepProgram.Command.Kind.copy, units: 1)
    command.columns = UInt32(columns)
    command.x = try program.offset(inArena: x) + UInt64(from * bytes)
    command.y = try program.offset(inArena: x) + UInt64(to * bytes)
    try program.record(command)
  }
}
