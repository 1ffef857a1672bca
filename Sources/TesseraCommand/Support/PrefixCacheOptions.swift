import ArgumentParser
import Tessera

/// Where keys and values of what requests begin with are kept.
struct PrefixCacheOptions: ParsableArguments {
  @Flag(
    name: .customLong("no-prefix-cache"),
    help: "Compute every prompt from its first token: share nothing with earlier ones, and with those beside it.")
  var sharesNothing = false

  @Option(
    help: ArgumentHelp(
      "Host memory, in MiB, of all models loaded, for beginnings of prompts that the device has no room for (default: none).",
      valueName: "size"))
  var hostCache: Int?

  @Option(
    help: ArgumentHelp(
      "A folder that keeps beginnings of prompts for later runs; whoever can write there can change answers.",
      valueName: "folder"))
  var diskCache: String?

  @Option(help: ArgumentHelp("The most that the folder takes, in MiB (default: 8192).", valueName: "size"))
  var diskCacheSize: Int?

  func validate() throws {
    for (name, size) in [("--host-cache", hostCache), ("--disk-cache-size", diskCacheSize)] {
      guard let size, !(1...1 << 30).contains(size) else { continue }
      throw ValidationError("\(name) is \(size): it must be from 1 to \(1 << 30) MiB")
    }
    if diskCacheSize != nil, diskCache == nil {
      throw ValidationError("--disk-cache-size without a folder: name it with --disk-cache")
    }
    if sharesNothing, hostCache != nil || diskCache != nil {
      throw ValidationError("--no-prefix-cache leaves nothing to keep: leave out --host-cache and --disk-cache, or it")
    }
  }

  /// The options with these.
  func applied(to options: LoadOptions) -> LoadOptions {
    var options = options
    options.prefixCache = !sharesNothing
    options.hostCacheBytes = (hostCache ?? 0) << 20
    options.diskCache = diskCache.map { .init(folder: $0, byteLimit: (diskCacheSize ?? 8192) << 20) }
    return options
  }
}
