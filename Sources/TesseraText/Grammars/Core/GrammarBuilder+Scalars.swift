/// How characters are written.
enum ScalarEncoding {
  /// As UTF-8.
  case plain
  /// As within a JSON string: what must be escaped is, by the shortest escape.
  case json
}

extension GrammarBuilder {
  /// One character of a set.
  mutating func scalar(
    of set: ScalarSet, _ encoding: ScalarEncoding, from node: Int
  ) throws(GrammarError) -> Int {
    let next = try self.node()
    var set = set
    if case .json = encoding {
      for value in Self.escaped.ranges.joined() where set.contains(value) {
        let end = try literal(Self.escape(value), from: node)
        try add(.empty(to: next), from: end)
      }
      set = set.subtracting(Self.escaped)
    }
    // Nodes from which only this is left to read, so that characters share their last bytes.
    var tails: [[ClosedRange<UInt8>]: Int] = [[]: next]
    for range in set.subtracting(Self.surrogates).ranges {
      for parts in UTF8Ranges.split(range) {
        var target = next
        for index in parts.indices.dropFirst().reversed() {
          let rest = Array(parts[index...])
          if let known = tails[rest] {
            target = known
            continue
          }
          let node = try self.node()
          try add(.bytes(ByteSet(parts[index]), to: target), from: node)
          tails[rest] = node
          target = node
        }
        try add(.bytes(ByteSet(parts[0]), to: target), from: node)
      }
    }
    return next
  }

  static let surrogates = ScalarSet(0xD800...0xDFFF)
  /// Characters that JSON strings have escaped only.
  private static let escaped = ScalarSet([0...0x1F, 0x22...0x22, 0x5C...0x5C])

  private static func escape(_ value: UInt32) -> String {
    switch value {
    case 0x08: return "\\b"
    case 0x09: return "\\t"
    case 0x0A: return "\\n"
    case 0x0C: return "\\f"
    case 0x0D: return "\\r"
    case 0x22: return "\\\""
    case 0x5C: return "\\\\"
    default:
      let digits = String(value, radix: 16)
      return "\\u" + String(repeating: "0", count: 4 - digits.utf8.count) + digits
    }
  }

  /// A text as a JSON string, by the shortest escapes.
  static func json(_ text: String) -> [UInt8] {
    var output: [UInt8] = [0x22]
    for scalar in text.unicodeScalars {
      output += escaped.contains(scalar) ? Array(escape(scalar.value).utf8) : Array(String(scalar).utf8)
    }
    return output + [0x22]
  }
}

/// Ranges of characters as ranges of the bytes of their UTF-8.
enum UTF8Ranges {
  /// Rows of ranges, one for each byte; together they are the UTF-8 of the range. It must be without surrogates.
  static func split(_ range: ClosedRange<UInt32>) -> [[ClosedRange<UInt8>]] {
    var rows: [[ClosedRange<UInt8>]] = []
    var waiting = [range]
    while let range = waiting.popLast() {
      let (low, high) = (range.lowerBound, range.upperBound)
      if let limit = [0x7F, 0x7FF, 0xFFFF].first(where: { low <= $0 && high > $0 }) {
        waiting += [limit + 1...high, low...limit]
        continue
      }
      let length = low <= 0x7F ? 1 : low <= 0x7FF ? 2 : low <= 0xFFFF ? 3 : 4
      // All but the first byte must go through all of their values, or through those of one.
      var cut: UInt32?
      for bits in stride(from: 6, to: 6 * length, by: 6) {
        let mask = UInt32(1) << UInt32(bits) - 1
        guard low >> UInt32(bits) != high >> UInt32(bits) else { break }
        if low & mask != 0 {
          cut = (low | mask) + 1
          break
        }
        if high & mask != mask {
          cut = high & ~mask
          break
        }
      }
      if let cut {
        waiting += [cut...high, low...cut - 1]
        continue
      }
      rows.append(zip(bytes(low, length), bytes(high, length)).map { min($0, $1)...max($0, $1) })
    }
    return rows
  }

  private static func bytes(_ value: UInt32, _ length: Int) -> [UInt8] {
    guard length > 1 else { return [UInt8(truncatingIfNeeded: value)] }
    let leads: [UInt8] = [0, 0, 0xC0, 0xE0, 0xF0]
    return (0..<length).map { index in
      let bits = value >> UInt32(6 * (length - 1 - index))
      return index == 0 ? leads[length] | UInt8(truncatingIfNeeded: bits) : 0x80 | UInt8(bits & 0x3F)
    }
  }
}
