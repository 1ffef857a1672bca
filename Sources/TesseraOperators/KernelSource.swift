import TesseraKernels
import TesseraSystem

/// The embedded kernel files, with `#include` resolved from the embedded tree, so that a moved binary needs no files.
package enum KernelSource {
  /// The text of a kernel file and of all that it includes; a file with `#pragma once`, once.
  ///
  /// - Parameters:
  ///   - path: the file's path below `Kernels/`.
  ///   - known: files that are there already.
  static func resolved(_ path: String, besides known: Set<String> = []) throws(OperatorError) -> String {
    var seen = known
    var text = ""
    try append(path, to: &text, seen: &seen)
    return text
  }

  /// The paths of all kernel files, below `Kernels/`.
  static var paths: [String] { files.keys.sorted() }

  /// Of all kernel files: tells a version's kernels from another's.
  package static let digest: Fingerprint = {
    var builder = FingerprintBuilder()
    for (path, text) in files.sorted(by: { $0.key < $1.key }) {
      builder.append(path)
      builder.append(text)
    }
    return builder.finish()
  }()

  private static let files: [String: String] = {
    var count = 0
    let table = UnsafeBufferPointer(start: tessera_kernel_files(&count), count: count)
    return Dictionary(
      table.map { file in
        let bytes = UnsafeBufferPointer(start: file.text, count: file.length)
        return (String(cString: file.path), String(decoding: bytes, as: UTF8.self))
      },
      uniquingKeysWith: { first, _ in first })
  }()

  private static func append(_ path: String, to text: inout String, seen: inout Set<String>) throws(OperatorError) {
    guard !seen.contains(path) else { return }
    guard let file = files[path] else { throw OperatorError(.missingKernel, "no kernel file \(path) is embedded") }
    // Of bytes: characters cost ten times as much.
    for line in file.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
      guard line.first == UInt8(ascii: "#") else {
        text += Substring(line)
        text += "\n"
        continue
      }
      let directive = Substring(line)
      if directive == "#pragma once" {
        seen.insert(path)
      } else if directive.hasPrefix("#include \""), let end = directive.dropFirst(10).firstIndex(of: "\"") {
        try append(String(directive.dropFirst(10)[..<end]), to: &text, seen: &seen)
      } else {
        text += directive
        text += "\n"
      }
    }
  }
}
