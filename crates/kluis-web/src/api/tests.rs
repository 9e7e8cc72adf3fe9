//! The API over real sockets: who may, what is refused, what is answered, and that all of it is as the document says.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use kluis_app::MailSettings;
use kluis_mail::streams::{MailSetup, MailStream, StreamKind};
use kluis_model::{Operation, Role};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::openapi;
use super::route::{Access, Route, Takes};
use super::routes::ROUTES;
use crate::options::Limits;
use crate::testing::{Answer, Server, customer, dmarc_report};

/// A path with something in place of its parameters.
fn concrete(route: &Route, id: &str) -> String {
    let part = |part: &str| match part.trim_matches(['{', '}', '*']) {
        "id" => id.to_owned(),
        "log" if part.starts_with('{') => "node1".to_owned(),
        "level" => "0".to_owned(),
        "index" => "000".to_owned(),
        _ => part.to_owned(),
    };
    route.path.split('/').map(part).collect::<Vec<_>>().join("/")
}

#[tokio::test]
async fn every_route_wants_a_credential_that_may_before_it_looks_at_the_input() {
    let server = Server::start().await;
    let id = server.create(1).await;
    let narrow = server.connector(&[Operation::TokenResolve]).await;
    for route in ROUTES {
        let path = concrete(route, &id);
        let nobody = server.ask(None, route.verb.word(), &path, &[], b"").await;
        assert_eq!(nobody.status == 401, route.access != Access::Public, "{path}: {}", nobody.text());
        let wrong = server.ask(Some("kkc_0000"), route.verb.word(), &path, &[], b"").await;
        assert_eq!(wrong.status == 401, route.access != Access::Public, "{path}");
        if let Access::Operation(operation) = route.access {
            assert!(nobody.header("www-authenticate").unwrap().starts_with("Bearer"), "{path}");
            if operation != Operation::TokenResolve {
                let refused =
                    server.ask(Some(&narrow), route.verb.word(), &path, &[("if-match", "x")], b"{").await;
                assert_eq!(refused.status, 403, "{path}: {}", refused.text());
                assert_eq!(refused.json()["reason"], "operation_not_granted");
            }
        }
    }
    let trail = server.get(&format!("/v1/subjects/{id}/audit")).await.expect(200).json();
    let denied =
        trail["entries"].as_array().unwrap().iter().filter(|entry| entry["outcome"] == "denied").count();
    let about = ROUTES.iter().filter(|route| route.path.starts_with("/v1/subjects/{id}")).count();
    assert_eq!(denied, about, "each refusal about the customer is on the record");
}

