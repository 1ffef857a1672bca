import Foundation
import TestSupport
import Testing

@testable import TesseraCL

extension OpenCLOnDevices {
  @Suite("The cache of compiled programs")
  struct ProgramCacheTests {
    /// Writes VALUE; two of these tell which binary a program was loaded from.
    private static func source(_ value: Int) -> String {
      "kernel void put(global int *x) { x[get_global_id(0)] = \(value); }"
    }

    private func value(_ value: Int, cache: ProgramCache, on context: Context) throws -> Int32? {
      let kernel = try Program(context, source: Self.source(value), name: "put.cl", cache: cache).kernel("put")
      let queue = try Queue(context)
      let x = try Buffer(context, byteCount: 4)
      try queue.enqueue(kernel, over: NDRange(global: [1]), x)
      return try queue.read(x, as: Int32.self, count: 1).first
    }

    private func key(_ value: Int, _ context: Context) -> ProgramCache.Key {
      let profile = context.device.profile
      return .init(
        source: Self.source(value), options: profile.singleFloat.buildOptions.joined(separator: " "), profile: profile)
    }

    private func entries(_ folder: URL) throws -> [URL] {
      try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
    }

    @Test("a program compiled once is loaded the next time", arguments: TestDevices.all)
    func hit(device: TestDevice) throws {
      let context = try device.context()
      try withTemporaryFolder { folder throws in
        let cache = ProgramCache(folder: folder.appendingPathComponent("new/folder"))
        #expect(try value(2, cache: cache, on: context) == 2)
        let binary = try #require(cache.binary(for: key(2, context)))
        // Another program's binary in its place shows that the entry is what runs.
        cache.store(binary, for: key(1, context))
        #expect(try value(1, cache: cache, on: context) == 2)
        #expect(try value(3, cache: cache, on: context) == 3)
      }
    }

    @Test("the environment turns it off")
    func environment() {
      #expect(ProgramCache.standard(in: ["TESSERA_PROGRAM_CACHE": "0"]) == nil)
      #expect(ProgramCache.standard(in: [:])?.folder == ProgramCache().folder)
    }

