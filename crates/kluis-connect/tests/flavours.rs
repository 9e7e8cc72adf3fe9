//! Every flavour of export is recognised and read back as the invented customers that it was written from.
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "tests")]

use std::io::{Cursor, Write as _};

use kluis_connect::demo::{Demo, DemoCustomer, Flavour};
use kluis_connect::{
    ColumnReason, Encoding, ImportItem, ImportReader, Mapping, OpenOptions, ShapeOrigin, open,
};
use kluis_model::{StartEvent, TimeMs};
use proptest::prelude::*;

const NOW: TimeMs = TimeMs(1_795_000_000_000);

fn read(bytes: Vec<u8>, name: &str) -> ImportReader {
    open(Box::new(Cursor::new(bytes)), name, &OpenOptions::default()).unwrap()
}

fn export(seed: u64, flavour: Flavour, rows: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    Demo::new(seed, NOW).write_csv(flavour, rows, &mut bytes).unwrap();
    bytes
}

fn sorted(fields: impl Iterator<Item = (String, String)>) -> Vec<(String, String)> {
    let mut fields: Vec<_> = fields.collect();
    fields.sort();
    fields
}

fn fields_of(item: &ImportItem) -> Vec<(String, String)> {
    sorted(item.fields.iter().map(|(name, value)| (name.clone(), value.expose().clone())))
}

fn expected(customer: &DemoCustomer, carried: &[&str]) -> Vec<(String, String)> {
    let carried = customer.fields.iter().filter(|(name, _)| carried.contains(&name.as_str()));
    sorted(carried.map(|(name, value)| (name.clone(), value.expose().clone())))
}

