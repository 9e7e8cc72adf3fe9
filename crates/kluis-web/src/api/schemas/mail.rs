//! The schemas of mail in the shop's name.

use serde_json::{Value, json};

use super::{count, flag, id, list, number, object, of, open_object, or_null, text, time};
use crate::api::mail::DAYS_MAX;

/// Days back.
pub(crate) fn days() -> Value {
    number(1, DAYS_MAX)
}

fn words() -> Value {
    object(json!({"nl": text(), "en": text()}), json!({}))
}

fn light() -> Value {
    json!({"type": "string", "enum": ["grey", "green", "amber", "red"]})
}

fn category() -> Value {
    json!({"type": "string", "enum": ["own", "service", "forwarder", "unknown", "misuse"]})
}

fn step() -> Value {
    json!({"type": "string", "enum": ["none", "test_quarantine", "quarantine", "test_reject", "reject"]})
}

fn day() -> Value {
    json!({"type": "integer", "description": "Days since 1970-01-01 in UTC."})
}

fn record_text() -> Value {
    json!({"type": "string", "minLength": 1, "maxLength": 1024})
}

fn domain() -> Value {
    json!({"type": "string", "minLength": 1, "maxLength": 253, "example": "winkel.example"})
}

/// Every schema.
pub(super) fn all() -> Value {
    let mut all = json!({});
    for part in [reports(), overview(), keys(), tools()] {
        if let (Value::Object(all), Value::Object(part)) = (&mut all, part) {
            all.extend(part);
        }
    }
    all
}

fn counts() -> Value {
    json!({
        "messages": count(), "passed": count(), "dkim": count(), "spf": count(), "quarantined": count(),
        "rejected": count(), "overridden": count(),
    })
}

fn reports() -> Value {
    let mut of_day = counts();
    of_day["day"] = day();
    let series = list(object(of_day, json!({})));
    let source = open_object(json!({
        "category": category(), "sender": or_null(text()), "name": or_null(text()), "is_declared": flag(),
        "network": or_null(text()), "counts": of("MailCounts"), "days": series.clone(),
    }));
    let sent = open_object(
        json!({"signed": count(), "reported": count(), "difference": {"type": "integer"}, "others": count()}),
    );
    let kind = json!({"type": "string", "enum": ["dmarc", "tls", "failure"]});
    let way = json!({"type": "string", "enum": ["smtp", "folder", "imap", "api", "command"]});
    let report = json!({
        "id": id(), "kind": kind, "org": text(), "domain": text(), "begin_s": {"type": "integer"},
        "end_s": {"type": "integer"}, "received": time(), "messages": count(),
    });
    let mut detail = report.clone();
    detail["lines"] = list(open_object(json!({
        "source": text(), "count": count(), "header_from": text(), "category": category(), "stream": text(),
    })));
    let apart = object(json!({"id": id(), "reason": text()}), json!({}));
    json!({
        "MailCounts": object(counts(), json!({})),
        "MailSources": open_object(json!({
            "first_day": day(), "last_day": day(), "reports": count(),
            "streams": list(open_object(json!({
                "stream": text(), "counts": of("MailCounts"), "days": series, "sources": list(source),
                "sent": or_null(sent),
            }))),
            "reporters": list(open_object(json!({"org": text(), "domain": text(), "reports": count(), "messages": count()}))),
            "tls": object(json!({"reports": count(), "successes": count(), "failures": count()}), json!({})),
            "is_cut": flag(),
        })),
        "MailReports": object(
            json!({"reports": list(open_object(report)), "next": or_null(id())}),
            json!({}),
        ),
        "MailReport": open_object(detail),
        "MailTaken": object(
            json!({
                "new": count(), "known": count(), "tls": count(), "failure_refused": count(),
                "quarantined": list(apart),
            }),
            json!({}),
        ),
        "MailQuarantine": object(
            json!({"quarantine": list(object(
                json!({"id": id(), "at": time(), "source": way, "reason": text(), "size": count()}),
                json!({}),
            ))}),
            json!({}),
        ),
    })
}