#[tokio::test]
async fn hostile_requests_get_a_clear_problem() {
    let server = Server::start().await;
    let deep = format!("{}1{}", "[".repeat(5000), "]".repeat(5000));
    let large = format!("{{\"fields\":{{\"note\":\"{}\"}}}}", "x".repeat(2 * 1024 * 1024));
    let many: String = (0..5000).map(|n| format!("\"custom.f{n}\":\"x\",")).collect();
    let many = format!("{{\"fields\":{{{many}\"a\":\"b\"}}}}");
    let cases: Vec<(&str, &str, &[u8], u16)> = vec![
        ("no body", "application/json", b"", 400),
        ("not JSON", "application/json", b"{", 400),
        ("not UTF-8", "application/json", b"{\"fields\":{\"email\":\"\xff\xfe\"}}", 400),
        ("too deep", "application/json", deep.as_bytes(), 400),
        ("too large", "application/json", large.as_bytes(), 413),
        ("too many fields", "application/json", many.as_bytes(), 422),
        ("unknown key", "application/json", b"{\"felds\":{}}", 422),
        ("twice the same field", "application/json", b"{\"fields\":{\"city\":\"a\",\"city\":\"b\"}}", 422),
        ("twice the same key", "application/json", b"{\"fields\":{},\"fields\":{}}", 422),
        ("wrong type", "text/plain", b"{\"fields\":{}}", 415),
        ("no type", "", b"{\"fields\":{}}", 415),
        ("a number for a text", "application/json", b"{\"fields\":{\"city\":7}}", 422),
        ("NUL", "application/json", b"{\"fields\":{\"given_name\":\"a\\u0000b\"}}", 422),
        ("a malformed value", "application/json", b"{\"fields\":{\"email\":\"geheim@@voorbeeld\"}}", 422),
        ("an unknown event", "application/json", b"{\"fields\":{},\"events\":[{\"event\":\"geheim\"}]}", 422),
    ];
    for (what, content_type, body, status) in cases {
        let answer = server
            .ask(Some(&server.owner), "POST", "/v1/subjects", &[("content-type", content_type)], body)
            .await;
        assert_eq!(answer.status, status, "{what}: {}", answer.text());
        check_problem(&answer, what);
    }
    let paths = [
        ("GET", "/v1/subjects/nonsense?purpose=order", 404),
        ("GET", "/v1/subjects/00000000-0000-7000-8000-000000000000?purpose=order", 404),
        ("GET", "/v1/subjects/00000000-0000-7000-8000-000000000000", 400),
        ("GET", "/v1/subjects/00000000-0000-7000-8000-000000000000?purpose=order&purpose=order", 400),
        ("GET", "/v1/subjects/00000000-0000-7000-8000-000000000000?purpos=order", 400),
        ("GET", "/v1/nonsense", 404),
        ("GET", "/v1/", 404),
        ("GET", "/v1", 404),
        ("PUT", "/v1/subjects", 405),
        ("TRACE", "/v1/status", 405),
        ("OPTIONS", "/v1/subjects", 405),
        ("GET", "/v1/audit?limit=0", 400),
        ("GET", "/v1/audit?before=nonsense", 422),
        ("GET", "/v1/audit/proof", 400),
        ("GET", "/v1/audit/proof?seq=999999999", 404),
        ("GET", "/v1/audit/log/node1/tile/0/999", 404),
        ("GET", "/v1/audit/log/..%2f/tile/0/000", 404),
        ("GET", "/v1/exports/nonsense", 404),
        ("GET", "/v1/checks?domain=geen%20domein", 422),
        ("GET", "/v1/checks?limit=101", 400),
        ("GET", "/v1/checks/nonsense", 404),
        ("GET", "/v1/checks/00000000-0000-7000-8000-000000000000", 404),
        ("GET", "/v1/checks/00000000-0000-7000-8000-000000000000/report", 404),
        ("GET", "/v1/checks/00000000-0000-7000-8000-000000000000/report?format=pdf", 400),
        ("DELETE", "/v1/credentials/nonsense", 404),
    ];
    for (method, path, status) in paths {
        let answer = server.ask(Some(&server.owner), method, path, &[], b"").await;
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.text());
        check_problem(&answer, path);
    }
    let wrong_method = server.ask(None, "PUT", "/v1/credentials", &[], b"").await.expect(405);
    assert_eq!(wrong_method.header("allow"), Some("GET, HEAD, POST"));
    server.create(1).await;
}

fn check_problem(answer: &Answer, what: &str) {
    assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{what}");
    let problem = answer.json();
    assert!(problem["title"].as_str().is_some_and(|title| !title.is_empty()), "{what}");
    assert_eq!(problem["status"], answer.status, "{what}");
    assert!(!answer.text().contains("geheim"), "{what}: {}", answer.text());
}

#[tokio::test]
async fn every_answer_has_the_security_headers() {
    let server = Server::start().await;
    let id = server.create(1).await;
    let read = server.get(&format!("/v1/subjects/{id}?purpose=order&fields=email")).await.expect(200);
    assert_eq!(read.header("cache-control"), Some("no-store"));
    assert!(read.header("content-length").is_some());
    for answer in [read, server.get("/v1/nonsense").await, server.ask(None, "GET", "/", &[], b"").await] {
        assert_eq!(answer.header("strict-transport-security"), Some("max-age=300"));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
        assert!(answer.header("content-security-policy").unwrap().contains("frame-ancestors 'none'"));
        assert_eq!(answer.header("cross-origin-opener-policy"), Some("same-origin"));
        assert_eq!(answer.header("cross-origin-resource-policy"), Some("same-origin"));
    }
}

