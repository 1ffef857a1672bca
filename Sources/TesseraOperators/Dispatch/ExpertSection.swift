/// Commands of a step before which the host looks at which experts were chosen.
package struct ExpertSection: Sendable {
  /// The commands.
  package internal(set) var range = 0..<0
  /// The list of tiles (`Kernels/matmul/rows.cl`), and its bytes.
  package var list: BufferView
  package var listBytes: Int
  /// Experts that there are to choose from.
  package var expertCount: Int
  /// Where the experts stay in host memory, the number of the layer there.
  package var hostLayer: Int?

  package init(list: BufferView, listBytes: Int, expertCount: Int, hostLayer: Int?) {
    (self.list, self.listBytes, self.expertCount, self.hostLayer) = (list, listBytes, expertCount, hostLayer)
  }

  /// Whether the commands may run several times, each time with some of the tiles.
  package var isRepeated: Bool { hostLayer != nil }
}
