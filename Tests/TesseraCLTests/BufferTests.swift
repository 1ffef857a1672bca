import COpenCL
import Foundation
import TestSupport
import Testing

@testable import TesseraCL

extension OpenCLOnDevices {
  @Suite("Buffers and queues")
  struct BufferTests {
    @Test(
      "a buffer of no bytes, of a negative number or more than the device allows is refused", arguments: TestDevices.all
    )
    func sizes(device: TestDevice) throws {
      let context = try device.context()
      let limit = context.device.profile.maxAllocationBytes
      for byteCount in [0, -1, Int.min, limit + 1, Int.max] {
        let error = try clError { try Buffer(context, byteCount: byteCount) }
        #expect(error.code == .outOfBounds && error.message.contains("\(limit)"))
      }
    }

    @Test("what is written is read back, at any offset", arguments: TestDevices.all)
    func roundTrip(device: TestDevice) throws {
      let queue = try Queue(device.context())
      let buffer = try Buffer(queue.context, byteCount: 40)
      try queue.fill(buffer, byte: 7, byteCount: 40)
      try queue.write([1, 2, 3] as [Float], to: buffer, byteOffset: 4)
      #expect(try queue.read(buffer, as: Float.self, count: 3, byteOffset: 4) == [1, 2, 3])
      #expect(try queue.read(buffer, as: UInt8.self, count: 4) == [7, 7, 7, 7])
      #expect(try queue.read(buffer, as: UInt8.self, count: 24, byteOffset: 16).allSatisfy { $0 == 7 })
      try queue.fill(buffer, byteOffset: 8, byteCount: 4)
      #expect(try queue.read(buffer, as: Float.self, count: 3, byteOffset: 4) == [1, 0, 3])
    }

    @Test(
      "writes that nobody waits for come in their order, whatever becomes of the host's values",
      arguments: TestDevices.all)
    func enqueuedWrites(device: TestDevice) throws {
      let queue = try Queue(device.context())
      let buffer = try Buffer(queue.context, byteCount: 1 << 20)
      for round in 0..<20 {
        var values = [Int32](repeating: Int32(round), count: 1 << 18)
        try queue.enqueueWrite(values, to: buffer)
        values[0] = -1
        try queue.enqueueWrite([Int32(100 + round)], to: buffer, byteOffset: 4)
        #expect(queue.isBehind)
      }
      // A write that returns says nothing of those before it.
      try queue.write([Int32(7)], to: Buffer(queue.context, byteCount: 4))
      #expect(queue.isBehind)
      let read = try queue.read(buffer, as: Int32.self, count: 1 << 18)
      #expect(!queue.isBehind)
      #expect(read[0] == 19 && read[1] == 119 && read[2...].allSatisfy { $0 == 19 })
      try queue.enqueueWrite([Float](), to: buffer, byteOffset: 1 << 20)
      #expect(throws: CLError.self) { try queue.enqueueWrite([Int64(1)], to: buffer, byteOffset: (1 << 20) - 4) }
      #expect(!queue.isBehind)
      // What is not waited for may outlive everybody else's interest in the queue.
      try queue.enqueueWrite([Int32(5)], to: buffer)
    }

