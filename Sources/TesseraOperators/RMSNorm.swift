import TesseraCL
import TesseraMemory

/// `y = x / √(mean(x²) + ε) · weight (+ residual)`: `Kernels/norm/rmsnorm.cl` (Zhang & Sennrich 2019).
public struct RMSNorm: Sendable {
  /// Where the normalised rows lie in a wider row.
  public struct Rows: Sendable {
    /// Rows inside each of the outer rows, side by side.
    public var heads: Int
    /// Floats of a normalised row.
    public var columns: Int
    /// Floats from outer row to outer row.
    public var xStride: Int
    public var yStride: Int

    /// Rows of `columns` floats, one after another.
    public init(columns: Int) {
      (heads, self.columns, xStride, yStride) = (1, columns, columns, columns)
    }

    /// `heads` rows of `columns` floats at the start of each outer row of `stride` floats.
    public init(heads: Int, columns: Int, stride: Int) {
      (self.heads, self.columns, xStride, yStride) = (heads, columns, stride, stride)
    }
  }

  private let library: KernelLibrary

  public init(_ library: KernelLibrary) { self.library = library }

  /// Enqueues the norm of `count` outer rows.
  ///
  /// - Parameters:
  ///   - y: may be `x`.
  ///   - residual: added after the weight, laid out as `y`; may be `y`.
  public func enqueue(
    _ x: Buffer, weight: Buffer, into y: Buffer, rows: Rows, count: Int, epsilon: Float, residual: Buffer? = nil,
    on target: some CommandTarget
  ) throws {
    if let program = target.program {
      return try record(x, weight, y, rows, count: count, epsilon, residual, program)
    }
    let kernel = try library.kernel("norm/rmsnorm.cl", "rmsnorm")
    let total = rows.heads * count
    let range =
      library.style == .vector
      ? NDRange(global: [total], local: [1]) : NDRange(global: [total * 256], local: [256])
    try target.queue.enqueue(
      kernel, over: range, x, weight, residual ?? x, y, UInt32(rows.heads), UInt32(rows.columns), UInt32(rows.xStride),
      UInt32(rows.yStride), epsilon, UInt32(residual == nil ? 0 : 1))
  }
  private func record(
    _ x: Buffer, _ weight: Buffer, _ y: Buffer, _ rows: Rows, count: Int, _ epsilon: Float, _ residual: Buffer?,
    _ program: StepProgram
  ) throws {
    guard rows.xStride == rows.yStride else { throw OperatorError(.unrecordable, "a norm between strides") }
    var command = StepProgram.Command(StepProgram.Command.Kind.norm, units: rows.heads * count)
    command.rows = UInt32(rows.heads)
    command.stride = UInt32(rows.xStride)
    command.columns = UInt32(rows.columns)
    command.flags = residual == nil ? 0 : 1
    command.epsilon = epsilon
    command.x = try program.offset(inArena: x)
    command.y = try program.offset(inArena: y)
    command.residual = try program.offset(inArena: residual ?? y)
    command.weights = try program.offset(inWeights: weight)
    try program.record(command)
  }
}
