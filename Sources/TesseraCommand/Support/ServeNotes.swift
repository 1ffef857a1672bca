#if Server
  import Tessera
  import TesseraServer

  /// What `serve` says of itself when it starts.
  enum ServeNotes {
    /// What the models are, and where their memory goes.
    static func describe(_ models: [ServedModel]) {
      for model in models {
        let (language, plan) = (model.language, model.language.memoryPlan)
        let abilities = model.uses.map(\.rawValue).joined(separator: ", ")
        Terminal.diagnose(
          """
          \(model.names.joined(separator: ", ")): \(language.profile.architecture), can \(abilities)
            device: \(language.device.name), \(language.precision.rawValue)
            memory: \(mebibytes(plan.totalBytes)) = weights \(mebibytes(plan.weightsBytes)) + KV cache \
          \(mebibytes(plan.kvBytes)) (\(plan.cacheEncoding), \(plan.sequenceCount) × \(plan.contextLength) tokens) + \
          workspace \(mebibytes(plan.workspaceBytes)) + staging \(mebibytes(plan.stagingBytes))
          """)
        let host = plan.host
        let parts = [("swap", host.swapBytes), ("host cache", host.cacheBytes), ("transfers", host.transferBytes)]
          .filter { $0.1 > 0 }.map { "\($0) \(mebibytes($1))" }
        guard !parts.isEmpty else { continue }
        let same = plan.sharesHostMemory ? ", of the same memory: together \(mebibytes(plan.budgetedBytes))" : ""
        Terminal.diagnose("  host memory: \(mebibytes(host.totalBytes)) = \(parts.joined(separator: " + "))\(same)")
      }
    }

    private static func mebibytes(_ bytes: Int) -> String { "\((bytes + 1 << 19) >> 20) MiB" }

    static func address(_ options: ServerOptions, port: Int) -> String {
      "http://\(options.host.contains(":") ? "[\(options.host)]" : options.host):\(port)"
    }

    /// Says so where others can call.
    static func warn(_ options: ServerOptions) {
      guard !options.isLoopback, options.apiKeys.isEmpty else { return }
      Terminal.diagnose("warning: everybody who reaches \(options.host) can call: --api-key asks for a key")
    }

    /// How the server is called.
    static func explain(_ models: [ServedModel], _ options: ServerOptions, port: Int) {
      let address = address(options, port: port)
      guard let call = models.lazy.compactMap({ call($0) }).first else { return }
      let key = options.apiKeys.isEmpty ? "" : " -H 'Authorization: Bearer KEY'"
      Terminal.diagnose(
        """
        try: curl \(address)\(call.path) -H 'Content-Type: application/json'\(key) \\
               -d '\(call.body)'
        OpenAI's clients take the base URL \(address)/v1
        """)
    }

    private static func call(_ model: ServedModel) -> (path: String, body: String)? {
      let name = model.name
      switch model.kind {
      case .text(let language, _):
        if case .some(.some) = try? language.chatTemplate {
          return (
            "/v1/chat/completions",
            #"{"model": "\#(name)", "messages": [{"role": "user", "content": "What is gravity?"}]}"#
          )
        }
        return ("/v1/completions", #"{"model": "\#(name)", "prompt": "Gravity is"}"#)
      case .encoder: return ("/v1/embeddings", #"{"model": "\#(name)", "input": "What is gravity?"}"#)
      case .reranker:
        return (
          "/v1/rerank", #"{"model": "\#(name)", "query": "What is gravity?", "documents": ["A force.", "A fruit."]}"#
        )
      case .transcriber: return nil
      }
    }
  }
#endif
