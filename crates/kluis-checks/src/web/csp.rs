//! Reads Content-Security-Policy (CSP Level 3) and answers what it allows.
//!
//! Several policies hold together: something is allowed only when every policy allows it.

/// Bytes of one policy that are read.
const POLICY_BYTES_MAX: usize = 16 * 1024;
/// Policies that are read; a comma in a header begins another one.
const POLICIES_MAX: usize = 20;
/// Directives of one policy.
const DIRECTIVES_MAX: usize = 100;
/// Sources of one directive.
const SOURCES_MAX: usize = 500;

/// A source expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// `'none'`.
    None,
    /// `'self'`.
    Own,
    /// `'unsafe-inline'`.
    UnsafeInline,
    /// `'unsafe-eval'`.
    UnsafeEval,
    /// `'wasm-unsafe-eval'`.
    WasmUnsafeEval,
    /// `'unsafe-hashes'`.
    UnsafeHashes,
    /// `'strict-dynamic'`.
    StrictDynamic,
    /// Another quoted keyword of the standard, such as `'report-sample'`.
    Keyword(String),
    /// `'nonce-…'`; the nonce is not kept.
    Nonce,
    /// `'sha256-…'`; only the algorithm is kept.
    Hash(String),
    /// `https:`, in lower case without the colon.
    Scheme(String),
    /// A host.
    Host(HostSource),
    /// Something that is no source expression.
    Invalid(String),
}

/// A host source: `https://*.shop.example:443/path`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostSource {
    /// Scheme in lower case.
    pub scheme: Option<String>,
    /// Host in lower case: `*`, `*.shop.example`, `shop.example`.
    pub host: String,
    /// Port: digits or `*`.
    pub port: Option<String>,
    /// Path.
    pub path: Option<String>,
}

/// One directive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directive {
    /// Name in lower case.
    pub name: String,
    /// Its values as written.
    pub values: Vec<String>,
    /// Its values as source expressions; empty for directives that have none.
    pub sources: Vec<Source>,
}

/// One policy: one header value up to a comma.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Single {
    /// Directives that count: the first one of each name.
    pub directives: Vec<Directive>,
    /// Names that came again, which browsers ignore.
    pub duplicates: Vec<String>,
    /// What could not be understood: unknown directives, bad source expressions.
    pub invalid: Vec<String>,
}

/// All policies of a page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    /// Each of them; policies without a directive are left out.
    pub parts: Vec<Single>,
}

/// Reads policies: values of headers and of `<meta http-equiv>`.
#[must_use]
pub fn parse(values: &[&str]) -> Policy {
    let texts = values.iter().flat_map(|value| super::personal::cut(value, POLICY_BYTES_MAX).split(','));
    let parts = texts.take(POLICIES_MAX).map(parse_one).filter(|part| !part.directives.is_empty());
    Policy { parts: parts.collect() }
}

