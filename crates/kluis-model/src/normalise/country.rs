//! Countries: a code of two letters, a code of three, or a name in Dutch or English becomes ISO 3166-1 alpha-2.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::{VALUE_BYTES_MAX, ValueProblem, line, name_tokens};
use crate::fields::Country2;

/// Returns the country a text names.
pub(super) fn normalise(raw: &str) -> Result<Country2, ValueProblem> {
    let line = line(raw, VALUE_BYTES_MAX)?;
    find(&line).ok_or(ValueProblem::UnknownCountry)
}

/// Finds the country a code or name stands for.
#[must_use]
pub fn country_of(text: &str) -> Option<Country2> {
    normalise(text).ok()
}

fn find(line: &str) -> Option<Country2> {
    if let [a, b] = line.as_bytes() {
        let code = [a.to_ascii_uppercase(), b.to_ascii_uppercase()];
        if let Ok(place) = COUNTRIES.binary_search_by(|(known, ..)| known.as_bytes().cmp(&code)) {
            return Some(Country2::from_letters(letters(COUNTRIES[place].0)));
        }
    }
    BY_NAME.get(&name_tokens(line).concat()).copied()
}

/// The two letters of a code in the tables below.
const fn letters(code: &str) -> [u8; 2] {
    let bytes = code.as_bytes();
    [bytes[0], bytes[1]]
}

/// The folded names.
static BY_NAME: LazyLock<HashMap<String, Country2>> = LazyLock::new(|| {
    let named = COUNTRIES.iter().flat_map(|(code, nl, en)| [(*code, *nl), (*code, *en)]);
    named
        .chain(OTHERS)
        .map(|(code, name)| (name_tokens(name).concat(), Country2::from_letters(letters(code))))
        .collect()
});

/// Other names and codes in use.
#[rustfmt::skip]
const OTHERS: [(&str, &str); 71] = [
    ("NL", "Holland"), ("NL", "The Netherlands"), ("NL", "Niederlande"), ("NL", "Pays-Bas"), ("NL", "Nederlands"),
    ("NL", "Koninkrijk der Nederlanden"), ("NL", "NLD"), ("NL", "Ned"),
    ("BE", "Belgique"), ("BE", "Belgien"), ("BE", "Vlaanderen"), ("BE", "BEL"),
    ("DE", "Deutschland"), ("DE", "Allemagne"), ("DE", "BRD"), ("DE", "DEU"), ("DE", "GER"),
    ("FR", "FRA"), ("FR", "Frankreich"), ("LU", "LUX"), ("LU", "Luxembourg"), ("LU", "Luxemburg"),
    ("GB", "UK"), ("GB", "GBR"), ("GB", "Great Britain"), ("GB", "Groot-Brittannië"), ("GB", "Engeland"),
    ("GB", "England"), ("GB", "Schotland"), ("GB", "Scotland"), ("GB", "Wales"), ("GB", "Noord-Ierland"),
    ("GB", "Northern Ireland"), ("GB", "United Kingdom of Great Britain and Northern Ireland"),
    ("US", "USA"), ("US", "VS"), ("US", "United States of America"), ("US", "Verenigde Staten van Amerika"),
    ("US", "Amerika"), ("US", "America"), ("AT", "AUT"), ("AT", "Österreich"), ("CH", "CHE"), ("CH", "Schweiz"),
    ("CH", "Suisse"), ("ES", "ESP"), ("ES", "España"), ("IT", "ITA"), ("IT", "Italia"), ("PT", "PRT"), ("PL", "POL"),
    ("PL", "Polska"), ("DK", "DNK"), ("DK", "Danmark"), ("SE", "SWE"), ("SE", "Sverige"), ("NO", "NOR"),
    ("NO", "Norge"), ("FI", "FIN"), ("FI", "Suomi"), ("IE", "IRL"), ("GR", "GRC"), ("GR", "EL"), ("CZ", "CZE"),
    ("CZ", "Czech Republic"), ("CZ", "Tsjechische Republiek"), ("RO", "ROU"), ("BG", "BGR"), ("HU", "HUN"),
    ("TR", "Turkey"), ("TR", "TUR"),
];

