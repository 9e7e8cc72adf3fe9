//! The console over HTTPS without a browser: signing in and out, cookies, forms of others, policy, language, limits.

use crate::client::{Answer, Client};
use crate::harness::{Engine, Vault};

const SESSION: &str = "__Host-klantkluis";
const FORM: [(&str, &str); 1] = [("content-type", "application/x-www-form-urlencoded")];

/// A browser without a window: keeps cookies and follows nothing.
pub(crate) struct Browser {
    client: Client,
    cookies: Vec<(String, String)>,
}

impl Browser {
    pub(crate) fn new(vault: &Vault) -> Self {
        Self { client: vault.client().with_bearer(None), cookies: Vec::new() }
    }

    pub(crate) fn ask(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let jar: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let jar = jar.join("; ");
        let mut all = headers.to_vec();
        if !jar.is_empty() {
            all.push(("cookie", &jar));
        }
        let answer = self.client.ask(method, path, &all, body.as_bytes());
        for cookie in answer.headers("set-cookie") {
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            self.cookies.retain(|(known, _)| known != name);
            if !value.is_empty() {
                self.cookies.push((name.to_owned(), value.to_owned()));
            }
        }
        answer
    }

    pub(crate) fn get(&mut self, path: &str) -> Answer {
        self.ask("GET", path, &[], "")
    }

    pub(crate) fn post(&mut self, path: &str, body: &str) -> Answer {
        self.ask("POST", path, &FORM, body)
    }

    /// The token in the form of a page.
    pub(crate) fn token(&mut self, path: &str) -> String {
        let page = self.get(path).expect(200).text();
        let (_, rest) = page.split_once("name=\"csrf\" value=\"").unwrap();
        rest.split('"').next().unwrap().to_owned()
    }

    pub(crate) fn sign_in(&mut self, credential: &str) -> Answer {
        let token = self.token("/console/sign-in");
        self.post("/console/sign-in", &format!("csrf={token}&credential={credential}"))
    }

    fn session(&self) -> Option<&str> {
        self.cookies.iter().find(|(name, _)| name == SESSION).map(|(_, value)| value.as_str())
    }
}

fn running() -> Vault {
    let mut vault = Vault::new(Engine::Sqlite);
    vault.start();
    vault
}

#[track_caller]
fn leads_to_sign_in(answer: &Answer) {
    assert_eq!(answer.status, 303, "{}\n{}", answer.head, answer.text());
    assert!(answer.header("location").unwrap().starts_with("/console/sign-in"), "{}", answer.head);
    assert!(!answer.text().contains("voorbeeld"), "{}", answer.text());
}

#[test]
fn a_session_begins_with_a_credential_and_ends_with_signing_out() {
    let vault = running();
    let id = vault.create(1);
    let mut browser = Browser::new(&vault);
    leads_to_sign_in(&browser.get("/console"));
    let answer = browser.sign_in(&vault.secret());
    assert_eq!((answer.status, answer.header("location")), (303, Some("/console")), "{}", answer.text());
    let cookies = answer.headers("set-cookie");
    let cookie = cookies.iter().find(|cookie| cookie.starts_with(&format!("{SESSION}="))).unwrap();
    let attributes: Vec<_> = cookie.split(';').skip(1).map(|part| part.trim().to_lowercase()).collect();
    for wanted in ["secure", "httponly", "samesite=strict", "path=/"] {
        assert!(attributes.contains(&wanted.to_owned()), "{wanted}: {cookie}");
    }
    assert!(!attributes.iter().any(|part| part.starts_with("domain")), "__Host- takes no domain: {cookie}");
    assert!(browser.session().unwrap().len() >= 40, "{cookie}");
    assert!(!vault.secret().contains(browser.session().unwrap()));

    browser.get("/console").expect(200);
    let page = browser.get(&format!("/console/customers/{id}?purpose=order")).expect(200).text();
    assert!(page.contains("klant1@voorbeeld.example"));
    let stolen = browser.cookies.clone();
    let token = browser.token("/console/customers");
    let left = browser.post("/console/sign-out", &format!("csrf={token}"));
    assert_eq!(left.status, 303, "{}", left.text());
    assert_eq!(browser.session(), None, "the browser forgets it");
    browser.cookies = stolen;
    leads_to_sign_in(&browser.get("/console"));
    leads_to_sign_in(&browser.get(&format!("/console/customers/{id}?purpose=order")));
    let trail = vault.cli_json(&["audit", "list", "--limit", "1000"], "").to_string();
    assert!(trail.contains("sign_in") && trail.contains("sign_out"), "both are on the record");
}

