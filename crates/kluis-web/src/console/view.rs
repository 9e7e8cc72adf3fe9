//! What each page of the console shows, as plain data ready for its template.

use serde::Serialize;

/// A page: its data and the template that shows it.
pub(crate) trait View: Serialize {
    /// Name of the template in `templates/`.
    const TEMPLATE: &'static str;
}

/// Ties view models to their templates.
macro_rules! templates {
    ($($view:ty => $template:literal),+ $(,)?) => {
        $(impl View for $view { const TEMPLATE: &'static str = $template; })+
    };
}
templates! {
    StatusView => "status.html",
    SignInView => "sign_in.html",
    OverviewView => "overview.html",
    FindView => "customers.html",
    CustomerView => "customer.html",
    EraseView => "erase.html",
    ErasedView => "erased.html",
    ConnectorsView => "connectors.html",
    ConnectorNewView => "connector_new.html",
    SecretView => "secret.html",
    RevokeView => "revoke.html",
    AuditView => "audit.html",
    VerifyView => "verify.html",
    ImportView => "import.html",
    ImportJobView => "import_job.html",
    ExportsView => "exports.html",
    HttpsView => "tip_https.html",
    StoreView => "tip_store.html",
    NecessaryView => "tip_necessary.html",
    TogetherView => "tip_together.html",
    ErrorView => "error.html",
}

/// What every page has around its own content.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Frame {
    /// Path and query of this page without `lang`, for the language switch; only ids and purposes, no identities.
    pub(crate) path: String,
    /// Id of the current place in the navigation, empty outside it.
    pub(crate) place: &'static str,
    /// Who is signed in; None on public pages.
    pub(crate) staff: Option<Staff>,
    /// Token every form sends back.
    pub(crate) csrf: String,
    /// Message about what was just done.
    pub(crate) notice: Option<Notice>,
    /// Seconds after which the browser asks the page again, for progress without scripts.
    pub(crate) refresh_s: Option<u32>,
}

/// The signed-in person.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Staff {
    /// Name given to the credential.
    pub(crate) name: String,
}

/// A message after an action.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Notice {
    /// `ok`, `warn` or `bad`.
    pub(crate) tone: &'static str,
    /// The message in the page's language.
    pub(crate) text: String,
}

/// One choice of a select, radio or checkbox.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Choice {
    /// Value the form sends.
    pub(crate) id: String,
    /// Words the reader sees.
    pub(crate) label: String,
    /// Chosen now.
    pub(crate) chosen: bool,
}

/// What is wrong with a form field.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct FieldError {
    /// `id` of the input.
    pub(crate) field: String,
    /// What to do about it.
    pub(crate) message: String,
}

/// Counts that say something about the vault and nothing about a person.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Counts {
    /// Customers that can be found.
    pub(crate) customers: i64,
    /// Customers erased for good.
    pub(crate) erased: i64,
    /// Purposes in the register.
    pub(crate) purposes: i64,
    /// Fields the register knows.
    pub(crate) fields: i64,
    /// Lines in the audit log.
    pub(crate) log_lines: i64,
    /// Credentials that work now.
    pub(crate) credentials: i64,
}

/// The certificate this server shows.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Certificate {
    /// Names it is valid for.
    pub(crate) names: Vec<String>,
    /// Who issued it.
    pub(crate) issuer: String,
    /// Unix ms from which it is valid.
    pub(crate) from: i64,
    /// Unix ms until which it is valid.
    pub(crate) until: i64,
    /// Whole days left; negative once it has ended.
    pub(crate) days_left: i64,
    /// Issued by the vault's own local authority, which browsers do not know.
    pub(crate) is_local: bool,
    /// Unix ms of its renewal, for staff.
    pub(crate) renewal: Option<i64>,
    /// Why it was not renewed, for staff.
    pub(crate) problem: Option<String>,
}

/// `/`: the public status page.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct StatusView {
    /// No key in memory: nothing can be read.
    pub(crate) sealed: bool,
    /// Counts; None while sealed.
    pub(crate) counts: Option<Counts>,
    /// Certificate of this listener, when known.
    pub(crate) certificate: Option<Certificate>,
    /// Unix ms of the newest signed checkpoint.
    pub(crate) checkpoint_at: Option<i64>,
    /// The newest check of the shop.
    pub(crate) check: Option<LastCheck>,
    /// The shop declared its streams of mail, so that they are watched.
    pub(crate) watches_mail: bool,
}

