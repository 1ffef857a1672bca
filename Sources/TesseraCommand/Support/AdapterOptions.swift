import ArgumentParser
import Foundation
import Tessera
import TesseraModels

/// The adapters of a command, and the one that it computes with.
struct AdapterOptions: ParsableArguments {
  @Option(
    name: .customLong("lora"), parsing: .unconditionalSingleValue,
    help: ArgumentHelp(
      "A low-rank adapter beside the model: a folder of PEFT's, or a GGUF file; may be repeated.",
      discussion: "SCALE multiplies what it changes (default: 1), NAME is for --adapter (default: the path's end).",
      valueName: "[NAME=]PATH[:SCALE]"))
  var adapters: [AdapterArgument] = []

  @Option(help: "The name of the adapter that is used, or none (default: the first).")
  var adapter: String?

  func validate() throws {
    if adapters.contains(where: { $0.value.name == Self.none }) {
      throw ValidationError("--lora: an adapter called \(Self.none) could not be chosen: give it a name, NAME=PATH")
    }
    guard let adapter, adapter != Self.none, !adapters.contains(where: { $0.value.name == adapter }) else { return }
    let names = adapters.map(\.value.name) + [Self.none]
    throw ValidationError("--adapter is \"\(adapter)\": \(names.joined(separator: ", ")) are possible (--lora)")
  }

  private static let none = "none"

  /// The adapters, to be loaded.
  var all: [LoadOptions.Adapter] { adapters.map(\.value) }
  /// The name of the one that is used; nil: the model alone.
  var chosen: String? { (adapter ?? adapters.first?.value.name).flatMap { $0 == Self.none ? nil : $0 } }
}

/// `[NAME=]PATH[:SCALE]`.
struct AdapterArgument: ExpressibleByArgument {
  let value: LoadOptions.Adapter

  init?(argument: String) {
    var (path, name, scale) = (argument, String?.none, 1.0)
    // Paths may have such signs, too.
    if !FileManager.default.fileExists(atPath: path), let equals = path.firstIndex(of: "="),
      !path[..<equals].contains("/"), equals > path.startIndex
    {
      name = String(path[..<equals])
      path = String(path[path.index(after: equals)...])
    }
    if let colon = path.lastIndex(of: ":"), !FileManager.default.fileExists(atPath: path) {
      guard let number = Double(path[path.index(after: colon)...]), number.isFinite else { return nil }
      (scale, path) = (number, String(path[..<colon]))
    }
    while path.count > 1, path.hasSuffix("/") { path.removeLast() }
    guard !path.isEmpty else { return nil }
    value = .init(name: name, path: path, scale: scale)
  }
}

extension ModelOptions {
  /// The model with its adapters, with a progress bar while it loads.
  ///
  /// - Parameter beams: that have room beside each other; nil: one generation has.
  func load(
    _ lora: AdapterOptions, _ prefixes: PrefixCacheOptions? = nil, beams: Int? = nil
  ) async throws -> LanguageModel {
    var options = run.loadOptions
    if let prefixes { options = prefixes.applied(to: options) }
    options.adapters = lora.all
    if let beams { options.sequenceCount = beams }
    return try await run.load(ModelSource(path: model), options: options)
  }
}
