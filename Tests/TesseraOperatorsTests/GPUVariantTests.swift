import Foundation
import TestSupport
import Testing

@testable import TesseraOperators

@Suite("The variants that scripts/gpu-check compiles")
struct GPUVariantTests {
  static let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  private func entries() throws -> [GPUVariants.Entry] {
    try GPUVariants(try #require(TestDevices.all.first).context()).entries()
  }

  private func json(_ entry: GPUVariants.Entry) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(entry), as: UTF8.self)
  }

  @Test("are those that operators make now: TESSERA_WRITE_GPU_VARIANTS=1 writes them")
  func written() throws {
    let file = Self.package.appendingPathComponent("scripts/gpu-variants.jsonl")
    let text = try entries().map { try json($0) + "\n" }.joined()
    if ProcessInfo.processInfo.environment["TESSERA_WRITE_GPU_VARIANTS"] != nil {
      try text.write(to: file, atomically: true, encoding: .utf8)
    }
    let (lines, kept) = (
      Set(text.split(separator: "\n")), Set(try String(contentsOf: file, encoding: .utf8).split(separator: "\n"))
    )
    #expect(lines.subtracting(kept).sorted().prefix(3) == [], "missing in the list")
    #expect(kept.subtracting(lines).sorted().prefix(3) == [], "in the list, but made by no operator")
  }

  @Test("have every kernel of every file, in every weight format")
  func complete() throws {
    let variants = try entries().map(\.variant)
    let compiled = Set(variants.map(\.function))
    // A step program is generated, of CPUs' kernels; probes are run where a device is new.
    let others: Set = [
      "step/step_program.cl", "matmul/dot_8_probe.cl", "matmul/mma_probe.ptx.cl", "common/float_probe.cl",
      "common/loop_probe.cl", "common/wgmma_probe.cl",
    ]
    var kernels: Set<String> = []
    for path in KernelSource.paths where path.hasSuffix(".cl") && !others.contains(path) {
      // Without what it includes.
      let text = try String(contentsOf: Self.package.appendingPathComponent("Kernels/\(path)"), encoding: .utf8)
      for line in text.split(separator: "\n") {
        for pattern in [
          #/^KERNEL\((\w+),/#, #/^kernel .*void (\w+)\(/#, #/^SAMPLING_KERNEL\(\w+, (\w+)\)/#,
          #/^CACHE_KERNEL\((\w+),/#,
        ] {
          if let match = line.firstMatch(of: pattern) { kernels.insert(String(match.1)) }
        }
      }
    }
    #expect(kernels.count > 30)
    #expect(kernels == compiled)
    for (function, constant, formats) in [
      ("matmul", "WEIGHT_TYPE", WeightFormat.allCases), ("embedding", "WEIGHT_TYPE", WeightFormat.allCases),
      ("repack", "WEIGHT_TYPE", WeightFormat.allCases), ("randomize", "WEIGHT_TYPE", WeightFormat.allCases),
      ("quantize", "FORMAT", Quantizer.formats),
    ] {
      let found = Set(variants.filter { $0.function == function }.compactMap { $0.defines[constant] })
      #expect(found.count == formats.count, "\(function)")
    }
  }
}
