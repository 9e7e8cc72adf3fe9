//! Whole audits of shops: what is read from them, and what hostile ones can do.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use kluis_checks::facts::{HttpState, OwnerProof, PageKind, Redirects, ResourceKind, WebFacts};
use kluis_checks::{Evidence, Part};

use crate::testing::dns::{NameServer, Said, answer};
use crate::testing::{Asked, Authority, HOST, LOCAL, Reply, Server, options, run, within};
use crate::{AuditError, AuditOptions, PAGE_BYTES_MAX};

const TOKEN: &str = "0123456789abcdef";

/// A shop with HTTPS and HTTP, whose plain port redirects.
struct Shop {
    https: Server,
    http: Server,
    options: AuditOptions,
}

impl Shop {
    async fn new(reply: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        let authority = Authority::new();
        let https = Server::tls(authority.settings(&[HOST, "www.shop.example"]), reply).await;
        let to = format!("https://{HOST}:{}", https.at.port());
        let http = Server::plain(move |asked| Reply::to(&format!("{to}{}", asked.path))).await;
        let mut options = options(Some(&https), Some(&http));
        options.roots = vec![authority.root()];
        options.parts = [Part::Web, Part::Exposed].into();
        Self { https, http, options }
    }

    async fn web(&self) -> WebFacts {
        within(15, run(&self.options)).await.unwrap().web
    }
}

/// A shop whose plain port replies so, and which has no HTTPS.
async fn plain(reply: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> (Server, AuditOptions) {
    let http = Server::plain(reply).await;
    let mut options = options(None, Some(&http));
    options.step = Duration::from_millis(500);
    options.parts = [Part::Web].into();
    (http, options)
}

fn good(asked: &Asked) -> Reply {
    let page = |body: &str| Reply::html(&format!("<!doctype html><html lang=nl><title>Shop</title>{body}"));
    match asked.path.as_str() {
        "/" => page(
            "<link rel=stylesheet href=/a.css><a href=/product/kaas>Kaas</a> <a href=/mijn-account/>Inloggen</a> \
             <a href=/afrekenen/>Afrekenen</a> <a href=/contact/>Contact</a><img src=/logo.png>",
        ),
        "/product/kaas" => page("<h1>Kaas</h1><img src=http://images.example/kaas.jpg>"),
        "/mijn-account/" => page("<form method=post action=/login><input type=password name=pw></form>"),
        "/afrekenen/" => page("<form method=post><input type=email name=email autocomplete=email></form>"),
        "/contact/" => page("<form method=get><textarea name=message></textarea></form>"),
        "/a.css" => Reply::new(
            200,
            &[("Content-Type", "text/css")],
            "body{background:url(http://images.example/b.png)}",
        ),
        "/robots.txt" => {
            Reply::new(200, &[("Set-Cookie", "robot=1; Secure")], "User-agent: *\nDisallow: /afrekenen/\n")
        }
        "/.well-known/security.txt" => Reply::new(
            200,
            &[("Content-Type", "text/plain; charset=utf-8")],
            "Contact: mailto:security@shop.example\nExpires: 2030-01-01T00:00:00Z\n",
        ),
        _ => Reply::none(),
    }
}

fn place<'a>(facts: &'a WebFacts, from: &str) -> &'a Redirects {
    facts.redirects.iter().find(|way| way.from.starts_with(from)).unwrap()
}

