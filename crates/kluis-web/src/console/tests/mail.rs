//! The pages about mail in the shop's name over real sockets: empty, with reports, with forms that are wrong.

use std::sync::Arc;

use kluis_app::MailSettings;
use kluis_mail::streams::MailSetup;
use kluis_model::Role;
use kluis_net::AuditOptions;

use super::*;
use crate::testing::{dmarc_report, vector_files};

const SETUP: &str = r#"
version = 1
domain = "winkel.example"
report_address = "dmarc@rapport.winkel.example"
server = "kluis.winkel.example"

[mta_sts]
mode = "testing"
mx = ["mx.winkel.example"]

[[stream]]
id = "winkel"
kind = "shop"
from = "bestelling.winkel.example"
relay = true
keys = [{ domain = "bestelling.winkel.example", selector = "kk1" }]

[[stream]]
id = "nieuws"
kind = "newsletter"
from = "nieuws.winkel.example"
services = ["spotler"]

[[stream]]
id = "kantoor"
kind = "office"
from = "winkel.example"
servers = ["192.0.2.0/24"]
"#;

/// Declares the streams; the DNS never answers.
fn declare(server: &Server) {
    let setup = MailSetup::read(SETUP).unwrap_or_else(|problems| panic!("{problems:?}"));
    let dns = AuditOptions {
        dns: Some("127.0.0.1:9".parse().unwrap()),
        total: std::time::Duration::from_secs(5),
        step: std::time::Duration::from_millis(200),
        ..AuditOptions::default()
    };
    server.app.set_mail_settings(MailSettings {
        setup: Some(Arc::new(setup)),
        dns,
        ..MailSettings::default()
    });
}

/// A report of yesterday: a service, the office, and a stranger.
fn report(server: &Server, id: &str) -> String {
    dmarc_report(
        server.app.now(),
        "ontvanger.example",
        id,
        &[
            ("198.51.100.7", 1_204, "nieuws.winkel.example", "nieuws.winkel.example", "mailplus.nl"),
            ("192.0.2.10", 88, "winkel.example", "winkel.example", "winkel.example"),
            ("203.0.113.66", 312, "winkel.example", "", ""),
        ],
    )
}

const MULTIPART: [(&str, &str); 2] =
    [("content-type", "multipart/form-data; boundary=kk"), ("origin", "https://localhost")];

fn upload(token: &str, text: &str) -> String {
    format!(
        "--kk\r\ncontent-disposition: form-data; name=\"csrf\"\r\n\r\n{token}\r\n--kk\r\ncontent-disposition: form-data; \
         name=\"file\"; filename=\"r.xml\"\r\ncontent-type: text/xml\r\n\r\n{text}\r\n--kk--\r\n"
    )
}

const REPORTS: &str = "/console/phishing/reports";

impl Browser<'_> {
    /// Sends a file with reports and gives the page after it.
    async fn send_report(&mut self, text: &str) -> String {
        let token = token_of(&self.get(REPORTS).await.expect(200).text());
        let answer = self.ask("POST", REPORTS, &MULTIPART, &upload(&token, text)).await.expect(303);
        assert_eq!(location(&answer), REPORTS);
        self.get(REPORTS).await.expect(200).text()
    }
}

#[tokio::test]
async fn a_shop_without_streams_is_told_where_to_begin() {
    let server = Server::start().await;
    for role in Role::ALL {
        let secret = server.staff(role).await;
        let mut browser = Browser::signed_in(&server, &secret).await;
        for path in ["", "/plan", "/keys", "/reports", "/quarantine", "/what-if", "/lookalikes", "/queue"] {
            let page = browser.get(&format!("/console/phishing{path}")).await.expect(200).text();
            check_page(path, Lang::En, &page);
        }
        let page = browser.get("/console/phishing").await.text();
        assert!(page.contains("klantkluis mail plan") && page.contains("E-mail addresses of customers"));
        let may = browser.get("/console/phishing/keys").await.text().contains("New key");
        assert_eq!(may, role == Role::Owner, "{role}");
        browser.get("/console/phishing/senders/nobody").await.expect(404);
        browser.get("/console/phishing/reports/nobody").await.expect(404);
    }
}

