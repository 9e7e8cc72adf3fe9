//! Reads the forms of a page: where they go and what they ask of people.

use std::collections::HashMap;

use url::Url;

use super::personal::{cut, has_email, is_third_party, mask_url};
use super::tokens::Element;
use crate::facts::{FieldFacts, FormFacts};

/// Forms of one page that are kept.
const FORMS_MAX: usize = 50;
/// Fields of one form that are kept.
const FIELDS_MAX: usize = 100;
/// Labels of one page that are read.
const LABELS_MAX: usize = 500;
/// Bytes of names and labels that are kept.
const TEXT_BYTES_MAX: usize = 100;
/// `formaction`s of one form that are kept.
const FORMACTIONS_MAX: usize = 10;

/// A field, and where its label may come from.
struct Field {
    facts: FieldFacts,
    id: String,
    hint: String,
}

struct Form {
    facts: FormFacts,
    fields: Vec<Field>,
}

/// An open `<label>`.
#[derive(Default)]
struct Label {
    /// The id it is for.
    target: String,
    text: String,
    /// Form and field of what stands within it.
    within: Vec<(usize, usize)>,
}

/// Collects forms while the page is walked.
pub(super) struct Forms {
    document: Url,
    forms: Vec<Form>,
    ids: HashMap<String, usize>,
    /// The form that fields belong to now; the first one is for fields outside any form.
    open: Option<usize>,
    labels: HashMap<String, String>,
    label: Option<Label>,
    has_secret: bool,
}

impl Forms {
    pub(super) fn new(document: &Url) -> Self {
        let loose = Form { facts: FormFacts::default(), fields: Vec::new() };
        Self {
            document: document.clone(),
            forms: vec![loose],
            ids: HashMap::new(),
            open: None,
            labels: HashMap::new(),
            label: None,
            has_secret: false,
        }
    }

    /// Whether a token against forgery, or personal data filled in beforehand, stands in a field.
    pub(super) fn has_secret(&self) -> bool {
        self.has_secret
    }

    pub(super) fn start(&mut self, element: &Element, base: &Url) {
        match element.name.as_str() {
            // A form within a form does not exist (HTML §13.2.6.4.7).
            "form" if self.open.is_none() && self.forms.len() <= FORMS_MAX => {
                self.forms.push(Form { facts: self.form(element, base), fields: Vec::new() });
                let index = self.forms.len() - 1;
                self.open = Some(index);
                if let Some(id) = element.get("id").filter(|id| !id.is_empty()) {
                    self.ids.entry(cut(id, 200).to_owned()).or_insert(index);
                }
            }
            "input" | "select" | "textarea" => self.field(element, base),
            "button" => self.formaction(element, base),
            "label" if self.labels.len() < LABELS_MAX => {
                let target = cut(element.get("for").unwrap_or_default(), 200).to_owned();
                self.label = Some(Label { target, ..Label::default() });
            }
            _ => {}
        }
    }

    pub(super) fn text(&mut self, text: &str) {
        if let Some(Label { text: label, .. }) = &mut self.label {
            label.push_str(cut(text, (4 * TEXT_BYTES_MAX).saturating_sub(label.len())));
        }
    }

    pub(super) fn end(&mut self, name: &str) {
        match name {
            "form" => self.open = None,
            "label" => {
                let Some(Label { target, text, within }) = self.label.take() else { return };
                let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
                let text = cut(&text, TEXT_BYTES_MAX).to_owned();
                for (form, field) in within {
                    self.forms[form].fields[field].facts.label.clone_from(&text);
                }
                if !target.is_empty() && !text.is_empty() {
                    self.labels.entry(target).or_insert(text);
                }
            }
            _ => {}
        }
    }

