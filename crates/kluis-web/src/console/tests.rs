//! Every page renders in both languages and is sound; the console over real sockets lets nobody through who may not.

#![expect(clippy::unwrap_used, reason = "tests")]

mod mail;

use std::collections::{BTreeSet, HashSet};

use kluis_model::{Lang, Operation, Role};

use super::render::{CSS, Renderer, TEMPLATES};
use super::samples::every_page;
use super::texts::{EN, NL, lang_code};
use crate::testing::{Answer, Server};

/// The keys of a Fluent file: what stands before ` = ` at the beginning of a line.
fn keys(source: &str) -> BTreeSet<&str> {
    let is_key = |line: &&str| line.starts_with(|c: char| c.is_ascii_lowercase());
    source.lines().filter(is_key).filter_map(|line| line.split_once(" =")).map(|(key, _)| key).collect()
}

#[test]
fn both_languages_have_the_same_texts_and_each_is_readable() {
    let (nl, en) = (keys(NL), keys(EN));
    assert_eq!(nl.symmetric_difference(&en).collect::<Vec<_>>(), Vec::<&&str>::new());
    for source in [NL, EN] {
        assert!(fluent_bundle::FluentResource::try_new(source.to_owned()).is_ok());
        let lines = source.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_lowercase())).count();
        assert_eq!(lines, keys(source).len(), "a key stands there twice");
    }
}

#[test]
fn every_page_renders_in_both_languages_and_is_sound() {
    let renderer = Renderer::new().unwrap();
    for lang in Lang::ALL {
        for (name, html) in every_page(&renderer, lang) {
            let page = format!("{} {name}", lang_code(lang));
            check_page(&page, lang, &html);
        }
    }
}

/// What the strict policy, screen readers and other languages need of a page.
#[track_caller]
fn check_page(page: &str, lang: Lang, html: &str) {
    assert!(html.contains(&format!("<html lang=\"{}\">", lang_code(lang))), "{page}");
    for forbidden in
        [" style=", "<style", "<script", "javascript:", " onclick", " onchange", "http://", "{{", "{%"]
    {
        assert!(!html.contains(forbidden), "{page}: {forbidden}");
    }
    assert!(!html.contains("<b>"), "{page}: a value is not escaped");
    assert_eq!(html.matches("<h1").count(), 1, "{page}: one heading of the page");
    let mut ids = HashSet::new();
    for id in html.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert!(ids.insert(id), "{page}: id {id} stands there twice");
    }
    for reference in [" href=\"#", " aria-describedby=\"", " aria-labelledby=\"", " for=\""] {
        for wanted in html.split(reference).skip(1).filter_map(|rest| rest.split('"').next()) {
            for id in wanted.split(' ') {
                assert!(ids.contains(id), "{page}: nothing has the id {id}");
            }
        }
    }
    let posts = html.matches("method=\"post\"").count();
    assert_eq!(
        html.matches("name=\"csrf\"").count(),
        posts,
        "{page}: every form that changes something has its token"
    );
    assert!(!html.contains(" action=\"h"), "{page}: forms stay here");
}

#[test]
fn the_look_needs_nothing_from_elsewhere() {
    for forbidden in ["http:", "https:", "url(", "@import", "expression("] {
        assert!(!CSS.contains(forbidden), "{forbidden}");
    }
    for (name, source) in TEMPLATES {
        assert!(!source.contains("|safe"), "{name}: everything is escaped");
    }
}

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

/// A browser without scripts: keeps cookies and follows nothing.
struct Browser<'a> {
    server: &'a Server,
    cookies: std::collections::BTreeMap<String, String>,
}

impl<'a> Browser<'a> {
    fn new(server: &'a Server) -> Self {
        Self { server, cookies: [("__Host-klantkluis-lang".to_owned(), "en".to_owned())].into() }
    }

    /// A browser in which the owner of a credential has signed in.
    async fn signed_in(server: &'a Server, secret: &str) -> Self {
        let mut browser = Self::new(server);
        let token = token_of(&browser.get("/console/sign-in").await.expect(200).text());
        let answer =
            browser.post("/console/sign-in", &format!("csrf={token}&credential={secret}")).await.expect(303);
        assert_eq!(answer.header("location"), Some("/console"));
        browser
    }

