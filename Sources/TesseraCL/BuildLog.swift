import Foundation

/// Tells what was compiled and how long it took, a line a program, in the file that `TESSERA_BUILD_LOG` names: where a
/// first run's time goes.
///
/// A line is `seconds`, `compiled` or `loaded` (of the program cache), the platform, the program's name and its options, with
/// tabs between. What drivers compile later, at a kernel's first launch (PoCL does), is not in it.
enum BuildLog {
  enum Kind: String { case compiled, loaded }

  private static let path = ProcessInfo.processInfo.environment["TESSERA_BUILD_LOG"].flatMap { $0.isEmpty ? nil : $0 }

  static func note(
    _ kind: Kind, _ name: String, _ options: String, _ device: DeviceProfile, since start: ContinuousClock.Instant
  ) {
    guard let path else { return }
    let duration = (ContinuousClock.now - start).components
    let seconds = Double(duration.seconds) + Double(duration.attoseconds) * 1e-18
    let line =
      "\(String(format: "%.3f", seconds))\t\(kind.rawValue)\t\(device.platformName)\t\(name)\t\(options)\n"
    // One write to a file that is only appended to: lines of several processes do not mix.
    let descriptor = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { return }
    defer { close(descriptor) }
    _ = line.withCString { write(descriptor, $0, strlen($0)) }
  }
}