/// `/console/sign-in`.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct SignInView {
    /// Why signing in failed.
    pub(crate) errors: Vec<FieldError>,
    /// Why the last session ended: `idle` or `absolute`.
    pub(crate) ended: Option<&'static str>,
    /// Minutes to wait after too many tries.
    pub(crate) wait_minutes: Option<i64>,
    /// Minutes without a click after which a session ends.
    pub(crate) idle_minutes: i64,
    /// Hours after which a session always ends.
    pub(crate) absolute_hours: i64,
}

/// One line of the audit log.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct LogLine {
    /// Number in the log.
    pub(crate) number: i64,
    /// Unix ms.
    pub(crate) at: i64,
    /// `staff`, `connector`, `subject`, `job` or `local`.
    pub(crate) actor_kind: String,
    /// Name or id of who acted.
    pub(crate) actor: String,
    /// Operation id.
    pub(crate) operation: String,
    /// Purpose in words, when there is one.
    pub(crate) purpose: Option<String>,
    /// Field labels.
    pub(crate) fields: Vec<String>,
    /// Number of customers or entries it was about.
    pub(crate) count: i64,
    /// What is counted are customers.
    pub(crate) counts_customers: bool,
    /// `ok`, `denied` or `failed`.
    pub(crate) outcome: String,
    /// Reason id when it was not ok.
    pub(crate) reason: Option<String>,
    /// Customer id, when it was about one.
    pub(crate) subject: Option<String>,
}

/// Something a person should look at.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Attention {
    /// `warn` or `bad`.
    pub(crate) tone: &'static str,
    /// What is the matter, in words.
    pub(crate) text: String,
    /// Page where it can be looked at.
    pub(crate) href: Option<String>,
}

/// `/console`.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct OverviewView {
    /// Counts.
    pub(crate) counts: Counts,
    /// What needs attention; empty when nothing does.
    pub(crate) attention: Vec<Attention>,
    /// Newest lines of the log.
    pub(crate) events: Vec<LogLine>,
    /// Unix ms of the newest checkpoint.
    pub(crate) checkpoint_at: Option<i64>,
}

/// One found customer.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Hit {
    /// Customer id.
    pub(crate) id: String,
    /// Name or, without one, a number to tell rows apart.
    pub(crate) title: String,
    /// Fields within the purpose.
    pub(crate) fields: Vec<ShownField>,
}

/// A field and its value as this reader may see it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ShownField {
    /// Field name.
    pub(crate) name: String,
    /// Label in the page's language.
    pub(crate) label: String,
    /// The value, masked where the grant says so.
    pub(crate) value: String,
}

/// `/console/customers`.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct FindView {
    /// Purposes this person may read for.
    pub(crate) purposes: Vec<Choice>,
    /// Ways of searching.
    pub(crate) by: Vec<Choice>,
    /// Text searched for; shown again, never in the address.
    pub(crate) text: String,
    /// Problems with the form.
    pub(crate) errors: Vec<FieldError>,
    /// Purpose of the results.
    pub(crate) purpose: Option<Choice>,
    /// Results; None before the first search.
    pub(crate) hits: Option<Vec<Hit>>,
    /// More customers match than are shown.
    pub(crate) more: bool,
}

/// A field that this purpose does not show.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Withheld {
    /// Label in the page's language.
    pub(crate) label: String,
    /// Why, in words.
    pub(crate) reason: String,
}

/// A consent and the button that changes it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Consent {
    /// Purpose id.
    pub(crate) purpose: String,
    /// Purpose in words.
    pub(crate) label: String,
    /// Given now; absent means no.
    pub(crate) given: bool,
    /// Unix ms of the newest event.
    pub(crate) at: Option<i64>,
}