#[tokio::test]
async fn a_shop_is_read_page_by_page() {
    let shop = Shop::new(|asked| match asked.path.as_str() {
        "/" => match good(asked) {
            Reply::Keep(bytes) => {
                let head = "HTTP/1.1 200 OK\r\nSet-Cookie: session=abc; HttpOnly\r\nServer: nginx/1.2\r\n";
                Reply::Keep(
                    String::from_utf8(bytes).unwrap().replacen("HTTP/1.1 200 Whatever\r\n", head, 1).into(),
                )
            }
            other => other,
        },
        _ => good(asked),
    })
    .await;
    let began = Instant::now();
    let evidence = run(&shop.options).await.unwrap();
    let web = &evidence.web;
    let kinds: Vec<PageKind> = web.pages.iter().map(|page| page.kind).collect();
    assert_eq!(
        kinds,
        [PageKind::Home, PageKind::Product, PageKind::Login, PageKind::Checkout, PageKind::Contact],
        "{:?}",
        shop.https.paths()
    );
    let home = &web.pages[0];
    assert_eq!(home.last().unwrap().is_certificate_good, Some(true));
    assert!(
        home.resources.iter().any(|r| r.place.starts_with("css ") && r.url == "http://images.example/b.png")
    );
    assert!(home.resources.iter().any(|r| r.kind == ResourceKind::Image && r.url.ends_with("/logo.png")));
    // Fields were found, and plain HTTP redirects.
    assert_eq!(web.pages[2].is_served_over_http, Some(false));
    assert_eq!(web.pages[0].is_served_over_http, None);
    let way = place(web, "http://shop.example:");
    assert_eq!((way.state, way.hops.len()), (HttpState::Open, 2));
    assert_eq!(way.hops[1].status, 200);
    let cookies: Vec<&str> = web.cookies.iter().map(|cookie| cookie.name.as_str()).collect();
    assert_eq!(cookies, ["session", "robot"]);
    assert_eq!(web.cors.len(), 4);
    assert_eq!(web.security_txt.as_ref().unwrap().fields.len(), 2);
    assert_eq!(web.server.as_deref(), Some("nginx"));
    assert_eq!(web.owner, OwnerProof::NotAsked);
    assert_eq!(evidence.gaps, []);
    // Gentle: one connection for nearly everything.
    assert!(shop.https.connections() <= 3 && shop.http.connections() <= 2, "{}", shop.https.connections());
    assert_eq!(evidence.connections, shop.https.connections() + shop.http.connections());
    assert!(began.elapsed() < Duration::from_secs(5));
    // No value of a cookie is kept, and evidence survives being saved.
    let json = serde_json::to_string(&evidence).unwrap();
    assert!(!json.contains("abc") && json.contains("session"));
    assert_eq!(serde_json::from_str::<Evidence>(&json).unwrap(), evidence);
}

#[tokio::test]
async fn pages_that_are_given_are_read_instead_of_guessed_ones() {
    let mut shop = Shop::new(good).await;
    shop.options.pages = vec![
        (PageKind::Checkout, "/afrekenen/".to_owned()),
        (PageKind::Other, "/nowhere".to_owned()),
        (PageKind::Login, "//evil.example/".to_owned()),
        (PageKind::Contact, "https://evil.example/".to_owned()),
    ];
    let evidence = run(&shop.options).await.unwrap();
    let kinds: Vec<PageKind> = evidence.web.pages.iter().map(|page| page.kind).collect();
    assert_eq!(kinds, [PageKind::Home, PageKind::Checkout]);
    let gaps: BTreeSet<&str> = evidence.gaps.iter().map(|gap| gap.what.as_str()).collect();
    assert_eq!(gaps, ["page.contact", "page.login", "page.other"].into());
}

#[tokio::test]
async fn only_the_parts_that_are_asked_for_are_looked_at() {
    let mut shop = Shop::new(good).await;
    shop.options.parts = [Part::Dns].into();
    let evidence = run(&shop.options).await.unwrap();
    assert_eq!((shop.https.connections(), shop.http.connections(), evidence.connections), (0, 0, 0));
    assert!(evidence.endpoints.is_empty() && evidence.web.pages.is_empty());
    shop.options.parts = [Part::Tls].into();
    let evidence = run(&shop.options).await.unwrap();
    assert!(shop.https.asked().is_empty() && evidence.web.redirects.is_empty());
    assert_eq!(evidence.endpoints.len(), 1);
}

#[tokio::test]
async fn progress_is_told() {
    let shop = Shop::new(good).await;
    let steps = Mutex::new(Vec::new());
    crate::audit(HOST, &shop.options, &|step| steps.lock().unwrap().push(step)).await.unwrap();
    let steps = steps.into_inner().unwrap();
    assert!(steps.iter().all(|step| step.done <= step.total));
    let web: Vec<u32> = steps.iter().filter(|step| step.part == Part::Web).map(|step| step.done).collect();
    assert!(web.is_sorted() && web.last() == Some(&5));
}

#[tokio::test]
async fn siblings_are_walked_too() {
    let shop = Shop::new(|asked| match asked.header("host") {
        Some(host) if host.starts_with("www.") => Reply::to("https://elsewhere.invalid/"),
        _ => good(asked),
    })
    .await;
    let mut options = shop.options.clone();
    options.resolve.push(("www.shop.example".to_owned(), LOCAL));
    let evidence = run(&options).await.unwrap();
    assert_eq!(evidence.dns.sibling, Some(("www.shop.example".to_owned(), vec![LOCAL])));
    assert_eq!(evidence.web.redirects.len(), 3);
    let way = place(&evidence.web, "https://www.");
    assert_eq!((way.hops.len(), way.hops[0].location.as_deref()), (1, Some("https://elsewhere.invalid/")));
    assert!(evidence.gaps.iter().any(|gap| gap.what == "redirects"));
}

