import TesseraCL

/// A sink that keeps what it is given: the commands of a step before they have memory.
package final class DispatchList: CommandSink {
  package private(set) var dispatches: [Dispatch] = []
  /// Where parts end, such as layers: places at which a queue's work is sent to the device.
  package private(set) var ends: [Int] = []
  /// Parts before which the host looks at a list of experts' tiles, ascending.
  package private(set) var sections: [ExpertSection] = []

  package init() {}

  package func dispatch(_ dispatch: Dispatch, _ library: KernelLibrary) { dispatches.append(dispatch) }

  /// Ends a part behind what was added so far.
  package func endPart() { ends.append(dispatches.count) }

  /// Adds the products of experts, before which the host looks at their list.
  package func section(_ experts: ExpertSection, _ body: () throws -> Void) rethrows {
    var experts = experts
    let start = dispatches.count
    try body()
    experts.range = start..<dispatches.count
    sections.append(experts)
  }

  /// The first and the last command that uses each tensor, by its id.
  ///
  /// - Throws: `OperatorError` where a tensor is used that nothing has written: its memory is another's rest.
  package func lifetimes() throws(OperatorError) -> [Int: ClosedRange<Int>] {
    var result: [Int: ClosedRange<Int>] = [:]
    for (index, dispatch) in dispatches.enumerated() {
      let written = Set(dispatch.written.compactMap { dispatch.views[$0]?.tensor })
      for id in (dispatch.views + [dispatch.count]).compactMap({ $0?.tensor }) {
        guard result[id] != nil || written.contains(id) else {
          throw OperatorError(.unplaced, "\(dispatch.variant.function) reads tensor \(id), which nothing has written")
        }
        result[id] = (result[id]?.lowerBound ?? index)...index
      }
    }
    // What is run several times finds its tensors again each time.
    for section in sections where section.isRepeated && !section.range.isEmpty {
      let whole = section.range.lowerBound...section.range.upperBound - 1
      for id in Set(dispatches[section.range].flatMap { $0.views + [$0.count] }.compactMap { $0?.tensor }) {
        guard let own = result[id] else { continue }
        result[id] = min(own.lowerBound, whole.lowerBound)...max(own.upperBound, whole.upperBound)
      }
    }
    return result
  }

  /// The same commands with each tensor at its place in `arena`.
  ///
  /// - Parameter offsets: of the tensors, in bytes, by id.
  package func placed(in arena: Buffer, at offsets: [Int: Int]) throws -> [Dispatch] {
    try dispatches.map { dispatch in
      var dispatch = dispatch
      dispatch.views = try dispatch.views.map { try $0.map { try Self.placed($0, in: arena, at: offsets) } }
      dispatch.count = try dispatch.count.map { try Self.placed($0, in: arena, at: offsets) }
      return dispatch
    }
  }

  /// A view with a tensor at its place in `arena`.
  package static func placed(_ view: BufferView, in arena: Buffer, at offsets: [Int: Int]) throws -> BufferView {
    let (whole, start) = arena.location
    guard case .tensor(let id) = view.memory else { return view }
    guard let offset = offsets[id] else {
      throw OperatorError(.unplaced, "tensor \(id) has no place in the step's arena")
    }
    return BufferView(.buffer(whole), byteOffset: start + offset + view.byteOffset)
  }

  /// The cost of all commands together.
  package var cost: Dispatch.Cost {
    dispatches.reduce(into: Dispatch.Cost()) {
      $0.bytes += $1.cost.bytes
      $0.weightBytes += $1.cost.weightBytes
      $0.operations += $1.cost.operations
    }
  }
}