#[tokio::test]
async fn a_change_needs_the_version_that_was_read() {
    let server = Server::start().await;
    let id = server.create(1).await;
    let path = format!("/v1/subjects/{id}");
    let read = server.get(&format!("{path}?purpose=order&fields=city")).await.expect(200);
    let etag = read.header("etag").unwrap().to_owned();
    let body = json!({"fields": {"city": "Nieuwdorp"}}).to_string();
    let patch = async |headers: &[(&str, &str)]| {
        server.ask(Some(&server.owner), "PATCH", &path, headers, body.as_bytes()).await
    };
    patch(&[]).await.expect(428);
    patch(&[("if-match", "1")]).await.expect(400);
    for stale in ["\"999\"", "\"x\"", &format!("W/{etag}")] {
        patch(&[("if-match", stale)]).await.expect(412);
    }
    let changed = patch(&[("if-match", &etag)]).await.expect(200);
    assert_ne!(changed.header("etag"), Some(etag.as_str()));
    patch(&[("if-match", &etag)]).await.expect(412);
    patch(&[("if-match", "*")]).await.expect(200);
    let again = server.get(&format!("{path}?purpose=order&fields=city")).await.expect(200);
    assert_eq!(again.json()["fields"], json!({"city": "Nieuwdorp"}));
}

#[tokio::test]
async fn a_create_under_a_key_happens_once() {
    let server = Server::start().await;
    let create = async |number, key| {
        let body = customer(number).to_string();
        server
            .ask(Some(&server.owner), "POST", "/v1/subjects", &[("idempotency-key", key)], body.as_bytes())
            .await
    };
    let first = create(1, "een").await.expect(201);
    assert_eq!(
        first.header("location"),
        Some(format!("/v1/subjects/{}", first.json()["id"].as_str().unwrap()).as_str())
    );
    assert_eq!(create(1, "een").await.expect(201).json()["id"], first.json()["id"]);
    assert!([409, 422].contains(&create(2, "een").await.status));
    create(1, "twee").await.expect(409);
    create(3, &"x".repeat(256)).await.expect(400);
}

#[tokio::test]
async fn a_credential_and_an_address_have_limits_by_the_minute() {
    let server = Server::start_with(Limits { requests_per_minute: 10, ..Limits::default() }).await;
    let mut statuses = Vec::new();
    for _ in 0..25 {
        statuses.push(server.get("/v1/logs").await.status);
    }
    assert!(statuses[..10].iter().all(|status| *status == 200) && statuses.contains(&429), "{statuses:?}");
    let unknown = kluis_crypto::CredentialSecret::random(
        kluis_crypto::CredentialKind::Staff,
        &kluis_crypto::SystemRandom,
    );
    let mut last = None;
    for _ in 0..2 * crate::limiter::FAILURES_PER_MINUTE + 2 {
        let answer = server.ask(Some(&unknown.to_text()), "GET", "/v1/logs", &[], b"").await;
        assert!([401, 429].contains(&answer.status), "{}", answer.status);
        if answer.status == 429 {
            last = Some(answer);
            break;
        }
    }
    let limited = last.unwrap();
    assert!((1..=60).contains(&limited.header("retry-after").unwrap().parse::<u32>().unwrap()));
}

#[tokio::test]
async fn a_connection_lives_on_when_a_request_is_refused_before_its_body_came() {
    let server = Server::start().await;
    let mut stream = server.connect().await;
    let mut read = Vec::new();
    let heads = [
        ("POST", "/v1/subjects".to_owned(), "text/plain", server.owner.as_str(), " 415 "),
        ("POST", "/v1/subjects".into(), "application/json", "kks_nobody", " 401 "),
        ("PUT", "/v1/subjects".into(), "application/json", server.owner.as_str(), " 405 "),
        ("GET", "/v1/status".into(), "application/json", server.owner.as_str(), " 200 "),
        ("POST", "/v1/tokens/resolve".into(), "application/json", server.owner.as_str(), " 422 "),
    ];
    for (method, path, media_type, secret, status) in heads {
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {secret}\r\n\
             content-type: {media_type}\r\ncontent-length: 2\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        stream.write_all(b"{}").await.unwrap();
        read.clear();
        let mut buffer = [0; 8192];
        while !read.ends_with(b"}") {
            let n = stream.read(&mut buffer).await.unwrap();
            assert!(n > 0, "closed before {path}");
            read.extend_from_slice(&buffer[..n]);
        }
        let text = String::from_utf8_lossy(&read);
        assert!(text[..20].contains(status), "{text}");
    }
}

