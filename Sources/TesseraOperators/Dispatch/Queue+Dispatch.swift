import TesseraCL

extension Queue: CommandSink {
  /// Launches the work.
  package func dispatch(_ dispatch: Dispatch, _ library: KernelLibrary) throws {
    let kernel = try library.kernel(dispatch.variant, localSize: dispatch.localSize)
    try enqueue(
      kernel, over: dispatch.range, buffers: try dispatch.buffers(), block: dispatch.placedBlock())
  }
}

extension Dispatch {
  /// The buffer of each view; one that the variant does not read is any.
  func buffers() throws(OperatorError) -> [Buffer] {
    var found: [Buffer?] = []
    for view in views {
      switch view?.memory {
      case .buffer(let buffer): found.append(buffer)
      case nil: found.append(nil)
      case .tensor, .planned: throw OperatorError(.unplaced, "\(variant.function): a view that has no memory yet")
      }
    }
    guard let any = found.lazy.compactMap({ $0 }).first else {
      throw OperatorError(.unplaced, "\(variant.function) without a buffer")
    }
    return found.map { $0 ?? any }
  }
}
