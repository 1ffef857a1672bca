/// A type that says itself which JSON documents it is decoded from.
///
///     enum Shape: Decodable, JSONSchemaProviding {
///       case circle(radius: Double)
///       case square(side: Double)
///
///       static let jsonSchema = """
///         {"anyOf": [{"type": "object", "properties": {"radius": {"type": "number", "exclusiveMinimum": 0, "maximum": 100}},
///                     "required": ["radius"]},
///                    {"type": "object", "properties": {"side": {"type": "number", "exclusiveMinimum": 0, "maximum": 100}},
///                     "required": ["side"]}]}
///         """
///       …
///     }
///
/// For types whose schema cannot be derived, or should say more: bounds, descriptions, alternatives. Every document of the schema
/// must be one that the type decodes; types that hold this one take it over.
public protocol JSONSchemaProviding {
  /// The same at all times: a JSON schema (draft 2020-12) of what `TokenConstraint.jsonSchema(_:)` supports. Its pointers (`#/$defs/…`) are into itself.
  static var jsonSchema: String { get }
}