/// `/console/customers/{id}`.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct CustomerView {
    /// Customer id.
    pub(crate) id: String,
    /// Name, when this purpose shows one.
    pub(crate) title: Option<String>,
    /// Purposes this person may read for.
    pub(crate) purposes: Vec<Choice>,
    /// The purpose of this page; None: not chosen yet, nothing is read.
    pub(crate) purpose: Option<Choice>,
    /// Legal basis id of the purpose.
    pub(crate) basis: Option<String>,
    /// Article of law of the purpose.
    pub(crate) law: Option<String>,
    /// Fields this purpose shows.
    pub(crate) fields: Vec<ShownField>,
    /// Fields this purpose does not show.
    pub(crate) withheld: Vec<Withheld>,
    /// Consents.
    pub(crate) consents: Vec<Consent>,
    /// Who did what with this customer's data, newest first.
    pub(crate) reads: Vec<LogLine>,
    /// This person may erase.
    pub(crate) may_erase: bool,
    /// This person may change consents.
    pub(crate) may_consent: bool,
    /// This person may make an access report.
    pub(crate) may_access: bool,
}

/// Data that stays after erasing, with the reason.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Kept {
    /// Purpose in words.
    pub(crate) purpose: String,
    /// Article of law.
    pub(crate) law: String,
    /// Unix ms until which the law keeps it, when known.
    pub(crate) until: Option<i64>,
    /// Labels of the fields.
    pub(crate) fields: Vec<String>,
}

/// `/console/customers/{id}/erase`: the question before erasing.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct EraseView {
    /// Customer id.
    pub(crate) id: String,
    /// What the law makes the shop keep.
    pub(crate) kept: Vec<Kept>,
    /// Unix ms from which old backups are unreadable too, when known.
    pub(crate) backups_until: Option<i64>,
    /// Problems with the form.
    pub(crate) errors: Vec<FieldError>,
}

/// The receipt after erasing.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct ErasedView {
    /// Customer id.
    pub(crate) id: String,
    /// Unix ms of erasing.
    pub(crate) at: i64,
    /// What the law makes the shop keep.
    pub(crate) kept: Vec<Kept>,
    /// Unix ms from which old backups are unreadable too.
    pub(crate) backups_until: Option<i64>,
    /// The signed receipt as text.
    pub(crate) receipt: String,
}

/// A credential in the list.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Credential {
    /// Credential id.
    pub(crate) id: String,
    /// Name given to it.
    pub(crate) name: String,
    /// `staff` or `connector`.
    pub(crate) kind: String,
    /// Purposes in words; empty means all.
    pub(crate) purposes: Vec<String>,
    /// Fields in words; empty means all of its purposes.
    pub(crate) fields: Vec<String>,
    /// Rows an hour, None without a limit.
    pub(crate) rows_per_hour: Option<i64>,
    /// Different customers a day, None without a limit.
    pub(crate) subjects_per_day: Option<i64>,
    /// Unix ms of making it.
    pub(crate) created: i64,
    /// Unix ms of last use.
    pub(crate) used: Option<i64>,
    /// Unix ms of revoking; None while it works.
    pub(crate) revoked: Option<i64>,
    /// Its time is over.
    pub(crate) expired: bool,
    /// The one used for this session.
    pub(crate) is_own: bool,
}

/// `/console/connectors`.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct ConnectorsView {
    /// Credentials, working ones first.
    pub(crate) credentials: Vec<Credential>,
    /// This person may make and revoke credentials.
    pub(crate) may_change: bool,
}

/// A field with the choice of its mask.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct FieldChoice {
    /// Field name.
    pub(crate) name: String,
    /// Label in the page's language.
    pub(crate) label: String,
    /// Chosen now.
    pub(crate) chosen: bool,
    /// Masks, one chosen.
    pub(crate) masks: Vec<Choice>,
}

/// `/console/connectors/new`.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct ConnectorNewView {
    /// `connector` or `staff`.
    pub(crate) kind: String,
    /// Name as typed.
    pub(crate) name: String,
    /// Roles of staff.
    pub(crate) roles: Vec<Choice>,
    /// Purposes of a connector.
    pub(crate) purposes: Vec<Choice>,
    /// Operations of a connector.
    pub(crate) operations: Vec<Choice>,
    /// Fields of a connector with masks.
    pub(crate) fields: Vec<FieldChoice>,
    /// Rows an hour as typed.
    pub(crate) rows_per_hour: String,
    /// Customers a day as typed.
    pub(crate) subjects_per_day: String,
    /// Problems with the form.
    pub(crate) errors: Vec<FieldError>,
}