#[tokio::test]
async fn redirects_that_never_end_are_said_to_be_so() {
    for reply in [
        (|_: &Asked| Reply::to("/")) as fn(&Asked) -> Reply,
        |asked| Reply::to(if asked.path == "/a" { "/b" } else { "/a" }),
        |asked| Reply::to(&format!("{}x", asked.path)),
        |asked| Reply::to(&format!("/?{}", "x".repeat(asked.path.len()))),
        |_| Reply::to("#again"),
    ] {
        let (http, options) = plain(reply).await;
        let evidence = within(10, run(&options)).await.unwrap();
        let way = &evidence.web.redirects[0];
        assert!(way.is_endless && way.hops.len() <= 11, "{way:?}");
        assert!(evidence.gaps.iter().any(|gap| gap.what == "page.home" && gap.why.contains("without end")));
        assert!(http.asked().len() <= 40);
    }
}

#[tokio::test]
async fn odd_redirects_end_the_walk() {
    for (status, location) in [
        (301, "javascript:alert(1)"),
        (302, "data:text/html,x"),
        (302, "http://"),
        (307, "ftp://127.0.0.1/"),
        (308, "http://[::bad/"),
        (300, "/other"),
        (304, "/other"),
        (399, "/other"),
    ] {
        let (_http, options) = plain(move |_| Reply::new(status, &[("Location", location)], "")).await;
        let evidence = within(10, run(&options)).await.unwrap();
        let way = &evidence.web.redirects[0];
        assert_eq!((way.hops.len(), way.is_endless), (1, false), "{status} {location}");
    }
    // No Location at all.
    let (_http, options) = plain(|_| Reply::new(301, &[], "")).await;
    assert_eq!(run(&options).await.unwrap().web.redirects[0].hops.len(), 1);
}

#[tokio::test]
async fn the_plain_port_is_open_closed_or_broken() {
    let mut shop = Shop::new(good).await;
    shop.options.step = Duration::from_millis(500);
    let way = &shop.web().await.redirects[0];
    assert_eq!(way.state, HttpState::Open);
    for reply in [Reply::Close(b"SSH-2.0-x\r\n".to_vec()), Reply::Close(Vec::new()), Reply::Silent] {
        let broken = Server::plain(move |_| reply.clone()).await;
        shop.options.http_port = broken.at.port();
        let evidence = run(&shop.options).await.unwrap();
        assert_eq!(evidence.web.redirects[0].state, HttpState::Broken);
        assert!(evidence.gaps.iter().any(|gap| gap.what == "redirects"));
        assert_eq!(evidence.web.pages[2].is_served_over_http, None);
    }
    shop.options.http_port = crate::testing::closed_port();
    let evidence = run(&shop.options).await.unwrap();
    assert_eq!((evidence.web.redirects[0].state, &evidence.gaps), (HttpState::Closed, &Vec::new()));
    assert_eq!(evidence.web.pages[2].is_served_over_http, Some(false));
}

#[tokio::test]
async fn a_login_that_is_served_over_http_too_is_seen() {
    let mut shop = Shop::new(good).await;
    let plain = Server::plain(good).await;
    shop.options.http_port = plain.at.port();
    let web = shop.web().await;
    let served: Vec<Option<bool>> = web.pages.iter().map(|page| page.is_served_over_http).collect();
    assert_eq!(served, [None, None, Some(true), Some(true), Some(true)]);
    // An error page over HTTP is not the page.
    let plain =
        Server::plain(|_| Reply::new(403, &[("Content-Type", "text/html")], "<form><input name=q></form>"))
            .await;
    shop.options.http_port = plain.at.port();
    assert_eq!(shop.web().await.pages[2].is_served_over_http, Some(false));
}

#[tokio::test]
async fn a_shop_without_https_is_read_all_the_same() {
    let (_http, options) = plain(good).await;
    let evidence = run(&options).await.unwrap();
    assert_eq!(evidence.web.pages.len(), 5);
    assert_eq!(evidence.web.pages[2].is_served_over_http, Some(true));
    assert!(evidence.gaps.iter().any(|gap| gap.what == "page.home"));
}

