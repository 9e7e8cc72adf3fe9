//! The route table: every path of the API with its access, what it takes and what it gives.

use kluis_model::Operation as O;
use serde_json::json;

use super::bulk::NDJSON;
use super::route::{Access, Gives, Parameter, Place, Route, Takes, Verb};
use super::{audit, bulk, checks, credentials, exports, mail, schemas, subjects, tokens, vault};

const JSON: &str = "application/json";

const fn gives(status: u16, schema: &'static str) -> Gives {
    Gives { status, media_type: JSON, schema }
}

const fn gives_other(status: u16, media_type: &'static str) -> Gives {
    Gives { status, media_type, schema: "" }
}

const fn query(name: &'static str, about: &'static str, schema: fn() -> serde_json::Value) -> Parameter {
    Parameter { name, place: Place::Query, is_required: false, about, schema }
}

const fn needed(parameter: Parameter) -> Parameter {
    Parameter { is_required: true, ..parameter }
}

const fn header(name: &'static str, about: &'static str, schema: fn() -> serde_json::Value) -> Parameter {
    Parameter { name, place: Place::Header, is_required: false, about, schema }
}

/// A route without parameters, for the rest of the table to build on.
const fn route(
    verb: Verb,
    path: &'static str,
    access: Access,
    summary: &'static str,
    handler: super::route::Handler,
) -> Route {
    Route {
        verb,
        path,
        access,
        summary,
        parameters: &[],
        takes: Takes::Nothing,
        gives: &[],
        problems: &[],
        handler,
    }
}

const fn may(operation: O) -> Access {
    Access::Operation(operation)
}

const PURPOSE: Parameter =
    needed(query("purpose", "The purpose of reading; it is put on the record.", schemas::name));
const FIELDS: Parameter =
    query("fields", "Field names with commas between; absent means all of the purpose.", schemas::field_list);
const LIMIT: Parameter = query("limit", "At most so many entries.", || schemas::number(1, 1000));
const LOG: Parameter = query("log", "The log; absent means this node's.", schemas::log);

const MAIL_DAYS: Parameter = query("days", "So many days back.", schemas::mail_days);

