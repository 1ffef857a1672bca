import Synchronization
import TesseraCL

/// The single owner of a context's device buffers: a budget, and an account of who uses how much.
///
/// Every buffer is asked for with a purpose and a label, so that a refusal can say which tensor did not fit and the
/// statistics can say what the memory is used for. Safe to use from any thread.
public final class DeviceHeap: Sendable {
  /// The purpose of a buffer.
  public enum Purpose: String, Sendable, CaseIterable, Codable {
    case weights
    case kvCache
    case workspace
    case staging
    case other
  }

  private struct Account {
    var bytesByPurpose: [Purpose: Int] = [:]
    var total = 0
    var peak = 0
  }

  /// The context that the buffers belong to.
  public let context: Context
  /// The limits of the context's device.
  public let limits: DeviceLimits
  /// Bytes that all buffers together may have.
  public let budgetBytes: Int

  private let account = Mutex(Account())

  /// A heap on `context` with a budget in bytes, by default the device's memory less a margin.
  ///
  /// Throws ``MemoryError`` when the budget is not positive.
  public init(_ context: Context, budgetBytes: Int? = nil) throws(MemoryError) {
    self.context = context
    limits = DeviceLimits(context.device.profile)
    self.budgetBytes = budgetBytes ?? limits.defaultBudgetBytes
    guard self.budgetBytes > 0 else {
      throw MemoryError(.invalidRequest, "the memory budget is \(self.budgetBytes) bytes, it must be positive")
    }
  }

  /// A new buffer of `byteCount` bytes; its contents are undefined.
  ///
  /// The bytes count as used until the returned allocation is released. `label` names the tensor in refusals.
  ///
  /// Throws ``MemoryError`` with the numbers when the size is not positive, exceeds the device's largest allocation or
  /// the rest of the budget, or when the device refuses.
  public func allocate(byteCount: Int, purpose: Purpose, label: String) throws(MemoryError) -> DeviceAllocation {
    try check(byteCount: byteCount, purpose: purpose, label: label)
    do {
      // Weights are used throughout; a cache of keys and values fills bit by bit.
      let buffer = try Buffer(context, byteCount: byteCount, backing: purpose == .weights ? .hugePages : .driver)
      return DeviceAllocation(buffer: buffer, purpose: purpose, label: label, heap: self)
    } catch {
      giveBack(byteCount: byteCount, purpose: purpose)
      throw MemoryError(error, while: "allocating \(formatted(bytes: byteCount)) for \(label) (\(purpose.rawValue))")
    }
  }

  /// Bytes in use now, by all purposes.
  public var bytesInUse: Int { account.withLock { $0.total } }

  /// Bytes in use now by `purpose`.
  public func bytesInUse(by purpose: Purpose) -> Int { account.withLock { $0.bytesByPurpose[purpose] ?? 0 } }

  /// The most bytes that were ever in use at once.
  public var peakBytes: Int { account.withLock { $0.peak } }

  /// Bytes of the budget that are free.
  public var availableBytes: Int { budgetBytes - bytesInUse }

  /// Takes the bytes off the budget, or throws and takes none.
  private func check(byteCount: Int, purpose: Purpose, label: String) throws(MemoryError) {
    guard byteCount > 0 else {
      throw MemoryError(.invalidRequest, "\(label) (\(purpose.rawValue)) asks for \(byteCount) bytes of device memory")
    }
    guard byteCount <= limits.maxAllocationBytes else {
      throw MemoryError(
        .overMaxAllocation,
        "\(label) (\(purpose.rawValue)) needs \(formatted(bytes: byteCount)) in one buffer, \(limits.name) allows "
          + "\(formatted(bytes: limits.maxAllocationBytes)): "
          + (purpose == .kvCache ? "use a smaller --context" : "use another device or a smaller model"))
    }
    let inUse: Int? = account.withLock { account in
      guard byteCount <= budgetBytes - account.total else { return account.total }
      account.total += byteCount
      account.peak = max(account.peak, account.total)
      account.bytesByPurpose[purpose, default: 0] += byteCount
      return nil
    }
    if let inUse {
      throw MemoryError(
        .overBudget,
        "\(label) (\(purpose.rawValue)) needs \(formatted(bytes: byteCount)), but of the budget of "
          + "\(formatted(bytes: budgetBytes)) on \(limits.name) \(formatted(bytes: inUse)) are in use: "
          + "use a smaller --context, a smaller model, or a device with more memory")
    }
  }

  fileprivate func giveBack(byteCount: Int, purpose: Purpose) {
    account.withLock { account in
      account.total -= byteCount
      account.bytesByPurpose[purpose, default: 0] -= byteCount
    }
  }
}

/// A buffer on a heap's account: the bytes are given back when the last reference to this object goes.
///
/// Keep the allocation for as long as its buffer, or a slice of it, is used.
public final class DeviceAllocation: Sendable {
  /// The device buffer.
  public let buffer: Buffer
  /// The buffer's purpose.
  public let purpose: DeviceHeap.Purpose
  /// The name it was asked for with.
  public let label: String
  /// The heap whose budget it counts against.
  public let heap: DeviceHeap
  /// The allocation that a slab's piece lies in, and counts with.
  private let slab: DeviceAllocation?

  /// The buffer's size in bytes.
  public var byteCount: Int { buffer.byteCount }

  init(buffer: Buffer, purpose: DeviceHeap.Purpose, label: String, heap: DeviceHeap, slab: DeviceAllocation? = nil) {
    self.buffer = buffer
    self.purpose = purpose
    self.label = label
    self.heap = heap
    self.slab = slab
  }

  deinit {
    if slab == nil { heap.giveBack(byteCount: buffer.byteCount, purpose: purpose) }
  }
}
