import Foundation
enum AudioFile {
  static func samples(path: String) throws -> [Float] {
    let data = try Data(contentsOf: URL(fileURLWithPath: path))
    return data.dropFirst(44).withUnsafeBytes { b in (0..<b.count / 2).map { Float(b.loadUnaligned(fromByteOffset: 2 * $0, as: Int16.self)) / 32768 } }
  }
}