/// Every country of ISO 3166-1 and Kosovo, in the order of the codes, with its name in Dutch and English.
#[rustfmt::skip]
const COUNTRIES: [(&str, &str, &str); 250] = [
    ("AD", "Andorra", "Andorra"), ("AE", "Verenigde Arabische Emiraten", "United Arab Emirates"),
    ("AF", "Afghanistan", "Afghanistan"), ("AG", "Antigua en Barbuda", "Antigua & Barbuda"),
    ("AI", "Anguilla", "Anguilla"), ("AL", "Albanië", "Albania"),
    ("AM", "Armenië", "Armenia"), ("AO", "Angola", "Angola"),
    ("AQ", "Antarctica", "Antarctica"), ("AR", "Argentinië", "Argentina"),
    ("AS", "Amerikaans-Samoa", "American Samoa"), ("AT", "Oostenrijk", "Austria"),
    ("AU", "Australië", "Australia"), ("AW", "Aruba", "Aruba"),
    ("AX", "Åland", "Åland Islands"), ("AZ", "Azerbeidzjan", "Azerbaijan"),
    ("BA", "Bosnië en Herzegovina", "Bosnia & Herzegovina"), ("BB", "Barbados", "Barbados"),
    ("BD", "Bangladesh", "Bangladesh"), ("BE", "België", "Belgium"),
    ("BF", "Burkina Faso", "Burkina Faso"), ("BG", "Bulgarije", "Bulgaria"),
    ("BH", "Bahrein", "Bahrain"), ("BI", "Burundi", "Burundi"),
    ("BJ", "Benin", "Benin"), ("BL", "Saint-Barthélemy", "St. Barthélemy"),
    ("BM", "Bermuda", "Bermuda"), ("BN", "Brunei", "Brunei"),
    ("BO", "Bolivia", "Bolivia"), ("BQ", "Caribisch Nederland", "Caribbean Netherlands"),
    ("BR", "Brazilië", "Brazil"), ("BS", "Bahama's", "Bahamas"),
    ("BT", "Bhutan", "Bhutan"), ("BV", "Bouveteiland", "Bouvet Island"),
    ("BW", "Botswana", "Botswana"), ("BY", "Belarus", "Belarus"),
    ("BZ", "Belize", "Belize"), ("CA", "Canada", "Canada"),
    ("CC", "Cocoseilanden", "Cocos (Keeling) Islands"), ("CD", "Congo-Kinshasa", "Congo - Kinshasa"),
    ("CF", "Centraal-Afrikaanse Republiek", "Central African Republic"), ("CG", "Congo-Brazzaville", "Congo - Brazzaville"),
    ("CH", "Zwitserland", "Switzerland"), ("CI", "Ivoorkust", "Côte d'Ivoire"),
    ("CK", "Cookeilanden", "Cook Islands"), ("CL", "Chili", "Chile"),
    ("CM", "Kameroen", "Cameroon"), ("CN", "China", "China"),
    ("CO", "Colombia", "Colombia"), ("CR", "Costa Rica", "Costa Rica"),
    ("CU", "Cuba", "Cuba"), ("CV", "Kaapverdië", "Cape Verde"),
    ("CW", "Curaçao", "Curaçao"), ("CX", "Christmaseiland", "Christmas Island"),
    ("CY", "Cyprus", "Cyprus"), ("CZ", "Tsjechië", "Czechia"),
    ("DE", "Duitsland", "Germany"), ("DJ", "Djibouti", "Djibouti"),
    ("DK", "Denemarken", "Denmark"), ("DM", "Dominica", "Dominica"),
    ("DO", "Dominicaanse Republiek", "Dominican Republic"), ("DZ", "Algerije", "Algeria"),
    ("EC", "Ecuador", "Ecuador"), ("EE", "Estland", "Estonia"),
    ("EG", "Egypte", "Egypt"), ("EH", "Westelijke Sahara", "Western Sahara"),
    ("ER", "Eritrea", "Eritrea"), ("ES", "Spanje", "Spain"),
    ("ET", "Ethiopië", "Ethiopia"), ("FI", "Finland", "Finland"),
    ("FJ", "Fiji", "Fiji"), ("FK", "Falklandeilanden", "Falkland Islands"),
    ("FM", "Micronesia", "Micronesia"), ("FO", "Faeröer", "Faroe Islands"),
    ("FR", "Frankrijk", "France"), ("GA", "Gabon", "Gabon"),
    ("GB", "Verenigd Koninkrijk", "United Kingdom"), ("GD", "Grenada", "Grenada"),
    ("GE", "Georgië", "Georgia"), ("GF", "Frans-Guyana", "French Guiana"),
    ("GG", "Guernsey", "Guernsey"), ("GH", "Ghana", "Ghana"),
    ("GI", "Gibraltar", "Gibraltar"), ("GL", "Groenland", "Greenland"),
    ("GM", "Gambia", "Gambia"), ("GN", "Guinee", "Guinea"),
    ("GP", "Guadeloupe", "Guadeloupe"), ("GQ", "Equatoriaal-Guinea", "Equatorial Guinea"),
    ("GR", "Griekenland", "Greece"), ("GS", "Zuid-Georgia en Zuidelijke Sandwicheilanden", "South Georgia & South Sandwich Islands"),
    ("GT", "Guatemala", "Guatemala"), ("GU", "Guam", "Guam"),
    ("GW", "Guinee-Bissau", "Guinea-Bissau"), ("GY", "Guyana", "Guyana"),
    ("HK", "Hongkong SAR van China", "Hong Kong SAR China"), ("HM", "Heard en McDonaldeilanden", "Heard & McDonald Islands"),
    ("HN", "Honduras", "Honduras"), ("HR", "Kroatië", "Croatia"),
    ("HT", "Haïti", "Haiti"), ("HU", "Hongarije", "Hungary"),
    ("ID", "Indonesië", "Indonesia"), ("IE", "Ierland", "Ireland"),
    ("IL", "Israël", "Israel"), ("IM", "Isle of Man", "Isle of Man"),
    ("IN", "India", "India"), ("IO", "Brits Indische Oceaanterritorium", "British Indian Ocean Territory"),
    ("IQ", "Irak", "Iraq"), ("IR", "Iran", "Iran"),
    ("IS", "IJsland", "Iceland"), ("IT", "Italië", "Italy"),
    ("JE", "Jersey", "Jersey"), ("JM", "Jamaica", "Jamaica"),
    ("JO", "Jordanië", "Jordan"), ("JP", "Japan", "Japan"),
    ("KE", "Kenia", "Kenya"), ("KG", "Kirgizië", "Kyrgyzstan"),
    ("KH", "Cambodja", "Cambodia"), ("KI", "Kiribati", "Kiribati"),
    ("KM", "Comoren", "Comoros"), ("KN", "Saint Kitts en Nevis", "St. Kitts & Nevis"),
    ("KP", "Noord-Korea", "North Korea"), ("KR", "Zuid-Korea", "South Korea"),
    ("KW", "Koeweit", "Kuwait"), ("KY", "Kaaimaneilanden", "Cayman Islands"),
    ("KZ", "Kazachstan", "Kazakhstan"), ("LA", "Laos", "Laos"),
    ("LB", "Libanon", "Lebanon"), ("LC", "Saint Lucia", "St. Lucia"),
    ("LI", "Liechtenstein", "Liechtenstein"), ("LK", "Sri Lanka", "Sri Lanka"),
    ("LR", "Liberia", "Liberia"), ("LS", "Lesotho", "Lesotho"),
    ("LT", "Litouwen", "Lithuania"), ("LU", "Luxemburg", "Luxembourg"),
    ("LV", "Letland", "Latvia"), ("LY", "Libië", "Libya"),
    ("MA", "Marokko", "Morocco"), ("MC", "Monaco", "Monaco"),
    ("MD", "Moldavië", "Moldova"), ("ME", "Montenegro", "Montenegro"),
    ("MF", "Saint-Martin", "St. Martin"), ("MG", "Madagaskar", "Madagascar"),
    ("MH", "Marshalleilanden", "Marshall Islands"), ("MK", "Noord-Macedonië", "North Macedonia"),
    ("ML", "Mali", "Mali"), ("MM", "Myanmar (Birma)", "Myanmar (Burma)"),
    ("MN", "Mongolië", "Mongolia"), ("MO", "Macau SAR van China", "Macao SAR China"),
    ("MP", "Noordelijke Marianen", "Northern Mariana Islands"), ("MQ", "Martinique", "Martinique"),
    ("MR", "Mauritanië", "Mauritania"), ("MS", "Montserrat", "Montserrat"),
    ("MT", "Malta", "Malta"), ("MU", "Mauritius", "Mauritius"),
    ("MV", "Maldiven", "Maldives"), ("MW", "Malawi", "Malawi"),
    ("MX", "Mexico", "Mexico"), ("MY", "Maleisië", "Malaysia"),
    ("MZ", "Mozambique", "Mozambique"), ("NA", "Namibië", "Namibia"),
    ("NC", "Nieuw-Caledonië", "New Caledonia"), ("NE", "Niger", "Niger"),
    ("NF", "Norfolk", "Norfolk Island"), ("NG", "Nigeria", "Nigeria"),
    ("NI", "Nicaragua", "Nicaragua"), ("NL", "Nederland", "Netherlands"),
    ("NO", "Noorwegen", "Norway"), ("NP", "Nepal", "Nepal"),
    ("NR", "Nauru", "Nauru"), ("NU", "Niue", "Niue"),
    ("NZ", "Nieuw-Zeeland", "New Zealand"), ("OM", "Oman", "Oman"),
    ("PA", "Panama", "Panama"), ("PE", "Peru", "Peru"),
    ("PF", "Frans-Polynesië", "French Polynesia"), ("PG", "Papoea-Nieuw-Guinea", "Papua New Guinea"),
    ("PH", "Filipijnen", "Philippines"), ("PK", "Pakistan", "Pakistan"),
    ("PL", "Polen", "Poland"), ("PM", "Saint-Pierre en Miquelon", "St. Pierre & Miquelon"),
    ("PN", "Pitcairneilanden", "Pitcairn Islands"), ("PR", "Puerto Rico", "Puerto Rico"),
    ("PS", "Palestijnse gebieden", "Palestinian Territories"), ("PT", "Portugal", "Portugal"),
    ("PW", "Palau", "Palau"), ("PY", "Paraguay", "Paraguay"),
    ("QA", "Qatar", "Qatar"), ("RE", "Réunion", "Réunion"),
    ("RO", "Roemenië", "Romania"), ("RS", "Servië", "Serbia"),
    ("RU", "Rusland", "Russia"), ("RW", "Rwanda", "Rwanda"),
    ("SA", "Saoedi-Arabië", "Saudi Arabia"), ("SB", "Salomonseilanden", "Solomon Islands"),
    ("SC", "Seychellen", "Seychelles"), ("SD", "Soedan", "Sudan"),
    ("SE", "Zweden", "Sweden"), ("SG", "Singapore", "Singapore"),
    ("SH", "Sint-Helena", "St. Helena"), ("SI", "Slovenië", "Slovenia"),
    ("SJ", "Spitsbergen en Jan Mayen", "Svalbard & Jan Mayen"), ("SK", "Slowakije", "Slovakia"),
    ("SL", "Sierra Leone", "Sierra Leone"), ("SM", "San Marino", "San Marino"),
    ("SN", "Senegal", "Senegal"), ("SO", "Somalië", "Somalia"),
    ("SR", "Suriname", "Suriname"), ("SS", "Zuid-Soedan", "South Sudan"),
    ("ST", "Sao Tomé en Principe", "São Tomé & Príncipe"), ("SV", "El Salvador", "El Salvador"),
    ("SX", "Sint-Maarten", "Sint Maarten"), ("SY", "Syrië", "Syria"),
    ("SZ", "Eswatini", "Eswatini"), ("TC", "Turks- en Caicoseilanden", "Turks & Caicos Islands"),
    ("TD", "Tsjaad", "Chad"), ("TF", "Franse Gebieden in de zuidelijke Indische Oceaan", "French Southern Territories"),
    ("TG", "Togo", "Togo"), ("TH", "Thailand", "Thailand"),
    ("TJ", "Tadzjikistan", "Tajikistan"), ("TK", "Tokelau", "Tokelau"),
    ("TL", "Oost-Timor", "Timor-Leste"), ("TM", "Turkmenistan", "Turkmenistan"),
    ("TN", "Tunesië", "Tunisia"), ("TO", "Tonga", "Tonga"),
    ("TR", "Turkije", "Türkiye"), ("TT", "Trinidad en Tobago", "Trinidad & Tobago"),
    ("TV", "Tuvalu", "Tuvalu"), ("TW", "Taiwan", "Taiwan"),
    ("TZ", "Tanzania", "Tanzania"), ("UA", "Oekraïne", "Ukraine"),
    ("UG", "Oeganda", "Uganda"), ("UM", "Kleine afgelegen eilanden van de Verenigde Staten", "U.S. Outlying Islands"),
    ("US", "Verenigde Staten", "United States"), ("UY", "Uruguay", "Uruguay"),
    ("UZ", "Oezbekistan", "Uzbekistan"), ("VA", "Vaticaanstad", "Vatican City"),
    ("VC", "Saint Vincent en de Grenadines", "St. Vincent & Grenadines"), ("VE", "Venezuela", "Venezuela"),
    ("VG", "Britse Maagdeneilanden", "British Virgin Islands"), ("VI", "Amerikaanse Maagdeneilanden", "U.S. Virgin Islands"),
    ("VN", "Vietnam", "Vietnam"), ("VU", "Vanuatu", "Vanuatu"),
    ("WF", "Wallis en Futuna", "Wallis & Futuna"), ("WS", "Samoa", "Samoa"),
    ("XK", "Kosovo", "Kosovo"), ("YE", "Jemen", "Yemen"),
    ("YT", "Mayotte", "Mayotte"), ("ZA", "Zuid-Afrika", "South Africa"),
    ("ZM", "Zambia", "Zambia"), ("ZW", "Zimbabwe", "Zimbabwe"),
];

/// Tells whether the table can be searched.
#[cfg(test)]
pub(super) fn is_sorted() -> bool {
    COUNTRIES.is_sorted_by(|a, b| a.0 < b.0)
}