/// The page that shows a new secret, once.
#[derive(Clone, Serialize)]
pub(crate) struct SecretView {
    /// Name given to the credential.
    pub(crate) name: String,
    /// `staff` or `connector`.
    pub(crate) kind: String,
    /// The secret; not kept anywhere else.
    pub(crate) secret: String,
}

/// The question before revoking.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct RevokeView {
    /// Credential id.
    pub(crate) id: String,
    /// Name given to it.
    pub(crate) name: String,
    /// `staff` or `connector`.
    pub(crate) kind: String,
}

/// `/console/audit`.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct AuditView {
    /// Lines that match, newest first.
    pub(crate) lines: Vec<LogLine>,
    /// Operations to filter by.
    pub(crate) operations: Vec<Choice>,
    /// Outcomes to filter by.
    pub(crate) outcomes: Vec<Choice>,
    /// Customer id to filter by, as typed.
    pub(crate) subject: String,
    /// Problems with the filter.
    pub(crate) errors: Vec<FieldError>,
    /// Address of the next, older page.
    pub(crate) older: Option<String>,
    /// The signed checkpoint as text.
    pub(crate) checkpoint: Option<String>,
    /// Lines under that checkpoint.
    pub(crate) checkpoint_size: i64,
    /// This person may have the vault verified.
    pub(crate) may_verify: bool,
}

/// One thing that verifying found.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct VerifyProblem {
    /// What is wrong, in words.
    pub(crate) text: String,
}

/// Result of verifying.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct VerifyView {
    /// Still going on; the page refreshes itself.
    pub(crate) running: bool,
    /// Unix ms.
    pub(crate) at: i64,
    /// Log lines checked.
    pub(crate) log_lines: i64,
    /// Customer rows checked.
    pub(crate) rows: i64,
    /// What was found; empty is good.
    pub(crate) problems: Vec<VerifyProblem>,
}

/// One import in the list.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ImportRow {
    /// Job id.
    pub(crate) id: String,
    /// Name of the recognised shape, such as WooCommerce.
    pub(crate) shape: String,
    /// State id: `checked`, `running`, `done`, `failed`.
    pub(crate) state: String,
    /// Unix ms of its start.
    pub(crate) at: i64,
    /// Lines read.
    pub(crate) lines: i64,
    /// Customers made.
    pub(crate) created: i64,
}

/// `/console/import`.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct ImportView {
    /// Imports, newest first.
    pub(crate) imports: Vec<ImportRow>,
    /// Largest file in MiB.
    pub(crate) file_mib_max: i64,
    /// Problems with the form.
    pub(crate) errors: Vec<FieldError>,
}

/// What happens to one column.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Column {
    /// Heading in the file.
    pub(crate) header: String,
    /// Field it becomes; None: not stored.
    pub(crate) field: Option<String>,
    /// Why it is not stored.
    pub(crate) reason: Option<String>,
}

/// A count with its reason in words.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Tally {
    /// What was counted.
    pub(crate) label: String,
    /// How many.
    pub(crate) count: i64,
}

/// `/console/import/{id}`: the dry run, the progress or the result.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct ImportJobView {
    /// Job id.
    pub(crate) id: String,
    /// State id: `checking`, `checked`, `running`, `done`, `failed`.
    pub(crate) state: String,
    /// Name of the recognised shape.
    pub(crate) shape: String,
    /// Lines handled so far.
    pub(crate) lines: i64,
    /// Whole per cent of the file, when its size is known.
    pub(crate) percent: Option<i64>,
    /// Customers made (or that would be made).
    pub(crate) created: i64,
    /// Customers that were there already.
    pub(crate) existing: i64,
    /// Lines refused.
    pub(crate) rejected: i64,
    /// Columns and where they go.
    pub(crate) columns: Vec<Column>,
    /// Values not stored, by reason.
    pub(crate) dropped: Vec<Tally>,
    /// Why it failed, in words.
    pub(crate) problem: Option<String>,
}