#[tokio::test]
async fn a_shop_with_a_bad_certificate_is_read_and_it_is_noted() {
    let mut shop = Shop::new(good).await;
    shop.options.roots.clear();
    let web = shop.web().await;
    assert_eq!(web.pages.len(), 5);
    assert!(web.pages.iter().all(|page| page.last().unwrap().is_certificate_good == Some(false)));
}

#[tokio::test]
async fn hostile_front_pages_cost_little_and_are_told() {
    let page = |bytes: usize| {
        format!("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {bytes}\r\n\r\n")
    };
    let garbage: Vec<u8> = (0..200_000u32).map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()[3]).collect();
    let nested = "<div>".repeat(300_000);
    let pages = [
        (Reply::Endless(page(1 << 40).into(), b"<a href=/x>x</a>".repeat(1000)), true),
        (Reply::Drip(format!("{}{}", page(9000), "<p>".repeat(3000)).into(), Duration::from_millis(3)), true),
        (Reply::Close([page(garbage.len()).as_bytes(), &garbage].concat()), true),
        (Reply::html(&nested), true),
        (Reply::Endless(b"HTTP/1.1 200 OK\r\n".to_vec(), b"Set-Cookie: a=b\r\n".to_vec()), false),
        (Reply::Close(garbage), false),
        (Reply::Silent, false),
    ];
    futures_util::future::join_all(pages.map(|(reply, is_read)| async move {
        let text = format!("{reply:?}").chars().take(60).collect::<String>();
        let mut shop = Shop::new(move |_| reply.clone()).await;
        shop.options.step = Duration::from_secs(1);
        shop.options.total = Duration::from_secs(8);
        let evidence = within(18, run(&shop.options)).await.unwrap();
        assert_eq!(!evidence.web.pages.is_empty(), is_read, "{text}");
        let is_told = evidence.gaps.iter().any(|gap| gap.what == "page.home");
        let is_whole = evidence.web.pages.first().is_some_and(|page| !page.is_cut);
        assert!(is_told || is_whole, "{text} {:?}", evidence.gaps);
        assert!(evidence.web.pages.iter().all(|page| page.body_bytes <= PAGE_BYTES_MAX as u64));
        assert!(evidence.connections <= 30, "{text} {}", evidence.connections);
    }))
    .await;
}

#[tokio::test]
async fn cookies_without_end_are_bounded() {
    let cookies: String = (0..100).map(|n| format!("Set-Cookie: c{n}=v; Path=/\r\n")).collect();
    let head = format!("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n{cookies}Content-Length: 2\r\n\r\nok");
    let shop = Shop::new(move |_| Reply::Keep(head.clone().into())).await;
    let web = shop.web().await;
    assert_eq!(web.cookies.len(), 100);
    let count = std::sync::atomic::AtomicU32::new(0);
    let shop = Shop::new(move |asked| {
        let n = count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let cookies: String = (0..150).map(|m| format!("Set-Cookie: c{n}x{m}=v\r\n")).collect();
        let page = match good(asked) {
            Reply::Keep(bytes) => String::from_utf8(bytes).unwrap(),
            other => panic!("{other:?}"),
        };
        Reply::Keep(page.replacen("\r\n", &format!("\r\n{cookies}"), 1).into())
    })
    .await;
    assert_eq!(shop.web().await.cookies.len(), 300);
}

#[tokio::test]
async fn a_server_that_closes_after_each_answer_is_still_read_within_the_budget() {
    let shop = Shop::new(|asked| match good(asked) {
        Reply::Keep(bytes) => Reply::Close(bytes),
        other => other,
    })
    .await;
    let evidence = run(&shop.options).await.unwrap();
    assert_eq!(evidence.web.pages.len(), 5);
    assert!(
        evidence.connections <= 20 && evidence.gaps.is_empty(),
        "{} {:?}",
        evidence.connections,
        evidence.gaps
    );
    let mut options = shop.options.clone();
    options.connections_max = 6;
    let evidence = run(&options).await.unwrap();
    assert_eq!(evidence.connections, 6);
    assert!(evidence.gaps.iter().any(|gap| gap.why.contains("connections")), "{:?}", evidence.gaps);
}

