//! The JSON schemas of the API, as the OpenAPI document shows them.

mod mail;

pub(crate) use mail::days as mail_days;

use kluis_model::{Mask, Operation, Outcome, Role, StartEvent};
use serde_json::{Map, Value, json};

/// The schema of a parameter in a path.
pub(crate) fn of_path(name: &str) -> Value {
    match name {
        "id" => id(),
        "log" => log(),
        "level" => number(0, 63),
        _ => {
            json!({"type": "string", "pattern": "^(x[0-9]{3}/)*[0-9]{3}(\\.p/[0-9]{1,3})?$", "maxLength": 64,
            "description": "C2SP tlog-tiles: three digits, `x` before all groups but the last, `.p/W` for a partial tile."})
        }
    }
}

/// An id.
pub(crate) fn id() -> Value {
    json!({"type": "string", "format": "uuid"})
}

/// A field or purpose name.
pub(crate) fn name() -> Value {
    json!({"type": "string", "pattern": "^[a-z][a-z0-9_.]*$", "maxLength": 64})
}

/// Field names with commas between.
pub(crate) fn field_list() -> Value {
    json!({"type": "string", "pattern": "^[a-z][a-z0-9_.]*(,[a-z][a-z0-9_.]*)*$", "maxLength": 4096})
}

/// The name of a log.
pub(crate) fn log() -> Value {
    json!({"type": "string", "pattern": "^[A-Za-z0-9_.-]+$", "maxLength": 64})
}

/// A whole number within bounds.
pub(crate) fn number(min: u32, max: u32) -> Value {
    json!({"type": "integer", "minimum": min, "maximum": max})
}

/// A whole number from zero.
pub(crate) fn count() -> Value {
    json!({"type": "integer", "minimum": 0, "maximum": i64::MAX})
}

/// An operation.
pub(crate) fn operation() -> Value {
    json!({"type": "string", "enum": Operation::ALL.map(Operation::id).to_vec()})
}

/// How an operation ended.
pub(crate) fn outcome() -> Value {
    json!({"type": "string", "enum": Outcome::ALL.map(Outcome::id).to_vec()})
}

/// A domain as people type or paste it.
pub(crate) fn domain() -> Value {
    json!({"type": "string", "minLength": 1, "maxLength": 2048, "example": "winkel.example"})
}

/// A form of a report.
pub(crate) fn report_format() -> Value {
    json!({"type": "string", "enum": ["html", "markdown", "sarif", "json"]})
}

/// The place of an entry among all.
pub(crate) fn cursor() -> Value {
    json!({"type": "string", "pattern": "^-?[0-9]{1,18}\\.-?[0-9]{1,18}$"})
}

/// An idempotency key.
pub(crate) fn idempotency_key() -> Value {
    json!({"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"})
}

/// An entity tag.
pub(crate) fn etag() -> Value {
    json!({"type": "string", "pattern": "^\"[0-9]{1,18}\"$"})
}

fn time() -> Value {
    json!({"type": "string", "format": "date-time"})
}

fn text() -> Value {
    json!({"type": "string"})
}

fn flag() -> Value {
    json!({"type": "boolean"})
}

fn list(items: Value) -> Value {
    json!({"type": "array", "items": items})
}

/// The schema, or null.
fn or_null(schema: Value) -> Value {
    json!({"anyOf": [schema, {"type": "null"}]})
}

