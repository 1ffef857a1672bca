"""The JSON schemas of make_grammar_fixtures.py: those that are served, and those that are refused with a code."""

POINT = {"type": "object", "properties": {"x": {"type": "number"}, "y": {"type": "number"}},
         "required": ["x", "y"], "additionalProperties": False}
TREE = {"$ref": "#/$defs/node", "$defs": {"node": {
    "type": "object", "properties": {"name": {"type": "string", "maxLength": 4},
                                     "children": {"type": "array", "items": {"$ref": "#/$defs/node"}, "maxItems": 2}},
    "required": ["name"], "additionalProperties": False}}}


def closed(required=(), **properties):
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


def tagged(tag, **properties):
    return closed(["kind", *properties], kind={"const": tag}, **properties)


SERVED = [
    True, {}, {"type": "null"}, {"type": "boolean"}, {"type": "string"}, {"type": "integer"}, {"type": "number"},
    {"type": "array"}, {"type": "object"}, {"type": ["string", "null", "integer"]},
    {"type": "string", "minLength": 2, "maxLength": 5}, {"type": "string", "minLength": 3},
    {"type": "string", "maxLength": 0}, {"type": "string", "pattern": "^[a-c]{2,3}-[0-9]+$"},
    {"type": "string", "pattern": "a[xyz]"}, {"type": "string", "pattern": "^ab|cd$"},
    {"type": "string", "pattern": "^(?:ab|\"\\\\)+$"}, {"type": "string", "pattern": "^[a-z]+$", "maxLength": 3},
    {"type": "string", "pattern": "^[^a-z]*$", "minLength": 2},
    {"type": "string", "format": "date"}, {"type": "string", "format": "ipv4"}, {"type": "string", "format": "uuid"},
    {"type": "string", "format": "date-time"}, {"type": "string", "format": "time"},
    {"type": "string", "format": "email"}, {"type": "string", "format": "ipv6"}, {"type": "string", "format": "hostname"},
    {"type": "integer", "minimum": 0}, {"type": "integer", "minimum": -5, "maximum": 17},
    {"type": "integer", "minimum": 95, "maximum": 1203}, {"type": "integer", "exclusiveMinimum": -12},
    {"type": "integer", "exclusiveMaximum": -7}, {"type": "integer", "maximum": 9}, {"type": "integer", "minimum": 2.5},
    {"type": "integer", "minimum": 100, "exclusiveMaximum": 101}, {"type": "integer", "maximum": -100},
    {"type": "number", "minimum": 0, "maximum": 1}, {"type": "number", "exclusiveMinimum": 0},
    {"type": "number", "minimum": -1.25, "exclusiveMaximum": 2.5}, {"type": "number", "minimum": 0.125, "maximum": 0.25},
    {"type": "number", "exclusiveMinimum": 9.5, "maximum": 10.05}, {"type": "number", "maximum": -0.5},
    {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 0.01}, {"type": "number", "exclusiveMaximum": 0},
    {"enum": ["red", "green", "re", 3, None, True, 1.5, [1, {"a": "b"}]]}, {"const": {"a": [1, 2], "b": "é\n\""}},
    {"enum": ["a", 1, 2.5], "type": ["string", "integer"]},
    POINT, TREE, closed(a={"type": "integer"}, b={"type": "boolean"}, c={"type": "null"}),
    closed(["b"], a={"type": "integer"}, b={"type": "boolean"}, c={"type": "null"}),
    closed(["q\"\\é"], **{"q\"\\é": {"type": "string", "maxLength": 3}}),
    {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"],
     "additionalProperties": {"type": "boolean"}},
    {"type": "object", "properties": {"ab": {"type": "integer"}, "ac": {}}, "additionalProperties": True},
    {"type": "object", "additionalProperties": {"type": "integer"}},
    {"type": "object", "additionalProperties": {"type": "integer"}, "minProperties": 1, "maxProperties": 2},
    {"type": "object", "additionalProperties": False}, {"type": "object", "required": ["z"]},
    {"type": "array", "items": {"type": "integer"}}, {"type": "array", "items": {"type": "boolean"}, "minItems": 2},
    {"type": "array", "items": {"type": "boolean"}, "minItems": 1, "maxItems": 3}, {"type": "array", "items": False},
    {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string", "maxLength": 2}], "items": False},
    {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "null"}], "items": {"type": "boolean"},
     "minItems": 1, "maxItems": 4},
    {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "null"}], "items": False, "minItems": 2},
    {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "null"}], "items": {"type": "boolean"}, "minItems": 3},
    {"type": "array", "items": {"type": "array", "items": {"type": "integer"}, "maxItems": 2}, "maxItems": 2},
    {"anyOf": [{"type": "integer"}, {"type": "string", "maxLength": 3}, POINT]},
    {"anyOf": [{"type": "integer", "minimum": 3}, {"type": "number", "maximum": 1}]},
    {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}}, "additionalProperties": False,
     "anyOf": [{"required": ["a"]}, {"required": ["b"]}]},
    {"oneOf": [tagged("circle", radius={"type": "number", "minimum": 0}), tagged("box", side={"type": "integer"})]},
    {"oneOf": [{"type": "string", "maxLength": 2}, {"type": "null"}]}, {"oneOf": [{"const": 1}, {"enum": [2, 3]}]},
    {"allOf": [{"$ref": "#/$defs/base"}, {"properties": {"b": {"type": "string", "maxLength": 2}}, "required": ["b"]}],
     "$defs": {"base": {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}}},
    {"allOf": [{"type": "integer", "minimum": 3}, {"type": "number", "maximum": 7}]},
    {"type": "object", "properties": {"next": {"$ref": "#"}, "v": {"type": "integer"}}, "required": ["v"],
     "additionalProperties": False},
    {"$defs": {"a/b~c": {"type": "integer"}}, "type": "array", "items": {"$ref": "#/$defs/a~1b~0c"}},
    {"properties": {"a": {"$ref": "#/$defs/n", "maximum": 5, "description": "small"}}, "type": "object",
     "$defs": {"n": {"type": "integer", "minimum": 0}}, "required": ["a"], "additionalProperties": False},
    closed(["user", "tags"], user=closed(["id"], id={"type": "integer", "minimum": 1}, mail={"type": ["string", "null"]}),
           tags={"type": "array", "items": {"enum": ["a", "b", "c"]}, "maxItems": 3}, note={"type": "string"}),
]