#[tokio::test]
async fn answers_to_foreign_origins_are_noted() {
    let shop = Shop::new(|asked| match (asked.method.as_str(), asked.header("origin")) {
        ("OPTIONS", _) => Reply::new(405, &[], ""),
        (_, Some(origin)) => Reply::new(
            200,
            &[("Access-Control-Allow-Origin", origin), ("Access-Control-Allow-Credentials", " TRUE ")],
            "",
        ),
        _ => good(asked),
    })
    .await;
    let web = shop.web().await;
    let seen: Vec<(&str, Option<&str>, bool)> = web
        .cors
        .iter()
        .map(|c| (c.method.as_str(), c.allow_origin.as_deref(), c.allows_credentials))
        .collect();
    assert_eq!(
        seen,
        [
            ("GET", Some("https://klantkluis-check.example"), true),
            ("GET", Some("null"), true),
            ("OPTIONS", None, false),
            ("OPTIONS", None, false),
        ]
    );
}

#[tokio::test]
async fn security_txt_is_found_where_it_is() {
    const TEXT: &str = "Contact: mailto:a@shop.example\n";
    for (path, reply, is_found) in [
        ("/.well-known/security.txt", Reply::new(200, &[("Content-Type", "text/plain")], TEXT), Some(false)),
        ("/security.txt", Reply::new(200, &[("Content-Type", "text/plain")], TEXT), Some(true)),
        ("/security.txt", Reply::new(200, &[], TEXT), Some(true)),
        ("/.well-known/security.txt", Reply::html("<h1>Welcome</h1>"), None),
        (
            "/.well-known/security.txt",
            Reply::new(200, &[("Content-Type", "text/plain")], "<!doctype html>"),
            None,
        ),
        ("/.well-known/security.txt", Reply::new(404, &[("Content-Type", "text/plain")], TEXT), None),
        ("/.well-known/security.txt", Reply::to("/.well-known/security.txt"), None),
    ] {
        let shop = Shop::new(move |asked| match asked.path.as_str() {
            asked_path if asked_path == path => reply.clone(),
            "/" => good(asked),
            _ => Reply::none(),
        })
        .await;
        let text = shop.web().await.security_txt.unwrap();
        assert_eq!(text.url.is_some(), is_found.is_some(), "{path}");
        assert_eq!(text.is_top_level, is_found == Some(true), "{path}");
    }
    let (_http, options) = plain(|_| Reply::Close(Vec::new())).await;
    assert!(matches!(run(&options).await, Err(AuditError::TimedOut { .. } | AuditError::Refused { .. })));
}

#[tokio::test]
async fn ownership_is_proven_by_record_or_file() {
    let line = format!("klantkluis-owner={TOKEN}");
    for (body, proof) in [
        (format!("{line}\n"), OwnerProof::File),
        (format!("# for the audit\r\n  {line}  \r\n"), OwnerProof::File),
        (format!("x{line}"), OwnerProof::Missing),
        (format!("{line}0"), OwnerProof::Missing),
        ("klantkluis-owner=".to_owned(), OwnerProof::Missing),
        (String::new(), OwnerProof::Missing),
        (format!("{}{line}", "\n".repeat(5000)), OwnerProof::Missing),
    ] {
        let shown = body.clone();
        let mut shop = Shop::new(move |asked| match asked.path.as_str() {
            "/.well-known/klantkluis-owner.txt" => Reply::new(200, &[("Content-Type", "text/plain")], &body),
            _ => good(asked),
        })
        .await;
        shop.options.owner = Some(TOKEN.to_owned());
        shop.options.parts = [Part::Exposed].into();
        assert_eq!(shop.web().await.owner, proof, "{shown:.60}");
        let has_looked = shop.https.paths().iter().any(|path| path.contains(".git"));
        assert_eq!(has_looked, proof != OwnerProof::Missing);
    }
    // Somebody else's file does not count.
    let mut shop = Shop::new(|asked| match asked.path.as_str() {
        "/.well-known/klantkluis-owner.txt" => Reply::to("/upload"),
        "/upload" => Reply::new(200, &[], format!("klantkluis-owner={TOKEN}")),
        _ => good(asked),
    })
    .await;
    shop.options.owner = Some(TOKEN.to_owned());
    assert_eq!(shop.web().await.owner, OwnerProof::Missing);
}

