import Tessera
import TesseraJSON

/// The models of a server.
package struct ModelList: Sendable {
  package let models: [ServedModel]

  package init(_ models: [ServedModel]) { self.models = models }

  /// The model of a name that can do something.
  ///
  /// - Parameter name: nil takes the first that can.
  func model(_ name: String?, for use: ServedModel.Use) throws(APIError) -> ServedModel {
    guard let name else {
      if let model = models.first(where: { $0.uses.contains(use) }) { return model }
      throw APIError(404, "No model of this server can \(use.rawValue).", param: "model", code: "model_not_found")
    }
    let model = try self.model(named: name)
    guard model.uses.contains(use) else {
      let abilities = model.uses.map(\.rawValue).joined(separator: " and ")
      throw APIError(
        400, "The model '\(name)' does not \(use.rawValue): it can \(abilities).", param: "model",
        code: "unsupported_model")
    }
    return model
  }

  func model(named name: String) throws(APIError) -> ServedModel {
    if let model = models.first(where: { $0.names.contains(name) }) { return model }
    let shown = name.count > 100 ? name.prefix(100) + "…" : name[...]
    throw APIError(
      404, "The model '\(shown)' does not exist: there is \(models.map(\.name).joined(separator: ", ")).",
      param: "model", code: "model_not_found")
  }

  /// The document of `/v1/models`.
  var document: JSONValue {
    ["object": "list", "data": .array(models.map(\.document))]
  }
}

extension ServedModel {
  var document: JSONValue {
    [
      "id": .string(name), "object": "model", "created": .int(created), "owned_by": "tessera",
      "aliases": .array(names.dropFirst().map { .string($0) }),
      "max_model_len": .int(language.contextLength),
      "meta": [
        "architecture": .string(language.profile.architecture),
        "n_vocab": .int(language.profile.vocabularySize), "n_ctx_train": .int(language.profile.contextLength),
        "n_embd": .int(language.profile.hiddenSize), "device": .string(language.device.name),
        "precision": .string(language.precision.rawValue),
        "uses": .array(uses.map { .string($0.rawValue) }),
      ],
    ]
  }
}
