/// Where each named piece of step-local workspace lies in one buffer.
///
/// Pieces whose lifetimes do not overlap share bytes. Placement is greedy by size: the largest piece first, each at the
/// lowest offset that is free throughout its life (Pisarchyk, Lee, "Efficient Memory Management for Deep Neural Net
/// Inference", 2020, arXiv 2001.03288). The same requests always give the same layout.
package struct ArenaPlan: Sendable, Equatable {
  /// A piece of workspace that is wanted.
  package struct Request: Sendable, Equatable {
    /// The name it is fetched by; unique in the plan.
    package var name: String
    /// Its size in bytes; positive.
    package var byteCount: Int
    /// The first and last of the caller's phases in which it is used; nil: it lives throughout.
    package var lifetime: ClosedRange<Int>?

    /// A piece of `byteCount` bytes that lives in the phases `lifetime`.
    package init(_ name: String, byteCount: Int, lifetime: ClosedRange<Int>? = nil) {
      self.name = name
      self.byteCount = byteCount
      self.lifetime = lifetime
    }
  }

  /// A placed piece.
  package struct Slot: Sendable, Equatable {
    /// Bytes from the start of the arena; a multiple of the alignment.
    package let offset: Int
    /// The size that was asked for, in bytes.
    package let byteCount: Int
  }

  /// The pieces by name.
  package let slots: [String: Slot]
  /// Bytes of the whole arena.
  package let byteCount: Int
  /// The alignment of offsets, in bytes.
  package let alignment: Int

  /// Lays out `requests` at offsets that are multiples of `alignment`.
  ///
  /// Throws ``MemoryError`` for a size that is not positive, a name that occurs twice or a total beyond `Int`.
  package init(_ requests: [Request], alignment: Int) throws(MemoryError) {
    struct Placed {
      var range: Range<Int>
      var lifetime: ClosedRange<Int>?
    }
    var slots: [String: Slot] = [:]
    var placed: [Placed] = []
    var total = 0
    let bySize = requests.sorted { ($0.byteCount, $1.name) > ($1.byteCount, $0.name) }
    for request in bySize {
      let what = "workspace \(request.name)"
      guard request.byteCount > 0 else {
        throw MemoryError(.invalidRequest, "\(what): \(request.byteCount) bytes")
      }
      guard slots[request.name] == nil else { throw MemoryError(.invalidRequest, "\(what) is asked for twice") }
      let size = try checkedRoundUp(request.byteCount, to: alignment, of: what)
      let inTheWay = placed.filter { Self.overlap($0.lifetime, request.lifetime) }.map(\.range)
        .sorted { $0.lowerBound < $1.lowerBound }
      var offset = 0
      for range in inTheWay {
        if range.lowerBound >= offset, range.lowerBound - offset >= size { break }
        offset = max(offset, range.upperBound)
      }
      let end = try checkedSum([offset, size], of: what)
      placed.append(Placed(range: offset..<end, lifetime: request.lifetime))
      slots[request.name] = Slot(offset: offset, byteCount: request.byteCount)
      total = max(total, end)
    }
    self.slots = slots
    self.alignment = alignment
    byteCount = total
  }

  private static func overlap(_ a: ClosedRange<Int>?, _ b: ClosedRange<Int>?) -> Bool {
    guard let a, let b else { return true }
    return a.overlaps(b)
  }
}
