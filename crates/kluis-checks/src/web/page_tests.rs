//! Tests of the page reader.
#![expect(clippy::unwrap_used, reason = "tests")]
use proptest::prelude::*;

use super::*;

fn read(html: &str) -> Page {
    let mut page = Page::default();
    read_page(html, &Url::parse("https://www.shop.example/nl/").unwrap(), &mut page);
    page
}

/// Checks the resources of a page, as `Kind url place`.
#[track_caller]
fn check(html: &str, wanted: &[&str]) {
    let found: Vec<String> =
        read(html).resources.iter().map(|r| format!("{:?} {} {}", r.kind, r.url, r.place)).collect();
    assert_eq!(found, wanted, "{html}");
}

#[test]
fn resources_of_every_kind_are_found() {
    check("<script src=/a.js></script>", &["Script https://www.shop.example/a.js script src"]);
    check("<script type=module src=a.js></script>", &["Script https://www.shop.example/nl/a.js script src"]);
    check(
        "<link rel='StyleSheet preload' href=//c.example/a.css>",
        &["Style https://c.example/a.css link stylesheet preload"],
    );
    check(
        "<link rel=preload as=font href=f.woff2>",
        &["Font https://www.shop.example/nl/f.woff2 link preload"],
    );
    check(
        "<link rel=modulepreload href=m.js>",
        &["Script https://www.shop.example/nl/m.js link modulepreload"],
    );
    check(
        "<link rel='shortcut icon' href=/i.ico>",
        &["Image https://www.shop.example/i.ico link shortcut icon"],
    );
    check("<link rel=manifest href=/m.json>", &["Other https://www.shop.example/m.json link manifest"]);
    check(
        "<img src=a.png srcset='b.png 1x, c.png 2x,d.png'>",
        &[
            "Image https://www.shop.example/nl/a.png img src",
            "Image https://www.shop.example/nl/b.png img srcset",
            "Image https://www.shop.example/nl/c.png img srcset",
            "Image https://www.shop.example/nl/d.png img srcset",
        ],
    );
    check(
        "<img srcset='https://i.example/w=1,h=2/x.png 100w,/y.png'>",
        &[
            "Image https://i.example/w=1,h=2/x.png img srcset",
            "Image https://www.shop.example/y.png img srcset",
        ],
    );
    check(
        "<picture><source srcset=a.webp><img></picture>",
        &["Image https://www.shop.example/nl/a.webp source srcset"],
    );
    check(
        "<video poster=p.jpg><source src=v.mp4><track src=t.vtt></video><source src=x>",
        &[
            "Image https://www.shop.example/nl/p.jpg video poster",
            "Media https://www.shop.example/nl/v.mp4 source src",
            "Media https://www.shop.example/nl/t.vtt track src",
            "Image https://www.shop.example/nl/x source src",
        ],
    );
    check("<audio src=a.mp3></audio>", &["Media https://www.shop.example/nl/a.mp3 audio src"]);
    check("<iframe src='http://f.example/?x=1'></iframe>", &["Frame http://f.example/?x=* iframe src"]);
    check(
        "<object data=o.swf></object><embed src=e.pdf>",
        &[
            "Object https://www.shop.example/nl/o.swf object data",
            "Object https://www.shop.example/nl/e.pdf embed src",
        ],
    );
}

#[test]
fn resources_in_odd_places_are_found() {
    check(
        "<svg><image xlink:href=http://i.example/a.png /><use href=s.svg#x /></svg>",
        &[
            "Image http://i.example/a.png image xlink:href",
            "Image https://www.shop.example/nl/s.svg use href",
        ],
    );
    check(
        "<input type=image src=b.png><body background=bg.gif>",
        &[
            "Image https://www.shop.example/nl/b.png input src",
            "Image https://www.shop.example/nl/bg.gif body background",
        ],
    );
    check(
        "<p style=\"background: url('http://i.example/bg.png')\">",
        &["Image http://i.example/bg.png style="],
    );
    check(
        "<style>@import 'a.css'; p { background: url(b.png) }</style>",
        &[
            "Style https://www.shop.example/nl/a.css style url()",
            "Image https://www.shop.example/nl/b.png style url()",
        ],
    );
    check(
        "<script type=importmap>{\"imports\":{\"vue\":\"https://c.example/vue.js\",\"x/\":\"/x/\"}}</script>",
        &["Script https://c.example/vue.js importmap"],
    );
    check(
        "<noscript><img src='https://t.example/px?e=1'></noscript>",
        &["Image https://t.example/px?e=* img src"],
    );
    check(
        "<iframe srcdoc='&lt;img src=http://i.example/x.png&gt;'></iframe>",
        &["Image http://i.example/x.png img src"],
    );
    check("<img data-src=http://i.example/lazy.png>", &["Image http://i.example/lazy.png img data-src"]);
}

#[test]
fn what_loads_nothing_is_left_out() {
    for html in [
        "",
        "text",
        "<!-- <img src=x> -->",
        "<script>var a = '<img src=x>';</script>",
        "<textarea><img src=x></textarea>",
        "<img src=data:image/gif;base64,AAAA>",
        "<img src=''>",
        "<a href=http://x.example>",
        "<script type='text/plain' src=x></script>",
        "<script type='text/template'><img src=x></script>",
        "<link rel=canonical href=http://x.example>",
        "<link href=x>",
        "<img src='http://[bad'>",
        "<iframe src='about:blank'></iframe>",
        "<iframe src='javascript:void(0)'></iframe>",
        "<input src=x>",
        "<img src=#a>",
        "<script type=importmap>{not json",
        "<link rel=alternate href=x>",
    ] {
        check(html, &[]);
    }
}