REFUSED = [
    ("{", "malformed"), ("3", "malformed"), ({"type": "strin"}, "malformed"), ({"type": 3}, "malformed"),
    ({"properties": []}, "malformed"), ({"required": "a"}, "malformed"), ({"minLength": -1}, "malformed"),
    ({"minLength": 1.5}, "malformed"), ({"$ref": "#/$defs/a"}, "malformed"), ({"$ref": 3}, "malformed"),
    ({"anyOf": {}}, "malformed"), ({"enum": 1}, "malformed"), ({"pattern": "("}, "malformed"),
    ({"not": {}}, "unsupported"), ({"if": {}, "then": {}}, "unsupported"), ({"patternProperties": {}}, "unsupported"),
    ({"type": "number", "multipleOf": 2}, "unsupported"), ({"type": "array", "uniqueItems": True}, "unsupported"),
    ({"type": "array", "contains": {}}, "unsupported"), ({"type": "array", "items": [{}]}, "unsupported"),
    ({"type": "string", "format": "regex"}, "unsupported"), ({"pattern": "(a)\\1"}, "unsupported"),
    ({"pattern": "a(?=b)"}, "unsupported"), ({"pattern": "\\bword"}, "unsupported"), ({"pattern": "a^b"}, "unsupported"),
    ({"$ref": "https://example.org/a.json"}, "unsupported"), ({"$ref": "#anchor"}, "unsupported"),
    ({"oneOf": [{"type": "integer"}, {"type": "number"}]}, "unsupported"), ({"oneOf": [{}, {}]}, "unsupported"),
    ({"type": "object", "properties": {"a": {}}, "maxProperties": 0}, "unsupported"),
    ({"type": "object", "minProperties": 2}, "unsupported"), ({"maxLenght": 3}, "unsupported"),
    ({"pattern": "^ab$", "format": "date"}, "unsupported"), ({"pattern": "^a*bb*$", "maxLength": 3}, "unsupported"),
    ({"$ref": "#"}, "unsupported"), ({"allOf": [{"$ref": "#"}]}, "tooComplex"), (False, "unsatisfiable"),
    ({"enum": []}, "unsatisfiable"), ({"type": "integer", "minimum": 3, "maximum": 2}, "unsatisfiable"),
    ({"type": "string", "minLength": 3, "maxLength": 2}, "unsatisfiable"),
    ({"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]}, "unsatisfiable"),
    ({"type": "integer", "enum": ["a"]}, "unsatisfiable"), ({"pattern": "a{2000000}"}, "tooComplex"),
    ({"type": "string", "maxLength": 2000000}, "tooComplex"),
    ({"allOf": [{"type": "integer"}, {"type": "string"}]}, "unsatisfiable"),
    ({"allOf": [{"pattern": "a"}, {"pattern": "b"}]}, "unsupported"),
]
