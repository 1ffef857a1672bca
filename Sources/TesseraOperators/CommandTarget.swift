import TesseraCL

/// Where operators put their work: a queue, which runs it, or a program, which records it.
public protocol CommandTarget {
  var queue: Queue { get }
  /// What records the work; nil on a queue.
  var program: StepProgram? { get }
}

extension Queue: CommandTarget {
  public var queue: Queue { self }
  public var program: StepProgram? { nil }
}
