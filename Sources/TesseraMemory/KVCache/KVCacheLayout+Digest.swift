import Crypto

extension KVCacheLayout {
  /// SHA-256 of all that decides what the bytes of a block mean.
  ///
  /// - Parameters:
  ///   - model: what names the weights that the keys and values were computed with.
  ///   - style: of the kernels; keys of a group lie otherwise in the simt style.
  package func digest(model: String, style: KernelStyle) -> [UInt8] {
    // Of numbers and names that are spelled out here: what Swift prints of a type may change.
    let text = groups.map { group in
      let g = group.geometry
      let kind =
        switch group.kind {
        case .growing: "growing"
        case .window(let tokens, let sinks): "window \(tokens) sinks \(sinks)"
        case .fixed(let capacity): "fixed \(capacity)"
        case .transient: "transient"
        }
      let layers = group.layers.map { String($0) }.joined(separator: ",")
      return "layers \(layers) \(kind) block \(group.blockSize) heads \(g.kvHeadCount) "
        + "keys \(g.keyDim) \(g.keys.rawValue) values \(g.valueDim) \(g.values.rawValue) shared \(g.sharesValues)"
    }.joined(separator: "\n")
    let order = style == .vector ? "" : "\nkeys in runs of 16 bytes"
    return Array(SHA256.hash(data: Array("tessera kv 1\n\(text)\n\(model)\(order)".utf8)))
  }
}