fn check_all(seed: u64, flavour: Flavour, reader: ImportReader, rows: u64) {
    let carried = flavour.fields();
    let items: Vec<ImportItem> = reader.map(Result::unwrap).collect();
    assert_eq!(items.len() as u64, rows, "{flavour:?}");
    let demo = Demo::new(seed, NOW);
    for (n, item) in items.iter().enumerate() {
        let customer = demo.customer(n as u64);
        assert_eq!(fields_of(item), expected(&customer, &carried), "{flavour:?} seed {seed} customer {n}");
        let given = item.consents.iter().any(|consent| consent.given && consent.purpose == "newsletter");
        let says = matches!(
            flavour,
            Flavour::Shopify | Flavour::PrestaShop | Flavour::OpenCart | Flavour::Mailchimp | Flavour::Brevo
        );
        assert_eq!(given, says && !customer.consents.is_empty(), "{flavour:?} customer {n}");
        for consent in &item.consents {
            assert_eq!(consent.source, format!("import:{}", flavour.id()));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn every_flavour_is_read_back(seed: u64) {
        for flavour in Flavour::ALL {
            let reader = read(export(seed, flavour, 60), "export.csv");
            prop_assert_eq!(&reader.shape().id, flavour.id());
            prop_assert_eq!(reader.shape().origin, ShapeOrigin::Preset);
            check_all(seed, flavour, reader, 60);
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400), name in "[a-z]{1,4}\\.(csv|xlsx|json)") {
        if let Ok(reader) = open(Box::new(Cursor::new(bytes)), &name, &OpenOptions::default()) {
            let _ = reader.count();
        }
    }

    #[test]
    fn no_damage_makes_it_panic(seed in 0..4_u64, at in 0..4_000_usize, with in proptest::collection::vec(any::<u8>(), 0..6), flavour in 0..10_usize) {
        let mut bytes = export(seed, Flavour::ALL[flavour], 20);
        let at = at % bytes.len();
        bytes.splice(at..(at + with.len()).min(bytes.len()), with);
        if let Ok(reader) = open(Box::new(Cursor::new(bytes)), "x.csv", &OpenOptions::default()) {
            prop_assert!(reader.count() <= 40);
        }
    }

    #[test]
    fn no_json_makes_it_panic(text in "[\\[\\]{},:\"\\\\a-c0-9 \n]{0,60}") {
        for text in [format!("{{\"email\":\"a@b.example\"}}\n{text}"), format!("[{{\"email\":\"a\"}},{text}"), text] {
            if let Ok(reader) = open(Box::new(Cursor::new(text.into_bytes())), "x", &OpenOptions::default()) {
                let _ = reader.count();
            }
        }
    }
}

#[test]
fn secrets_and_traces_are_never_taken() {
    for flavour in Flavour::ALL {
        let reader = read(export(1, flavour, 1), "x.csv");
        for column in reader.columns() {
            let key = column.header.to_lowercase();
            let secret = ["pass", "token", "secure_key"].iter().any(|part| key.contains(part));
            if secret {
                assert_eq!(
                    (column.field, column.reason),
                    (None, Some(ColumnReason::Secret)),
                    "{flavour:?} {key}"
                );
            } else if key.ends_with("_ip") || key == "ip" || key == "latitude" {
                assert_eq!(
                    (column.field, column.reason),
                    (None, Some(ColumnReason::Trace)),
                    "{flavour:?} {key}"
                );
            } else {
                assert_eq!(column.field.is_none(), column.reason.is_some(), "{flavour:?} {key}");
            }
        }
    }
    let national = read(export(1, Flavour::Lightspeed, 1), "x.csv").columns();
    assert!(national.iter().any(|column| column.reason == Some(ColumnReason::CitizenNumber)));
    let stubborn = "version = 1\nname = \"x\"\nsource = \"y\"\n[[column]]\nheader = \"email\"\nfield = \"email\"\n[[column]]\nheader = \"user_pass\"\nfield = \"note\"\n";
    let options = OpenOptions { mapping: Some(Mapping::parse(stubborn).unwrap()) };
    let file = b"email,user_pass\na@b.example,geheim\n".to_vec();
    let items: Vec<_> =
        open(Box::new(Cursor::new(file)), "x.csv", &options).unwrap().map(Result::unwrap).collect();
    assert_eq!(items[0].fields.len(), 1, "a mapping cannot take a password either");
}

#[test]
fn the_printed_mapping_reads_the_same() {
    for flavour in Flavour::ALL {
        let bytes = export(3, flavour, 40);
        let mapping = Mapping::parse(&read(bytes.clone(), "x.csv").mapping().to_toml()).unwrap();
        let mut mapping = mapping;
        mapping.source = format!("import:{}", flavour.id());
        let options = OpenOptions { mapping: Some(mapping) };
        let reader = open(Box::new(Cursor::new(bytes)), "x.csv", &options).unwrap();
        assert_eq!(reader.shape().origin, ShapeOrigin::Mapping);
        check_all(3, flavour, reader, 40);
    }
}

#[test]
fn every_encoding_is_read() {
    let text = String::from_utf8(export(5, Flavour::HubSpot, 600)).unwrap();
    let utf16 = |big: bool| -> Vec<u8> {
        text.encode_utf16()
            .flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() })
            .collect()
    };
    let mut bom = b"\xEF\xBB\xBF".to_vec();
    bom.extend_from_slice(text.as_bytes());
    let mut le_bom = b"\xFF\xFE".to_vec();
    le_bom.extend(utf16(false));
    let mut be_bom = b"\xFE\xFF".to_vec();
    be_bom.extend(utf16(true));
    for (bytes, encoding) in [
        (text.clone().into_bytes(), Encoding::Utf8),
        (bom, Encoding::Utf8),
        (le_bom, Encoding::Utf16Le),
        (be_bom, Encoding::Utf16Be),
        (utf16(false), Encoding::Utf16Le),
        (utf16(true), Encoding::Utf16Be),
    ] {
        let reader = read(bytes, "x.csv");
        assert_eq!(reader.encoding(), encoding);
        check_all(5, Flavour::HubSpot, reader, 600);
    }
    let western = "voornaam;achternaam;e-mail\nZo\u{eb};Caf\u{e9};zoe@b.example\n";
    let bytes: Vec<u8> = western.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
    let items: Vec<_> = read(bytes, "x.csv").map(Result::unwrap).collect();
    assert!(items[0].fields.iter().any(|(name, value)| name == "given_name" && value.expose() == "Zoë"));
}

