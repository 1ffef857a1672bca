/// NVIDIA's assembly (PTX ISA), which its driver gives as a program's binary and takes back.
///
/// A driver compiles OpenCL C for a target without some of a device's instructions (`sm_90` lacks those of `sm_90a`). Sources
/// have these in comments of their inline assembly, `/*@ … @*/`, which compilers pass on as they are.
struct PTX {
  let text: String

  /// - Parameter binary: of a program; nil where it is something else.
  init?(binary: [UInt8]) {
    let text = String(decoding: binary.prefix { $0 != 0 }, as: UTF8.self)
    guard text.contains(".version"), text.contains(".target") else { return nil }
    self.text = text
  }

  /// The text for another target of the same architecture, its comments opened; nil where it is of another architecture.
  func retargeted(to target: String) -> String? {
    let base = String(target.prefix { $0 != "a" })
    var isFound = false
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { line -> Substring in
      guard line.hasPrefix(".target \(base)"),
        line.dropFirst(8 + base.count).first.map({ !$0.isLetter && !$0.isNumber }) ?? true
      else { return line.replacing("/*@", with: "").replacing("@*/", with: "") }
      isFound = true
      return ".target \(target)" + line.dropFirst(8 + base.count)
    }
    return isFound ? lines.joined(separator: "\n") : nil
  }
}