fn overview() -> Value {
    json!({
        "MailOverview": open_object(json!({
            "at": time(),
            "domain": or_null(text()),
            "days": list(json!({"type": "string", "format": "date"})),
            "streams": list(open_object(json!({
                "id": text(), "kind": {"type": "string", "enum": ["shop", "newsletter", "office"]}, "from": text(),
                "light": light(), "reasons": list(words()), "counts": of("MailCounts"),
                "dkim_per_mille": or_null(count()), "per_day": list(count()), "signed": or_null(count()),
            }))),
            "senders": list(open_object(json!({
                "id": text(), "name": words(), "category": category(), "is_declared": flag(),
                "streams": list(text()), "counts": of("MailCounts"), "per_day": list(count()),
            }))),
            "misuse": open_object(json!({"counts": of("MailCounts"), "per_day": list(count())})),
            "reporters": list(text()),
            "advices": list(open_object(json!({
                "domain": text(), "light": light(), "stage": or_null(step()), "goal": step(), "summary": words(),
                "evidence": list(words()), "blockers": list(open_object(json!({"text": words()}))),
            }))),
            "next": or_null(open_object(json!({"light": light(), "text": words(), "why": list(words())}))),
            "if_reject": open_object(json!({"text": words()})),
            "budgets": list(open_object(json!({"domain": text(), "lookups": count(), "lookups_max": count()}))),
            "keys": list(open_object(json!({"domain": text(), "selector": text(), "age_days": count()}))),
            "lookalikes": list(open_object(json!({"domain": text(), "points": count(), "is_new": flag()}))),
        })),
        "MailSimulation": object(
            json!({"policy": step()}),
            json!({
                "domain": or_null(domain()),
                "record": or_null(record_text()),
                "spf": or_null(record_text()),
                "days": or_null(days()),
            }),
        ),
        "MailSimulated": open_object(json!({
            "domain": text(), "record": text(), "days": count(), "rows": count(), "messages": count(),
            "text": words(), "remarks": list(words()),
            "lines": list(open_object(json!({"category": category(), "name": words()}))),
        })),
    })
}

fn keys() -> Value {
    let algorithm = json!({"type": "string", "enum": ["rsa2048", "ed25519"]});
    let state =
        json!({"type": "string", "enum": ["publish", "waiting", "signing", "kept", "to_revoke", "revoked"]});
    json!({
        "NewMailKey": object(
            json!({"domain": domain()}),
            json!({
                "selector": or_null(json!({"type": "string", "minLength": 1, "maxLength": 63,
                    "pattern": "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"})),
                "algorithm": or_null(algorithm.clone()),
            }),
        ),
        "MailKey": open_object(json!({
            "domain": text(), "selector": text(), "algorithm": algorithm, "created": time(), "age_days": count(),
            "state": state, "state_text": words(), "name": text(), "record": text(), "zone_line": text(),
            "todo": {"type": "object"}, "advice": words(),
        })),
        "MailKeys": object(json!({"keys": list(of("MailKey"))}), json!({})),
    })
}

fn tools() -> Value {
    let record =
        object(json!({"name": text(), "kind": text(), "value": text(), "ttl_s": count()}), json!({}));
    let status = object(
        json!({
            "waiting": count(), "held": count(), "bytes": count(), "oldest": or_null(time()),
            "streams": list(object(json!({"stream": text(), "waiting": count(), "oldest": time()}), json!({}))),
        }),
        json!({}),
    );
    let message = open_object(json!({
        "id": id(), "stream": text(), "at": time(), "due": time(), "attempts": count(), "bytes": count(),
        "is_held": flag(), "receivers": list(text()), "last": or_null(text()),
    }));
    let found = open_object(json!({
        "domain": text(), "unicode": text(), "kinds": list(text()), "points": count(), "reasons": list(words()),
        "since": time(),
    }));
    json!({
        "MailQueue": object(json!({"status": status, "messages": list(message)}), json!({})),
        "MailLook": object(json!({"domain": domain()}), json!({})),
        "MailLookalikes": object(
            json!({
                "lookalikes": list(object(
                    json!({
                        "domain": text(), "at": time(), "total": count(), "tried": count(), "found": list(found),
                        "new": list(text()), "gone": list(text()),
                    }),
                    json!({}),
                )),
                "running": {"type": "object", "additionalProperties": open_object(json!({
                    "done": count(), "total": count(), "problem": or_null(words()),
                }))},
            }),
            json!({}),
        ),
        "MailPlan": object(
            json!({
                "domain": text(),
                "steps": list(open_object(json!({
                    "subject": text(), "stream": or_null(text()), "title": words(), "why": words(),
                    "records": list(record), "wait": or_null(words()),
                }))),
                "zone": {"type": "string", "description": "The records for a zone file of BIND."},
            }),
            json!({}),
        ),
    })
}
