#if Server
  import NIOCore
  import NIOHTTPTypes

  /// What has come behind a request that is still answered, in its order.
  struct HeldInput {
    enum Item {
      case part(HTTPRequestPart)
      case error(any Error)
      case end
    }

    private var items = CircularBuffer<Item>()
    /// Whether something was dropped: what is held is answered, and no more.
    private(set) var isFull = false

    /// Far more than one reads at once: nothing is read while anything is held, save the rest of a client that has gone.
    private static let most = 16_384

    var isEmpty: Bool { items.isEmpty }

    mutating func append(_ item: Item) {
      guard !isFull else { return }
      guard items.count >= Self.most else { return items.append(item) }
      isFull = true
      // A request that is not whole is none.
      while let last = items.popLast() {
        if case .part(.end) = last {
          items.append(last)
          return
        }
      }
    }

    mutating func popFirst() -> Item? { items.popFirst() }
    mutating func removeAll() { items.removeAll() }
  }
#endif