    /// The forms; fields outside any form come last, as a form that goes nowhere.
    pub(super) fn finish(self) -> Vec<FormFacts> {
        let labels = self.labels;
        let mut forms: Vec<FormFacts> = self
            .forms
            .into_iter()
            .map(|mut form| {
                for field in &mut form.fields {
                    if field.facts.label.is_empty() {
                        let label = labels.get(&field.id).filter(|_| !field.id.is_empty());
                        field.facts.label = label.cloned().unwrap_or_else(|| field.hint.clone());
                    }
                    field.facts.personal = personal_kind(&field.facts).map(str::to_owned);
                }
                form.facts.fields = form.fields.into_iter().map(|field| field.facts).collect();
                form.facts
            })
            .collect();
        let loose = forms.remove(0);
        if loose.fields.iter().any(|field| field.personal.is_some()) && forms.len() < FORMS_MAX {
            forms.push(loose);
        }
        forms
    }

    fn form(&self, element: &Element, base: &Url) -> FormFacts {
        let method = match element.lower("method").as_str() {
            method @ ("post" | "dialog") => method.to_owned(),
            _ => "get".to_owned(),
        };
        let (action, is_third_party) = self.target(element.get("action").unwrap_or_default(), base);
        FormFacts { method, action, is_third_party, ..FormFacts::default() }
    }

    /// Where an action leads: masked, and whether to somebody else. Empty: the page itself.
    fn target(&self, written: &str, base: &Url) -> (String, bool) {
        let written = cut(written.trim(), 8 * 1024);
        let url = if written.is_empty() { Ok(self.document.clone()) } else { base.join(written) };
        match url {
            Ok(url) if matches!(url.scheme(), "http" | "https") => {
                (mask_url(url.as_str()), is_third_party(&url, &self.document))
            }
            _ => (String::new(), false),
        }
    }

    fn owner(&self, element: &Element) -> usize {
        let named = element.get("form").and_then(|id| self.ids.get(id)).copied();
        named.or(self.open).unwrap_or(0)
    }

    fn formaction(&mut self, element: &Element, base: &Url) {
        let owner = self.owner(element);
        let Some(written) = element.get("formaction").filter(|_| owner > 0) else { return };
        let (action, is_third_party) = self.target(written, base);
        let form = &mut self.forms[owner].facts;
        if !action.is_empty()
            && form.formactions.len() < FORMACTIONS_MAX
            && !form.formactions.contains(&action)
        {
            form.formactions.push(action);
            form.is_third_party |= is_third_party;
        }
    }

    fn field(&mut self, element: &Element, base: &Url) {
        let kind = match element.name.as_str() {
            "input" => match element.lower("type") {
                kind if kind.is_empty() => "text".to_owned(),
                kind => cut(&kind, 40).to_owned(),
            },
            name => name.to_owned(),
        };
        let name = cut(element.get("name").unwrap_or_default(), TEXT_BYTES_MAX);
        let value = element.get("value").unwrap_or_default();
        match kind.as_str() {
            "submit" | "image" => return self.formaction(element, base),
            "hidden" => {
                self.has_secret |= is_token_name(&name.to_ascii_lowercase()) && value.len() >= 6;
                return;
            }
            "button" | "reset" => return,
            _ => self.has_secret |= has_email(value),
        }
        let owner = self.owner(element);
        let form = &mut self.forms[owner];
        if form.fields.len() >= FIELDS_MAX {
            return;
        }
        let hint = element.get("aria-label").or(element.get("placeholder")).unwrap_or_default();
        form.fields.push(Field {
            facts: FieldFacts {
                name: name.to_owned(),
                kind,
                autocomplete: cut(&element.lower("autocomplete"), TEXT_BYTES_MAX).to_owned(),
                is_required: element.has("required") || element.lower("aria-required") == "true",
                ..FieldFacts::default()
            },
            id: cut(element.get("id").unwrap_or_default(), 200).to_owned(),
            hint: cut(hint, TEXT_BYTES_MAX).to_owned(),
        });
        let field = form.fields.len() - 1;
        if let Some(Label { within, .. }) = &mut self.label {
            within.push((owner, field));
        }
    }
}

/// Whether a field or meta of this name (lower case) holds a token against forged requests.
pub(super) fn is_token_name(name: &str) -> bool {
    const WHOLE: [&str; 9] = [
        "form_key",
        "_token",
        "token",
        "authenticity_token",
        "_wpnonce",
        "nonce",
        "__requestverificationtoken",
        "csrfmiddlewaretoken",
        "_nonce",
    ];
    WHOLE.contains(&name) || name.contains("csrf") || name.contains("xsrf") || name.ends_with("-nonce")
}