#[test]
fn json_and_guessed_headings_are_read() {
    let list = r#"[
      {"email":"noor@a.example","naam":"Noor van der Berg","adres":{"straat":"Kerkstraat 1 A","postcode":"1234 AB","plaats":"Delft"},"wachtwoord":"x"},
      {"email":"jan@a.example","geboortedatum":"1980-02-03","tags":["a","b"]}]"#;
    let mut reader = read(list.as_bytes().to_vec(), "x.json");
    assert_eq!(reader.shape().origin, ShapeOrigin::Guessed);
    let items: Vec<_> = reader.by_ref().map(Result::unwrap).collect();
    let expected = [
        ("city", "Delft"),
        ("email", "noor@a.example"),
        ("given_name", "Noor"),
        ("house_number", "1"),
        ("house_number_suffix", "A"),
        ("infix", "van der"),
        ("postcode", "1234 AB"),
        ("street", "Kerkstraat"),
        ("surname", "Berg"),
    ];
    assert_eq!(
        fields_of(&items[0]),
        sorted(expected.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())))
    );
    assert_eq!(
        fields_of(&items[1]),
        [
            ("birth_date".to_owned(), "1980-02-03".to_owned()),
            ("email".to_owned(), "jan@a.example".to_owned())
        ]
    );
    let secret = reader.columns().into_iter().find(|column| column.header == "wachtwoord").unwrap();
    assert_eq!(secret.reason, Some(ColumnReason::Secret));
    let lines = "{\"E-mail\":\"a@b.example\"}\n{\"E-mail\":\"c@d.example\",\"Telefoon\":\"0612345678\"}\n";
    assert_eq!(read(lines.as_bytes().to_vec(), "x.ndjson").count(), 2);
}

#[test]
fn further_lines_of_an_order_are_skipped_and_counted() {
    let text = "Name,Email,Financial Status,Paid at,Accepts Marketing,Lineitem quantity,Billing Name,Billing Address1,Billing Zip,Billing City,Billing Country,Billing Phone\n\
        #1001,noor@a.example,paid,2024-05-01 10:00:00 +0200,yes,1,Noor de Vries,Kerkstraat 1,'1234AB,'s-Hertogenbosch,NL,'+31612345678\n\
        #1001,noor@a.example,,,,2,,,,,,\n\
        #1001,,,,,1,,,,,,\n\
        #1002,jan@a.example,paid,2024-05-02 10:00:00 +0200,no,1,Jan Smit,,,,,\n\
        ,,,,,,,,,,,\n";
    let mut reader = read(text.as_bytes().to_vec(), "orders.csv");
    assert_eq!(reader.shape().id, "shopify_orders");
    let items: Vec<_> = reader.by_ref().map(Result::unwrap).collect();
    assert_eq!((items.len(), reader.skipped()), (2, 3));
    let get = |name: &str| items[0].fields.iter().find(|(f, _)| f == name).map(|(_, v)| v.expose().as_str());
    assert_eq!(get("postcode"), Some("1234AB"));
    assert_eq!(get("city"), Some("'s-Hertogenbosch"));
    assert_eq!(get("phone"), Some("+31612345678"));
    assert_eq!(items[0].events, [(StartEvent::OrderCompleted, "2024-05-01T08:00:00Z".parse().unwrap())]);
    assert!(items[0].consents[0].given && !items[1].consents[0].given);
    assert_eq!((items[0].line, items[1].line), (2, 5));
}

#[test]
fn addresses_are_not_mixed() {
    let text = "billing_email,billing_first_name,billing_last_name,billing_address_1,billing_address_2,billing_postcode,billing_city,shipping_address_1,shipping_postcode,shipping_city\n\
        a@b.example,Noor,Smit,Kerkstraat,12 A,1234AB,,Dorpsstraat 2,9999ZZ,Assen\n\
        c@d.example,Jan,de Wit,,,,,Dorpsstraat 2,9999ZZ,Assen\n\
        e@f.example,Jan,de Wit,Laan 3,Gebouw De Linde,1111AA,Delft,,,\n";
    let items: Vec<_> = read(text.as_bytes().to_vec(), "x.csv").map(Result::unwrap).collect();
    let get = |n: usize, name: &str| -> Option<String> {
        items[n].fields.iter().find(|(f, _)| f == name).map(|(_, v)| v.expose().clone())
    };
    assert_eq!(get(0, "city"), None);
    assert_eq!(
        (get(0, "house_number").as_deref(), get(0, "house_number_suffix").as_deref()),
        (Some("12"), Some("A"))
    );
    assert_eq!((get(1, "city").as_deref(), get(1, "infix").as_deref()), (Some("Assen"), Some("de")));
    assert_eq!(get(2, "street").as_deref(), Some("Laan, Gebouw De Linde"));
}

