import Foundation
import TestSupport
import Testing

@testable import TesseraCL

@Suite("Files and folders of the cache")
struct CacheFileTests {
  @Test("a file is written whole, readable by its owner only, and leaves nothing beside it")
  func written() throws {
    try withTemporaryFolder { folder throws in
      let file = folder.appendingPathComponent("file")
      for bytes in [[1, 2, 3], [UInt8](repeating: 7, count: 3 << 20)] {
        #expect(CacheFile.write(bytes, to: file))
        #expect(CacheFile.read(file, limit: bytes.count) == bytes)
        #expect(CacheFile.read(file, limit: bytes.count - 1) == nil)
      }
      let attributes = try FileManager.default.attributesOfItem(atPath: file.path)
      #expect((attributes[.posixPermissions] as? Int) == 0o600)
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["file"])
    }
  }

  @Test("a file that others could have written, a link, a pipe, a folder and nothing are not read")
  func suspicious() throws {
    try withTemporaryFolder { folder throws in
      let file = folder.appendingPathComponent("file")
      #expect(CacheFile.write([1], to: file))
      for (mode, isRead) in [(0o600, true), (0o644, true), (0o620, false), (0o602, false), (0o666, false)] {
        #expect(chmod(file.path, mode_t(mode)) == 0)
        #expect((CacheFile.read(file, limit: 10) != nil) == isRead, "mode \(String(mode, radix: 8))")
      }
      #expect(chmod(file.path, 0o600) == 0)
      let link = folder.appendingPathComponent("link")
      try FileManager.default.createSymbolicLink(at: link, withDestinationURL: file)
      let pipe = folder.appendingPathComponent("pipe")
      #expect(mkfifo(pipe.path, 0o600) == 0)
      for place in [link, pipe, folder, folder.appendingPathComponent("none"), file.appendingPathComponent("below")] {
        #expect(CacheFile.read(place, limit: 10) == nil, "\(place.lastPathComponent)")
      }
    }
  }

  @Test("a link or a pipe in a file's place is replaced, and what a link points to is left alone")
  func replaced() throws {
    try withTemporaryFolder { folder throws in
      let other = folder.appendingPathComponent("other")
      try Data([9]).write(to: other)
      let file = folder.appendingPathComponent("file")
      try FileManager.default.createSymbolicLink(at: file, withDestinationURL: other)
      #expect(CacheFile.write([1], to: file) && CacheFile.read(file, limit: 10) == [1])
      #expect(try Data(contentsOf: other) == Data([9]))
      let pipe = folder.appendingPathComponent("pipe")
      #expect(mkfifo(pipe.path, 0o600) == 0)
      #expect(CacheFile.write([2], to: pipe) && CacheFile.read(pipe, limit: 10) == [2])
      #expect(!CacheFile.write([3], to: folder) && !CacheFile.write([3], to: file.appendingPathComponent("below")))
    }
  }

  @Test("a disk that fills while a file is written keeps the file that was there, and nothing beside it")
  func fullDisk() async {
    await #expect(processExitsWith: .success) {
      // The system refuses to write past this length, as a full disk does.
      signal(SIGXFSZ, SIG_IGN)
      try withTemporaryFolder { folder throws in
        let file = folder.appendingPathComponent("file")
        #expect(CacheFile.write([1, 2], to: file))
        var limit = rlimit(rlim_cur: 4096, rlim_max: 4096)
        #expect(setrlimit(__rlimit_resource_t(UInt32(RLIMIT_FSIZE.rawValue)), &limit) == 0)
        #expect(!CacheFile.write([UInt8](repeating: 1, count: 5000), to: file))
        #expect(CacheFile.read(file, limit: 10) == [1, 2])
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["file"])
      }
    }
  }

  @Test("the folder is the one that the environment names, or one of the user's own")
  func folders() {
    let (tessera, xdg, home) = ("TESSERA_CACHE", "XDG_CACHE_HOME", "HOME")
    for (environment, path) in [
      ([tessera: "/a", xdg: "/b", home: "/c"], "/a"), ([xdg: "/b", home: "/c"], "/b/tessera"),
      ([tessera: "", xdg: "", home: "/c"], "/c/.cache/tessera"), ([xdg: "b", home: "/c"], "/c/.cache/tessera"),
    ] { #expect(CacheFolder.url(in: environment).path == path) }
    #expect(CacheFolder.url(in: [:]).lastPathComponent == "tessera-\(geteuid())")
  }
}