#[tokio::test]
async fn bulk_answers_line_by_line() {
    let server = Server::start().await;
    let mut body = String::new();
    for number in 0..600 {
        body.push_str(&format!("{}\n", customer(number)));
    }
    body.push_str(&format!("{{\n\n{}\n{{\"fields\":{{\"city\":7}}}}", customer(0)));
    let headers = [("content-type", "application/x-ndjson")];
    let answer = server
        .ask(Some(&server.owner), "POST", "/v1/subjects/bulk", &headers, body.as_bytes())
        .await
        .expect(200);
    let text = answer.text();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let statuses: Vec<(u64, u64)> =
        lines.iter().map(|line| (line["line"].as_u64().unwrap(), line["status"].as_u64().unwrap())).collect();
    assert!(
        statuses[..600].iter().enumerate().all(|(n, (line, status))| *line == n as u64 + 1 && *status == 201),
        "{statuses:?}"
    );
    assert_eq!(statuses[600..], [(601, 400), (603, 409), (604, 422)], "{}", &text[text.len() - 900..]);
    server.ask(Some(&server.owner), "POST", "/v1/subjects/bulk", &[], b"{}").await.expect(415);
}

#[tokio::test]
async fn an_export_is_asked_approved_by_another_and_streamed() {
    let server = Server::start().await;
    for number in 0..3 {
        server.create(number).await;
    }
    let input = json!({"purpose": "order", "fields": ["email", "city"]});
    let export = server.post("/v1/exports", &input).await.expect(201).json();
    let path = format!("/v1/exports/{}", export["id"].as_str().unwrap());
    server.get(&format!("{path}/data")).await.expect(409);
    server.post(&format!("{path}/approval"), &json!({})).await.expect(403);
    let second = server.staff(Role::Owner).await;
    let approve =
        server.ask(Some(&second), "POST", &format!("{path}/approval"), &[], b"{}").await.expect(200);
    conforms(&approve.json(), "Export");
    let data = server.get(&format!("{path}/data")).await.expect(200);
    assert_eq!(data.header("content-type"), Some("application/x-ndjson"));
    let text = data.text();
    let rows: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len(), 3);
    for row in &rows {
        conforms(row, "Revealed");
        assert_eq!(row["fields"].as_object().unwrap().len(), 2);
    }
}