fn of(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

/// An object of exactly these keys; those in `optional` may be absent.
fn object(required: Value, optional: Value) -> Value {
    let mut properties = Map::new();
    let needed: Vec<String> =
        required.as_object().map(|keys| keys.keys().cloned().collect()).unwrap_or_default();
    for part in [required, optional] {
        if let Value::Object(keys) = part {
            properties.extend(keys);
        }
    }
    json!({"type": "object", "properties": properties, "required": needed, "additionalProperties": false})
}

/// An object of at least these keys, for answers that may grow.
fn open_object(required: Value) -> Value {
    let mut schema = object(required, json!({}));
    schema["additionalProperties"] = json!(true);
    schema
}

/// Every named schema.
pub(crate) fn all() -> Value {
    let mut schemas = Map::new();
    for part in [
        subjects_in(),
        subjects_out(),
        tokens_and_credentials(),
        vault(),
        audit(),
        exports(),
        checks(),
        mail::all(),
    ] {
        if let Value::Object(part) = part {
            schemas.extend(part);
        }
    }
    Value::Object(schemas)
}

fn subjects_in() -> Value {
    let values = json!({
        "type": "object", "propertyNames": name(), "maxProperties": 300,
        "additionalProperties": {"type": "string", "maxLength": 16_384},
        "example": {"email": "noor@voorbeeld.example", "city": "Utrecht"},
    });
    let changes = json!({
        "type": "object", "propertyNames": name(), "maxProperties": 300, "minProperties": 1,
        "additionalProperties": {"type": ["string", "null"], "maxLength": 16_384},
        "example": {"city": "Utrecht"},
    });
    let events: Vec<&str> = StartEvent::ALL.into_iter().map(StartEvent::id).collect();
    json!({
        "NewSubject": object(
            json!({"fields": values}),
            json!({"consents": list(of("Consent")), "events": list(of("Event"))}),
        ),
        "SubjectChange": object(json!({"fields": changes}), json!({})),
        "Consent": object(
            json!({"purpose": name(), "given": flag(), "source": {"type": "string", "minLength": 1, "maxLength": 64}}),
            json!({
                "at": or_null(time()),
                "text_version": {"type": ["string", "null"], "maxLength": 64},
                "proof": {"description": "Any JSON, at most 4 KiB, kept as it is under the customer's key."},
            }),
        ),
        "Event": object(json!({"event": {"type": "string", "enum": events}}), json!({"at": or_null(time())})),
        "Lookup": object(
            json!({"field": name(), "value": {"type": "string", "maxLength": 1024}, "purpose": name()}),
            json!({"fields": or_null(list(name()))}),
        ),
        "Search": object(
            json!({"text": {"type": "string", "maxLength": 256}, "purpose": name()}),
            json!({"fields": or_null(list(name())), "limit": or_null(number(1, 100))}),
        ),
    })
}

fn subjects_out() -> Value {
    let kept = object(
        json!({"purpose": name(), "law": text(), "until": or_null(time()), "fields": list(name())}),
        json!({}),
    );
    let reasons = |field: Value| list(object(json!({"field": field, "reason": text()}), json!({})));
    json!({
        "Problem": open_object(json!({
            "type": text(), "title": text(), "status": number(400, 599), "instance": text(),
        })),
        "Written": object(
            json!({"id": id(), "version": count(), "kept": list(name()), "dropped": reasons(text())}),
            json!({}),
        ),
        "Revealed": object(
            json!({
                "id": id(), "version": count(), "created": time(), "updated": time(),
                "fields": {"type": "object", "additionalProperties": text()},
                "withheld": reasons(name()),
            }),
            json!({}),
        ),
        "Matches": object(json!({"matches": list(of("Revealed"))}), json!({})),
        "SearchMatches": object(json!({"matches": list(of("Revealed")), "more": flag()}), json!({})),
        "ErasePreview": object(
            json!({"id": id(), "kept": list(kept.clone()), "backups_unreadable_from": or_null(time())}),
            json!({}),
        ),
        "Erased": object(
            json!({
                "id": id(), "erased_at": time(), "receipt": text(), "kept": list(kept),
                "backups_unreadable_from": or_null(time()),
            }),
            json!({}),
        ),
        "ErasureReceipt": object(
            json!({"id": id(), "erased_at": time(), "receipt": text(), "backups_unreadable_from": time()}),
            json!({}),
        ),
        "ConsentAnswer": object(json!({"purpose": name(), "given": flag(), "number": count()}), json!({})),
        "Consents": object(
            json!({"consents": list(open_object(json!({
                "purpose": name(), "number": count(), "given": flag(), "at": time(), "source": text(),
                "text_version": text(), "decides": flag(),
            })))}),
            json!({}),
        ),
        "AnyObject": {"type": "object"},
    })
}

fn tokens_and_credentials() -> Value {
    let masks: Vec<&str> = Mask::ALL.into_iter().map(Mask::id).collect();
    let roles: Vec<&str> = Role::ALL.into_iter().map(Role::id).collect();
    let limit = or_null(number(1, u32::MAX));
    let token = json!({"type": "string", "maxLength": 256});
    json!({
        "NewToken": object(
            json!({"field": name()}),
            json!({"destination": {"type": ["string", "null"], "minLength": 1, "maxLength": 64,
                "description": "For whom the token is; two destinations cannot join theirs."}}),
        ),
        "Token": object(json!({"token": text()}), json!({})),
        "ResolveToken": object(json!({"token": token, "purpose": name()}), json!({})),
        "Resolved": object(json!({"id": id(), "field": name(), "value": text()}), json!({})),
        "RevokeToken": object(json!({"token": token}), json!({})),
        "NewCredential": object(
            json!({"name": {"type": "string", "minLength": 1, "maxLength": 100}, "kind": {"type": "string", "enum": ["staff", "connector"]}}),
            json!({
                "role": {"type": ["string", "null"], "enum": roles.iter().map(|role| json!(role)).chain([Value::Null]).collect::<Vec<_>>()},
                "operations": or_null(list(operation())),
                "purposes": or_null(list(name())),
                "fields": or_null(list(name())),
                "masks": or_null(json!({"type": "object", "propertyNames": name(), "additionalProperties": {"type": "string", "enum": masks}})),
                "budget": or_null(object(json!({}), json!({"rows_per_hour": limit.clone(), "subjects_per_day": limit}))),
                "expires": or_null(time()),
            }),
        ),
        "CredentialSecret": object(json!({"id": id(), "secret": text()}), json!({})),
        "Credentials": object(
            json!({"credentials": list(open_object(json!({
                "id": id(), "kind": text(), "name": text(), "grant": {"type": "object"}, "created": time(),
                "expires": or_null(time()), "revoked": or_null(time()), "last_used": or_null(time()),
            })))}),
            json!({}),
        ),
    })
}

fn vault() -> Value {
    let words = object(json!({"nl": text(), "en": text()}), json!({}));
    json!({
        "Purposes": object(
            json!({
                "purposes": list(open_object(json!({
                    "id": name(), "name": words.clone(), "basis": text(), "law": text(), "class": text(),
                    "fields": list(object(json!({"field": name(), "need": text()}), json!({}))),
                    "recipients": list(text()),
                }))),
                "fields": list(open_object(json!({"name": name(), "kind": text(), "label": words}))),
                "source": text(),
            }),
            json!({}),
        ),
        "PurposeChange": open_object(json!({"version": count(), "added": list(name()), "removed": list(name()), "lost": list(json!({"type": "object"}))})),
        "PurposeProblems": object(
            json!({"problems": list(object(json!({"line": or_null(count()), "path": text(), "message": text()}), json!({})))}),
            json!({}),
        ),
        "Status": open_object(json!({"subjects": count(), "erased": count(), "leaves": count(), "sealed": flag()})),
        "Usage": object(
            json!({
                "days": count(),
                "usage": list(object(json!({"field": name(), "purpose": name(), "actor": text(), "count": count()}), json!({}))),
            }),
            json!({}),
        ),
        "Health": object(json!({"status": {"type": "string", "enum": ["ok", "sealed", "unavailable"]}}), json!({})),
    })
}

fn audit() -> Value {
    let entry = open_object(json!({
        "log": log(), "seq": count(), "cursor": cursor(), "time": time(), "actor_kind": text(), "actor": text(),
        "purpose": or_null(name()), "operation": operation(), "fields": list(name()), "count": count(),
        "outcome": outcome(), "reason": or_null(text()), "subject": or_null(id()), "request": id(),
    }));
    let hash = json!({"type": "string", "pattern": "^[0-9a-f]{64}$"});
    json!({
        "Entry": entry,
        "Trail": object(json!({"entries": list(of("Entry"))}), json!({})),
        "Entries": object(json!({"entries": list(of("Entry")), "next": or_null(cursor())}), json!({})),
        "Proof": open_object(json!({
            "log": log(), "index": count(), "size": count(), "leaf": text(), "leaf_hash": hash.clone(),
            "hashes": list(hash.clone()), "checkpoint": text(), "verifier": text(),
        })),
        "Consistency": object(json!({"log": log(), "from": count(), "to": count(), "hashes": list(hash)}), json!({})),
        "VerifierKey": object(json!({"log": log(), "verifier": text(), "earlier": list(text())}), json!({})),
        "Logs": object(
            json!({"logs": list(open_object(json!({
                "log": log(), "size": count(), "checkpoint_size": or_null(count()), "checkpoint_at": or_null(time()),
                "verifier": text(),
            })))}),
            json!({}),
        ),
    })
}

fn exports() -> Value {
    json!({
        "NewExport": object(
            json!({"purpose": name(), "fields": {"type": "array", "items": name(), "minItems": 1, "maxItems": 300, "uniqueItems": true}}),
            json!({}),
        ),
        "Approval": object(json!({}), json!({"alone": {"type": "boolean", "description": "Who asked approves too, because nobody else is there; it is on the record."}})),
        "Export": open_object(json!({
            "id": id(), "purpose": name(), "fields": list(name()), "state": text(), "asked_by": text(), "asked_at": time(),
            "approved_by": or_null(text()), "approved_at": or_null(time()), "alone": flag(), "rows": count(),
        })),
        "Exports": object(json!({"exports": list(of("Export"))}), json!({})),
    })
}

fn checks() -> Value {
    let part = json!({"type": "string", "enum": ["tls", "certificate", "dns", "web", "exposed", "mail"]});
    let words = object(json!({"nl": text(), "en": text()}), json!({}));
    let shields = list(open_object(json!({"protection": text(), "colour": text(), "findings": count()})));
    let summary = open_object(
        json!({"grade": text(), "score": count(), "shields": shields.clone(), "findings": count()}),
    );
    let check = json!({
        "id": id(), "domain": text(), "at": time(), "updated": time(),
        "state": {"type": "string", "enum": ["queued", "running", "done", "failed"]},
        "asked_by": text(), "parts": list(part.clone()), "owner_verified": flag(),
        "owner": or_null(object(json!({"text": text(), "record": text(), "file": text()}), json!({}))),
        "step": or_null(object(json!({"part": part.clone(), "done": count(), "total": count()}), json!({}))),
        "summary": or_null(summary),
        "problem": or_null(object(json!({"text": words.clone(), "hint": words}), json!({}))),
    });
    let mut result = check.clone();
    result["report"] = or_null(of("CheckReport"));
    result["previous"] = or_null(id());
    result["difference"] = or_null(open_object(json!({
        "fixed": list(text()), "new": list(text()), "same": list(text()), "grade_before": text(), "grade_after": text(),
    })));
    let parts = json!({"type": "array", "items": part, "minItems": 1, "maxItems": 6, "uniqueItems": true});
    json!({
        "NewCheck": object(
            json!({"domain": domain()}),
            json!({
                "parts": or_null(parts),
                "owner_verified": {"type": "boolean",
                    "description": "The domain is the shop's own: open files are looked for once the proof is published."},
            }),
        ),
        "Check": object(check, json!({})),
        "Checks": object(json!({"checks": list(of("Check"))}), json!({})),
        "CheckResult": object(result, json!({})),
        "CheckReport": open_object(json!({
            "version": text(), "at": time(), "grade": {"type": "object"}, "shields": shields,
            "findings": list(open_object(json!({"rule": text(), "severity": text()}))),
        })),
    })
}
