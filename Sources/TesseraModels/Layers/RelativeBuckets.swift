import Foundation

/// Distances that share a bias of the scores (Raffel et al. 2020, 2.1): near ones each have their own bucket, far ones
/// share by logarithm.
struct RelativeBuckets {
  let count: Int
  /// From here on all share the last bucket.
  let maxDistance: Int
  let isCausal: Bool

  /// Biases spread out over distances, (headCount, 2 · maxDistance + 1).
  ///
  /// - Parameter weights: (count, headCount).
  func table(_ weights: [Float], headCount: Int) -> [Float] {
    (0..<headCount).flatMap { head in
      (-maxDistance...maxDistance).map { weights[bucket(of: $0) * headCount + head] }
    }
  }

  /// The bucket of a key that lies `distance` behind its query.
  private func bucket(of distance: Int) -> Int {
    let count = isCausal ? self.count : self.count / 2
    let base = !isCausal && distance > 0 ? count : 0
    let length = isCausal ? max(0, -distance) : abs(distance)
    let near = count / 2
    guard length >= near else { return base + length }
    let share = log(Float(length) / Float(near)) / log(Float(maxDistance) / Float(near))
    return base + min(count - 1, near + Int(share * Float(count - near)))
  }
}
