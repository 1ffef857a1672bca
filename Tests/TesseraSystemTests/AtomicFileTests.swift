import Foundation
import Testing

@testable import TesseraSystem

@Suite("Files that appear whole")
struct AtomicFileTests {
  private func withFolder(_ body: (String) throws -> Void) throws {
    let folder = NSTemporaryDirectory() + "/tessera-system-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try body(folder)
  }

  private func write(_ text: String, to path: String, isPrivate: Bool = false) throws {
    let file = try AtomicFile(path: path, isPrivate: isPrivate)
    try file.append(Array(text.utf8))
    try file.commit()
  }

  private func text(_ path: String) throws -> String {
    String(decoding: try Data(contentsOf: URL(fileURLWithPath: path)), as: UTF8.self)
  }

  private func mode(_ path: String) -> mode_t {
    var status = stat()
    return lstat(path, &status) == 0 ? status.st_mode : 0
  }

  @Test("links are followed, also to what does not exist yet, and stay links")
  func links() throws {
    try withFolder { folder in
      try FileManager.default.createDirectory(atPath: folder + "/other", withIntermediateDirectories: true)
      for (link, target) in [
        ("absolute", folder + "/new"), ("relative", "other/new"), ("chain", "relative"), ("other/up", "../third"),
      ] {
        try FileManager.default.createSymbolicLink(atPath: folder + "/" + link, withDestinationPath: target)
      }
      // The second time there is something at the end.
      for text in ["one", "two"] {
        for (link, end) in [
          ("absolute", "new"), ("relative", "other/new"), ("chain", "other/new"), ("other/up", "third"),
        ] {
          try write(text + link, to: folder + "/" + link)
          #expect(try self.text(folder + "/" + end) == text + link)
          #expect(mode(folder + "/" + link) & S_IFMT == S_IFLNK, "\(link)")
          #expect(mode(folder + "/" + end) & S_IFMT == S_IFREG, "\(link)")
        }
      }
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder + "/other").sorted() == ["new", "up"])
      // Of a cache's files the link itself is replaced.
      try write("private", to: folder + "/absolute", isPrivate: true)
      #expect(mode(folder + "/absolute") & S_IFMT == S_IFREG)
      #expect(try self.text(folder + "/new") == "twoabsolute")
    }
  }

  @Test("links that lead round, or to a folder that is not there, are errors")
  func badLinks() throws {
    try withFolder { folder in
      for (link, target) in [("a", "b"), ("b", "a"), ("far", "none/file")] {
        try FileManager.default.createSymbolicLink(atPath: folder + "/" + link, withDestinationPath: target)
      }
      for (link, code) in [("a", FileError.Code.system), ("far", .notFound)] {
        let error = #expect(throws: FileError.self) { try write("x", to: folder + "/" + link) }
        #expect(error?.code == code, "\(String(describing: error))")
      }
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder).sorted() == ["a", "b", "far"])
    }
  }

  @Test("a file that is replaced keeps its permissions, and a new one has the usual ones")
  func permissions() throws {
    try withFolder { folder in
      let path = folder + "/file"
      try write("one", to: path)
      #expect(mode(path) & 0o600 == 0o600)
      for permissions: mode_t in [0o600, 0o640, 0o666] {
        #expect(chmod(path, permissions) == 0)
        try write("two", to: path)
        #expect(mode(path) & 0o777 == permissions)
      }
      try write("three", to: path, isPrivate: true)
      #expect(mode(path) & 0o777 == 0o600)
    }
  }
}