#[tokio::test]
async fn what_is_answered_is_what_the_document_says() {
    let server = Server::start().await;
    let id = server.create(1).await;
    let of = |rest: &str| format!("/v1/subjects/{id}{rest}");
    let consent = json!({"purpose": "newsletter", "given": true, "source": "form", "text_version": "1", "proof": {"ip": "192.0.2.0"}});
    let token = server
        .post(&of("/tokens"), &json!({"field": "email", "destination": "post"}))
        .await
        .expect(201)
        .json();
    let token = token["token"].as_str().unwrap();
    let posts = [
        ("/v1/subjects".to_owned(), customer(2), 201, "Written"),
        (
            "/v1/subjects/lookup".into(),
            json!({"field": "email", "value": "klant1@voorbeeld.example", "purpose": "order"}),
            200,
            "Matches",
        ),
        (
            "/v1/subjects/search".into(),
            json!({"text": "kanariegeel", "purpose": "customer_service", "limit": 1}),
            200,
            "SearchMatches",
        ),
        (of("/consents"), consent, 201, "ConsentAnswer"),
        (of("/events"), json!({"event": "invoice_year_end"}), 201, "Written"),
        ("/v1/tokens/resolve".into(), json!({"token": token, "purpose": "order"}), 200, "Resolved"),
        (
            "/v1/credentials".into(),
            json!({"name": "winkel", "kind": "connector", "operations": ["read"], "purposes": ["order"], "masks": {"email": "domain_only"}, "budget": {"rows_per_hour": 7}}),
            201,
            "CredentialSecret",
        ),
        ("/v1/exports".into(), json!({"purpose": "order", "fields": ["email"]}), 201, "Export"),
        ("/v1/checks".into(), json!({"domain": "winkel.example", "owner_verified": true}), 202, "Check"),
        ("/v1/mail/keys".into(), json!({"domain": "winkel.example", "algorithm": "ed25519"}), 201, "MailKey"),
        ("/v1/mail/simulate".into(), json!({"policy": "reject", "days": 7}), 200, "MailSimulated"),
    ];
    take_in_reports(&server).await;
    for (path, body, status, schema) in posts {
        let answer = server.post(&path, &body).await.expect(status);
        conforms(&answer.json(), schema);
    }
    server.post("/v1/tokens/revoke", &json!({"token": token})).await.expect(204);
    let gets = [
        (of("?purpose=order"), "Revealed"),
        (of("/erasure"), "ErasePreview"),
        (of("/consents"), "Consents"),
        (of("/access"), "AnyObject"),
        (of("/audit?limit=5"), "Trail"),
        ("/v1/credentials".into(), "Credentials"),
        ("/v1/purposes".into(), "Purposes"),
        ("/v1/audit?limit=2".into(), "Entries"),
        ("/v1/audit/proof?seq=0".into(), "Proof"),
        ("/v1/audit/consistency?from=1&to=2".into(), "Consistency"),
        ("/v1/audit/key".into(), "VerifierKey"),
        ("/v1/logs".into(), "Logs"),
        ("/v1/exports".into(), "Exports"),
        ("/v1/checks?domain=winkel.example".into(), "Checks"),
        ("/v1/mail/overview?days=7".into(), "MailOverview"),
        ("/v1/mail/sources".into(), "MailSources"),
        ("/v1/mail/reports?limit=1".into(), "MailReports"),
        ("/v1/mail/quarantine".into(), "MailQuarantine"),
        ("/v1/mail/keys".into(), "MailKeys"),
        ("/v1/mail/plan".into(), "MailPlan"),
        ("/v1/mail/queue".into(), "MailQueue"),
        ("/v1/mail/lookalikes".into(), "MailLookalikes"),
        ("/v1/status".into(), "Status"),
        ("/v1/usage".into(), "Usage"),
        ("/healthz".into(), "Health"),
        ("/v1/nonsense".into(), "Problem"),
    ];
    for (path, schema) in gets {
        let answer = server.get(&path).await;
        assert_eq!(answer.status, if schema == "Problem" { 404 } else { 200 }, "{path}: {}", answer.text());
        conforms(&answer.json(), schema);
    }
    let toml = [("content-type", "application/toml")];
    let checked =
        server.ask(Some(&server.owner), "POST", "/v1/purposes/check", &toml, b"nonsense").await.expect(200);
    conforms(&checked.json(), "PurposeProblems");
    assert!(!checked.json()["problems"].as_array().unwrap().is_empty());
    server.ask(Some(&server.owner), "PUT", "/v1/purposes", &toml, b"nonsense").await.expect(422);
    let erased = server.ask(Some(&server.owner), "DELETE", &of(""), &[], b"").await.expect(200);
    conforms(&erased.json(), "Erased");
}

