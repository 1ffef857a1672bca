import Synchronization
import TesseraCL

/// The single owner of a context's device buffers: a budget, and an account of who uses how much.
///
/// Every buffer is asked for with a purpose and a label, so that a refusal can say which tensor did not fit and the
/// statistics can say what the memory is used for. Safe to use from any thread.
package final class DeviceHeap: Sendable {
  /// The purpose of a buffer.
  package enum Purpose: String, Sendable, CaseIterable, Codable {
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
    /// What will be in use, at least.
    var planned: Int
    var reserved: Int { max(planned, total) }
  }

  /// The context that the buffers belong to.
  package let context: Context
  /// The limits of the context's device.
  package let limits: DeviceLimits
  /// Bytes that all buffers together may have.
  package let budgetBytes: Int

  private let account: Mutex<Account>
  private let accounts: DeviceAccounts

  /// A heap on `context` with a budget in bytes, by default the device's memory less a margin and less what other heaps
  /// of this process have reserved.
  ///
  /// - Parameters:
  ///   - plannedBytes: what will be allocated; reserved at once, so that heaps that are made later plan with the rest.
  ///   - largestAllocation: a bound of a single buffer below the device's.
  /// - Throws: ``MemoryError`` when the budget is not positive, or less than is planned.
  package convenience init(
    _ context: Context, budgetBytes: Int? = nil, plannedBytes: Int = 0, largestAllocation: Int? = nil
  ) throws(MemoryError) {
    try self.init(
      context, budgetBytes: budgetBytes, plannedBytes: plannedBytes, largestAllocation: largestAllocation,
      accounts: .process)
  }

  init(
    _ context: Context, budgetBytes: Int? = nil, plannedBytes: Int = 0, largestAllocation: Int? = nil,
    accounts: DeviceAccounts
  ) throws(MemoryError) {
    (self.context, self.accounts) = (context, accounts)
    account = Mutex(Account(planned: plannedBytes))
    var limits = DeviceLimits(context.device.profile)
    var budget = 0
    let isReserved = accounts.reserve(plannedBytes, on: context.device) { reserved in
      limits = DeviceLimits(context.device.profile, reservedBytes: reserved)
        .limited(toAllocations: largestAllocation)
      budget = budgetBytes ?? limits.defaultBudgetBytes
      return budget > 0 && plannedBytes <= budget
    }
    (self.limits, self.budgetBytes) = (limits, budget)
    guard isReserved else {
      // Nothing is on the account: there is nothing to give back.
      account.withLock { $0.planned = 0 }
      guard budget > 0 else {
        throw MemoryError(.invalidRequest, "the memory budget is \(budget) bytes, it must be positive")
      }
      throw MemoryError(
        .overBudget,
        "\(formatted(bytes: plannedBytes)) are planned on \(limits.name), it may use \(formatted(bytes: budget))"
          + (budgetBytes == nil ? limits.budgetReason.map { " (\($0))" } ?? "" : ""))
    }
  }

  deinit { change { $0.planned = 0 } }

  /// A new buffer of `byteCount` bytes; its contents are undefined.
  ///
  /// The bytes count as used until the returned allocation is released. `label` names the tensor in refusals.
  ///
  /// Throws ``MemoryError`` with the numbers when the size is not positive, exceeds the device's largest allocation or
  /// the rest of the budget, or when the device refuses.
  package func allocate(byteCount: Int, purpose: Purpose, label: String) throws(MemoryError) -> DeviceAllocation {
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
  package var bytesInUse: Int { account.withLock { $0.total } }

  /// Bytes in use now by `purpose`.
  package func bytesInUse(by purpose: Purpose) -> Int { account.withLock { $0.bytesByPurpose[purpose] ?? 0 } }

  /// The most bytes that were ever in use at once.
  package var peakBytes: Int { account.withLock { $0.peak } }

  /// Bytes of the budget that are free.
  package var availableBytes: Int { budgetBytes - bytesInUse }

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
      change(&account) {
        $0.total += byteCount
        $0.peak = max($0.peak, $0.total)
        $0.bytesByPurpose[purpose, default: 0] += byteCount
      }
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
    change {
      $0.total -= byteCount
      $0.bytesByPurpose[purpose, default: 0] -= byteCount
    }
  }

  private func change(_ body: (inout Account) -> Void) { account.withLock { change(&$0, body) } }

  /// Changes the account, and what is reserved on the device with it.
  private func change(_ account: inout Account, _ body: (inout Account) -> Void) {
    let before = account.reserved
    body(&account)
    if account.reserved != before { accounts.change(by: account.reserved - before, on: context.device) }
  }
}

/// A buffer on a heap's account: the bytes are given back when the last reference to this object goes.
///
/// Keep the allocation for as long as its buffer, or a slice of it, is used.
package final class DeviceAllocation: Sendable {
  /// The device buffer.
  package let buffer: Buffer
  /// The buffer's purpose.
  package let purpose: DeviceHeap.Purpose
  /// The name it was asked for with.
  package let label: String
  /// The heap whose budget it counts against.
  package let heap: DeviceHeap
  /// The allocation that a slab's piece lies in, and counts with.
  private let slab: DeviceAllocation?

  /// The buffer's size in bytes.
  package var byteCount: Int { buffer.byteCount }

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