impl Policy {
    /// Whether there is no policy at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// Whether some policy has the directive itself.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.parts.iter().any(|part| part.find(name).is_some())
    }

    /// The sources that hold for a kind of thing in each policy that says something about it, with the fallbacks of
    /// CSP3 §6.8.3 (`script-src-elem` → `script-src` → `default-src`).
    #[must_use]
    pub fn effective(&self, name: &str) -> Vec<&[Source]> {
        self.parts.iter().filter_map(|part| part.effective(name)).collect()
    }

    /// Whether every policy that speaks about it holds a source for which `is` is true; no policy: true as well.
    #[must_use]
    pub fn all_allow(&self, name: &str, is: impl Fn(&[Source]) -> bool) -> bool {
        self.effective(name).into_iter().all(is)
    }

    /// Whether inline scripts run: no policy forbids them. A nonce, a hash or `'strict-dynamic'` switches
    /// `'unsafe-inline'` off.
    #[must_use]
    pub fn allows_inline_scripts(&self) -> bool {
        self.all_allow("script-src", allows_inline)
    }

    /// Whether inline styles apply.
    #[must_use]
    pub fn allows_inline_styles(&self) -> bool {
        self.all_allow("style-src", allows_inline)
    }

    /// Whether `eval` works in scripts.
    #[must_use]
    pub fn allows_eval(&self) -> bool {
        self.all_allow("script-src", |sources| sources.contains(&Source::UnsafeEval))
    }

    /// Sources of scripts through which anybody's script may come in: `*`, `https:`, `http:`, `data:`, `blob:`; none
    /// when another policy is narrow or when `'strict-dynamic'` makes browsers ignore them. As written.
    #[must_use]
    pub fn broad_scripts(&self) -> Vec<String> {
        self.broad("script-src")
    }

    /// The same for plugins (`object-src`).
    #[must_use]
    pub fn broad_objects(&self) -> Vec<String> {
        self.broad("object-src")
    }

    fn broad(&self, name: &str) -> Vec<String> {
        let mut found = Vec::new();
        for sources in self.effective(name) {
            let broad: Vec<String> = broad_of(sources);
            if broad.is_empty() {
                return Vec::new();
            }
            found.extend(broad);
        }
        found.sort();
        found.dedup();
        found
    }

    /// Sources with `http:` in directives of active content, or of passive content (`img-src`, `media-src`).
    #[must_use]
    pub fn insecure(&self, is_active: bool) -> Vec<String> {
        const ACTIVE: [&str; 8] = [
            "default-src",
            "script-src",
            "style-src",
            "object-src",
            "frame-src",
            "child-src",
            "font-src",
            "connect-src",
        ];
        const PASSIVE: [&str; 2] = ["img-src", "media-src"];
        let names: &[&str] = if is_active { &ACTIVE } else { &PASSIVE };
        let directives = self.parts.iter().flat_map(|part| &part.directives);
        directives
            .filter(|directive| names.contains(&directive.name.as_str()))
            .flat_map(|directive| directive.values.iter().zip(&directive.sources))
            .filter(|(_, source)| match source {
                Source::Scheme(scheme) => matches!(scheme.as_str(), "http" | "ws" | "ftp"),
                Source::Host(host) => {
                    host.scheme.as_deref().is_some_and(|s| matches!(s, "http" | "ws" | "ftp"))
                }
                _ => false,
            })
            .map(|(value, _)| value.clone())
            .collect()
    }

    /// Whether `default-src 'none'` stands in some policy.
    #[must_use]
    pub fn is_default_none(&self) -> bool {
        self.parts.iter().filter_map(|part| part.find("default-src")).any(|d| d.is_none())
    }

    /// Whether foreign pages cannot put this one in a frame (`frame-ancestors` without `*` or a bare scheme).
    #[must_use]
    pub fn limits_framing(&self) -> bool {
        self.parts
            .iter()
            .filter_map(|part| part.find("frame-ancestors"))
            .any(|d| broad_of(&d.sources).is_empty())
    }

    /// Whether old http addresses in the page are asked over https.
    #[must_use]
    pub fn upgrades_insecure(&self) -> bool {
        self.has("upgrade-insecure-requests")
    }

    /// Those of the names that no policy has.
    #[must_use]
    pub fn missing<'a>(&self, names: &[&'a str]) -> Vec<&'a str> {
        names.iter().copied().filter(|name| !self.has(name)).collect()
    }

    /// Directives that stand twice in one policy.
    #[must_use]
    pub fn duplicates(&self) -> Vec<&str> {
        self.parts.iter().flat_map(|part| &part.duplicates).map(String::as_str).collect()
    }

    /// What could not be understood.
    #[must_use]
    pub fn invalid(&self) -> Vec<&str> {
        self.parts.iter().flat_map(|part| &part.invalid).map(String::as_str).collect()
    }

    /// Host sources without a scheme, which internet.nl does not want: `cdn.shop.example`.
    #[must_use]
    pub fn hosts_without_scheme(&self) -> Vec<&str> {
        let directives = self.parts.iter().flat_map(|part| &part.directives);
        directives
            .flat_map(|directive| directive.values.iter().zip(&directive.sources))
            .filter(|(_, source)| matches!(source, Source::Host(host) if host.scheme.is_none() && host.host != "*"))
            .map(|(value, _)| value.as_str())
            .collect()
    }
}