#[tokio::test]
async fn what_receivers_report_is_shown_by_sender_and_counted_once() {
    let server = Server::start().await;
    declare(&server);
    let mut browser = Browser::signed_in(&server, &server.owner).await;
    let sent = report(&server, "1");
    let first = browser.send_report(&sent).await;
    assert!(first.contains("1 new report was stored.") && first.contains("ontvanger.example"), "{first}");
    let again = browser.send_report(&sent).await;
    assert!(again.contains("There was nothing new. 1 report was there already."), "{again}");
    let page = browser.get("/console/phishing?days=7").await.expect(200).text();
    check_page("mail", Lang::En, &page);
    for wanted in [
        "Order mail",
        "Newsletter",
        "Office mail",
        "Spotler (MailPlus)",
        "1,204",
        "312",
        "/console/phishing/senders/spotler?days=7",
        "aria-current=\"true\">7 days",
        "role=\"img\" aria-label=\"Messages a day in the last 7 days, by kind of sender. 1,604 messages together",
        "fill=\"url(#mails-misuse)\"",
        "<caption class=\"hush\">Messages a day in the last 7 days",
        "ontvanger.example",
    ] {
        assert!(page.contains(wanted), "{wanted}: {page}");
    }
    let sender = browser.get("/console/phishing/senders/spotler?days=30").await.expect(200).text();
    check_page("sender", Lang::En, &sender);
    assert!(sender.contains("Recognised as yours") && sender.contains("nieuws"), "{sender}");
    let misuse = browser.get("/console/phishing/senders/misuse").await.expect(200).text();
    assert!(misuse.contains("prove nothing"), "{misuse}");
    let list = browser.get(REPORTS).await.text();
    let id = list.split("/console/phishing/reports/").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let one = browser.get(&format!("{REPORTS}/{id}")).await.expect(200).text();
    check_page("report", Lang::En, &one);
    assert!(one.contains("203.0.113.66") && one.contains("nieuws.<wbr>winkel"), "{one}");
}

#[tokio::test]
async fn files_that_are_no_reports_are_refused_or_kept_apart() {
    let server = Server::start().await;
    let mut browser = Browser::signed_in(&server, &server.owner).await;
    let token = token_of(&browser.get(REPORTS).await.expect(200).text());
    for (form, status) in [
        (upload("x", "a"), 403),
        (upload(&token, ""), 422),
        ("--kk--\r\n".to_owned(), 403),
        (upload(&token, &"x".repeat(26 * 1024 * 1024)), 422),
    ] {
        let answer = browser.ask("POST", REPORTS, &MULTIPART, &form).await.expect(status);
        check_page("refused", Lang::En, &answer.text());
    }
    let said = browser.send_report("<!DOCTYPE x [<!ENTITY a \"b\">]><feedback>&a;</feedback>").await;
    assert!(said.contains("Cannot be read and was put apart"), "{said}");
    let page = browser.get("/console/phishing/quarantine").await.expect(200).text();
    check_page("quarantine", Lang::En, &page);
    let path = |end: &str| {
        let rest =
            page.split("action=\"").find(|rest| rest.split('"').next().unwrap().ends_with(end)).unwrap();
        rest.split('"').next().unwrap().to_owned()
    };
    let (retry, delete) = (path("/retry"), path("/delete"));
    browser.send(&retry, "").await.expect(303);
    browser.send(&delete, "").await.expect(303);
    assert!(
        browser.get("/console/phishing/quarantine").await.text().contains("nothing that could not be read")
    );
    browser.send(&delete, "").await.expect(404);
    browser.send("/console/phishing/quarantine/x/delete", "").await.expect(404);
    for role in [Role::Support, Role::Auditor] {
        let secret = server.staff(role).await;
        let mut browser = Browser::signed_in(&server, &secret).await;
        let token = token_of(&browser.get(REPORTS).await.expect(200).text());
        browser.ask("POST", REPORTS, &MULTIPART, &upload(&token, "x")).await.expect(403);
        for path in ["keys", "keys/step", "lookalikes", "senders"] {
            let form = "domain=winkel.example&kind=rsa2048&sender=spotler&ours=no";
            let answer = browser.send(&format!("/console/phishing/{path}"), form).await;
            // Without streams there is nothing to look for; everything else is refused.
            assert!(answer.status == 403 || path == "lookalikes", "{role} {path}: {}", answer.status);
        }
    }
}

