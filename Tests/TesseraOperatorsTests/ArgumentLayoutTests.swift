import TesseraCL
import TesseraKernels
import TestSupport
import Testing

@testable import TesseraOperators

extension OperatorsOnDevices {
  @Suite("The layout of kernels' arguments")
  struct ArgumentLayoutTests {
    struct Field: Equatable, CustomStringConvertible {
      var name: String
      var offset: Int
      var byteCount: Int

      var description: String { "\(name) at \(offset), \(byteCount) bytes" }
    }

    struct Layout: Equatable {
      var byteCount: Int
      var fields: [Field]
    }

    /// A struct's fields in Swift, of a value whose byte number i is i: none of its floats is a NaN.
    static func fields<T: BitwiseCopyable>(_ type: T.Type) -> [Field] {
      let bytes = (0..<MemoryLayout<T>.size).map { UInt8($0) }
      let value = bytes.withUnsafeBytes { $0.loadUnaligned(as: T.self) }
      return Mirror(reflecting: value).children.compactMap { child in
        func field<V>(_ value: V) -> Field {
          withUnsafeBytes(of: value) {
            Field(name: child.label ?? "", offset: Int($0[0]), byteCount: $0.count)
          }
        }
        switch child.value {
        case let value as UInt32: return field(value)
        case let value as UInt64: return field(value)
        case let value as Float: return field(value)
        default:
          let parts = Mirror(reflecting: child.value).children.compactMap { $0.value as? UInt32 }
          guard let first = parts.first else { return nil }
          return Field(name: child.label ?? "", offset: Int(first & 0xff), byteCount: parts.count * 4)
        }
      }
    }

    static var blocks: [any (ArgumentBlock & BitwiseCopyable).Type] {
      [
        NormArguments.self, RopeStoreArguments.self, AttentionArguments.self, MergeArguments.self, MatmulArguments.self,
        PackArguments.self, EmbeddingArguments.self, ElementwiseArguments.self, GatherArguments.self,
        RouteArguments.self, HeadsArguments.self, CombineArguments.self, RepackArguments.self, RandomArguments.self,
        QuantizeArguments.self, CacheBlockArguments.self, CacheRowArguments.self, SamplingArguments.self,
      ]
    }

    static let layouts: [(name: String, layout: Layout)] = {
      func entry<T: BitwiseCopyable>(_ name: String, _ type: T.Type) -> (String, Layout) {
        (name, Layout(byteCount: MemoryLayout<T>.stride, fields: fields(type)))
      }
      func block<T: ArgumentBlock & BitwiseCopyable>(_ type: T.Type) -> (String, Layout) { entry(T.structName, type) }
      return blocks.map { block($0) } + [
        entry("sampling_row", SamplingParameters.self), entry("sampled_row", SampledRow.self),
        entry("program_command", ProgramCommand.self), entry("program_arguments", ProgramArguments.self),
      ]
    }()

    @Test("no struct ends in padding")
    func padding() {
      for (name, layout) in Self.layouts {
        #expect(layout.fields.map { $0.offset + $0.byteCount }.max() == layout.byteCount, "\(name)")
      }
    }

    @Test("every struct has the same size and fields at the same places on the device", arguments: TestDevices.all)
    func probe(device: TestDevice) throws {
      let bench = try Target(device: device, style: .vector).bench()
      let header = try KernelSource.resolved("include/TesseraArguments.h")
      let declared = header.split(separator: "\n").filter { $0.hasPrefix("struct ") && $0.hasSuffix("{") }
      #expect(declared.count == Self.layouts.count)
      var (text, count) = ("", 0)
      for (name, layout) in Self.layouts {
        text += "  out[\(count)] = sizeof(struct \(name));\n"
        count += 1
        for field in layout.fields {
          text += "  out[\(count)] = (uint)((private char *)&\(name).\(field.name) - (private char *)&\(name));\n"
          text += "  out[\(count + 1)] = sizeof(\(name).\(field.name));\n"
          count += 2
        }
      }
      let locals = Self.layouts.map { "  struct \($0.name) \($0.name);\n" }.joined()
      let source = header + "kernel void probe(global uint *out) {\n" + locals + text + "}\n"
      let program = try Program(bench.queue.context, source: source, name: "probe")
      let out = try bench.output(count)
      try bench.queue.enqueue(program.kernel("probe"), over: NDRange(global: [1], local: [1]), out)
      var found = try bench.queue.read(out, as: UInt32.self, count: count).map(Int.init)[...]
      for (name, layout) in Self.layouts {
        var device = Layout(byteCount: found.removeFirst(), fields: [])
        for field in layout.fields {
          device.fields.append(Field(name: field.name, offset: found.removeFirst(), byteCount: found.removeFirst()))
        }
        #expect(device == layout, "struct \(name)")
      }
    }

    @Test("views' offsets come first, one word each")
    func views() throws {
      func check<T: ArgumentBlock & BitwiseCopyable>(_ type: T.Type) {
        let views = Self.fields(type).prefix(T.viewCount)
        #expect(views.map(\.byteCount) == [Int](repeating: 8, count: T.viewCount), "\(T.structName)")
        #expect(views.map(\.offset) == (0..<T.viewCount).map { $0 * 8 }, "\(T.structName)")
      }
      for type in Self.blocks { check(type) }
    }
  }
}
