//! The `OpenAPI` document, written from one table of operations and the DTOs' own schemas.
//!
//! It is made by `cargo xtask openapi`, committed as `appliance/openapi/v1.json` and served from
//! there: the box itself carries no schema code.

#[path = "operations.rs"]
mod operations;

use operations::{Gives, OPERATIONS, Operation, Takes, Who};
use serde_json::{Map, Value, json};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// The whole document, pretty and ending in a line feed.
pub(crate) fn text() -> String {
    let mut schemas = Schemas::default();
    let problem = schemas.of::<wire::Problem>();
    let mut paths: Map<String, Value> = Map::new();
    for operation in OPERATIONS {
        let written = written(operation, &problem, &mut schemas);
        let path = paths.entry(operation.path).or_insert_with(|| json!({}));
        path[operation.method] = written;
    }
    let document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Ringward",
            "version": "v1",
            "description": "One box in a hospital's rack. `/rtc`, `/twirp`, `/whip` and `/whep` are LiveKit's, \
                            RFC 9725's and draft-ietf-wish-whep's protocols and named here without their \
                            messages; `/v1` is the box's own API for the hospital's software, `/admin` the \
                            operators', on the box's Unix socket and for accounts over HTTPS. Times are \
                            milliseconds since 1970. Errors are `application/problem+json` (RFC 9457).",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"}
        },
        "paths": paths,
        "components": {
            "schemas": schemas.0,
            "securitySchemes": {
                "token": {
                    "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
                    "description": "A LiveKit access token, signed with one of the box's API keys."
                },
                "operator": {
                    "type": "http", "scheme": "bearer",
                    "description": "An operator's session. On the Unix socket none is needed: the kernel says who asks."
                }
            }
        }
    });
    // Maps, strings and numbers: writing them cannot fail.
    let mut text = serde_json::to_string_pretty(&document).unwrap_or_default();
    text.push('\n');
    text
}

/// Method and path of everything the document has, as `GET /v1/events`.
#[allow(dead_code, reason = "asked by the test, not by the example")]
pub(crate) fn operations() -> Vec<String> {
    let all = OPERATIONS.iter();
    all.map(|operation| format!("{} {}", operation.method.to_uppercase(), operation.path))
        .collect()
}

/// Schemas by name, gathered from what refers to them.
#[derive(Default)]
pub(crate) struct Schemas(Map<String, Value>);

impl Schemas {
    /// A reference to a type's schema, which is taken in with all that it refers to.
    pub(crate) fn of<T: ToSchema + PartialSchema>(&mut self) -> Value {
        let mut found: Vec<(String, RefOr<Schema>)> = Vec::new();
        T::schemas(&mut found);
        found.push((T::name().into_owned(), T::schema()));
        for (name, schema) in found {
            let schema = serde_json::to_value(schema).unwrap_or_default();
            self.0.entry(name).or_insert(schema);
        }
        json!({"$ref": format!("#/components/schemas/{}", T::name())})
    }

    pub(crate) fn list<T: ToSchema + PartialSchema>(&mut self) -> Value {
        json!({"type": "array", "items": self.of::<T>()})
    }

    /// [`wire::Page`].
    pub(crate) fn page<T: ToSchema + PartialSchema>(&mut self) -> Value {
        json!({
            "type": "object",
            "required": ["items"],
            "properties": {
                "items": self.list::<T>(),
                "next": {
                    "type": ["string", "null"],
                    "description": "Give it as `cursor` to get the next page; absent on the last one."
                }
            }
        })
    }
}

fn written(operation: &Operation, problem: &Value, schemas: &mut Schemas) -> Value {
    let mut written = json!({
        "summary": operation.summary,
        "tags": [operation.path.split('/').nth(1).unwrap_or_default()],
        "operationId": id(operation),
        "parameters": parameters(operation),
        "responses": responses(operation, problem, schemas),
        "security": match operation.who {
            Who::Anybody => json!([]),
            Who::Token => json!([{"token": []}]),
            Who::Operator => json!([{"operator": []}, {}]),
        },
    });
    match operation.takes {
        Takes::Nothing => {}
        Takes::Json(schema) => {
            let schema = schema(schemas);
            written["requestBody"] =
                json!({"required": true, "content": {"application/json": {"schema": schema}}});
        }
        Takes::Other(content_type) => {
            written["requestBody"] = json!({"required": true, "content": {content_type: {"schema": {"type": "string"}}}});
        }
    }
    written
}

/// `get_v1_rooms_sessions_sid`.
fn id(operation: &Operation) -> String {
    let path = operation.path.replace(['{', '}'], "");
    let words = path.split(['/', '.']).filter(|word| !word.is_empty());
    words.fold(operation.method.to_owned(), |id, word| {
        format!("{id}_{word}")
    })
}

fn parameters(operation: &Operation) -> Vec<Value> {
    let in_path = operation.path.split('/').filter_map(|part| {
        let name = part.strip_prefix('{')?.strip_suffix('}')?;
        Some(json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}}))
    });
    let in_query = operation.query.iter().map(|(name, meaning)| {
        json!({"name": name, "in": "query", "description": meaning, "schema": {"type": "string"}})
    });
    in_path.chain(in_query).collect()
}

fn responses(operation: &Operation, problem: &Value, schemas: &mut Schemas) -> Value {
    let (status, done) = match operation.gives {
        Gives::Json(schema) => {
            let schema = schema(schemas);
            (
                "200",
                json!({"description": "Done.", "content": {"application/json": {"schema": schema}}}),
            )
        }
        Gives::Lines(schema) => {
            let schema = schema(schemas);
            let description = "One object per line, for as long as both sides live.";
            (
                "200",
                json!({"description": description, "content": {"application/jsonl": {"schema": schema}}}),
            )
        }
        Gives::Text(content_type) => (
            "200",
            json!({"description": "Done.", "content": {content_type: {"schema": {"type": "string"}}}}),
        ),
        Gives::Created(content_type) => (
            "201",
            json!({"description": "Made.", "content": {content_type: {"schema": {"type": "string"}}}}),
        ),
        Gives::Upgrade => (
            "101",
            json!({"description": "A WebSocket of LiveKit's protocol."}),
        ),
        Gives::Nothing => ("204", json!({"description": "Done."})),
    };
    let mut responses = json!({status: done});
    if operation.path.starts_with("/v1") || operation.path.starts_with("/admin") {
        let content = json!({"application/problem+json": {"schema": problem}});
        responses["default"] =
            json!({"description": "Refused: why, and what to do.", "content": content});
    }
    responses
}