/// Writes a workbook with one sheet of inline texts.
fn workbook(rows: &str, sheets: usize) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    let mut part = |name: &str, text: &str| {
        zip.start_file(name, options).unwrap();
        zip.write_all(text.as_bytes()).unwrap();
    };
    let main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
    let relation = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    let names: String =
        (1..=sheets).map(|n| format!("<sheet name=\"S{n}\" sheetId=\"{n}\" r:id=\"rId{n}\"/>")).collect();
    let package = "http://schemas.openxmlformats.org/package/2006/relationships";
    part(
        "_rels/.rels",
        &format!(
            "<?xml version=\"1.0\"?><Relationships xmlns=\"{package}\"><Relationship Id=\"rId1\" Type=\"{relation}/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>"
        ),
    );
    part(
        "xl/workbook.xml",
        &format!(
            "<?xml version=\"1.0\"?><workbook xmlns=\"{main}\" xmlns:r=\"{relation}\"><sheets>{names}</sheets></workbook>"
        ),
    );
    let links: String = (1..=sheets)
        .map(|n| {
            format!(
                "<Relationship Id=\"rId{n}\" Type=\"{relation}/worksheet\" Target=\"worksheets/sheet1.xml\"/>"
            )
        })
        .collect();
    part(
        "xl/_rels/workbook.xml.rels",
        &format!("<?xml version=\"1.0\"?><Relationships xmlns=\"{package}\">{links}</Relationships>"),
    );
    part(
        "xl/worksheets/sheet1.xml",
        &format!(
            "<?xml version=\"1.0\"?><worksheet xmlns=\"{main}\"><sheetData>{rows}</sheetData></worksheet>"
        ),
    );
    zip.finish().unwrap().into_inner()
}

fn row(number: usize, cells: &[&str]) -> String {
    let cells: String = cells
        .iter()
        .enumerate()
        .map(|(n, text)| {
            format!("<c r=\"{}{number}\" t=\"inlineStr\"><is><t>{text}</t></is></c>", letters(n))
        })
        .collect();
    format!("<row r=\"{number}\">{cells}</row>")
}

fn letters(column: usize) -> String {
    let last = char::from(b'A' + u8::try_from(column % 26).unwrap());
    if column < 26 { last.to_string() } else { format!("{}{last}", letters(column / 26 - 1)) }
}

#[test]
fn workbooks_are_read() {
    let rows = [row(1, &["E-mail", "Naam", "Klantnummer"]), row(3, &["a@b.example", "Noor de Wit", "7"]),
        "<row r=\"4\"><c r=\"A4\" t=\"inlineStr\"><is><t>c@d.example</t></is></c><c r=\"C4\"><v>12</v></c></row>".to_owned()];
    let mut reader = read(workbook(&rows.concat(), 1), "klanten.xlsx");
    let items: Vec<_> = reader.by_ref().map(Result::unwrap).collect();
    assert_eq!(items.len(), 2);
    assert_eq!((items[0].line, fields_of(&items[0]).len()), (3, 5));
    assert_eq!(fields_of(&items[1])[0], ("customer_number".to_owned(), "12".to_owned()));
    assert!(reader.bytes_read() > 100);
}

proptest! {
    #[test]
    fn no_sheet_makes_it_panic(rows in "(<(row|c|v|is|t|f)( (r|t|s)=\"[A-Z0-9sbeinlStrg-]{0,9}\"){0,2}/?>|</(row|c|v|is|t)>|[a-z&;0-9.]{0,4}){0,40}") {
        let rows = format!("{}{rows}", row(1, &["email", "naam"]));
        if let Ok(reader) = open(Box::new(Cursor::new(workbook(&rows, 1))), "x.xlsx", &OpenOptions::default()) {
            let _ = reader.count();
        }
    }
}

#[test]
fn bad_workbooks_are_refused() {
    let check = |bytes: Vec<u8>, id: &str| {
        let error =
            open(Box::new(Cursor::new(bytes)), "x.xlsx", &OpenOptions::default()).err().map(|e| e.id());
        assert_eq!(error, Some(id));
    };
    let good = row(1, &["email"]);
    check(workbook(&good, 101), "xlsx_too_many_sheets");
    check(workbook("", 1), "empty");
    let wide: Vec<String> = (0..600).map(|n| format!("c{n}")).collect();
    check(workbook(&row(1, &wide.iter().map(String::as_str).collect::<Vec<_>>()), 1), "too_many_columns");
    check(workbook(&"<row/>".repeat(20_000_000), 1), "xlsx_too_large");
    let mut cut = workbook(&good, 1);
    cut.truncate(cut.len() / 2);
    check(cut, "xlsx_damaged");
    check(b"PK\x03\x04 and then nothing".to_vec(), "xlsx_damaged");
}
