/// The host's memory that a model may take beside the device's.
public struct HostMemoryPlan: Sendable, Equatable, Encodable {
  /// For what generations have computed that give up their place in the cache.
  public let swapBytes: Int
  /// For beginnings of prompts that the device has no room for.
  public let cacheBytes: Int
  /// For blocks on their way to this cache or a folder, and back.
  public let transferBytes: Int
  /// The sum.
  public var totalBytes: Int { swapBytes + cacheBytes + transferBytes }

  private enum CodingKeys: String, CodingKey { case swapBytes, cacheBytes, transferBytes }
}

/// What a model's host memory is planned by.
package struct HostMemoryDemand: Sendable, Equatable {
  /// Nil leaves it to what is free: see ``MemoryPlan/takingSwap(limits:budgetBytes:)``.
  package var swapBytes: Int?
  package var cacheBytes: Int
  /// Whether blocks are kept in a folder.
  package var keepsOnDisk: Bool

  package init(swapBytes: Int? = 0, cacheBytes: Int = 0, keepsOnDisk: Bool = false) {
    (self.swapBytes, self.cacheBytes, self.keepsOnDisk) = (swapBytes, cacheBytes, keepsOnDisk)
  }

  /// The most that is taken for swapping where nobody says how much.
  static let mostSwapBytes = 1 << 30

  func plan(_ layout: KVCacheLayout, contextLength: Int, stepTokens: Int) throws(MemoryError) -> HostMemoryPlan {
    var transfer = 0
    if cacheBytes > 0 || keepsOnDisk, let size = layout.prefixBlockSize {
      // What was loaded for requests that are next, and what a step has filled: as it was read, and block by block.
      let blocks = try checkedSum([contextLength / size, 2 * (stepTokens / size + 1)], of: "blocks on their way")
      transfer = try checkedProduct(blocks, layout.storedBlockBytes, of: "blocks on their way")
      if keepsOnDisk {
        transfer = try checkedSum([transfer, DiskBlockStore.pendingByteLimit], of: "blocks on their way")
      }
    }
    _ = try checkedSum([swapBytes ?? 0, cacheBytes, transfer], of: "host memory")
    return HostMemoryPlan(swapBytes: swapBytes ?? 0, cacheBytes: cacheBytes, transferBytes: transfer)
  }
}

extension KVCacheLayout {
  /// Bytes of one block of tokens in a store: all groups' parts.
  package var storedBlockBytes: Int { groups.reduce(0) { $0 + $1.bytesPerBlock } }
}

/// Host memory that a model may take, reserved for as long as this object lives.
package final class HostReservation: Sendable {
  private let byteCount: Int
  private let accounts: DeviceAccounts

  package convenience init(byteCount: Int) { self.init(byteCount: byteCount, accounts: .process) }

  init(byteCount: Int, accounts: DeviceAccounts) {
    (self.byteCount, self.accounts) = (byteCount, accounts)
    accounts.changeHost(by: byteCount)
  }

  deinit { accounts.changeHost(by: -byteCount) }
}
