//! The OpenAPI 3.1 document, built from the route table and the schemas, so that it cannot say something else.

use std::sync::LazyLock;

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::problem::PROBLEM_JSON;
use super::route::{Access, Parameter, Place, Route, Takes};
use super::routes::ROUTES;
use super::schemas;

/// The document as it is served.
pub(crate) fn document() -> Bytes {
    static DOCUMENT: LazyLock<Bytes> = LazyLock::new(|| Bytes::from(build().to_string()));
    DOCUMENT.clone()
}

/// The document from the route table.
pub(crate) fn build() -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for route in ROUTES {
        let path = paths.entry(shown_path(route)).or_insert_with(|| json!({}));
        path[route.verb.word().to_ascii_lowercase()] = operation(route);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Klantkluis",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "A vault for customer data: what has no purpose is not stored, and what is read is read \
                for a purpose and on the record. Errors are problem details (RFC 9457).",
            "license": {"name": "Apache-2.0 OR MIT"},
        },
        "paths": paths,
        "components": {
            "schemas": schemas::all(),
            "securitySchemes": {
                "credential": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A staff (kks_…) or connector (kkc_…) credential.",
                },
            },
            "responses": {"Problem": problem("What went wrong")},
        },
    })
}

/// The path with `{name}` for every parameter, also for one that spans segments.
fn shown_path(route: &Route) -> String {
    route.path.replace("{*", "{")
}

fn operation(route: &Route) -> Value {
    let mut parameters: Vec<Value> = path_parameters(route);
    parameters.extend(route.parameters.iter().map(parameter));
    let security = match route.access {
        Access::Public => json!([]),
        Access::Operation(_) => json!([{"credential": []}]),
    };
    let mut operation = json!({
        "operationId": operation_id(route),
        "summary": route.summary,
        "security": security,
        "parameters": parameters,
        "responses": responses(route),
    });
    if let Access::Operation(granted) = route.access {
        operation["description"] = json!(format!("Needs a grant that includes `{granted}`."));
    }
    if let Some(body) = request_body(route) {
        operation["requestBody"] = body;
    }
    operation
}

fn operation_id(route: &Route) -> String {
    let words = route.path.split(['/', '{', '}', '*', '.']).filter(|word| !word.is_empty() && *word != "v1");
    words.fold(route.verb.word().to_ascii_lowercase(), |id, word| id + "_" + word)
}

fn path_parameters(route: &Route) -> Vec<Value> {
    let named = route.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let one = |name: &str| {
        let name = name.trim_start_matches('*');
        json!({"name": name, "in": "path", "required": true, "schema": schemas::of_path(name)})
    };
    named.map(one).collect()
}

fn parameter(parameter: &Parameter) -> Value {
    let place = match parameter.place {
        Place::Query => "query",
        Place::Header => "header",
    };
    json!({
        "name": parameter.name,
        "in": place,
        "required": parameter.is_required,
        "description": parameter.about,
        "schema": (parameter.schema)(),
    })
}

fn request_body(route: &Route) -> Option<Value> {
    let schema = match route.takes {
        Takes::Nothing => return None,
        Takes::Json(name) => reference(name),
        Takes::Lines(_) | Takes::Text(_) => json!({"type": "string"}),
        // Bytes as they are (OpenAPI 3.1 §4.8.14.4).
        Takes::Reports(_) => json!({}),
    };
    let content: Map<String, Value> = route
        .takes
        .media_types()
        .iter()
        .map(|media_type| ((*media_type).to_owned(), json!({"schema": schema})))
        .collect();
    let mut body = json!({"required": true, "content": content});
    if let Takes::Lines(name) = route.takes {
        body["description"] = json!(format!("One {name} as JSON on each line."));
    }
    Some(body)
}

fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

fn responses(route: &Route) -> Value {
    let mut responses: Map<String, Value> = Map::new();
    for gives in route.gives {
        let entry =
            responses.entry(gives.status.to_string()).or_insert_with(|| json!({"description": "Done"}));
        if gives.media_type.is_empty() {
            continue;
        }
        let media = if gives.schema.is_empty() {
            json!({"schema": {"type": "string"}})
        } else {
            json!({"schema": reference(gives.schema)})
        };
        entry["content"][gives.media_type] = media;
    }
    for status in problems(route) {
        let entry = responses.entry(status.to_string()).or_insert_with(|| problem(meaning(status)));
        entry["content"][PROBLEM_JSON] = json!({"schema": reference("Problem")});
    }
    responses.insert("default".into(), json!({"$ref": "#/components/responses/Problem"}));
    Value::Object(responses)
}

/// The statuses of the problems that a route can have.
fn problems(route: &Route) -> Vec<u16> {
    let mut all = vec![400, 500, 503];
    if matches!(route.access, Access::Operation(_)) {
        all.extend([401, 403, 422, 429]);
    }
    if route.path.contains('{') {
        all.push(404);
    }
    if !matches!(route.takes, Takes::Nothing) {
        all.extend([408, 413, 415]);
    }
    all.extend(route.problems);
    all.sort_unstable();
    all.dedup();
    all
}

fn problem(description: &str) -> Value {
    json!({"description": description, "content": {PROBLEM_JSON: {"schema": reference("Problem")}}})
}

fn meaning(status: u16) -> &'static str {
    match status {
        400 => "The request cannot be read",
        401 => "No credential, or one that does not work",
        403 => {
            "The grant, the purpose or the customer's consent does not allow it; the refusal is on the record"
        }
        404 => "There is no such thing",
        408 => "The body did not arrive in time",
        409 => "It collides with something that is there",
        412 => "Somebody changed it meanwhile",
        413 => "The body is too large",
        415 => "The body is of another media type",
        422 => "The input is not valid",
        428 => "A change needs If-Match",
        429 => "Too many requests, or the budget is used up; see Retry-After",
        503 => "The vault is sealed or its storage cannot be used now",
        _ => "Something went wrong",
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_route_is_described_once_and_every_reference_leads_somewhere() {
        let document = build();
        let described: usize =
            document["paths"].as_object().unwrap().values().map(|p| p.as_object().unwrap().len()).sum();
        assert_eq!(described, ROUTES.len(), "two routes have one method and path");
        let text = document.to_string();
        for part in text.split("\"#/").skip(1) {
            let pointer = format!("/{}", part.split('"').next().unwrap());
            assert!(document.pointer(&pointer).is_some(), "{pointer}");
        }
        for name in schemas::all().as_object().unwrap().keys() {
            assert!(text.contains(&format!("schemas/{name}\"")), "{name} is not used");
        }
    }

    #[test]
    fn ids_are_unique_and_public_routes_are_few() {
        let mut ids = BTreeSet::new();
        let mut public = Vec::new();
        for (path, methods) in build()["paths"].as_object().unwrap() {
            for operation in methods.as_object().unwrap().values() {
                assert!(ids.insert(operation["operationId"].as_str().unwrap().to_owned()), "{operation}");
                assert!(
                    operation["responses"].as_object().unwrap().keys().any(|status| status.starts_with('2'))
                );
                if operation["security"] == json!([]) {
                    public.push(path.clone());
                }
                let inside = path.matches('{').count();
                let named =
                    operation["parameters"].as_array().unwrap().iter().filter(|p| p["in"] == "path").count();
                assert_eq!(inside, named, "{path}");
            }
        }
        assert_eq!(
            public,
            ["/healthz", "/v1/audit/key", "/v1/audit/log/{log}/checkpoint", "/v1/openapi.json"]
        );
    }
}
