import Foundation
import TestSupport
import Testing

@testable import TesseraCL

@Suite("The driver's cache folder")
struct DriverCacheTests {
  /// A path that nobody can make, not even root.
  private static let nowhere = "/proc/nowhere"

  @Test("a driver's own folder that can be written, or that the user chose, is left")
  func left() throws {
    try withTemporaryFolder { folder in
      for environment in [
        ["HOME": folder.path], ["HOME": Self.nowhere, "XDG_CACHE_HOME": folder.path + "/new"],
        ["HOME": Self.nowhere, "POCL_CACHE_DIR": Self.nowhere],
      ] {
        #expect(DriverCache(environment: environment, cache: folder, temporary: folder).replacement == nil)
      }
    }
  }

  @Test("a driver whose folder cannot be written gets a private one in the first place that can")
  func replaced() throws {
    try withTemporaryFolder { folder in
      let nowhere = URL(fileURLWithPath: Self.nowhere)
      for environment in [["HOME": Self.nowhere], ["HOME": Self.nowhere, "XDG_CACHE_HOME": "", "POCL_CACHE_DIR": ""]] {
        let cache = DriverCache(environment: environment, cache: nowhere, temporary: folder)
        let replacement = try #require(cache.replacement)
        #expect(replacement.deletingLastPathComponent().path == folder.path)
        let attributes = try FileManager.default.attributesOfItem(atPath: replacement.path)
        #expect(attributes[.posixPermissions] as? Int == 0o700)
        #expect(cache.advice?.contains("POCL_CACHE_DIR") == true)
      }
      let both = DriverCache(environment: ["HOME": Self.nowhere], cache: folder, temporary: nowhere)
      #expect(both.replacement?.path == folder.appendingPathComponent("pocl").path)
      #expect(DriverCache(environment: ["HOME": Self.nowhere], cache: nowhere, temporary: nowhere).replacement == nil)
    }
  }

  @Test("a folder that others can write, a link and a file are not taken: the driver runs what it finds there")
  func unsafe() throws {
    try withTemporaryFolder { folder in
      let (own, open) = (folder.appending(path: "own"), folder.appending(path: "open"))
      let (link, file) = (folder.appending(path: "link"), folder.appending(path: "file"))
      try FileManager.default.createDirectory(at: open, withIntermediateDirectories: false)
      try FileManager.default.setAttributes([.posixPermissions: 0o777], ofItemAtPath: open.path)
      #expect(DriverCache.makePrivate(own))
      try FileManager.default.createSymbolicLink(at: link, withDestinationURL: own)
      try Data().write(to: file)
      for url in [open, link, file] { #expect(!DriverCache.makePrivate(url), "\(url.lastPathComponent)") }
      #expect(!DriverCache.canWrite(file) && !DriverCache.canWrite(file.appending(path: "under")))
      #expect(DriverCache.canWrite(own.appending(path: "a/b/c")))
    }
  }
}