/// One export in the list.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ExportRow {
    /// Job id.
    pub(crate) id: String,
    /// Purpose in words.
    pub(crate) purpose: String,
    /// Field labels.
    pub(crate) fields: Vec<String>,
    /// State id: `requested`, `approved`, `done`, `refused`, `expired`.
    pub(crate) state: String,
    /// Who asked.
    pub(crate) asked_by: String,
    /// Unix ms of asking.
    pub(crate) asked_at: i64,
    /// Who approved.
    pub(crate) approved_by: Option<String>,
    /// This person may approve it (not the one who asked).
    pub(crate) may_approve: bool,
    /// This person may fetch it.
    pub(crate) may_fetch: bool,
    /// This person asked for it.
    pub(crate) is_own: bool,
}

/// `/console/exports`.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct ExportsView {
    /// Exports, newest first.
    pub(crate) exports: Vec<ExportRow>,
    /// Purposes this person may ask for.
    pub(crate) purposes: Vec<Choice>,
    /// Problems with the form.
    pub(crate) errors: Vec<FieldError>,
    /// This person may ask.
    pub(crate) may_request: bool,
}

/// `/console/https`: tip 1.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct HttpsView {
    /// The certificate of this listener.
    pub(crate) certificate: Option<Certificate>,
    /// The newest check of the shop.
    pub(crate) check: Option<LastCheck>,
}

/// The newest check of the shop, in short.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct LastCheck {
    /// Its id; empty where it cannot be read.
    pub(crate) id: String,
    /// The audited host; empty where it is not told.
    pub(crate) domain: String,
    /// Letter of the grade.
    pub(crate) grade: String,
    /// `green`, `orange` or `red`.
    pub(crate) tone: &'static str,
    /// Unix ms.
    pub(crate) at: i64,
}

/// `/console/store`: tip 2.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct StoreView {
    /// Counts.
    pub(crate) counts: Counts,
    /// `SQLite` or `PostgreSQL`.
    pub(crate) engine: String,
    /// Cipher suite by its public name.
    pub(crate) suite: String,
    /// Number of the key epoch in use.
    pub(crate) epoch: i64,
    /// Unix ms of making that epoch.
    pub(crate) epoch_at: Option<i64>,
    /// Unix ms of the newest checkpoint.
    pub(crate) checkpoint_at: Option<i64>,
}

/// A purpose of the register with the use made of it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct PurposeRow {
    /// Purpose id.
    pub(crate) id: String,
    /// Purpose in words.
    pub(crate) label: String,
    /// Legal basis id.
    pub(crate) basis: String,
    /// Article of law.
    pub(crate) law: String,
    /// ISO 8601 period, such as P7Y, in words.
    pub(crate) keep: String,
    /// Start event id of the period.
    pub(crate) start: String,
    /// Labels of the fields.
    pub(crate) fields: Vec<String>,
}

/// How often a field was read.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct UsageRow {
    /// Label of the field.
    pub(crate) label: String,
    /// Purposes that may show it.
    pub(crate) purposes: i64,
    /// Reads in the period.
    pub(crate) reads: i64,
}

/// `/console/necessary`: tip 3.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct NecessaryView {
    /// Purposes.
    pub(crate) purposes: Vec<PurposeRow>,
    /// Use of each field.
    pub(crate) usage: Vec<UsageRow>,
    /// Days of the period.
    pub(crate) days: i64,
    /// Fields not read in the period.
    pub(crate) unread: i64,
}

/// `/console/together`: tip 5.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct TogetherView {
    /// Counts.
    pub(crate) counts: Counts,
    /// Purposes that need consent.
    pub(crate) consents: Vec<Choice>,
}

/// An error in the layout of the console.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ErrorView {
    /// HTTP status.
    pub(crate) status: u16,
    /// `not-found`, `denied`, `too-many`, `form`, `invalid`, `conflict`, `sealed`, `unavailable`, `integrity` or `broken`.
    pub(crate) kind: &'static str,
    /// What happened, in words, when more is known than the kind.
    pub(crate) text: Option<String>,
    /// Incident number of a fault of ours.
    pub(crate) incident: Option<String>,
    /// Where to go on.
    pub(crate) back: String,
}