/// Every route of the API.
pub(crate) const ROUTES: &[Route] = &[
    Route {
        parameters: &[PURPOSE, FIELDS],
        gives: &[gives(200, "Revealed")],
        ..route(Verb::Get, "/v1/subjects/{id}", may(O::Read), "Read one customer for a purpose", |call| {
            Box::pin(subjects::read(call))
        })
    },
    Route {
        parameters: &[header(
            "Idempotency-Key",
            "A repeated request with this key gets the same answer.",
            schemas::idempotency_key,
        )],
        takes: Takes::Json("NewSubject"),
        gives: &[gives(201, "Written")],
        problems: &[409],
        ..route(Verb::Post, "/v1/subjects", may(O::Create), "Put in a customer", |call| {
            Box::pin(subjects::create(call))
        })
    },
    Route {
        parameters: &[needed(header("If-Match", "The ETag of the version that is changed.", schemas::etag))],
        takes: Takes::Json("SubjectChange"),
        gives: &[gives(200, "Written")],
        problems: &[409, 412, 428],
        ..route(
            Verb::Patch,
            "/v1/subjects/{id}",
            may(O::Update),
            "Change a customer; null removes a field",
            |call| Box::pin(subjects::update(call)),
        )
    },
    Route {
        gives: &[gives(200, "Erased")],
        problems: &[409],
        ..route(Verb::Delete, "/v1/subjects/{id}", may(O::Erase), "Erase a customer (GDPR art. 17)", |call| {
            Box::pin(subjects::erase(call))
        })
    },
    Route {
        gives: &[gives(200, "ErasePreview")],
        ..route(Verb::Get, "/v1/subjects/{id}/erasure", may(O::Erase), "What erasing would leave", |call| {
            Box::pin(subjects::erase_preview(call))
        })
    },
    Route {
        gives: &[gives(200, "ErasureReceipt")],
        ..route(Verb::Get, "/v1/subjects/{id}/receipt", may(O::Erase), "The receipt of an erasure", |call| {
            Box::pin(subjects::erasure_receipt(call))
        })
    },
    Route {
        takes: Takes::Json("Lookup"),
        gives: &[gives(200, "Matches")],
        ..route(
            Verb::Post,
            "/v1/subjects/lookup",
            may(O::Lookup),
            "Find customers by an indexed value",
            |call| Box::pin(subjects::lookup(call)),
        )
    },
    Route {
        takes: Takes::Json("Search"),
        gives: &[gives(200, "SearchMatches")],
        ..route(Verb::Post, "/v1/subjects/search", may(O::Search), "Find customers by name", |call| {
            Box::pin(subjects::search(call))
        })
    },
    Route {
        takes: Takes::Lines("NewSubject"),
        gives: &[gives_other(200, NDJSON)],
        ..route(
            Verb::Post,
            "/v1/subjects/bulk",
            may(O::Bulk),
            "Put in many customers, a line of JSON each",
            |call| Box::pin(bulk::bulk(call)),
        )
    },
    Route {
        gives: &[gives(200, "Consents")],
        ..route(
            Verb::Get,
            "/v1/subjects/{id}/consents",
            may(O::Consent),
            "The consent events of a customer",
            |call| Box::pin(subjects::consents(call)),
        )
    },
    Route {
        takes: Takes::Json("Consent"),
        gives: &[gives(201, "ConsentAnswer")],
        problems: &[409],
        ..route(
            Verb::Post,
            "/v1/subjects/{id}/consents",
            may(O::Consent),
            "Record that consent was given or withdrawn",
            |call| Box::pin(subjects::consent(call)),
        )
    },
    Route {
        takes: Takes::Json("Event"),
        gives: &[gives(201, "Written")],
        problems: &[409],
        ..route(
            Verb::Post,
            "/v1/subjects/{id}/events",
            may(O::Event),
            "Record an event from which retention counts",
            |call| Box::pin(subjects::event(call)),
        )
    },
    Route {
        gives: &[gives(200, "AnyObject"), gives_other(200, "text/html; charset=utf-8")],
        ..route(
            Verb::Get,
            "/v1/subjects/{id}/access",
            may(O::Access),
            "Everything about one customer (GDPR art. 15 and 20)",
            |call| Box::pin(subjects::access(call)),
        )
    },
    Route {
        parameters: &[LIMIT],
        gives: &[gives(200, "Trail")],
        ..route(
            Verb::Get,
            "/v1/subjects/{id}/audit",
            may(O::AuditRead),
            "Who did what with one customer's data",
            |call| Box::pin(subjects::audit(call)),
        )
    },
    Route {
        takes: Takes::Json("NewToken"),
        gives: &[gives(201, "Token")],
        problems: &[409],
        ..route(
            Verb::Post,
            "/v1/subjects/{id}/tokens",
            may(O::TokenCreate),
            "Make a token for one value",
            |call| Box::pin(tokens::create(call)),
        )
    },
    Route {
        takes: Takes::Json("ResolveToken"),
        gives: &[gives(200, "Resolved")],
        problems: &[404],
        ..route(
            Verb::Post,
            "/v1/tokens/resolve",
            may(O::TokenResolve),
            "Turn a token back into its value",
            |call| Box::pin(tokens::resolve(call)),
        )
    },
    Route {
        takes: Takes::Json("RevokeToken"),
        gives: &[gives_other(204, "")],
        problems: &[404, 409],
        ..route(Verb::Post, "/v1/tokens/revoke", may(O::TokenRevoke), "Revoke a token", |call| {
            Box::pin(tokens::revoke(call))
        })
    },
    Route {
        gives: &[gives(200, "Credentials")],
        ..route(Verb::Get, "/v1/credentials", may(O::CredentialRead), "List credentials", |call| {
            Box::pin(credentials::list(call))
        })
    },
    Route {
        takes: Takes::Json("NewCredential"),
        gives: &[gives(201, "CredentialSecret")],
        problems: &[409],
        ..route(
            Verb::Post,
            "/v1/credentials",
            may(O::CredentialCreate),
            "Make a credential; its secret is shown once",
            |call| Box::pin(credentials::create(call)),
        )
    },
    Route {
        gives: &[gives_other(204, "")],
        problems: &[409],
        ..route(
            Verb::Delete,
            "/v1/credentials/{id}",
            may(O::CredentialRevoke),
            "Revoke a credential",
            |call| Box::pin(credentials::revoke(call)),
        )
    },
    Route {
        gives: &[gives(200, "Purposes")],
        ..route(Verb::Get, "/v1/purposes", may(O::PurposeRead), "The purpose register", |call| {
            Box::pin(vault::purposes(call))
        })
    },
    Route {
        takes: Takes::Text(vault::TOML),
        gives: &[gives(200, "PurposeChange")],
        problems: &[409],
        ..route(Verb::Put, "/v1/purposes", may(O::PurposeChange), "Put a purpose register in force", |call| {
            Box::pin(vault::set_purposes(call))
        })
    },
    Route {
        takes: Takes::Text(vault::TOML),
        gives: &[gives(200, "PurposeProblems")],
        ..route(
            Verb::Post,
            "/v1/purposes/check",
            may(O::PurposeRead),
            "Check a purpose register without using it",
            |call| Box::pin(vault::check_purposes(call)),
        )
    },
    Route {
        parameters: &[
            query("subject", "About this customer.", schemas::id),
            query(
                "actor",
                "By this credential, job or local person.",
                || json!({"type": "string", "maxLength": 256}),
            ),
            query("operation", "This operation.", schemas::operation),
            query("outcome", "This outcome.", schemas::outcome),
            query("before", "Older than the entry with this cursor.", schemas::cursor),
            LIMIT,
        ],
        gives: &[gives(200, "Entries")],
        ..route(Verb::Get, "/v1/audit", may(O::AuditRead), "Entries of the audit log, newest first", |call| {
            Box::pin(audit::list(call))
        })
    },
    Route {
        gives: &[gives_other(200, "text/plain; charset=utf-8")],
        ..route(
            Verb::Get,
            "/v1/audit/checkpoint",
            may(O::Checkpoint),
            "Sign this node's log as it is now",
            |call| Box::pin(audit::checkpoint(call)),
        )
    },
    Route {
        parameters: &[needed(query("seq", "The entry's number, from 0.", schemas::count)), LOG],
        gives: &[gives(200, "Proof")],
        problems: &[404],
        ..route(Verb::Get, "/v1/audit/proof", may(O::AuditRead), "Proof that an entry is in a log", |call| {
            Box::pin(audit::proof(call))
        })
    },
    Route {
        parameters: &[
            needed(query("from", "The smaller size.", schemas::count)),
            needed(query("to", "The larger size.", schemas::count)),
            LOG,
        ],
        gives: &[gives(200, "Consistency")],
        problems: &[404],
        ..route(Verb::Get, "/v1/audit/consistency", may(O::AuditRead), "Proof that a log only grew", |call| {
            Box::pin(audit::consistency(call))
        })
    },
    Route {
        gives: &[gives(200, "VerifierKey")],
        ..route(
            Verb::Get,
            "/v1/audit/key",
            Access::Public,
            "The key that checks this node's checkpoints",
            |call| Box::pin(audit::key(call)),
        )
    },
    Route {
        gives: &[gives(200, "Logs")],
        ..route(Verb::Get, "/v1/logs", may(O::AuditRead), "The audit logs, one per node", |call| {
            Box::pin(audit::logs(call))
        })
    },
    Route {
        gives: &[gives_other(200, "text/plain; charset=utf-8")],
        ..route(
            Verb::Get,
            "/v1/audit/log/{log}/checkpoint",
            Access::Public,
            "The newest signed checkpoint of a log (C2SP tlog-checkpoint)",
            |call| Box::pin(audit::checkpoint_of(call)),
        )
    },
    Route {
        gives: &[gives_other(200, "application/octet-stream")],
        ..route(
            Verb::Get,
            "/v1/audit/log/{log}/tile/entries/{*index}",
            may(O::AuditRead),
            "A bundle of entries (C2SP tlog-tiles)",
            |call| Box::pin(audit::entries(call)),
        )
    },
    Route {
        gives: &[gives_other(200, "application/octet-stream")],
        ..route(
            Verb::Get,
            "/v1/audit/log/{log}/tile/{level}/{*index}",
            may(O::AuditRead),
            "A tile of hashes (C2SP tlog-tiles)",
            |call| Box::pin(audit::tile(call)),
        )
    },
    Route {
        gives: &[gives(200, "Exports")],
        ..route(Verb::Get, "/v1/exports", may(O::ExportRead), "List exports", |call| {
            Box::pin(exports::list(call))
        })
    },
    Route {
        takes: Takes::Json("NewExport"),
        gives: &[gives(201, "Export")],
        problems: &[409],
        ..route(Verb::Post, "/v1/exports", may(O::ExportRequest), "Ask for an export", |call| {
            Box::pin(exports::request(call))
        })
    },
    Route {
        gives: &[gives(200, "Export")],
        ..route(Verb::Get, "/v1/exports/{id}", may(O::ExportRead), "One export", |call| {
            Box::pin(exports::show(call))
        })
    },
    Route {
        takes: Takes::Json("Approval"),
        gives: &[gives(200, "Export")],
        problems: &[409],
        ..route(Verb::Post, "/v1/exports/{id}/approval", may(O::ExportApprove), "Approve an export", |call| {
            Box::pin(exports::approve(call))
        })
    },
    Route {
        parameters: &[query("after", "Go on after this customer.", schemas::id)],
        gives: &[gives_other(200, NDJSON)],
        problems: &[409],
        ..route(
            Verb::Get,
            "/v1/exports/{id}/data",
            may(O::ExportRead),
            "The customers of an approved export, a line of JSON each",
            |call| Box::pin(exports::data(call)),
        )
    },
    Route {
        parameters: &[
            query("domain", "Only of this domain.", schemas::domain),
            query("limit", "At most so many.", || schemas::number(1, kluis_app::CHECK_LIST_MAX)),
        ],
        gives: &[gives(200, "Checks")],
        ..route(Verb::Get, "/v1/checks", may(O::Check), "Checks of shops' HTTPS, newest first", |call| {
            Box::pin(checks::list(call))
        })
    },
    Route {
        takes: Takes::Json("NewCheck"),
        gives: &[gives(202, "Check")],
        problems: &[409],
        ..route(
            Verb::Post,
            "/v1/checks",
            may(O::Check),
            "Check a shop's HTTPS; it goes on in the background",
            |call| Box::pin(checks::start(call)),
        )
    },
    Route {
        gives: &[gives(200, "CheckResult")],
        ..route(
            Verb::Get,
            "/v1/checks/{id}",
            may(O::Check),
            "One check: its state, its report and what changed",
            |call| Box::pin(checks::show(call)),
        )
    },
    Route {
        parameters: &[query("format", "Instead of what Accept asks for.", schemas::report_format)],
        gives: &[
            gives_other(200, "text/html; charset=utf-8"),
            gives_other(200, "text/markdown; charset=utf-8"),
            gives(200, "CheckReport"),
            Gives { status: 200, media_type: checks::SARIF, schema: "AnyObject" },
        ],
        problems: &[409],
        ..route(
            Verb::Get,
            "/v1/checks/{id}/report",
            may(O::Check),
            "The report of a finished check as HTML, Markdown, SARIF or JSON",
            |call| Box::pin(checks::report(call)),
        )
    },
    Route {
        parameters: &[MAIL_DAYS],
        gives: &[gives(200, "MailOverview")],
        ..route(
            Verb::Get,
            "/v1/mail/overview",
            may(O::MailRead),
            "Who mails in the shop's name: lights, senders over time, misuse, and the one thing to do",
            |call| Box::pin(mail::overview(call)),
        )
    },
    Route {
        parameters: &[MAIL_DAYS],
        gives: &[gives(200, "MailSources")],
        ..route(
            Verb::Get,
            "/v1/mail/sources",
            may(O::MailRead),
            "Who mailed in the shop's name, by stream and source, and what we sent ourselves",
            |call| Box::pin(mail::sources(call)),
        )
    },
    Route {
        parameters: &[
            query("before", "Older than the report with this id.", schemas::id),
            query("limit", "At most so many.", || schemas::number(1, kluis_app::MAIL_REPORTS_MAX)),
        ],
        gives: &[gives(200, "MailReports")],
        ..route(
            Verb::Get,
            "/v1/mail/reports",
            may(O::MailRead),
            "Reports of receivers, newest first",
            |call| Box::pin(mail::reports(call)),
        )
    },
    Route {
        takes: Takes::Reports(mail::FILE),
        gives: &[gives(200, "MailTaken")],
        ..route(
            Verb::Post,
            "/v1/mail/reports",
            may(O::MailChange),
            "Take in a file with reports: mail, mailbox, zip, gzip, XML or JSON",
            |call| Box::pin(mail::ingest(call)),
        )
    },
    Route {
        gives: &[gives(200, "MailReport")],
        ..route(Verb::Get, "/v1/mail/reports/{id}", may(O::MailRead), "One report with its rows", |call| {
            Box::pin(mail::report(call))
        })
    },
    Route {
        gives: &[gives(200, "MailQuarantine")],
        ..route(
            Verb::Get,
            "/v1/mail/quarantine",
            may(O::MailRead),
            "What came in as a report and could not be read",
            |call| Box::pin(mail::quarantine(call)),
        )
    },
    Route {
        gives: &[gives(200, "MailTaken")],
        problems: &[409],
        ..route(
            Verb::Post,
            "/v1/mail/quarantine/{id}/retry",
            may(O::MailChange),
            "Read it again; what can be read now leaves the quarantine",
            |call| Box::pin(mail::retry(call)),
        )
    },
    Route {
        gives: &[gives_other(204, "")],
        problems: &[409],
        ..route(
            Verb::Delete,
            "/v1/mail/quarantine/{id}",
            may(O::MailChange),
            "Throw away what could not be read",
            |call| Box::pin(mail::delete(call)),
        )
    },
    Route {
        gives: &[gives(200, "MailKeys")],
        ..route(
            Verb::Get,
            "/v1/mail/keys",
            may(O::MailRead),
            "Signing keys and what to do about each",
            |call| Box::pin(mail::keys(call)),
        )
    },
    Route {
        takes: Takes::Json("NewMailKey"),
        gives: &[gives(201, "MailKey")],
        problems: &[409],
        ..route(
            Verb::Post,
            "/v1/mail/keys",
            may(O::MailChange),
            "Make a signing key; it signs once its record was seen in the DNS",
            |call| Box::pin(mail::new_key(call)),
        )
    },
    Route {
        gives: &[gives(200, "MailPlan")],
        problems: &[404],
        ..route(
            Verb::Get,
            "/v1/mail/plan",
            may(O::MailRead),
            "The DNS records to publish, in order; not found while no streams are declared",
            |call| Box::pin(mail::plan(call)),
        )
    },
    Route {
        takes: Takes::Json("MailSimulation"),
        gives: &[gives(200, "MailSimulated")],
        ..route(
            Verb::Post,
            "/v1/mail/simulate",
            may(O::MailRead),
            "Replay stored reports under a policy or record that is not published yet",
            |call| Box::pin(mail::simulate(call)),
        )
    },
    Route {
        parameters: &[query("limit", "At most so many.", || schemas::number(1, mail::QUEUE_MAX))],
        gives: &[gives(200, "MailQueue")],
        ..route(
            Verb::Get,
            "/v1/mail/queue",
            may(O::MailRead),
            "What waits to be delivered, without an address",
            |call| Box::pin(mail::queue(call)),
        )
    },
    Route {
        gives: &[gives(200, "MailLookalikes")],
        ..route(
            Verb::Get,
            "/v1/mail/lookalikes",
            may(O::MailRead),
            "Names that look like the shop's and exist, as of the last look",
            |call| Box::pin(mail::lookalikes(call)),
        )
    },
    Route {
        takes: Takes::Json("MailLook"),
        gives: &[gives(202, "AnyObject")],
        ..route(
            Verb::Post,
            "/v1/mail/lookalikes",
            may(O::MailChange),
            "Look for names that resemble a domain; it goes on in the background",
            |call| Box::pin(mail::look(call)),
        )
    },
    Route {
        gives: &[gives(200, "Status")],
        ..route(
            Verb::Get,
            "/v1/status",
            may(O::Status),
            "What the vault holds and what needs attention",
            |call| Box::pin(vault::status(call)),
        )
    },
    Route {
        parameters: &[query("days", "So many days back.", || schemas::number(1, 3650))],
        gives: &[gives(200, "Usage")],
        ..route(
            Verb::Get,
            "/v1/usage",
            may(O::Status),
            "How often each field was read, for what and by whom",
            |call| Box::pin(vault::usage(call)),
        )
    },
    Route {
        gives: &[gives(200, "AnyObject")],
        ..route(Verb::Get, "/v1/openapi.json", Access::Public, "This document", |call| {
            Box::pin(vault::description(call))
        })
    },
    Route {
        gives: &[gives(200, "Health"), gives(503, "Health")],
        ..route(Verb::Get, "/healthz", Access::Public, "Whether the vault can serve", |call| {
            Box::pin(vault::health(call))
        })
    },
    Route {
        gives: &[gives_other(200, "text/plain; version=0.0.4; charset=utf-8")],
        ..route(Verb::Get, "/metrics", may(O::Status), "Counters in the Prometheus text format", |call| {
            Box::pin(vault::metrics(call))
        })
    },
];