#[test]
fn every_page_but_the_public_ones_wants_a_session() {
    let vault = running();
    let id = vault.create(1);
    let mut anonymous = Browser::new(&vault);
    anonymous.cookies.push((SESSION.to_owned(), "A".repeat(43)));
    let customer = format!("/console/customers/{id}");
    let pages = [
        "/console",
        "/console/https",
        "/console/store",
        "/console/necessary",
        "/console/phishing",
        "/console/together",
        "/console/customers",
        &customer,
        "/console/connectors",
        "/console/connectors/new",
        "/console/connectors/secret",
        "/console/audit",
        "/console/audit/verified",
        "/console/import",
        "/console/exports",
    ];
    for page in pages {
        leads_to_sign_in(&anonymous.get(page));
    }
    for form in ["/console/customers", "/console/audit/verify", "/console/exports", "/console/connectors/new"]
    {
        leads_to_sign_in(&anonymous.post(form, "csrf=x"));
    }
    let erase = format!("{customer}/erase");
    leads_to_sign_in(&anonymous.post(&erase, "csrf=x&sure=yes"));
    let status = anonymous.get("/").expect(200).text();
    assert!(!status.contains("voorbeeld") && !status.contains(&id), "counts only");

    let mut signed = Browser::new(&vault);
    signed.sign_in(&vault.secret());
    for page in pages.iter().filter(|page| !page.ends_with("/secret") && !page.ends_with("/verified")) {
        let answer = signed.get(page);
        assert!([200, 303].contains(&answer.status), "{page}: {}", answer.status);
        assert!(!answer.header("location").unwrap_or("").contains("sign-in"), "{page}");
    }
    signed.get("/console/nothing-here").expect(404);
}

#[test]
fn a_wrong_credential_opens_nothing_and_says_nothing_more() {
    let vault = running();
    let make = |words: &[&str]| {
        let mut all = vec!["credential", "create", "naam"];
        all.extend(words);
        vault.cli_json(&all, "")
    };
    let connector = make(&["--operations", "read", "--purposes", "order"]);
    let revoked = make(&["--role", "owner"]);
    vault.cli(&["credential", "revoke", revoked["id"].as_str().unwrap()], "");
    let wrong = [
        "kks_0000000000000000000000000000000000".to_owned(),
        "nonsense".to_owned(),
        "%00%ff%3Cscript%3E".to_owned(),
        "x".repeat(5_000),
        connector["secret"].as_str().unwrap().to_owned(),
        revoked["secret"].as_str().unwrap().to_owned(),
    ];
    let mut told = Vec::new();
    for credential in &wrong {
        let mut browser = Browser::new(&vault);
        let answer = browser.sign_in(credential);
        assert_eq!(answer.status, 422, "{credential:.60}: {}", answer.text());
        assert_eq!(browser.session(), None);
        let page = answer.text();
        assert!(!page.contains(credential.as_str()), "it is not shown back");
        leads_to_sign_in(&browser.get("/console"));
        let (_, error) = page.split_once("id=\"credential-error\"").unwrap_or(("", &page));
        told.push(error.split("</").next().unwrap().to_owned());
    }
    assert!(told.iter().all(|error| *error == told[0]), "each refusal looks the same: {told:?}");
    assert_eq!(Browser::new(&vault).sign_in("").status, 422);
    let mut good = Browser::new(&vault);
    assert_eq!(good.sign_in(&vault.secret()).status, 303);
}

#[test]
fn a_form_from_elsewhere_does_nothing() {
    let vault = running();
    let id = vault.create(1);
    let mut browser = Browser::new(&vault);
    let secret = vault.secret();
    // Signing somebody in from another site: no token, another browser's token, another origin.
    assert_eq!(browser.post("/console/sign-in", &format!("credential={secret}")).status, 403);
    let foreign = Browser::new(&vault).token("/console/sign-in");
    browser.get("/console/sign-in");
    assert_eq!(browser.post("/console/sign-in", &format!("csrf={foreign}&credential={secret}")).status, 403);
    assert_eq!(browser.session(), None);

    browser.sign_in(&secret);
    let token = browser.token("/console/customers");
    let erase = format!("/console/customers/{id}/erase");
    let path = format!("/v1/subjects/{id}?purpose=order&fields=email");
    for body in ["sure=yes", "csrf=&sure=yes", "csrf=AAAA&sure=yes", &format!("csrf={foreign}&sure=yes")] {
        assert_eq!(browser.post(&erase, body).status, 403, "{body}");
    }
    let good = format!("csrf={token}&sure=yes");
    for header in [
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ] {
        let answer = browser.ask("POST", &erase, &[FORM[0], header], &good);
        assert_eq!(answer.status, 403, "{header:?}");
    }
    let answer = browser.ask("POST", &erase, &[("content-type", "text/plain")], &good);
    assert!((400..500).contains(&answer.status), "{}", answer.status);
    let answer = browser.get(&format!("{erase}?{good}"));
    assert_eq!(answer.status, 200, "GET shows the question and erases nobody");
    vault.client().get(&path).expect(200);
    let other = {
        let mut other = Browser::new(&vault);
        other.sign_in(&secret);
        other.token("/console/customers")
    };
    assert_eq!(browser.post(&erase, &format!("csrf={other}&sure=yes")).status, 403, "of another session");
    vault.client().get(&path).expect(200);
    let done = browser.post(&erase, &good);
    assert_eq!(done.status, 303, "{}", done.text());
    assert_ne!(vault.client().get(&path).status, 200, "the form itself works");
}

