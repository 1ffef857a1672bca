import TestSupport
import Testing

@testable import TesseraFiles

@Suite("Damaged GGUF files")
struct GGUFDamageTests {
  /// Reads everything that a file offers, so that a wrong size would be found.
  private func readAll(_ file: GGUFFile) throws -> Int {
    var total = 0
    for tensor in file.tensors { total += try file.bytes(of: tensor).reduce(0) { $0 + Int($1) } }
    for key in file.metadata.keys {
      total += (try? file.metadata.strings(key).count) ?? 0
      total += (try? file.metadata.ints(key).count) ?? 0
      total += (try? file.metadata.floats(key).count) ?? 0
      if let array = file.metadata[key]?.arrayValue {
        for index in 0..<array.count where array[index] != nil { total += 1 }
      }
    }
    return total
  }

  @Test("a small file cut at every byte is refused, with the file named")
  func cutAtEveryByte() throws {
    let folder = try TemporaryFolder()
    let bytes = GGUFBuilder.small().build()
    for count in 0..<bytes.count {
      let path = try folder.write(Array(bytes[..<count]))
      do {
        _ = try GGUFFile(path: path)
        Issue.record("the first \(count) of \(bytes.count) bytes were accepted")
      } catch {
        let expected: FileError.Code = count == 0 ? .empty : count < 4 ? .notGGUF : .truncated
        #expect(error.code == expected, "cut at \(count): \(error)")
        #expect(error.message.contains("download it again"), "\(error)")
      }
    }
  }

  @Test("a file of the gguf package cut anywhere in its header or data is refused")
  func cutPackageFile() throws {
    let folder = try TemporaryFolder()
    let bytes = try contents(fixture("numpy.gguf"))
    let end = try GGUFFile(path: fixture("numpy.gguf")).tensors.map { $0.fileOffset + $0.byteCount }.max() ?? 0
    #expect(end > 4_000)
    for count in Array(1..<1_600) + Array(stride(from: 1_600, to: end, by: 61)) {
      let path = try folder.write(Array(bytes[..<count]))
      #expect(throws: FileError.self) { try GGUFFile(path: path) }
    }
  }

  @Test("a bigger file cut at every 64 KiB is refused")
  func cutBigFile() throws {
    let folder = try TemporaryFolder()
    var builder = GGUFBuilder()
    builder.add("tokens", .array, GGUFBuilder.strings((0..<40_000).map { "token \($0)" }))
    builder.tensors = [.init(name: "weight", dimensions: [1_024, 256], offset: 0)]
    builder.data = Array(repeating: 1, count: 1 << 20)
    let bytes = builder.build()
    #expect(bytes.count > 1_500_000)
    _ = try GGUFFile(path: try folder.write(bytes))
    for count in stride(from: 65_536, to: bytes.count, by: 65_536) {
      let path = try folder.write(Array(bytes[..<count]))
      expectError(.truncated, "download it again") { _ = try GGUFFile(path: path) }
    }
  }

  @Test("1,000 files with flipped bits are refused or read to the end, quickly")
  func flippedBits() throws {
    let folder = try TemporaryFolder()
    let sources = [GGUFBuilder.small().build(), try contents(fixture("numpy.gguf"))]
    var refused = 0
    for seed in 0..<1_000 {
      // The header alone: flips of tensor data change nothing that a reader can see.
      let source = sources[seed % 2]
      let headerByteCount = seed % 2 == 0 ? source.count - 76 : 1_536
      let bytes = flipped(Array(source[..<headerByteCount]), seed: UInt64(seed)) + source[headerByteCount...]
      let path = try folder.write(bytes)
      let start = processorTime()
      do {
        _ = try readAll(try GGUFFile(path: path))
      } catch let error as FileError {
        refused += 1
        #expect(!error.description.contains("\n") && error.message.count < 1_000)
      }
      #expect(processorTime() - start < .seconds(2), "seed \(seed)")
    }
    #expect(refused > 300 && refused < 1_000)
  }
}
