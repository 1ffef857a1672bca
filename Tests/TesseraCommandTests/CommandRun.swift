import Foundation
import Testing

/// A finished run of the `tessera` command.
struct CommandRun {
  let status: Int32
  let output: String
  let errors: String

  /// The command that `TESSERA_TEST_COMMAND` names, else the one that was built with the tests.
  static let path = ProcessInfo.processInfo.environment["TESSERA_TEST_COMMAND"] ?? built

  private static let built: String? = {
    guard let tests = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe") else { return nil }
    let command = URL(fileURLWithPath: tests).deletingLastPathComponent().appendingPathComponent("tessera").path
    return FileManager.default.isExecutableFile(atPath: command) ? command : nil
  }()
  static let model = ProcessInfo.processInfo.environment["TESSERA_TEST_SMOLLM2"]

  /// - Parameters:
  ///   - environment: changes to this process's environment.
  ///   - shell: what a shell runs instead, with the command and its arguments as "$@".
  init(
    _ arguments: [String], environment: [String: String] = [:], input: String = "", shell: String? = nil
  ) throws {
    let process = Process()
    let path = try #require(Self.path)
    process.executableURL = URL(fileURLWithPath: shell == nil ? path : "/bin/sh")
    process.arguments = (shell.map { ["-c", $0, "sh", path] } ?? []) + arguments
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("tessera-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    // Files, not pipes: neither side can block the other.
    let (output, errors, source) = (
      folder.appendingPathComponent("out"), folder.appendingPathComponent("err"), folder.appendingPathComponent("in")
    )
    for (url, content) in [(output, ""), (errors, ""), (source, input)] { try Data(content.utf8).write(to: url) }
    process.standardOutput = try FileHandle(forWritingTo: output)
    process.standardError = try FileHandle(forWritingTo: errors)
    process.standardInput = try FileHandle(forReadingFrom: source)
    try process.run()
    process.waitUntilExit()
    status = process.terminationReason == .exit ? process.terminationStatus : -process.terminationStatus
    self.output = String(decoding: try Data(contentsOf: output), as: UTF8.self)
    self.errors = String(decoding: try Data(contentsOf: errors), as: UTF8.self)
  }

  /// The one JSON document on standard output.
  func json() throws -> Any { try JSONSerialization.jsonObject(with: Data(output.utf8)) }

  func object() throws -> [String: Any] { try #require(try json() as? [String: Any]) }

  /// Exit status 1, nothing but one line of error.
  var isOneError: Bool {
    status == 1 && errors.hasPrefix("error: ") && errors.split(separator: "\n").count == 1
  }
}