#[tokio::test]
async fn a_record_of_the_registrable_domain_proves_it_for_every_host() {
    let names = NameServer::start(|question, _| {
        let query = &question.queries[0];
        let is_there = query.name.to_ascii() == "_klantkluis.shop.example."
            && query.query_type == hickory_proto::rr::RecordType::TXT;
        let text = hickory_proto::rr::rdata::TXT::new(vec![format!("klantkluis-owner={TOKEN}")]);
        let records = if is_there {
            vec![("_klantkluis.shop.example.", hickory_proto::rr::RData::TXT(text))]
        } else {
            Vec::new()
        };
        Said::Message(Box::new(answer(question, records)))
    })
    .await;
    let mut shop = Shop::new(good).await;
    shop.options.owner = Some(TOKEN.to_owned());
    shop.options.dns = Some(names.at);
    shop.options.parts = [Part::Exposed].into();
    let evidence = run(&shop.options).await.unwrap();
    assert_eq!((evidence.web.owner, evidence.web.exposed_looked), (OwnerProof::Dns, Some(true)));
    shop.options.owner = Some("another-0123456789".to_owned());
    assert_eq!(shop.web().await.owner, OwnerProof::Missing);
    // Whoever owns the name may point it at somebody else's server, which has no certificate for it.
    let authority = Authority::new();
    let other = Server::tls(authority.settings(&["other.example"]), good).await;
    shop.options.owner = Some(TOKEN.to_owned());
    shop.options.https_port = other.at.port();
    shop.options.roots = vec![authority.root()];
    let evidence = run(&shop.options).await.unwrap();
    assert_eq!(evidence.web.owner, OwnerProof::Missing);
    assert!(evidence.gaps.iter().any(|gap| gap.why.contains("certificate")), "{:?}", evidence.gaps);
    assert!(other.paths().iter().all(|path| path.contains("klantkluis-owner")), "{:?}", other.paths());
}

/// A shop of an owner who may look, where one path is open.
async fn open(path: &'static str, reply: Reply) -> (Shop, WebFacts) {
    let mut shop = Shop::new(move |asked| match asked.path.as_str() {
        "/.well-known/klantkluis-owner.txt" => Reply::new(200, &[], format!("klantkluis-owner={TOKEN}")),
        asked_path if asked_path == path => reply.clone(),
        _ => Reply::none(),
    })
    .await;
    shop.options.owner = Some(TOKEN.to_owned());
    shop.options.parts = [Part::Exposed].into();
    let web = shop.web().await;
    (shop, web)
}

#[tokio::test]
async fn open_files_are_recognised_by_their_first_bytes_only() {
    let head = "ref: refs/heads/main\n";
    let (shop, web) = open("/.git/HEAD", Reply::new(206, &[("Content-Range", "bytes 0-20/21")], head)).await;
    assert_eq!(web.exposed.len(), 1, "{web:?}");
    assert_eq!((web.exposed[0].path.as_str(), web.exposed[0].bytes), ("/.git/HEAD", Some(21)));
    assert!(shop.https.connections() <= 3);
    let ranged = shop.https.asked().into_iter().find(|asked| asked.path == "/.git/HEAD").unwrap();
    assert_eq!(ranged.header("range"), Some("bytes=0-511"));
    // A server that sends all of it is stopped.
    let dump = [
        b"HTTP/1.1 200 OK\r\nContent-Length: 68719476736\r\n\r\nref: refs/heads/x\n".to_vec(),
        vec![b' '; 600],
    ]
    .concat();
    let (_, web) = open("/.git/HEAD", Reply::Endless(dump, vec![b' '; 60_000])).await;
    assert_eq!((web.exposed.len(), web.exposed[0].bytes), (1, Some(68_719_476_736)));
    let (_, web) = open("/.git/HEAD", Reply::html("<h1>Not found</h1>")).await;
    assert_eq!((web.exposed.len(), web.exposed_looked), (0, Some(true)));
}

#[tokio::test]
async fn a_shop_that_answers_every_path_has_no_open_files() {
    for reply in [Reply::html("<h1>Welcome</h1>"), Reply::to("/"), Reply::new(200, &[], "")] {
        let mut shop = Shop::new(move |asked| match asked.path.as_str() {
            "/.well-known/klantkluis-owner.txt" => Reply::new(200, &[], format!("klantkluis-owner={TOKEN}")),
            _ => reply.clone(),
        })
        .await;
        shop.options.owner = Some(TOKEN.to_owned());
        shop.options.parts = [Part::Exposed].into();
        assert!(shop.web().await.exposed.is_empty());
    }
}