impl Single {
    /// The directive with this name (lower case).
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Directive> {
        self.directives.iter().find(|directive| directive.name == name)
    }

    /// The sources that hold for this directive, with fallbacks; `None` when the policy says nothing about it.
    #[must_use]
    pub fn effective(&self, name: &str) -> Option<&[Source]> {
        let chain: &[&str] = match name {
            "script-src-elem" => &["script-src-elem", "script-src", "default-src"],
            "script-src-attr" => &["script-src-attr", "script-src", "default-src"],
            "style-src-elem" => &["style-src-elem", "style-src", "default-src"],
            "style-src-attr" => &["style-src-attr", "style-src", "default-src"],
            "worker-src" => &["worker-src", "child-src", "script-src", "default-src"],
            "frame-src" => &["frame-src", "child-src", "default-src"],
            "base-uri" | "form-action" | "frame-ancestors" | "sandbox" => {
                return Some(&self.find(name)?.sources);
            }
            _ => return Some(&self.find(name).or_else(|| self.find("default-src"))?.sources),
        };
        chain.iter().find_map(|name| self.find(name)).map(|directive| directive.sources.as_slice())
    }
}

impl Directive {
    /// Whether it allows nothing: `'none'`, or no value at all.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.sources.iter().all(|source| *source == Source::None)
    }
}

fn allows_inline(sources: &[Source]) -> bool {
    sources.contains(&Source::UnsafeInline)
        && !sources.iter().any(|s| matches!(s, Source::Nonce | Source::Hash(_) | Source::StrictDynamic))
}

fn broad_of(sources: &[Source]) -> Vec<String> {
    if sources.contains(&Source::StrictDynamic) {
        return Vec::new();
    }
    let broad = sources.iter().filter_map(|source| match source {
        Source::Scheme(scheme)
            if matches!(scheme.as_str(), "http" | "https" | "data" | "blob" | "ftp" | "filesystem") =>
        {
            Some(format!("{scheme}:"))
        }
        Source::Host(host) if host.host == "*" => Some(match &host.scheme {
            Some(scheme) => format!("{scheme}://*"),
            None => "*".to_owned(),
        }),
        _ => None,
    });
    broad.collect()
}

fn parse_one(text: &str) -> Single {
    let mut read = Single::default();
    for token in text.split(';').take(DIRECTIVES_MAX) {
        let mut words = token.split_ascii_whitespace();
        let Some(name) = words.next() else { continue };
        let name = name.to_ascii_lowercase();
        if !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
            read.invalid.push(name);
            continue;
        }
        if read.find(&name).is_some() {
            if !read.duplicates.contains(&name) {
                read.duplicates.push(name);
            }
            continue;
        }
        let values: Vec<String> = words.take(SOURCES_MAX).map(str::to_owned).collect();
        let kind = kind_of(&name);
        if kind == Kind::Unknown {
            read.invalid.push(name.clone());
        }
        let mut sources = Vec::new();
        if kind == Kind::Sources {
            sources = values.iter().map(|value| source(value)).collect();
            for bad in
                sources.iter().filter_map(|s| if let Source::Invalid(text) = s { Some(text) } else { None })
            {
                read.invalid.push(format!("{name} {bad}"));
            }
            if sources.len() > 1 && sources.contains(&Source::None) {
                read.invalid.push(format!("{name} 'none' + …"));
            }
        }
        read.directives.push(Directive { name, values, sources });
    }
    read
}

#[derive(PartialEq, Eq)]
enum Kind {
    Sources,
    Other,
    Unknown,
}