#[tokio::test]
async fn every_sample_report_shows_on_the_page() {
    let server = Server::start().await;
    let mut browser = Browser::signed_in(&server, &server.owner).await;
    let files = vector_files("aggregate");
    assert!(files.len() >= 10, "{}", files.len());
    for file in &files {
        let bytes = std::fs::read(file).unwrap();
        let octets = [("content-type", "application/octet-stream")];
        let taken = server.ask(Some(&server.owner), "POST", "/v1/mail/reports", &octets, &bytes).await;
        let taken = taken.expect(200).json();
        assert_eq!(taken["quarantined"], serde_json::json!([]), "{}", file.display());
    }
    let list = server.get("/v1/mail/reports?limit=500").await.expect(200).json();
    let page = browser.get(REPORTS).await.expect(200).text();
    check_page("samples", Lang::En, &page);
    for report in list["reports"].as_array().unwrap() {
        let path = format!("{REPORTS}/{}", report["id"].as_str().unwrap());
        assert!(page.contains(&path), "{report}");
        let one = browser.get(&path).await.expect(200).text();
        check_page(&path, Lang::En, &one);
    }
}

#[tokio::test]
async fn keys_records_and_replays_are_asked_for_and_refused() {
    let server = Server::start().await;
    declare(&server);
    let mut browser = Browser::signed_in(&server, &server.owner).await;
    let keys = "/console/phishing/keys";
    for wrong in ["domain=&kind=rsa2048", "domain=winkel.example&kind=dsa", "domain=geen+domein&kind=rsa2048"]
    {
        let answer = browser.send(keys, wrong).await.expect(422);
        check_page(wrong, Lang::En, &answer.text());
    }
    browser.send(keys, "domain=bestelling.winkel.example&kind=ed25519").await.expect(303);
    let page = browser.get(keys).await.expect(200).text();
    check_page("keys", Lang::En, &page);
    assert!(page.contains("._domainkey.bestelling<") && page.contains("v=DKIM1; k=ed25519; p="), "{page}");
    let busy = browser.send(keys, "domain=bestelling.winkel.example&kind=ed25519").await.expect(422).text();
    assert!(busy.contains("is being changed already"), "{busy}");
    browser.send(&format!("{keys}/step"), "").await.expect(303);

    let plan = browser.get("/console/phishing/plan").await.expect(200).text();
    check_page("plan", Lang::En, &plan);
    for wanted in
        ["v=DMARC1; p=none", "v=spf1", "v=DKIM1; k=ed25519", "v=STSv1; id=", "version: STSv1", "_dmarc"]
    {
        assert!(plan.contains(wanted), "{wanted}: {plan}");
    }
    let compared = browser.send("/console/phishing/plan", "").await.expect(200).text();
    check_page("compared", Lang::En, &compared);
    assert!(compared.contains("not known yet") || compared.contains("notice bad"), "{compared}");

    let what_if = "/console/phishing/what-if";
    browser.send_report(&report(&server, "1")).await;
    let outcome = browser.send(what_if, "policy=reject&days=30").await.expect(200).text();
    check_page("what-if", Lang::En, &outcome);
    assert!(outcome.contains("1,604 messages") && outcome.contains("v=DMARC1; p=reject"), "{outcome}");
    for wrong in ["policy=reject&record=v%3DDMARC1%3B+p%3Dnonsense", "policy=reject&spf=v%3Dspf1+nonsense%3A"]
    {
        let answer = browser.send(what_if, wrong).await;
        assert!([200, 422].contains(&answer.status), "{wrong}: {}", answer.status);
        check_page(wrong, Lang::En, &answer.text());
    }
    browser.send("/console/phishing/senders", "sender=unknown-203.0.113.0%2F24&ours=no").await.expect(303);
    browser.send("/console/phishing/senders", "sender=%3Cscript%3E&ours=no").await.expect(422);
    let none = "00000000-0000-7000-8000-000000000000";
    for path in ["retry", "drop"] {
        for id in [none, "x"] {
            browser.send(&format!("/console/phishing/queue/{id}/{path}"), "").await.expect(404);
        }
    }
}

#[tokio::test]
async fn the_policy_of_mta_sts_is_served_under_its_own_name_only() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let server = Server::start().await;
    declare(&server);
    for (host, status) in
        [("mta-sts.winkel.example", "200"), ("winkel.example", "404"), ("mta-sts.evil.example", "404")]
    {
        let mut stream = server.connect().await;
        let head =
            format!("GET /.well-known/mta-sts.txt HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut text = String::new();
        let _ = stream.read_to_string(&mut text).await;
        assert!(text.starts_with(&format!("HTTP/1.1 {status} ")), "{host}: {text}");
        assert_eq!(text.contains("version: STSv1"), status == "200", "{host}: {text}");
    }
}