    async fn ask(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let cookies: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let cookies = cookies.join("; ");
        let mut all = vec![("cookie", cookies.as_str())];
        all.extend_from_slice(headers);
        let answer = self.server.ask(None, method, path, &all, body.as_bytes()).await;
        for line in answer.head.lines().filter_map(|line| line.strip_prefix("set-cookie: ")) {
            for flag in ["Path=/", "Secure", "HttpOnly", "SameSite=Strict"] {
                assert!(line.split("; ").any(|part| part == flag), "{line}");
            }
            let (name, value) = line.split(';').next().unwrap().split_once('=').unwrap();
            assert!(name.starts_with("__Host-"), "{line}");
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        answer
    }

    async fn get(&mut self, path: &str) -> Answer {
        self.ask("GET", path, &[], "").await
    }

    async fn post(&mut self, path: &str, form: &str) -> Answer {
        self.ask("POST", path, &[FORM, ("origin", "https://localhost")], form).await
    }

    /// Posts a form with the token of the session.
    async fn send(&mut self, path: &str, form: &str) -> Answer {
        let token = token_of(&self.get("/console/https").await.expect(200).text());
        self.post(path, &format!("csrf={token}&{form}")).await
    }
}

fn token_of(html: &str) -> String {
    let rest = html.split("name=\"csrf\" value=\"").nth(1).unwrap();
    rest.split('"').next().unwrap().to_owned()
}

fn location(answer: &Answer) -> String {
    answer.header("location").unwrap().to_owned()
}

#[tokio::test]
async fn nobody_gets_in_without_a_persons_credential_and_all_are_refused_alike() {
    let server = Server::start().await;
    let connector = server.connector(&[Operation::Read]).await;
    let mut browser = Browser::new(&server);
    let mut said = HashSet::new();
    let too_long = format!("{}x", "k".repeat(300));
    for wrong in ["kks_0000", "x", &connector, &server.owner[1..], &too_long, "%00", "%ff"] {
        let token = token_of(&browser.get("/console/sign-in").await.text());
        let answer = browser.post("/console/sign-in", &format!("csrf={token}&credential={wrong}")).await;
        assert!([403, 422].contains(&answer.status), "{wrong}: {}", answer.status);
        assert!(!answer.text().contains(&connector) && !answer.text().contains(&too_long));
        if wrong != "%ff" {
            said.insert(
                answer
                    .text()
                    .split("class=\"wrong\"")
                    .nth(1)
                    .unwrap()
                    .split("</p>")
                    .next()
                    .unwrap()
                    .to_owned(),
            );
        }
        browser.get("/console").await.expect(303);
    }
    assert_eq!(said.len(), 1, "{said:?}");
    let owner = server.owner.clone();
    let token = token_of(&browser.get("/console/sign-in").await.text());
    let other =
        Browser::new(&server).post("/console/sign-in", &format!("csrf={token}&credential={owner}")).await;
    assert_eq!(other.status, 403, "the form of another browser");
    let form = format!("csrf={token}&credential={owner}");
    let stranger =
        browser.ask("POST", "/console/sign-in", &[FORM, ("origin", "https://evil.example")], &form).await;
    assert_eq!(stranger.status, 403, "the form of another site");
}

#[tokio::test]
async fn too_many_wrong_credentials_have_to_wait() {
    let server = Server::start().await;
    let mut browser = Browser::new(&server);
    let mut waits = None;
    for _ in 0..=crate::limiter::FAILURES_PER_MINUTE * 2 {
        let token = token_of(&browser.get("/console/sign-in").await.text());
        let answer = browser.post("/console/sign-in", &format!("csrf={token}&credential=kks_x")).await;
        if answer.status == 429 {
            waits = answer.header("retry-after").map(str::to_owned);
            break;
        }
    }
    let waits: u32 = waits.unwrap().parse().unwrap();
    assert!((1..=60).contains(&waits));
}

#[tokio::test]
async fn a_session_ends_with_its_credential_and_on_signing_out() {
    let server = Server::start().await;
    let secret = server.staff(Role::Support).await;
    let mut support = Browser::signed_in(&server, &secret).await;
    support.get("/console").await.expect(200);
    let mut owner = Browser::signed_in(&server, &server.owner).await;
    let list = owner.get("/console/connectors").await.expect(200).text();
    let revoke = list
        .split("href=\"")
        .map(|rest| rest.split('"').next().unwrap())
        .find(|href| href.ends_with("/revoke"));
    let revoke = revoke.unwrap().to_owned();
    owner.get(&revoke).await.expect(200);
    owner.send(&revoke, "").await.expect(303);
    assert_eq!(location(&support.get("/console").await.expect(303)), "/console/sign-in");
    let stolen = owner.cookies.clone();
    owner.send("/console/sign-out", "").await.expect(303);
    owner.cookies = stolen;
    owner.get("/console").await.expect(303);
}

#[tokio::test]
async fn every_role_sees_every_page_or_is_told_why_not() {
    let server = Server::start().await;
    let id = server.create(1).await;
    let pages = [
        "/console",
        "/console/https",
        "/console/checks",
        "/console/checks?domain=winkel.example",
        "/console/checks/x",
        "/console/store",
        "/console/necessary",
        "/console/phishing",
        "/console/together",
        "/console/customers",
        "/console/connectors",
        "/console/connectors/new",
        "/console/connectors/secret",
        "/console/audit",
        "/console/audit?outcome=denied&operation=read",
        "/console/audit?subject=x",
        "/console/import",
        "/console/exports",
        "/console/nothing",
    ];
    let of_customer =
        ["", "?purpose=order", "?purpose=invoice", "?purpose=newsletter", "?purpose=nonsense", "/erase"];
    for role in Role::ALL {
        let secret = server.staff(role).await;
        let mut browser = Browser::signed_in(&server, &secret).await;
        let paths = pages.iter().map(|page| (*page).to_owned());
        for path in paths.chain(of_customer.iter().map(|rest| format!("/console/customers/{id}{rest}"))) {
            let answer = browser.get(&path).await;
            assert!(
                [200, 403, 404].contains(&answer.status),
                "{role} {path}: {} {}",
                answer.status,
                answer.text()
            );
            assert!(
                !answer.text().contains("@voorbeeld.example") || path.ends_with("order"),
                "{role} {path}"
            );
            check_page(&path, Lang::En, &answer.text());
        }
    }
}

#[tokio::test]
async fn a_customer_is_found_changed_and_erased_with_nothing_personal_in_an_address() {
    let server = Server::start().await;
    let id = server.create(7).await;
    let mut browser = Browser::signed_in(&server, &server.owner).await;
    for wrong in [
        "purpose=&by=name&text=x",
        "purpose=order&by=shoe&text=x",
        "purpose=order&by=name&text=",
        "purpose=nonsense&by=name&text=x",
    ] {
        browser.send("/console/customers", wrong).await.expect(422);
    }
    for (by, text) in [
        ("name", "kanariegeel"),
        ("email", "KLANT7%40voorbeeld.example"),
        ("phone", "06-10000007"),
        ("postcode", "1234+AB"),
    ] {
        let answer = browser
            .send("/console/customers", &format!("purpose=order&by={by}&text={text}"))
            .await
            .expect(303);
        let to = location(&answer);
        assert!(
            to.starts_with("/console/customers?search=") && !to.to_lowercase().contains("klant7"),
            "{to}"
        );
        let found = browser.get(&to).await.expect(200).text();
        assert!(found.contains(&format!("/console/customers/{id}?purpose=order")), "{by}: {found}");
    }
    let malformed =
        browser.send("/console/customers", "purpose=order&by=email&text=no-address").await.expect(303);
    let answer = browser.get(&location(&malformed)).await.expect(422);
    check_page("malformed", Lang::En, &answer.text());
    browser.get("/console/customers?search=forgotten").await.expect(200);

    let page = format!("/console/customers/{id}");
    for (given, status) in [("yes", 303), ("no", 303), ("maybe", 403)] {
        let form = format!("consent=newsletter&given={given}&source=phone&purpose=order");
        browser.send(&format!("{page}/consents"), &form).await.expect(status);
    }
    browser.send(&format!("{page}/consents"), "consent=nonsense&given=yes&source=phone").await.expect(422);
    let report = browser.send(&format!("{page}/access"), "format=json").await.expect(200);
    assert!(report.header("content-disposition").unwrap().starts_with("attachment"));
    assert!(report.text().contains("klant7@voorbeeld.example"));
    browser.send(&format!("{page}/erase"), "").await.expect(422);
    let erased = browser.send(&format!("{page}/erase"), "sure=yes").await.expect(303);
    let receipt = browser.get(&location(&erased)).await.expect(200).text();
    assert!(receipt.contains("class=\"paper\"") && !receipt.contains("voorbeeld.example"));
    browser.get(&format!("{page}?purpose=order")).await.expect(404);
}

#[tokio::test]
async fn forms_that_prove_nothing_or_make_no_sense_change_nothing() {
    let server = Server::start().await;
    let id = server.create(1).await;
    let mut browser = Browser::signed_in(&server, &server.owner).await;
    let token = token_of(&browser.get("/console").await.text());
    let erase = format!("/console/customers/{id}/erase");
    let huge = format!("csrf={token}&sure=yes&x={}", "x".repeat(100_000));
    for form in
        ["sure=yes", "csrf=&sure=yes", "csrf=x&sure=yes", &format!("csrf={token}x&sure=yes"), "", "%", &huge]
    {
        let answer = browser.post(&erase, form).await;
        assert_eq!(answer.status, 403, "{}", &form[..form.len().min(80)]);
    }
    let good = format!("csrf={token}&sure=yes");
    for headers in [
        [FORM, ("origin", "https://evil.example")],
        [FORM, ("sec-fetch-site", "same-site")],
        [("content-type", "text/plain"), ("origin", "https://localhost")],
    ] {
        browser.ask("POST", &erase, &headers, &good).await.expect(403);
    }
    browser.get(&format!("/console/customers/{id}")).await.expect(200);
    for path in [
        "/console/customers/nonsense",
        "/console/customers/nonsense/erase",
        "/console/import/nonsense",
        "/console/connectors/x/revoke",
        "/assets/../x",
        "/console/%00",
        "/assets/console.css",
    ] {
        browser.get(path).await.expect(404);
    }
    let none = "00000000-0000-7000-8000-000000000000";
    for path in [
        "import/{}/run",
        "import/{}/discard",
        "exports/{}/approve",
        "exports/{}/file",
        "connectors/{}/revoke",
    ] {
        browser.send(&format!("/console/{}", path.replace("{}", none)), "").await.expect(404);
    }
}

#[tokio::test]
async fn a_file_is_checked_then_imported_and_lies_nowhere_in_the_clear() {
    let server = Server::start().await;
    let mut browser = Browser::signed_in(&server, &server.owner).await;
    let token = token_of(&browser.get("/console/import").await.expect(200).text());
    let upload = |token: &str, name: &str, text: &str| {
        format!(
            "--kk\r\ncontent-disposition: form-data; name=\"csrf\"\r\n\r\n{token}\r\n--kk\r\ncontent-disposition: form-data; \
             name=\"file\"; filename=\"{name}\"\r\ncontent-type: text/csv\r\n\r\n{text}\r\n--kk--\r\n"
        )
    };
    let multipart = [("content-type", "multipart/form-data; boundary=kk"), ("origin", "https://localhost")];
    let csv = "email,first_name,last_name\r\nzeegroen@voorbeeld.example,Lotte,Zeegroen\r\n";
    for (form, status) in [
        (upload("x", "a.csv", csv), 403),
        (upload(&token, "", csv), 422),
        (upload(&token, "a.csv", ""), 422),
        ("--kk--\r\n".to_owned(), 403),
        (upload(&token, "a.csv", csv).replace("--kk--", ""), 422),
    ] {
        browser.ask("POST", "/console/import", &multipart, &form).await.expect(status);
    }
    let answer =
        browser.ask("POST", "/console/import", &multipart, &upload(&token, "a.csv", csv)).await.expect(303);
    let job = location(&answer);
    let waiting = until(&mut browser, &job, "/run").await;
    assert!(!waiting.contains("zeegroen@"), "no value is shown");
    browser.send(&format!("{job}/run"), "").await.expect(303);
    until(&mut browser, &job, "notice ok").await;
    browser.send(&format!("{job}/run"), "").await.expect(409);
    let spool = server.folder.path().join("spool");
    assert_eq!(std::fs::read_dir(spool).unwrap().count(), 0, "the file has no name in the folder");
    let found =
        browser.send("/console/customers", "purpose=order&by=email&text=zeegroen%40voorbeeld.example").await;
    assert!(browser.get(&location(&found)).await.text().contains("Lotte Zeegroen"));
    let bad = browser
        .ask("POST", "/console/import", &multipart, &upload(&token, "a.xlsx", "PK\u{3}\u{4}nonsense"))
        .await
        .expect(303);
    until(&mut browser, &location(&bad), "notice bad").await;
}

#[tokio::test]
async fn a_check_is_asked_for_followed_and_refused() {
    let server = Server::start().await;
    let mut browser = Browser::signed_in(&server, &server.owner).await;
    for (wrong, says) in [
        ("", "Fill in a domain."),
        ("geen+domein", "This is not a domain."),
        ("localhost", "not on the public internet"),
        ("10.0.0.1", "not on the public internet"),
        ("%3Cscript%3E", "This is not a domain."),
    ] {
        let answer = browser.send("/console/checks", &format!("domain={wrong}")).await.expect(422);
        assert!(answer.text().contains(says), "{wrong}: {}", answer.text());
        check_page(wrong, Lang::En, &answer.text());
    }
    let asked = browser.send("/console/checks", "domain=winkel.example").await.expect(303);
    let page = location(&asked);
    let text = browser.get(&page).await.expect(200).text();
    check_page("check", Lang::En, &text);
    until(&mut browser, &page, "notice bad").await;
    browser.get(&format!("{page}/file")).await.expect(409);
    let list = browser.get("/console/checks").await.expect(200).text();
    assert!(list.contains(&page) && list.contains("did not succeed"), "{list}");
    browser.get("/console/checks/00000000-0000-7000-8000-000000000000").await.expect(404);
}

/// Asks a page again until it says something.
async fn until(browser: &mut Browser<'_>, path: &str, wanted: &str) -> String {
    let mut text = String::new();
    for _ in 0..500 {
        text = browser.get(path).await.expect(200).text();
        if text.contains(wanted) {
            return text;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("{path} never says {wanted}: {text}");
}