/// What a field asks, when it is personal: first what it says itself (type, autocomplete), then its name, then its label.
fn personal_kind(field: &FieldFacts) -> Option<&'static str> {
    match field.kind.as_str() {
        "password" => return Some("password"),
        "email" => return Some("email"),
        "tel" => return Some("phone"),
        "search" | "checkbox" | "radio" | "range" | "color" | "file" => return None,
        _ => {}
    }
    kind_of_autocomplete(field.autocomplete.split_ascii_whitespace().next_back().unwrap_or_default())
        .or_else(|| kind_of_words(&words(&field.name)))
        .or_else(|| kind_of_words(&words(&field.label)))
}

fn kind_of_autocomplete(token: &str) -> Option<&'static str> {
    Some(match token {
        "email" => "email",
        "current-password" | "new-password" => "password",
        "name" | "given-name" | "family-name" | "additional-name" | "nickname" | "honorific-prefix" => "name",
        "street-address" | "postal-code" => "address",
        "bday" | "bday-day" | "bday-month" | "bday-year" => "birth_date",
        _ if token.starts_with("tel") => "phone",
        _ if token.starts_with("address-l") => "address",
        _ if token.starts_with("cc-") => "card",
        _ => return None,
    })
}

/// The words of a name or label in lower case: `billing[firstName]` → billing, first, name.
fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    let mut was_lower = false;
    for c in text.chars() {
        let is_border = !c.is_alphanumeric() || c.is_uppercase() && was_lower;
        if is_border && !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        if c.is_alphanumeric() {
            word.extend(c.to_lowercase());
        }
        was_lower = c.is_lowercase();
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

/// Words of fields and labels, the more telling kind first.
const KINDS: [(&str, &[&str]); 8] = [
    ("bsn", &["bsn", "burgerservicenummer", "sofinummer"]),
    ("iban", &["iban", "rekeningnummer", "bankrekening", "bankaccount", "accountnumber"]),
    (
        "card",
        &[
            "cardnumber",
            "ccnumber",
            "creditcard",
            "cvc",
            "cvv",
            "kaartnummer",
            "creditcardnummer",
            "cardholder",
            "kaarthouder",
        ],
    ),
    ("email", &["email", "emailadres", "emailaddress", "mailadres", "mail"]),
    ("password", &["password", "passwd", "wachtwoord"]),
    (
        "phone",
        &["phone", "telephone", "telefoon", "telefoonnummer", "phonenumber", "mobile", "mobiel", "gsm"],
    ),
    ("birth_date", &["geboortedatum", "birthdate", "birthday", "dob", "birth", "geboren"]),
    (
        "address",
        &[
            "straat",
            "straatnaam",
            "street",
            "huisnummer",
            "housenumber",
            "postcode",
            "zipcode",
            "zip",
            "postalcode",
            "woonplaats",
            "adres",
            "address",
            "huisnr",
            "postal",
        ],
    ),
];

fn kind_of_words(words: &[String]) -> Option<&'static str> {
    const NAMES: [&str; 12] = [
        "voornaam",
        "achternaam",
        "firstname",
        "lastname",
        "surname",
        "fullname",
        "voorletters",
        "tussenvoegsel",
        "fname",
        "lname",
        "familienaam",
        "klantnaam",
    ];
    // `naam` and `name` alone are a person's; `product_name`, `user name` and `coupon naam` are not.
    let is_alone = |word: &str| words.len() == 1 && words[0] == word;
    let pairs: Vec<String> = words.windows(2).map(|pair| pair.concat()).collect();
    let has = |word: &str| words.iter().chain(&pairs).any(|w| w == word);
    // `e-mail` is two words; an IP address or a MAC address is no home.
    if has("ipaddress") || has("webadres") || has("couponcode") {
        return None;
    }
    KINDS
        .iter()
        .find(|(_, known)| known.iter().any(|word| has(word)))
        .map(|(kind, _)| *kind)
        .or_else(|| NAMES.iter().any(|word| has(word)).then_some("name"))
        .or_else(|| ["naam", "name"].iter().any(|word| is_alone(word)).then_some("name"))
        .or_else(|| {
            ["yourname", "uwnaam", "jenaam", "volledigenaam"].iter().any(|word| has(word)).then_some("name")
        })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use crate::facts::{FormFacts, Page};

    fn read(html: &str) -> Vec<FormFacts> {
        let mut page = Page::default();
        let base = url::Url::parse("https://shop.example/account?session=1").unwrap();
        super::super::read_page(html, &base, &mut page);
        page.forms
    }

    #[track_caller]
    fn check(field: &str, kind: Option<&str>) {
        let forms = read(&format!("<form>{field}</form>"));
        assert_eq!(forms[0].fields[0].personal.as_deref(), kind, "{field}");
    }

    #[test]
    fn personal_fields_are_recognised() {
        for (field, kind) in [
            ("<input type=password name=p>", "password"),
            ("<input type=EMAIL>", "email"),
            ("<input name=billing[firstName]>", "name"),
            ("<input name=x autocomplete='section-a shipping postal-code'>", "address"),
            ("<input autocomplete=cc-number>", "card"),
            ("<input id=a name=f1><label for=a>Uw e-mailadres *</label>", "email"),
            ("<label>Telefoon <input name=f2></label>", "phone"),
            ("<textarea name=adres></textarea>", "address"),
            ("<select name=bday autocomplete=bday-day></select>", "birth_date"),
            ("<input placeholder='IBAN'>", "iban"),
            ("<input name=bsn>", "bsn"),
            ("<input name=naam>", "name"),
            ("<input name='e-mail'>", "email"),
            ("<input name=_email_address>", "email"),
            ("<input name=card_number>", "card"),
            ("<input aria-label='Wachtwoord'>", "password"),
        ] {
            check(field, Some(kind));
        }
    }

    #[test]
    fn other_fields_are_not() {
        for field in [
            "<input name=q>",
            "<input type=search name=email>",
            "<input name=product_name>",
            "<input name=username>",
            "<input type=checkbox name=email>",
            "<input name=coupon>",
            "<input name=aantal>",
            "<select name=country>",
            "<input name=ip_address>",
            "<textarea name=bericht></textarea>",
            "<input>",
        ] {
            check(field, None);
        }
    }

    #[test]
    fn targets_are_resolved() {
        let forms = read(
            "<form method=POST action='http://pay.example/x?token=abc'><button formaction=/other>a</button>\
             <input type=submit formaction='//third.example/'></form><form></form><form action='javascript:x()'></form>",
        );
        assert_eq!(
            (forms[0].method.as_str(), forms[0].action.as_str()),
            ("post", "http://pay.example/x?token=*")
        );
        assert!(forms[0].is_third_party);
        assert_eq!(forms[0].formactions, ["https://shop.example/other", "https://third.example/"]);
        assert_eq!(
            (forms[1].method.as_str(), forms[1].action.as_str()),
            ("get", "https://shop.example/account?session=*")
        );
        assert_eq!(forms[2].action, "");
    }

    #[test]
    fn fields_find_their_form() {
        let forms = read(
            "<form id=one><form id=two></form><input name=loose type=email><input form=one name=far required>",
        );
        assert_eq!(forms.len(), 2);
        assert_eq!((forms[0].fields[0].name.as_str(), forms[0].fields[0].is_required), ("far", true));
        assert_eq!((forms[1].action.as_str(), forms[1].fields[0].name.as_str()), ("", "loose"));
        assert_eq!(read("<input name=q><select name=sort>"), []);
    }

    #[test]
    fn giants_are_bounded() {
        let forms = read(&"<form><input name=a><label for=b>x</label>".repeat(20_000));
        assert_eq!((forms.len(), forms[0].fields.len()), (1, 100));
        assert_eq!(read(&"<form></form>".repeat(20_000)).len(), 50);
        let long = "x".repeat(10_000);
        let forms =
            read(&format!("<form><label>{long}<input name={long} autocomplete={long}></label></form>"));
        assert!(forms[0].fields[0].name.len() <= 100 && forms[0].fields[0].label.len() <= 100);
    }
}
