import Tessera

extension API {
  /// `/metrics`, in Prometheus' text form: what vLLM calls `vllm:…` is `tessera:…`.
  func metricsPage() async -> Reply {
    var page = PrometheusPage()
    let snapshot = metrics.snapshot
    page.family("tessera:num_requests", "gauge", "Requests that are being answered.")
    page.line("tessera:num_requests", value: Double(admission.requests))
    page.family("tessera:num_answers", "gauge", "Answers that run or wait.")
    page.line("tessera:num_answers", value: Double(admission.answers))
    page.family("tessera:http_replies_total", "counter", "Replies by path and status.")
    for (key, count) in snapshot.replies.sorted(by: { ($0.key.path, $0.key.status) < ($1.key.path, $1.key.status) }) {
      page.line("tessera:http_replies_total", [("path", key.path), ("status", "\(key.status)")], value: Double(count))
    }
    // A model that has answered nothing has its zeros.
    let models = models.models.map { ($0.name, snapshot.models[$0.name] ?? Metrics.Model()) }
    func counter(_ name: String, _ help: String, _ value: (Metrics.Model) -> Int) {
      page.family(name, "counter", help)
      for (model, values) in models { page.line(name, [("model_name", model)], value: Double(value(values))) }
    }
    func histogram(_ name: String, _ help: String, _ value: (Metrics.Model) -> Histogram) {
      page.family(name, "histogram", help)
      for (model, values) in models { page.histogram(name, model, value(values)) }
    }
    await engines(&page)
    counter("tessera:prompt_tokens_total", "Tokens of prompts, cached ones included.") { $0.promptTokens }
    counter("tessera:generation_tokens_total", "Tokens of answers.") { $0.generatedTokens }
    counter("tessera:prompt_tokens_cached_total", "Tokens of prompts that the cache had.") { $0.cachedTokens }
    page.family("tessera:request_success_total", "counter", "Finished answers by why they ended.")
    for (model, values) in models {
      for reason in ["stop", "length"] {
        page.line(
          "tessera:request_success_total", [("finished_reason", reason), ("model_name", model)],
          value: Double(values.finished[reason] ?? 0))
      }
    }
    histogram("tessera:time_to_first_token_seconds", "Time to the first token.") { $0.firstToken }
    histogram("tessera:time_per_output_token_seconds", "Time per token behind the first.") { $0.tokenTime }
    histogram("tessera:e2e_request_latency_seconds", "Time from request to the last token.") { $0.latency }
    histogram("tessera:request_queue_time_seconds", "Time from request to its turn.") { $0.queueTime }
    histogram("tessera:request_prompt_tokens", "Tokens of a prompt.") { $0.promptLength }
    histogram("tessera:request_generation_tokens", "Tokens of an answer.") { $0.answerLength }
    return Reply(text: page.text, contentType: "text/plain; version=0.0.4; charset=utf-8")
  }
}

extension API {
  /// What the models' engines do, and have done.
  private func engines(_ page: inout PrometheusPage) async {
    var engines: [(model: String, statistics: EngineStatistics)] = []
    for model in models.models { engines.append((model.name, await model.language.engineStatistics())) }
    func family(
      _ name: String, _ type: String, _ help: String, _ values: (EngineStatistics) -> [(label: String?, value: Double)]
    ) {
      page.family(name, type, help)
      for (model, statistics) in engines {
        for (label, value) in values(statistics) {
          page.line(name, [("model_name", model)] + (label.map { [("kind", $0)] } ?? []), value: value)
        }
      }
    }
    family("tessera:num_requests_running", "gauge", "Generations that run.") { [(nil, Double($0.runningRequests))] }
    family("tessera:num_requests_waiting", "gauge", "Generations that wait for room.") {
      [(nil, Double($0.waitingRequests))]
    }
    family("tessera:kv_cache_usage_perc", "gauge", "The part of the fullest group's blocks in use, 0 to 1.") {
      [(nil, $0.blocks.map { Double($0.used) / Double(max(1, $0.total)) }.max() ?? 0)]
    }
    family("tessera:prefix_cache_queries_total", "counter", "Tokens of prompts that were looked for in the cache.") {
      [(nil, Double($0.promptTokens))]
    }
    family("tessera:prefix_cache_hits_total", "counter", "Those that were there, by where.") {
      [
        ("device", Double($0.deviceHitTokens)), ("host", Double($0.hostHitTokens)), ("disk", Double($0.diskHitTokens)),
      ]
    }
    family("tessera:num_preemptions_total", "counter", "Generations that gave up their blocks for a while, by how.") {
      [("swap", Double($0.swaps)), ("recompute", Double($0.recomputations))]
    }
  }
}

/// A text in Prometheus' form.
struct PrometheusPage {
  private(set) var text = ""

  mutating func family(_ name: String, _ type: String, _ help: String) {
    text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
  }

  mutating func line(_ name: String, _ labels: [(String, String)] = [], value: Double) {
    let list = labels.map { "\($0)=\"\(Self.escaped($1))\"" }.joined(separator: ",")
    text += name + (list.isEmpty ? "" : "{\(list)}") + " \(Self.number(value))\n"
  }

  mutating func histogram(_ name: String, _ model: String, _ histogram: Histogram) {
    for (bound, count) in zip(histogram.bounds, histogram.counts) {
      line(name + "_bucket", [("model_name", model), ("le", Self.number(bound))], value: Double(count))
    }
    line(name + "_bucket", [("model_name", model), ("le", "+Inf")], value: Double(histogram.count))
    line(name + "_sum", [("model_name", model)], value: histogram.sum)
    line(name + "_count", [("model_name", model)], value: Double(histogram.count))
  }

  private static func number(_ value: Double) -> String {
    value == value.rounded() && abs(value) < 1e15 ? String(Int(value)) : "\(value)"
  }

  private static func escaped(_ label: String) -> String {
    label.reduce(into: "") { result, character in
      switch character {
      case "\\": result += "\\\\"
      case "\"": result += "\\\""
      case "\n": result += "\\n"
      default: result.append(character)
      }
    }
  }
}