fn kind_of(name: &str) -> Kind {
    match name {
        "default-src" | "script-src" | "script-src-elem" | "script-src-attr" | "style-src"
        | "style-src-elem" | "style-src-attr" | "img-src" | "font-src" | "connect-src" | "media-src"
        | "object-src" | "frame-src" | "child-src" | "worker-src" | "manifest-src" | "prefetch-src"
        | "base-uri" | "form-action" | "frame-ancestors" | "navigate-to" | "fenced-frame-src" => {
            Kind::Sources
        }
        "report-uri"
        | "report-to"
        | "sandbox"
        | "upgrade-insecure-requests"
        | "block-all-mixed-content"
        | "require-trusted-types-for"
        | "trusted-types"
        | "require-sri-for"
        | "plugin-types"
        | "reflected-xss"
        | "referrer"
        | "webrtc" => Kind::Other,
        _ => Kind::Unknown,
    }
}

fn source(value: &str) -> Source {
    let lower = value.to_ascii_lowercase();
    if let Some(quoted) = lower.strip_prefix('\'') {
        let Some(word) = quoted.strip_suffix('\'') else { return Source::Invalid(value.to_owned()) };
        return quoted_source(word).unwrap_or_else(|| Source::Invalid(value.to_owned()));
    }
    if let Some(scheme) = lower.strip_suffix(':').filter(|scheme| is_scheme(scheme)) {
        return Source::Scheme(scheme.to_owned());
    }
    host_source(value).map_or_else(|| Source::Invalid(value.to_owned()), Source::Host)
}

fn quoted_source(word: &str) -> Option<Source> {
    let is_base64 = |text: &str| {
        let body = text.trim_end_matches('=');
        !body.is_empty()
            && text.len() - body.len() <= 2
            && body.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'-' | b'_'))
    };
    if let Some(nonce) = word.strip_prefix("nonce-") {
        return is_base64(nonce).then_some(Source::Nonce);
    }
    for algorithm in ["sha256", "sha384", "sha512"] {
        if let Some(digest) = word.strip_prefix(algorithm).and_then(|rest| rest.strip_prefix('-')) {
            return is_base64(digest).then(|| Source::Hash(algorithm.to_owned()));
        }
    }
    Some(match word {
        "none" => Source::None,
        "self" => Source::Own,
        "unsafe-inline" => Source::UnsafeInline,
        "unsafe-eval" => Source::UnsafeEval,
        "wasm-unsafe-eval" => Source::WasmUnsafeEval,
        "unsafe-hashes" => Source::UnsafeHashes,
        "strict-dynamic" => Source::StrictDynamic,
        "report-sample"
        | "unsafe-allow-redirects"
        | "inline-speculation-rules"
        | "trusted-types-eval"
        | "report-sha256"
        | "report-sha384"
        | "report-sha512" => Source::Keyword(word.to_owned()),
        _ => return None,
    })
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
}

fn host_source(value: &str) -> Option<HostSource> {
    let mut read = HostSource::default();
    let mut rest = value;
    if let Some((scheme, after)) = value.split_once("://") {
        if !is_scheme(scheme) {
            return None;
        }
        read.scheme = Some(scheme.to_ascii_lowercase());
        rest = after;
    }
    if let Some(slash) = rest.find('/') {
        let path = &rest[slash..];
        if path.contains(['?', '#']) {
            return None;
        }
        read.path = Some(path.to_owned());
        rest = &rest[..slash];
    }
    if let Some((host, port)) = rest.rsplit_once(':') {
        if port != "*" && (port.is_empty() || port.len() > 5 || !port.bytes().all(|b| b.is_ascii_digit())) {
            return None;
        }
        read.port = Some(port.to_owned());
        rest = host;
    }
    let host = rest.to_ascii_lowercase();
    let labels = host.strip_prefix("*.").unwrap_or(&host);
    let is_good = host == "*"
        || labels.split('.').all(|label| {
            !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
        });
    read.host = host;
    is_good.then_some(read)
}

#[cfg(test)]
#[path = "csp_tests.rs"]
mod tests;
