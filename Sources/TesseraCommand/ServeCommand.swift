#if Server
  import ArgumentParser
  import Foundation
  import Tessera
  import TesseraServer

  struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "serve", abstract: "Serve models to programs that speak OpenAI's interface.",
      discussion: """
        Listens on this machine alone unless --host says otherwise. Several models serve side by side, each by its file's \
        name or its --alias. Ctrl-C, or SIGTERM, lets requests that run end and takes no new ones; a second one ends them.
        docs/serving.md has the paths.
        """)

    @Option(
      name: [.short, .long],
      help: "A model: a GGUF file, the first of several that are one, or a Hugging Face folder; may be repeated.")
    var model: [String]

    @OptionGroup var runOptions: RunOptions
    @OptionGroup var server: ServerArguments
    @OptionGroup var prefixes: PrefixCacheOptions

    @Option(
      help: "Generations that may be full at once, of each model (default: 4); more run as long as they are shorter.")
    var parallel: Int?

    @Option(
      name: .customLong("kv-memory"),
      help: ArgumentHelp(
        "Memory for keys and values, of each model: as many generations as fit, --parallel at most.",
        valueName: "MiB"))
    var cacheMebibytes: Int?

    @Option(
      help: ArgumentHelp(
        """
        Host memory, in MiB, of all models together, for generations that give way to others (default: as much as the cache \
        has, if it is free; at most 1024 for each model).
        """, valueName: "size"))
    var swap: Int?

    func validate() throws {
      try runOptions.checkType()
      guard !model.isEmpty else { throw ValidationError("give a model: -m FILE") }
      guard (1...Self.mostParallel).contains(parallel ?? 1) else {
        throw ValidationError("--parallel must be from 1 to \(Self.mostParallel)")
      }
      guard (1...1 << 30).contains(cacheMebibytes ?? 1) else {
        throw ValidationError("--kv-memory must be from 1 to \(1 << 30) MiB")
      }
      guard (0...1 << 30).contains(swap ?? 0) else { throw ValidationError("--swap must be from 0 to \(1 << 30) MiB") }
      guard model.count == 1 || server.alias.count <= model.count else {
        throw ValidationError("\(server.alias.count) names for \(model.count) models: give each at most one --alias")
      }
    }

    private static let mostParallel = 4096

    func run() async throws {
      let models = try await load()
      let options = server.options
      let isQuiet = runOptions.quiet
      if !isQuiet { ServeNotes.describe(models) }
      let http = HTTPServer(models, options: options) { port in
        ServeNotes.warn(options)
        if !isQuiet { ServeNotes.explain(models, options, port: port) }
        Terminal.diagnose("listening on \(ServeNotes.address(options, port: port))")
      }
      let task = Task { try await http.run() }
      let signals = ShutdownSignals { count in
        switch count {
        case 1:
          Terminal.diagnose("ending: requests that run are finished first; once more ends them")
          Task { await http.drain() }
        case 2: task.cancel()
        default: _exit(130)
        }
      }
      defer { signals.stop() }
      let result = await task.result
      for model in models { await model.language.flushDiskCache() }
      try result.get()
    }

    /// Loads the models one after another; what one takes of the memory budget, the next has not. Those that generate have equal
    /// shares of the host's memory.
    private func load() async throws -> [ServedModel] {
      var models: [ServedModel] = []
      let shares = max(1, try model.count { try ServedModel.generates(path: $0) })
      for (index, path) in model.enumerated() {
        var options = prefixes.applied(to: runOptions.loadOptions)
        // Nobody waits for a compiler in the middle of an answer.
        options.compilesAhead = true
        options.hostCacheBytes /= shares
        options.swapBytes = swap.map { ($0 << 20) / shares }
        options.sequenceCount = parallel ?? (cacheMebibytes == nil ? 4 : Self.mostParallel)
        options.cacheBytes = cacheMebibytes.map { $0 << 20 }
        if let budget = options.memoryBudget {
          options.memoryBudget = max(1, budget - models.reduce(0) { $0 + $1.language.memoryPlan.budgetedBytes })
        }
        let names = model.count == 1 ? server.alias : server.alias.indices.contains(index) ? [server.alias[index]] : []
        let loaded = try await runOptions.loading { [options] in
          try await ServedModel.load(path, names: names, options: options, progress: $0)
        }
        if let twin = models.first(where: { !Set($0.names).isDisjoint(with: loaded.names) }) {
          throw InputError(message: "two models are called \(twin.name): give them names with --alias")
        }
        models.append(loaded)
      }
      return models
    }
  }
#endif
