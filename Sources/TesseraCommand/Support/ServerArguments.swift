#if Server
  import ArgumentParser
  import Foundation
  import TesseraServer

  /// Where the server listens, who may call, and how much it takes.
  struct ServerArguments: ParsableArguments {
    @Option(help: "The address to listen on; 0.0.0.0 is all of this machine's.")
    var host = "127.0.0.1"

    @Option(help: "The port; 0 takes any that is free.")
    var port = 8080

    @Option(
      name: .customLong("api-key"), parsing: .unconditionalSingleValue,
      help: "A key that callers must have; may be repeated (default: $TESSERA_API_KEYS, separated by commas).")
    var apiKeys: [String] = []

    @Option(help: "A name for the model, instead of its file's; with several models one each, in their order.")
    var alias: [String] = []

    @Option(help: ArgumentHelp("The origin whose pages may call from browsers, or *.", valueName: "origin"))
    var cors: String?

    @Option(
      name: .customLong("host-name"),
      help: "A name by which callers without a key may know this server, besides this machine's; may be repeated.")
    var hostNames: [String] = []

    @Option(help: ArgumentHelp("The largest body of a request, in MiB.", valueName: "size"))
    var maxBody = 32

    @Option(help: "Answers that may run or wait at once; what is beyond is refused.")
    var maxQueue = 256

    @Option(help: "Seconds that a client may send nothing, or take nothing.")
    var timeout = 60

    func validate() throws {
      guard (0...65_535).contains(port) else { throw ValidationError("--port must be from 0 to 65535") }
      guard (1...1024).contains(maxBody) else { throw ValidationError("--max-body must be from 1 to 1024 MiB") }
      guard (1...1_000_000).contains(maxQueue) else { throw ValidationError("--max-queue must be from 1 to 1000000") }
      guard (1...86_400).contains(timeout) else { throw ValidationError("--timeout must be from 1 to 86400 seconds") }
      guard apiKeys.allSatisfy({ !$0.isEmpty }) else { throw ValidationError("--api-key must not be empty") }
      guard !apiKeys.isEmpty || Self.keysOfEnvironment?.isEmpty != true else {
        throw ValidationError("TESSERA_API_KEYS is set and has no key: unset it to let everybody call, or give it one")
      }
      guard alias.allSatisfy({ !$0.isEmpty }) else { throw ValidationError("--alias must not be empty") }
    }

    var options: ServerOptions {
      var options = ServerOptions()
      (options.host, options.port, options.corsOrigin, options.hostNames) = (host, port, cors, hostNames)
      options.apiKeys = apiKeys.isEmpty ? Self.keysOfEnvironment ?? [] : apiKeys
      options.limits.bodyBytes = maxBody << 20
      options.limits.allBodyBytes = max(options.limits.allBodyBytes, maxBody << 21)
      options.limits.answers = maxQueue
      options.limits.idleSeconds = timeout
      return options
    }

    /// nil where the variable is not set.
    private static var keysOfEnvironment: [String]? {
      ProcessInfo.processInfo.environment["TESSERA_API_KEYS"].map { keys in
        keys.split(separator: ",").map { $0.trimmingCharacters(in: .whitespacesAndNewlines) }.filter { !$0.isEmpty }
      }
    }
  }
#endif
