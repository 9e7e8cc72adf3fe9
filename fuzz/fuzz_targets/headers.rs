//! Cookies, HSTS, security.txt, addresses and first bytes of files.
#![no_main]
use kluis_checks::facts::{Header, SecurityTxt};
use kluis_checks::web::{self, cookies, exposed, headers, hsts, security_txt};
use kluis_model::TimeMs;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let lines: Vec<&str> = text.lines().collect();
    for line in &lines {
        let masked = web::mask_url(line);
        assert!(masked.len() <= 1024);
        let _ = web::personal_in(line);
        if let Some(cookie) = web::read_cookie(line, line) {
            let _ = (
                cookies::prefix_problem(&cookie),
                cookies::same_site(&cookie),
                cookies::is_session(&cookie.name),
            );
        }
        let (path, first) = line.split_once(' ').unwrap_or(("/.env", line));
        let _ = exposed::recognise(path, first.as_bytes());
        let _ = exposed::names_for(line);
    }
    let read = hsts::parse(&lines);
    assert_eq!(read.state == hsts::HstsState::On, read.max_age_seconds > 0);
    let _ = (
        headers::referrer(&lines),
        headers::frames(&lines),
        headers::is_nosniff(&lines),
        headers::token(&text),
    );
    let _ =
        headers::version_banners(&[Header { name: "server".to_owned(), value: text.clone().into_owned() }]);
    let file = SecurityTxt { url: Some("https://shop.example/".to_owned()), ..web::read_security_txt(&text) };
    assert!(file.fields.len() <= 100);
    let _ = security_txt::problems(&file, TimeMs(1_795_478_400_000));
});