/// Declares a stream, and takes in a report and something that is none.
async fn take_in_reports(server: &Server) {
    let mut setup = MailSetup::new("winkel.example");
    setup.streams.push(MailStream::new("winkel", StreamKind::Shop, "winkel.example"));
    let settings = MailSettings { setup: Some(Arc::new(setup)), ..MailSettings::default() };
    server.app.set_mail_settings(settings);
    let rows = [
        ("192.0.2.10", 88, "winkel.example", "winkel.example", "winkel.example"),
        ("203.0.113.66", 312, "winkel.example", "", ""),
    ];
    let report = dmarc_report(server.app.now(), "ontvanger.example", "1", &rows);
    for (bytes, new, quarantined) in
        [(report.as_bytes(), 1, 0), (report.as_bytes(), 0, 0), (b"nonsense", 0, 1)]
    {
        let octets = [("content-type", "application/octet-stream")];
        let answer = server.ask(Some(&server.owner), "POST", "/v1/mail/reports", &octets, bytes).await;
        let taken = answer.expect(200).json();
        conforms(&taken, "MailTaken");
        let apart = taken["quarantined"].as_array().unwrap().len();
        assert_eq!((taken["new"].as_u64(), apart), (Some(new), quarantined), "{taken}");
    }
    let list = server.get("/v1/mail/reports?limit=1").await.expect(200).json();
    let id = list["reports"][0]["id"].as_str().unwrap().to_owned();
    conforms(&server.get(&format!("/v1/mail/reports/{id}")).await.expect(200).json(), "MailReport");
    let older = server.get(&format!("/v1/mail/reports?before={id}")).await.expect(200).json();
    assert_eq!(older, json!({"reports": [], "next": null}));
    let apart = server.get("/v1/mail/quarantine").await.expect(200).json();
    let apart = format!("/v1/mail/quarantine/{}", apart["quarantine"][0]["id"].as_str().unwrap());
    let again = server.post(&format!("{apart}/retry"), &json!({})).await.expect(200).json();
    conforms(&again, "MailTaken");
    server.ask(Some(&server.owner), "DELETE", &apart, &[], b"").await.expect(204);
    server.ask(Some(&server.owner), "DELETE", &apart, &[], b"").await.expect(404);
}

#[tokio::test]
async fn input_about_mail_is_bounded_and_refused_clearly() {
    let server = Server::start().await;
    let octets = [("content-type", "application/octet-stream")];
    let huge = vec![b'x'; crate::options::REPORT_BYTES_MAX + 1];
    for (headers, bytes, status) in [
        (&octets[..], &b""[..], 422),
        (&[("content-type", "text/xml")], b"<feedback/>", 415),
        (&octets, &huge, 413),
    ] {
        let answer = server.ask(Some(&server.owner), "POST", "/v1/mail/reports", headers, bytes).await;
        check_problem(&answer.expect(status), "a file");
    }
    for (path, body, status) in [
        ("/v1/mail/keys", json!({"domain": "geen domein"}), 422),
        ("/v1/mail/keys", json!({"domain": "winkel.example", "selector": "a b"}), 422),
        ("/v1/mail/keys", json!({"domain": "winkel.example", "algorithm": "dsa"}), 422),
        ("/v1/mail/keys", json!({}), 422),
        ("/v1/mail/simulate", json!({"policy": "reject"}), 422),
        ("/v1/mail/simulate", json!({"policy": "nonsense"}), 422),
        ("/v1/mail/simulate", json!({"policy": "reject", "days": 0}), 422),
        ("/v1/mail/simulate", json!({"policy": "reject", "record": "x".repeat(2_000)}), 422),
        ("/v1/mail/lookalikes", json!({"domain": ""}), 422),
        ("/v1/mail/lookalikes", json!({"domain": "geen domein"}), 422),
    ] {
        let answer = server.post(path, &body).await.expect(status);
        check_problem(&answer, path);
    }
    for (path, status) in [
        ("/v1/mail/overview?days=0", 400),
        ("/v1/mail/sources?days=401", 400),
        ("/v1/mail/reports?limit=501", 400),
        ("/v1/mail/reports?before=nonsense", 400),
        ("/v1/mail/reports/nonsense", 404),
        ("/v1/mail/queue?limit=1001", 400),
        ("/v1/mail/plan", 404),
    ] {
        check_problem(&server.get(path).await.expect(status), path);
    }
}

