import Foundation
import TesseraKernels
import Testing

@testable import TesseraOperators

@Suite("The sources of step programs")
struct ProgramSourceTests {
  /// Files with a body that a program may call.
  static let bodies = KernelSource.paths.filter {
    ((try? KernelSource.resolved($0, besides: ["common/kernel.cl"])) ?? "").contains("_body(ROOTS")
      && $0 != "common/kernel.cl"
  }

  @Test("no name is both a macro and a definition, and none is an argument's", arguments: bodies)
  func names(path: String) throws {
    let text = try KernelSource.resolved(path, besides: ["include/TesseraArguments.h"])
    let names = TopLevelNames(of: text)
    #expect(!names.definitions.isEmpty && names.macros.contains("VIEW"))
    #expect(names.definitions.intersection(names.macros).isEmpty)
    let header = try KernelSource.resolved("include/TesseraArguments.h")
    let words = Set(header.split { !($0 == "_" || $0.isLetter || $0.isNumber) }.map(String.init))
    let code = words.intersection(names.definitions)
    // Comments of the header name things too: only those that a declaration uses matter.
    let declared = header.split(separator: "\n").filter { $0.hasPrefix("  ") && !$0.contains("//") }.joined(
      separator: " ")
    let fields = Set(declared.split { !($0 == "_" || $0.isLetter || $0.isNumber) }.map(String.init))
    #expect(code.intersection(fields).isEmpty)
  }

  @Test("definitions are found in the forms that kernels use")
  func definitions() {
    let names = TopLevelNames(
      of: """
        #define SIZE 3
        #define TWICE(x) ((x) + (x))
        typedef float floats_512 __attribute__((__vector_size__(64)));
        typedef uchar element;
        constant uint grid[256] = {
        TABLE_LANES(grid)
        struct range {
          static int first;
        };
        static inline struct range range_of(const uint x) { return (struct range){x}; }
        __attribute__((always_inline)) static inline void weigh(const uint x,
        #if SIMT
        static inline global float *place(global float *x) { return x; }
        """)
    #expect(names.macros == ["SIZE", "TWICE"])
    #expect(
      names.definitions == ["floats_512", "element", "grid", "table_lanes_grid", "range", "range_of", "weigh", "place"])
  }

  @Test("a dispatch describes its variant")
  func description() throws {
    var variant = KernelVariant("norm/rmsnorm.cl", "rmsnorm", [.init("TILE_M", 4)], language: .c3)
    variant.defines.append(.init("BLOCK_SIZE", 64))
    let dispatch = try Dispatch(
      variant, NormArguments(), views: Array(repeating: nil, count: 5), written: [], units: .init(1), localSize: 256)
    let json = try dispatch.variantDescription.json()
    #expect(
      json == #"{"defines":{"BLOCK_SIZE":64,"TILE_M":4},"file":"norm/rmsnorm.cl","function":"rmsnorm","#
        + #""language":"c3","local":[256,1,1]}"#)
  }

  @Test("every variant is defined under names of its own, and their order does not matter")
  func source() throws {
    let variants = [KernelVariant("norm/rmsnorm.cl", "rmsnorm"), KernelVariant("norm/layernorm.cl", "layernorm")]
      .map { ProgramSource.Variant(variant: $0, blockName: "norm_arguments", viewCount: 5) }
    let text = try ProgramSource.source(of: variants, rootCount: 2, heldSums: 6)
    #expect(text.contains("OPERATOR(0, v0_rmsnorm_body, norm_arguments, 5)"))
    #expect(text.contains("OPERATOR(1, v1_layernorm_body, norm_arguments, 5)"))
    #expect(text.contains("#define PROGRAM_PARAMETERS global uchar *r0, global uchar *r1\n"))
    // What is defined for a variant is undefined behind it.
    for name in ["rmsnorm_body", "layernorm_body", "SIMT", "PROGRAM", "LOCAL"] {
      #expect(text.contains("#undef \(name)\n"), "\(name)")
    }
  }
}
