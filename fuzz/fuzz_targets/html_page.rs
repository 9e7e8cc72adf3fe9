//! Pages and style sheets of strangers: bounded, never a panic.
#![no_main]
use kluis_checks::facts::Page;
use kluis_checks::web;
use url::Url;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Ok(base) = Url::parse("https://www.shop.example/nl/?email=jan@mail.example") else { return };
    let html = String::from_utf8_lossy(data);
    let mut page = Page::default();
    web::read_page(&html, &base, &mut page);
    assert!(page.resources.len() <= 500 && page.forms.len() <= 50);
    assert!(page.forms.iter().all(|form| form.fields.len() <= 100));
    // What was masked holds nothing personal any more; a long one may have been cut anywhere.
    for resource in page.resources.iter().filter(|resource| resource.url.len() < 1000) {
        assert_eq!(web::mask_url(&resource.url), resource.url);
    }
    for (_, url) in web::links(&html, &base) {
        assert_eq!(url.host(), base.host());
    }
    web::read_style(&html, &base, "css", &mut page.resources);
    assert!(page.resources.len() <= 500);
    let _ = web::platform(&html, &[], &[]);
});