#[tokio::test]
async fn a_stranger_gets_checkpoint_tiles_and_pages_in_their_own_forms() {
    let server = Server::start().await;
    let id = server.create(1).await;
    let note = server.get("/v1/audit/checkpoint").await.expect(200);
    assert!(note.text().contains("\u{2014} "), "{}", note.text());
    let public = server.ask(None, "GET", "/v1/audit/log/node1/checkpoint", &[], b"").await.expect(200);
    assert_eq!(public.header("content-type"), Some("text/plain; charset=utf-8"));
    server.ask(None, "GET", "/v1/audit/log/other/checkpoint", &[], b"").await.expect(404);
    let tile = server.get("/v1/audit/log/node1/tile/0/000.p/2").await.expect(200);
    assert_eq!(tile.body.len(), 64);
    let entries = server.get("/v1/audit/log/node1/tile/entries/000.p/1").await.expect(200);
    let length = usize::from(u16::from_be_bytes([entries.body[0], entries.body[1]]));
    assert_eq!(entries.body.len(), 2 + length);
    let page = server
        .ask(
            Some(&server.owner),
            "GET",
            &format!("/v1/subjects/{id}/access"),
            &[("accept", "text/html,*/*")],
            b"",
        )
        .await
        .expect(200);
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    let metrics = server.get("/metrics").await.expect(200).text();
    assert!(
        metrics.contains("kluis_http_answers_total{class=\"2xx\"}") && !metrics.contains("voorbeeld"),
        "{metrics}"
    );
    let head = server.ask(Some(&server.owner), "HEAD", "/v1/status", &[], b"").await.expect(200);
    assert!(head.body.is_empty());
}

#[test]
fn each_route_that_takes_a_body_says_what_may_be_wrong_with_it() {
    let document = openapi::build();
    for route in ROUTES.iter().filter(|route| !matches!(route.takes, Takes::Nothing)) {
        let path = route.path.replace("{*", "{");
        let responses =
            &document["paths"][path.as_str()][route.verb.word().to_ascii_lowercase()]["responses"];
        for status in ["400", "401", "403", "413", "415", "422", "429", "503"] {
            assert!(responses[status]["content"]["application/problem+json"].is_object(), "{path} {status}");
        }
    }
}

/// Holds a value against a named schema of the document.
#[track_caller]
fn conforms(value: &Value, name: &str) {
    let document = openapi::build();
    let schema = &document["components"]["schemas"][name];
    assert!(schema.is_object(), "no schema {name}");
    if let Err(why) = check(&document, schema, value, name) {
        panic!("{why}\n{value}");
    }
}

/// The part of JSON Schema that the document uses.
fn check(document: &Value, schema: &Value, value: &Value, at: &str) -> Result<(), String> {
    if let Some(reference) = schema["$ref"].as_str() {
        return check(document, document.pointer(&reference[1..]).unwrap(), value, at);
    }
    if let Some(any) = schema["anyOf"].as_array() {
        let fits = any.iter().any(|one| check(document, one, value, at).is_ok());
        return if fits { Ok(()) } else { Err(format!("{at} fits none: {value}")) };
    }
    if let Some(words) = schema["enum"].as_array()
        && !words.contains(value)
    {
        return Err(format!("{at} is not one of {words:?}: {value}"));
    }
    let is_type = |name: &str| match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        other => panic!("{other}"),
    };
    let fits = match &schema["type"] {
        Value::String(name) => is_type(name),
        Value::Array(names) => names.iter().any(|name| is_type(name.as_str().unwrap())),
        _ => true,
    };
    if !fits {
        return Err(format!("{at} is not {}: {value}", schema["type"]));
    }
    for name in schema["required"].as_array().into_iter().flatten() {
        if value.get(name.as_str().unwrap()).is_none() {
            return Err(format!("{at} misses {name}"));
        }
    }
    for (name, one) in value.as_object().into_iter().flatten() {
        match (&schema["properties"][name], &schema["additionalProperties"]) {
            (Value::Object(known), _) => {
                check(document, &Value::Object(known.clone()), one, &format!("{at}.{name}"))?
            }
            (_, Value::Bool(false)) => return Err(format!("{at} has {name} too")),
            (_, Value::Object(other)) => {
                check(document, &Value::Object(other.clone()), one, &format!("{at}.{name}"))?
            }
            _ => {}
        }
    }
    for one in value.as_array().into_iter().flatten() {
        check(document, &schema["items"], one, &format!("{at}[]"))?;
    }
    Ok(())
}