#[test]
fn pages_run_nothing_and_load_only_our_own() {
    let vault = running();
    let mut browser = Browser::new(&vault);
    browser.sign_in(&vault.secret());
    for page in ["/", "/console/sign-in", "/console", "/console/customers", "/console/nothing-here"] {
        let answer = browser.get(page);
        let policy =
            answer.header("content-security-policy").unwrap_or_else(|| panic!("{page} has no policy"));
        let directives: Vec<_> = policy.split(';').map(str::trim).collect();
        for wanted in
            ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"]
        {
            assert!(directives.contains(&wanted), "{page}: {wanted}: {policy}");
        }
        for loose in ["unsafe", "http:", "https:", "data:", "*"] {
            assert!(!policy.contains(loose), "{page}: {policy}");
        }
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("x-frame-options", "DENY"),
            ("cache-control", "no-store"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{page}");
        }
        let hsts = answer.header("strict-transport-security").unwrap();
        let age: u64 = hsts.strip_prefix("max-age=").unwrap().split(';').next().unwrap().parse().unwrap();
        assert!(age >= 15_768_000, "{page}: {hsts}");
        assert!(answer.header("server").is_none() && answer.header("x-powered-by").is_none(), "{page}");
        let html = answer.text();
        for foreign in ["<script", " style=", "src=\"http", "href=\"http", "//cdn"] {
            assert!(!html.contains(foreign), "{page}: {foreign}");
        }
    }
}

#[test]
fn the_language_is_chosen_once_and_remembered() {
    let vault = running();
    let mut browser = Browser::new(&vault);
    let language = |answer: &Answer| {
        let text = answer.text();
        text.split_once("<html lang=\"").unwrap().1[..2].to_owned()
    };
    assert_eq!(language(&browser.get("/")), "nl");
    assert_eq!(language(&browser.ask("GET", "/", &[("accept-language", "en-GB,en;q=0.9")], "")), "en");
    let switched = browser.get("/console/sign-in?lang=en");
    assert_eq!((switched.status, switched.header("location")), (303, Some("/console/sign-in")));
    let page = browser.get("/console/sign-in").expect(200);
    assert_eq!(language(&page), "en");
    assert!(page.text().contains("Sign in"), "the words too");
    assert_eq!(
        language(&browser.ask("GET", "/", &[("accept-language", "nl")], "")),
        "en",
        "the choice counts"
    );
    browser.get("/?lang=nl");
    let page = browser.get("/console/sign-in").expect(200);
    assert_eq!(language(&page), "nl");
    assert!(!page.text().contains("Sign in"));
    browser.get("/?lang=fr");
    assert_eq!(language(&browser.get("/")), "nl", "a language that we do not speak changes nothing");
    let away = browser.get("//evil.example/?lang=en");
    assert!(!away.header("location").unwrap_or("/").contains("evil"), "{}", away.head);
}

#[test]
fn guessing_credentials_ends_in_429() {
    let vault = running();
    let mut browser = Browser::new(&vault);
    let token = browser.token("/console/sign-in");
    let mut refused = None;
    for guess in 0..200 {
        let body = format!("csrf={token}&credential=kks_{guess:034}");
        // The form's cookie and token go together for as long as the page stands there.
        let jar = browser.cookies.clone();
        let answer = browser.post("/console/sign-in", &body);
        browser.cookies = jar;
        if answer.status == 429 {
            refused = Some((guess, answer));
            break;
        }
        assert_eq!(answer.status, 422, "{guess}: {}", answer.text());
    }
    let Some((guess, answer)) = refused else { panic!("nobody may guess 200 times in a minute") };
    assert!(guess >= 5, "a person may mistype: {guess}");
    let wait: u32 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=3600).contains(&wait), "{wait}");
    let right = format!("csrf={token}&credential={}", vault.secret());
    assert_eq!(browser.post("/console/sign-in", &right).status, 429, "the right one too, or it would tell");
    let guessing = vault.client().with_bearer(Some("kks_0000000000000000000000000000000000"));
    let api = guessing.get("/v1/status");
    assert!([401, 429].contains(&api.status), "{}", api.status);
    vault.client().get("/v1/status").expect(200);
}