    @Test("a damaged, truncated or foreign entry is compiled anew and written again", arguments: TestDevices.all)
    func damage(device: TestDevice) throws {
      let context = try device.context()
      try withTemporaryFolder { folder throws in
        let cache = ProgramCache(folder: folder)
        #expect(try value(2, cache: cache, on: context) == 2)
        let foreign = try Data(contentsOf: try #require(entries(folder).first))
        try FileManager.default.removeItem(at: try #require(entries(folder).first))
        #expect(try value(1, cache: cache, on: context) == 1)
        let file = try #require(entries(folder).first)
        let good = try Data(contentsOf: file)
        var damaged: [Data] = [0, good.count / 2, good.count - 1, 20].map { at in
          var bytes = good
          bytes[at] ^= 0x40
          return bytes
        }
        for length in [0, 5, 18, 30, good.count - 1] { damaged.append(good.prefix(length)) }
        damaged.append(good + Data([0]))
        damaged.append(foreign)
        for (i, bytes) in damaged.enumerated() {
          try bytes.write(to: file)
          #expect(cache.binary(for: key(1, context)) == nil, "damage \(i)")
          #expect(try value(1, cache: cache, on: context) == 1, "damage \(i)")
          #expect(cache.binary(for: key(1, context)) != nil, "damage \(i)")
        }
        #expect(try entries(folder).count == 1)
      }
    }

    @Test("an entry that is whole but no binary for the driver is compiled anew", arguments: TestDevices.all)
    func notABinary(device: TestDevice) throws {
      let context = try device.context()
      try withTemporaryFolder { folder throws in
        let cache = ProgramCache(folder: folder)
        for garbage in [[UInt8](repeating: 0, count: 64), Array("no binary at all".utf8)] {
          cache.store(garbage, for: key(1, context))
          #expect(try value(1, cache: cache, on: context) == 1)
          #expect(cache.binary(for: key(1, context)) != garbage)
        }
      }
    }

    @Test("a folder that cannot be made or written costs the cache only", arguments: TestDevices.all)
    func unwritable(device: TestDevice) throws {
      let context = try device.context()
      try withTemporaryFolder { folder throws in
        let file = folder.appendingPathComponent("file")
        try Data("a file".utf8).write(to: file)
        let readOnly = folder.appendingPathComponent("read-only")
        try FileManager.default.createDirectory(at: readOnly, withIntermediateDirectories: true)
        try FileManager.default.setAttributes([.posixPermissions: 0o555], ofItemAtPath: readOnly.path)
        for place in [file, file.appendingPathComponent("below"), readOnly, URL(fileURLWithPath: "/proc/tessera")] {
          #expect(try value(4, cache: ProgramCache(folder: place), on: context) == 4, "\(place.path)")
        }
        #expect(try Data(contentsOf: file) == Data("a file".utf8))
      }
    }

    @Test("a folder where an entry should be costs that entry only", arguments: TestDevices.all)
    func folderAsEntry(device: TestDevice) throws {
      let context = try device.context()
      try withTemporaryFolder { folder throws in
        let cache = ProgramCache(folder: folder)
        #expect(try value(1, cache: cache, on: context) == 1)
        let file = try #require(entries(folder).first)
        try FileManager.default.removeItem(at: file)
        try FileManager.default.createDirectory(at: file, withIntermediateDirectories: true)
        #expect(try value(1, cache: cache, on: context) == 1)
        #expect(try entries(folder).count == 1)
      }
    }

    @Test("writers at once leave whole entries and nothing else", arguments: TestDevices.all)
    func concurrentWriters(device: TestDevice) async throws {
      let context = try device.context()
      let folder = FileManager.default.temporaryDirectory.appendingPathComponent("tessera-\(UUID().uuidString)")
      defer { try? FileManager.default.removeItem(at: folder) }
      let cache = ProgramCache(folder: folder)
      let keys = (0..<3).map { key($0, context) }
      await withTaskGroup(of: Void.self) { group in
        for writer in 0..<30 {
          group.addTask {
            let binary = [UInt8](repeating: UInt8(writer), count: 10_000 + writer)
            cache.store(binary, for: keys[writer % 3])
            if let read = cache.binary(for: keys[writer % 3]) {
              #expect(read.count == 10_000 + Int(read[0]) && read.allSatisfy { $0 == read[0] })
            } else {
              Issue.record("writer \(writer) finds no entry")
            }
          }
        }
      }
      #expect(try entries(folder).count == 3)
    }

    @Test("over the limit the oldest entries go, and files that are not the cache's stay", arguments: TestDevices.all)
    func limit(device: TestDevice) throws {
      let context = try device.context()
      try withTemporaryFolder { folder throws in
        let others = ["notes.txt", "notes.bin", ".notes.bin"].map { folder.appendingPathComponent($0) }
        for other in others { try old(other) }
        let cache = ProgramCache(folder: folder, byteLimit: 35_000)
        for entry in 0..<5 {
          cache.store([UInt8](repeating: 0, count: 10_000), for: key(entry, context))
          // File systems may count time in seconds.
          for file in try entries(folder) where !others.map(\.lastPathComponent).contains(file.lastPathComponent) {
            let date = try file.resourceValues(forKeys: [.contentModificationDateKey]).contentModificationDate
            try FileManager.default.setAttributes(
              [.modificationDate: (date ?? Date()).addingTimeInterval(-10)], ofItemAtPath: file.path)
          }
        }
        #expect((0..<5).map { cache.binary(for: key($0, context)) != nil } == [false, false, true, true, true])
        #expect(others.allSatisfy { FileManager.default.fileExists(atPath: $0.path) })
      }
    }

    @Test("what a killed writer left goes, and what one writes now stays", arguments: TestDevices.all)
    func abandoned(device: TestDevice) throws {
      let context = try device.context()
      try withTemporaryFolder { folder throws in
        let halves = (0..<2).map { folder.appendingPathComponent("abc\($0).bin.partial-f\($0)") }
        try Data([1]).write(to: halves[0])
        try old(halves[1])
        ProgramCache(folder: folder).store([1], for: key(1, context))
        #expect(halves.map { FileManager.default.fileExists(atPath: $0.path) } == [true, false])
      }
    }

    @Test("every part of what a binary depends on makes another entry", arguments: TestDevices.all)
    func keys(device: TestDevice) throws {
      let profile = try device.context().device.profile
      let keys = [("a", ""), ("b", ""), ("a", "b"), ("", "a"), ("a\0b", ""), ("b", "a"), ("ab", "")].map {
        ProgramCache.Key(source: $0.0, options: $0.1, profile: profile)
      }
      #expect(Set(keys.map(\.fileName)).count == keys.count && Set(keys.map(\.bytes)).count == keys.count)
      for part in [profile.name, profile.platformName, profile.platformVersion, profile.driverVersion] {
        #expect(!part.isEmpty && String(decoding: keys[0].bytes, as: UTF8.self).contains(part))
      }
    }

    /// Makes a file of 50,000 bytes that was last written long ago.
    private func old(_ file: URL) throws {
      try Data(repeating: 1, count: 50_000).write(to: file)
      try FileManager.default.setAttributes(
        [.modificationDate: Date(timeIntervalSince1970: 0)], ofItemAtPath: file.path)
    }
  }
}