#[test]
fn the_base_counts_once() {
    check(
        "<base href=http://b.example/x/><base href=http://c.example/><img src=a>",
        &["Image http://b.example/x/a img src"],
    );
    check("<base href='data:x'><img src=a>", &["Image https://www.shop.example/nl/a img src"]);
    check("<base target=_top><base href=/y/><img src=a>", &["Image https://www.shop.example/y/a img src"]);
}

#[test]
fn parties_fingerprints_and_personal_data_are_told() {
    let page = read(
        "<script src='//cdn.example/a.js' integrity='sha384-abc' crossorigin></script>\
         <script src='https://static.shop.example/b.js'></script>\
         <img src='https://t.example/p?uid=9&mail=jan%40mail.example'>",
    );
    let [a, b, pixel] = page.resources.as_slice() else { panic!("three resources") };
    assert!(a.is_third_party && a.is_protocol_relative && a.integrity.as_deref() == Some("sha384"));
    assert!(!b.is_third_party && !b.is_protocol_relative && b.integrity.is_none());
    assert_eq!(
        (pixel.url.as_str(), pixel.personal.as_slice()),
        ("https://t.example/p?uid=*&mail=*", &["email".to_owned()][..])
    );
    let twice = read("<script src=/a.js integrity=sha256-x></script><script src=/a.js></script>");
    assert_eq!((twice.resources.len(), twice.resources[0].integrity.as_deref()), (1, None));
}

#[test]
fn policies_scripts_and_secrets_are_told() {
    let page = read(
        "<meta http-equiv='Content-Security-Policy' content=\"default-src 'self'\"><meta name=referrer content=no-referrer>\
         <meta http-equiv=refresh content='0; url=https://x.example/?token=abc'><meta charset=utf-8>\
         <script>a()</script><script type='application/ld+json'>{}</script><p onclick=x() once=1><a href='JavaScript:x()'>",
    );
    let metas: Vec<(&str, &str)> = page.metas.iter().map(|m| (m.name.as_str(), m.value.as_str())).collect();
    assert_eq!(
        metas,
        [
            ("content-security-policy", "default-src 'self'"),
            ("referrer-policy", "no-referrer"),
            ("refresh", "0; url=https://x.example/?token=*"),
        ]
    );
    assert_eq!((page.inline_scripts, page.inline_handlers, page.has_secret_in_body), (1, 2, false));
    for html in [
        "<meta name=csrf-token content=abcdefgh>",
        "<input type=hidden name=form_key value=abcdefgh>",
        "<input type=hidden name=woocommerce-login-nonce value=0123456789>",
        "<input name=email value=jan@mail.example>",
    ] {
        assert!(read(html).has_secret_in_body, "{html}");
    }
    for html in [
        "<meta name=csrf-token content=''>",
        "<input type=hidden name=form_key value=''>",
        "<input type=hidden name=page value=123456789>",
    ] {
        assert!(!read(html).has_secret_in_body, "{html}");
    }
}

#[test]
fn personal_data_in_the_own_address_is_told() {
    let mut page = Page::default();
    read_page("", &Url::parse("https://shop.example/?email=jan@mail.example").unwrap(), &mut page);
    assert_eq!(page.personal_in_url, ["email"]);
}

#[test]
fn giants_are_bounded() {
    let images: String = (0..100_000).map(|n| format!("<img src={n}>")).collect();
    assert_eq!(read(&images).resources.len(), RESOURCES_MAX);
    let deep = "<div>".repeat(400_000);
    assert_eq!(read(&deep).resources.len(), 0);
    let metas = "<meta http-equiv=x content=y>".repeat(50_000);
    assert_eq!(read(&metas).metas.len(), METAS_MAX);
    let attributes: String = (0..200_000).map(|n| format!(" a{n}=x")).collect();
    assert_eq!(read(&format!("<img{attributes}><img src=x>")).resources.len(), 1);
    // Each of these is longer than what is kept of it, so all look alike.
    let base = format!("<base href='/{}/'>", "a".repeat(8_000));
    let begun = std::time::Instant::now();
    assert_eq!(read(&format!("{base}{}", "<img src=a>".repeat(180_000))).resources.len(), 1);
    assert!(begun.elapsed().as_secs() < 20, "{:?}", begun.elapsed());
    let set = format!("<img srcset='{}'>", "a 1x,".repeat(300_000));
    assert_eq!(read(&set).resources.len(), 1);
    let styles = "<p style='a:url(x)'><style>b{c:url(y)}</style>".repeat(40_000);
    assert_eq!(read(&styles).resources.len(), 2);
    let garbage: String =
        (0..500_000_u32).filter_map(|n| char::from_u32(n.wrapping_mul(2_654_435_761) % 0xd7ff)).collect();
    let _ = read(&garbage);
}

proptest! {
    #[test]
    fn any_page_is_read(
        html in "(<|</|>|=|\"|'| |/|//|img|script|style|form|input|label|src|href|srcset|iframe srcdoc|type|url\\(|base|meta|link rel|a@b.nl|http:|é|&lt;|\n){0,80}"
    ) {
        let page = read(&html);
        prop_assert!(page.resources.len() <= RESOURCES_MAX);
    }
}
