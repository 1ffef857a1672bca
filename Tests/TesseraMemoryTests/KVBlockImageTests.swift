import Testing

@testable import TesseraMemory

@Suite("KV block images")
struct KVBlockImageTests {
  static func layout(values: KVEncoding = .f16, layers: [Int] = [0, 1]) throws -> KVCacheLayout {
    try KVCacheLayout(groups: [
      KVGroup(layers: [7], geometry: KVGeometry(kvHeadCount: 1, keyDim: 4), blockSize: 16),
      KVGroup(
        layers: layers, geometry: KVGeometry(kvHeadCount: 2, keyDim: 8, valueDim: 4, keys: .f16, values: values),
        kind: .window(64, sinks: 0), blockSize: 16),
    ])
  }

  static func image(_ layout: KVCacheLayout) throws -> KVBlockImage {
    let bytes = (0..<2 * layout.groups[1].bytesPerBlock).map { UInt8(truncatingIfNeeded: $0 * 7) }
    return try KVBlockImage(layout: layout, model: "m", style: .vector, group: 1, rows: 32..<61, bytes: bytes)
  }

  @Test("an image comes back as it was")
  func roundTrip() throws {
    let layout = try Self.layout()
    let image = try Self.image(layout)
    let data = image.encoded()
    #expect(data.count == KVBlockImage.headerBytes + image.bytes.count && data.starts(with: Array("TKVB".utf8)))
    let decoded = try KVBlockImage(decoding: data, layout: layout, model: "m", style: .vector)
    #expect(decoded == image && decoded.rows == 32..<61 && decoded.group == 1)
  }

  @Test("a layout's digest is the same in every build: images are kept on disk")
  func digest() throws {
    let layout = try KVCacheLayout(groups: [
      KVGroup(layers: [0, 2], geometry: KVGeometry(kvHeadCount: 1, keyDim: 4), blockSize: 16),
      KVGroup(
        layers: [1], geometry: KVGeometry(kvHeadCount: 2, keyDim: 32, valueDim: 4, keys: .q8_0, values: .f16),
        kind: .window(64, sinks: 3), blockSize: 32),
      KVGroup(layers: [3], geometry: KVGeometry(kvHeadCount: 1, keyDim: 4), kind: .fixed(capacity: 70)),
      KVGroup(layers: [4, 5], geometry: KVGeometry(kvHeadCount: 1, keyDim: 4), kind: .transient),
    ])
    #expect(
      layout.digest(model: "m", style: .vector).map { String($0, radix: 16) }.joined()
        == "8cc24b9bac76f699bff593cead6db627dd7744b6bfda23b688c59316c75c0")
  }

  @Test("an image of another model or layout is refused")
  func otherLayout() throws {
    let layout = try Self.layout()
    let data = try Self.image(layout).encoded()
    for (other, model) in [
      (layout, "n"), (try Self.layout(values: .f32), "m"), (try Self.layout(layers: [0, 2]), "m"),
    ] {
      let error = try memoryError { try KVBlockImage(decoding: data, layout: other, model: model, style: .vector) }
      #expect(error.code == .badImage && error.message.contains("another model"))
    }
    let error = try memoryError { try KVBlockImage(decoding: data, layout: layout, model: "m", style: .simt) }
    #expect(error.code == .badImage && error.message.contains("cache of another layout"))
  }

  @Test("an image that is cut short, too long or has any bit changed is refused")
  func damaged() throws {
    let layout = try Self.layout()
    let data = try Self.image(layout).encoded()
    for count in [0, 3, 8, 50, KVBlockImage.headerBytes - 1, KVBlockImage.headerBytes, data.count - 1] {
      let error = try memoryError {
        try KVBlockImage(decoding: data.prefix(count), layout: layout, model: "m", style: .vector)
      }
      #expect(error.code == .badImage)
    }
    #expect(throws: MemoryError.self) {
      try KVBlockImage(decoding: data + [0], layout: layout, model: "m", style: .vector)
    }
    for place in Array(0..<KVBlockImage.headerBytes) + [KVBlockImage.headerBytes + 5, data.count - 1] {
      for bit in [UInt8(1), 0x80] {
        var changed = data
        changed[place] ^= bit
        let error = try memoryError { try KVBlockImage(decoding: changed, layout: layout, model: "m", style: .vector) }
        #expect(error.code == .badImage || error.code == .invalidRequest, "byte \(place): \(error)")
      }
    }
  }

  @Test("an image must have its group's blocks")
  func refusals() throws {
    let layout = try Self.layout()
    let bytes = [UInt8](repeating: 0, count: 2 * layout.groups[1].bytesPerBlock)
    for (group, rows, count) in [
      (1, 33..<61, bytes.count), (1, 32..<65, bytes.count), (1, 32..<61, bytes.count - 1), (2, 32..<61, bytes.count),
      (-1, 32..<61, bytes.count), (1, -16..<13, bytes.count), (1, 0..<Int.max, bytes.count),
    ] {
      #expect(throws: MemoryError.self) {
        try KVBlockImage(
          layout: layout, model: "m", style: .vector, group: group, rows: rows, bytes: Array(bytes.prefix(count)))
      }
    }
  }
}