    @Test("a read to the host's memory goes on while others are enqueued", arguments: TestDevices.all)
    func hostRead(device: TestDevice) throws {
      let queue = try Queue(device.context())
      let buffer = try Buffer(queue.context, byteCount: 64)
      let reads = try (0..<2).map { _ in try HostRead(queue, byteCount: 64) }
      #expect(try reads[0].values(as: UInt32.self).isEmpty)
      for round in 0..<6 {
        try queue.enqueueWrite([UInt32](repeating: UInt32(round), count: 16), to: buffer)
        try reads[round % 2].enqueue(buffer, byteCount: round == 3 ? 8 : 64)
        guard round > 0 else { continue }
        let values = try reads[(round + 1) % 2].values(as: UInt32.self)
        #expect(values == [UInt32](repeating: UInt32(round - 1), count: round == 4 ? 2 : 16))
        // The write of this round may still run.
        #expect(queue.isBehind)
      }
      // A read that nobody asks for is waited for by the next one, and by the end.
      try reads[0].enqueue(buffer, byteCount: 4)
      #expect(try reads[0].values(as: UInt32.self) == [5])
      for count in [0, 65] { #expect(throws: CLError.self) { try reads[0].enqueue(buffer, byteCount: count) } }
    }

    @Test("a mark waits for what was enqueued before it, and lets go of no later writes", arguments: TestDevices.all)
    func marks(device: TestDevice) throws {
      let queue = try Queue(device.context())
      let buffer = try Buffer(queue.context, byteCount: 8)
      try queue.enqueueWrite([Int32(1)], to: buffer)
      let first = try queue.mark()
      try queue.enqueueWrite([Int32(2)], to: buffer, byteOffset: 4)
      let second = try queue.mark()
      try queue.wait(for: first)
      #expect(queue.isBehind && queue.staged.withLock { $0.bytes.count } == 1)
      try queue.wait(for: first)
      #expect(queue.isBehind)
      try queue.wait(for: second)
      #expect(!queue.isBehind)
      try queue.enqueueWrite([Int32(3)], to: buffer)
      // Earlier marks say nothing of it.
      try queue.wait(for: second)
      #expect(queue.isBehind)
      #expect(try queue.read(buffer, as: Int32.self, count: 2) == [3, 2])
      #expect(!queue.isBehind)
    }

    @Test("nothing is written, read, copied or filled without an error or an effect", arguments: TestDevices.all)
    func nothing(device: TestDevice) throws {
      let queue = try Queue(device.context())
      let buffer = try Buffer(queue.context, byteCount: 8)
      try queue.write([Float](), to: buffer, byteOffset: 8)
      #expect(try queue.read(buffer, as: Float.self, count: 0, byteOffset: 8).isEmpty)
      try queue.copy(from: buffer, to: buffer, byteCount: 0)
      try queue.fill(buffer, byteOffset: 8, byteCount: 0)
    }

    @Test("copies move the bytes asked for", arguments: TestDevices.all)
    func copies(device: TestDevice) throws {
      let queue = try Queue(device.context())
      let source = try Buffer(queue.context, byteCount: 16)
      let target = try Buffer(queue.context, byteCount: 16)
      try queue.write((0..<16).map { UInt8($0) }, to: source)
      try queue.fill(target, byte: 0xff, byteCount: 16)
      try queue.copy(from: source, to: target, byteCount: 5, fromOffset: 3, toOffset: 8)
      let expected: [UInt8] = [255, 255, 255, 255, 255, 255, 255, 255, 3, 4, 5, 6, 7, 255, 255, 255]
      #expect(try queue.read(target, as: UInt8.self, count: 16) == expected)
      // To itself, where the ranges do not overlap; where they do, OpenCL refuses.
      try queue.copy(from: source, to: source, byteCount: 8, fromOffset: 0, toOffset: 8)
      #expect(try queue.read(source, as: UInt8.self, count: 16) == (0..<16).map { UInt8($0 % 8) })
      #expect(throws: CLError.self) { try queue.copy(from: source, to: source, byteCount: 8, toOffset: 4) }
    }

    @Test("ranges beyond a buffer are refused, however large their numbers", arguments: TestDevices.all)
    func bounds(device: TestDevice) throws {
      let queue = try Queue(device.context())
      let buffer = try Buffer(queue.context, byteCount: 16)
      let other = try Buffer(queue.context, byteCount: 8)
      for (offset, count) in [(1, 16), (16, 1), (17, 0), (-1, 4), (0, 17), (Int.max, 1), (0, Int.max), (8, Int.max)] {
        let uses: [() throws -> Void] = [
          { _ = try queue.read(buffer, as: UInt8.self, count: count, byteOffset: offset) },
          { try queue.fill(buffer, byteOffset: offset, byteCount: count) },
          { try queue.copy(from: buffer, to: other, byteCount: count, fromOffset: offset) },
          { try queue.copy(from: other, to: buffer, byteCount: count, toOffset: offset) },
        ]
        for use in uses { #expect(try clError(use).code == .outOfBounds, "\(count) bytes at \(offset)") }
      }
      #expect(try clError { try queue.write([UInt8](repeating: 0, count: 17), to: buffer) }.code == .outOfBounds)
      for offset in [-1, 9, Int.max, Int.min] {
        #expect(try clError { try queue.write([0.0], to: buffer, byteOffset: offset) }.code == .outOfBounds)
      }
      for count in [-1, Int.min, Int.max, Int.max / 4] {
        #expect(try clError { try queue.read(buffer, as: Float.self, count: count) }.code == .outOfBounds)
        #expect(throws: CLError.self) { try queue.fill(buffer, byteCount: count) }
      }
    }

    @Test("slices, and slices of slices, are windows on the buffer they are cut from", arguments: TestDevices.all)
    func slices(device: TestDevice) throws {
      let queue = try Queue(device.context())
      let alignment = queue.context.device.profile.baseAddressAlignment
      let buffer = try Buffer(queue.context, byteCount: 4 * alignment)
      try queue.fill(buffer, byteCount: 4 * alignment)
      let slice = try buffer.slice(offset: alignment, byteCount: 2 * alignment + 3)
      let inner = try slice.slice(offset: alignment, byteCount: 5)
      #expect(slice.byteCount == 2 * alignment + 3 && inner.byteCount == 5)
      try queue.write([1, 2, 3, 4, 5] as [UInt8], to: inner)
      #expect(try queue.read(buffer, as: UInt8.self, count: 5, byteOffset: 2 * alignment) == [1, 2, 3, 4, 5])
      #expect(try queue.read(slice, as: UInt8.self, count: 5, byteOffset: alignment) == [1, 2, 3, 4, 5])
      #expect(try clError { try queue.read(inner, as: UInt8.self, count: 6) }.code == .outOfBounds)
    }

    @Test("a slice that is unaligned, empty or not inside is refused with the alignment", arguments: TestDevices.all)
    func badSlices(device: TestDevice) throws {
      let context = try device.context()
      let alignment = context.device.profile.baseAddressAlignment
      let buffer = try Buffer(context, byteCount: 4 * alignment)
      let slice = try buffer.slice(offset: alignment, byteCount: 2 * alignment)
      for (offset, byteCount) in [
        (1, 4), (alignment - 1, 4), (0, 0), (0, -1), (-alignment, 4), (0, 4 * alignment + 1), (4 * alignment, 1),
        (alignment, Int.max), (Int.max - alignment + 1, 4), (Int.min, 4),
      ] {
        let error = try clError { try buffer.slice(offset: offset, byteCount: byteCount) }
        #expect(error.code == .outOfBounds && error.message.contains("\(alignment)"), "\(byteCount) bytes at \(offset)")
      }
      #expect(try clError { try slice.slice(offset: alignment, byteCount: alignment + 1) }.code == .outOfBounds)
    }

    @Test("a buffer that kernels only read is sliced, written and read by the host", arguments: TestDevices.all)
    func access(device: TestDevice) throws {
      let queue = try Queue(device.context())
      let alignment = queue.context.device.profile.baseAddressAlignment
      for access in [Buffer.Access.readOnly, .writeOnly, .readWrite] {
        let slice = try Buffer(queue.context, byteCount: 2 * alignment, access: access)
          .slice(offset: alignment, byteCount: alignment)
        try queue.write([1, 2] as [Float], to: slice)
        #expect(try queue.read(slice, as: Float.self, count: 2) == [1, 2])
      }
    }

    @Test("memory in huge pages is written, sliced and read like any, and given back", arguments: TestDevices.all)
    func hugePages(device: TestDevice) throws {
      let queue = try Queue(device.context())
      // No multiple of a page.
      let byteCount = (32 << 20) + 12
      let buffer = try Buffer(queue.context, byteCount: byteCount, backing: .hugePages)
      try queue.fill(buffer, byte: 3, byteCount: byteCount)
      let slice = try buffer.slice(offset: 16 << 20, byteCount: (16 << 20) + 12)
      try queue.write([5, 6] as [UInt8], to: slice, byteOffset: slice.byteCount - 2)
      #expect(try queue.read(buffer, as: UInt8.self, count: 3, byteOffset: byteCount - 3) == [3, 5, 6])

      // Of several, since another thread's memory may come to lie where one was.
      let isGone = try (0..<8).map { _ in
        let memory = try #require(HostMemory(byteCount: byteCount))
        let handle = try #require(memory.buffer(in: queue.context, flags: 0))
        #expect(isMapped(memory.address))
        clReleaseMemObject(handle)
        return !isMapped(memory.address)
      }
      #expect(isGone.contains(true))
    }

    /// Whether the page at an address is the process's.
    private func isMapped(_ address: UnsafeMutableRawPointer) -> Bool {
      var residency: UInt8 = 0
      return mincore(address, 1, &residency) == 0
    }

    @Test("a slice keeps the buffer's memory when nothing else does", arguments: TestDevices.all)
    func lifetime(device: TestDevice) throws {
      let queue = try Queue(device.context())
      let alignment = queue.context.device.profile.baseAddressAlignment
      func cut() throws -> Buffer {
        let buffer = try Buffer(queue.context, byteCount: 2 * alignment)
        try queue.fill(buffer, byte: 9, byteCount: 2 * alignment)
        return try buffer.slice(offset: 0, byteCount: 2 * alignment).slice(offset: alignment, byteCount: alignment)
      }
      let slice = try cut()
      // Takes memory that would be reused.
      for _ in 0..<8 { try queue.fill(Buffer(queue.context, byteCount: 2 * alignment), byte: 1, byteCount: alignment) }
      #expect(try queue.read(slice, as: UInt8.self, count: alignment).allSatisfy { $0 == 9 })
    }
  }
}
