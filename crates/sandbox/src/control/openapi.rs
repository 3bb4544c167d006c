//! The description of the control API, made from the table that serves it.

use serde_json::{Map, Value, json};

use super::table::{ENDPOINTS, Endpoint, Field, Kind};
use super::vendor_table::VENDOR;

pub(super) fn description() -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for endpoint in ENDPOINTS.iter().chain(VENDOR) {
        let path = paths
            .entry(format!("{}{}", super::ROOT, endpoint.path))
            .or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(methods) = path {
            methods.insert(endpoint.method.to_ascii_lowercase(), operation(endpoint));
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "DingTalk sandbox control API",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Everything that a test needs and the platform does not have. Answers only to programs: \
                Host must be loopback or the very address that is called, and requests of web pages are refused.",
        },
        "security": [{ "token": [] }],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "Made at every start and printed by the program.",
                },
            },
            "schemas": {
                "Problem": {
                    "type": "object",
                    "required": ["error", "detail"],
                    "properties": {
                        "error": { "type": "string", "description": "A name for programs." },
                        "detail": { "type": "string", "description": "What is wrong, for people." },
                    },
                },
            },
        },
    })
}

fn operation(endpoint: &Endpoint) -> Value {
    let mut parameters: Vec<Value> = endpoint
        .path
        .split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
        .map(|name| {
            json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } })
        })
        .collect();
    parameters.extend(endpoint.query.iter().map(|field| {
        json!({
            "name": field.name,
            "in": "query",
            "required": field.required,
            "description": field.says,
            "schema": schema(field.kind),
        })
    }));
    let content = json!({ endpoint.kind: { "schema": {} } });
    let mut operation = json!({
        "summary": endpoint.says,
        "parameters": parameters,
        "responses": {
            endpoint.status.to_string(): { "description": "Done.", "content": content },
            "default": {
                "description": "Refused.",
                "content": {
                    "application/json": { "schema": { "$ref": "#/components/schemas/Problem" } },
                },
            },
        },
    });
    if let Some(body) = &endpoint.body {
        let mut schema = object(body.fields, endpoint.large);
        if let (Value::Object(schema), Ok(example)) =
            (&mut schema, serde_json::from_str::<Value>(body.example))
        {
            schema.insert("examples".to_owned(), json!([example]));
        }
        operation["requestBody"] = json!({
            "required": true,
            "content": { "application/json": { "schema": schema } },
        });
    }
    if endpoint.open {
        operation["security"] = json!([]);
    }
    operation
}

/// A snapshot has more members than are described.
fn object(fields: &[Field], more: bool) -> Value {
    let properties: Map<String, Value> = fields
        .iter()
        .map(|field| {
            let mut schema = schema(field.kind);
            schema["description"] = field.says.into();
            (field.name.to_owned(), schema)
        })
        .collect();
    let required: Vec<&str> =
        fields.iter().filter(|field| field.required).map(|field| field.name).collect();
    json!({
        "type": "object",
        "required": required,
        "properties": properties,
        "additionalProperties": more,
    })
}

fn schema(kind: Kind) -> Value {
    match kind {
        Kind::Text => json!({ "type": "string" }),
        Kind::Whole => json!({ "type": "integer" }),
        Kind::Number => json!({ "type": "number" }),
        Kind::Flag => json!({ "type": "boolean" }),
        Kind::Bit => json!({ "enum": ["0", "1", "false", "true"] }),
        Kind::Limit => json!({ "type": ["integer", "null"] }),
        Kind::Texts => json!({ "type": "array", "items": { "type": "string" } }),
        Kind::Wholes => json!({ "type": "array", "items": { "type": "integer" } }),
        Kind::Objects => json!({ "type": "array", "items": { "type": "object" } }),
        Kind::Object => json!({ "type": "object" }),
        Kind::Any => json!({}),
        Kind::OneOf(words) => json!({ "enum": words }),
    }
}
