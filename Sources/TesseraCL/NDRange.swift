/// How many work-items run, in up to three dimensions, and how they are grouped.
package struct NDRange: Sendable, Equatable {
  var dimensions: Int
  var global: (Int, Int, Int)
  /// Only read where `hasLocal`; otherwise the driver chooses.
  var local: (Int, Int, Int)
  let hasLocal: Bool

  /// - Parameters:
  ///   - global: work-items in each of 1 to 3 dimensions.
  ///   - local: the work-group's size, a divisor in each dimension; nil lets the driver choose.
  package init(global: [Int], local: [Int]? = nil) {
    func triple(_ values: [Int]) -> (Int, Int, Int) {
      (values.first ?? 0, values.count > 1 ? values[1] : 1, values.count > 2 ? values[2] : 1)
    }
    dimensions = global.count
    self.global = triple(global)
    self.local = local.map(triple) ?? (0, 0, 0)
    hasLocal = local != nil
  }

  /// A range of three dimensions, as the kernel's `get_global_id(0)` to `(2)` number them.
  ///
  /// - Parameter local: the work-group's size in each; nil lets the driver choose.
  package init(x: Int, y: Int = 1, z: Int = 1, local: (x: Int, y: Int, z: Int)? = nil) {
    dimensions = 3
    global = (x, y, z)
    self.local = local.map { ($0.x, $0.y, $0.z) } ?? (0, 0, 0)
    hasLocal = local != nil
  }

  /// At least `count` work-items in each row, in work-groups of `groupSize`; the kernel leaves out those past the end.
  ///
  /// Without a size of its own a launch gets one that divides the range, and PoCL compiles a kernel anew for each size.
  package static func covering(_ count: Int, rows: Int = 1, groupSize: Int) -> NDRange {
    NDRange(global: [(count + groupSize - 1) / groupSize * groupSize, rows], local: [groupSize, 1])
  }

  package static func == (a: NDRange, b: NDRange) -> Bool {
    a.dimensions == b.dimensions && a.global == b.global && a.local == b.local && a.hasLocal == b.hasLocal
  }

  /// Its dimensions, its sizes and its work-group's, as OpenCL takes them.
  func withSizes<T>(_ body: (UInt32, UnsafePointer<Int>?, UnsafePointer<Int>?) -> T) -> T {
    withUnsafeBytes(of: global) { global in
      withUnsafeBytes(of: local) { local in
        body(
          UInt32(dimensions), global.baseAddress?.assumingMemoryBound(to: Int.self),
          hasLocal ? local.baseAddress?.assumingMemoryBound(to: Int.self) : nil)
      }
    }
  }

  /// Why the range cannot run.
  var problem: String? {
    guard (1...3).contains(dimensions), global.0 > 0, global.1 > 0, global.2 > 0 else {
      return "the range \(global) is empty"
    }
    guard hasLocal else { return nil }
    guard local.0 > 0, local.1 > 0, local.2 > 0, global.0 % local.0 == 0, global.1 % local.1 == 0,
      global.2 % local.2 == 0
    else { return "the range \(global) is no multiple of the work-group \(local)" }
    return nil
  }
}
