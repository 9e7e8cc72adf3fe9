//! `partner`: client certificates for connected systems, bound to their credentials.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use kluis_app::{AppError, CredentialView};
use kluis_model::{CredentialId, Thumbprint, TimeMs};
use kluis_web::{CertificateReport, NewPartner, Partner, Partners, is_partner_name};
use serde_json::json;

use super::{Context, Outcome, Session};
use crate::args::PartnerCommand;
use crate::{talk, wire};

/// The certificates a credential stays bound to besides a new one.
const OLD_MAX: usize = 3;

/// Runs `partner …`.
pub(crate) async fn run(context: &Context, session: &Session, command: PartnerCommand) -> Result<Outcome> {
    let partners = Partners::new(&context.config.tls_folder());
    match command {
        PartnerCommand::Add { name, credential, out, days } => {
            let credential = credential.parse().context("this is not a credential's id")?;
            add(context, session, &partners, Wanted { name, credential, out, days }).await?;
        }
        PartnerCommand::List => list(context, session, &partners).await?,
        PartnerCommand::Renew { name, out, days } => {
            let now = session.vault.app.now();
            let all = partners.list()?;
            let Some(last) = all.iter().rev().find(|one| one.name == name && one.revoked.is_none()) else {
                bail!("there is no partner {name}; see: klantkluis partner list");
            };
            let old = all.iter().rev().filter(|one| one.name == name && one.works(now)).take(OLD_MAX);
            let bound: BTreeSet<Thumbprint> = old.map(|one| one.thumbprint).collect();
            let wanted = Wanted { name, credential: last.credential, out, days };
            give(context, session, &partners, wanted, bound).await?;
        }
        PartnerCommand::Revoke { name } => revoke(context, session, &partners, &name).await?,
    }
    Ok(Outcome::Good)
}

/// A certificate that is asked for.
struct Wanted {
    name: String,
    credential: CredentialId,
    out: PathBuf,
    days: u32,
}

async fn add(context: &Context, session: &Session, partners: &Partners, wanted: Wanted) -> Result<()> {
    if !is_partner_name(&wanted.name) {
        bail!("a partner's name takes 1 to 64 letters, digits, hyphens, underscores and points");
    }
    let is_taken =
        partners.list()?.iter().any(|one| one.name == wanted.name && one.works(session.vault.app.now()));
    if is_taken {
        bail!("{} has a certificate already; give a new one with: klantkluis partner renew", wanted.name);
    }
    give(context, session, partners, wanted, BTreeSet::new()).await
}

/// Makes a certificate, writes it out, lists it, and binds the credential to it and to the old ones.
async fn give(
    context: &Context,
    session: &Session,
    partners: &Partners,
    wanted: Wanted,
    mut bound: BTreeSet<Thumbprint>,
) -> Result<()> {
    let app = &session.vault.app;
    find_connector(session, wanted.credential).await?;
    let made = partners.issue(&wanted.name, wanted.credential, wanted.days, app.now())?;
    let files = write_out(context, &wanted.out, &made)?;
    // Listed first: a listed certificate without a binding only means that clients are asked for one.
    partners.remember(&made.partner)?;
    bound.insert(made.partner.thumbprint);
    if let Err(error) = app.credential_bind(&session.actor, wanted.credential, bound).await {
        partners.forget(made.partner.thumbprint)?;
        for file in &files {
            // What cannot be removed is worth nothing: no credential is bound to it.
            let _ = fs::remove_file(file);
        }
        return Err(error.into());
    }
    let shown: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
    let result = json!({
        "name": made.partner.name,
        "credential": made.partner.credential.to_string(),
        "thumbprint": made.partner.thumbprint.to_string(),
        "until": made.partner.until,
        "files": shown,
    });
    let (nl, en) = (
        format!(
            "Geschreven: {}. De toegangssleutel werkt alleen nog samen met het certificaat.",
            shown.join(", ")
        ),
        format!(
            "Written: {}. The credential now works only together with the certificate.",
            shown.join(", ")
        ),
    );
    context.done(&result, &nl, &en)
}

/// The connector's credential, which must work.
async fn find_connector(session: &Session, id: CredentialId) -> Result<CredentialView> {
    let app = &session.vault.app;
    let all = app.credentials(&session.actor).await?;
    let Some(found) = all.into_iter().find(|one| one.id == id) else { return Err(AppError::NotFound.into()) };
    if found.kind != "connector" {
        bail!("a certificate belongs to a connector's credential, not to a person's");
    }
    if !found.works(app.now()) {
        bail!("this credential was revoked or has ended; make a new one with: klantkluis credential create");
    }
    Ok(found)
}

/// Writes key, certificate and, where browsers do not know it, the server's own authority; overwrites no key.
fn write_out(context: &Context, folder: &Path, made: &NewPartner) -> Result<Vec<PathBuf>> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    let name = &made.partner.name;
    let (key, certificate) = (folder.join(format!("{name}-key.pem")), folder.join(format!("{name}.pem")));
    if key.exists() || certificate.exists() {
        bail!("{} is there already; give another folder, so that no key is overwritten", key.display());
    }
    wire::write_private(&key, made.key_pem.as_bytes(), 0o600)?;
    wire::write_private(&certificate, made.certificate_pem.as_bytes(), 0o644)?;
    let mut files = vec![key, certificate];
    let tls = context.config.tls_folder();
    let is_local = CertificateReport::read(&tls).is_none_or(|report| report.is_local);
    let authority = tls.join("ca.pem");
    if is_local && authority.exists() {
        let copy = folder.join("server-ca.pem");
        fs::copy(&authority, &copy).with_context(|| format!("cannot write {}", copy.display()))?;
        files.push(copy);
    }
    Ok(files)
}

async fn list(context: &Context, session: &Session, partners: &Partners) -> Result<()> {
    let all = partners.list()?;
    if context.json {
        return talk::print_json(&all);
    }
    let credentials = session.vault.app.credentials(&session.actor).await?;
    let now = session.vault.app.now();
    let mut table = talk::table([
        context.text("naam", "name"),
        context.text("toegangssleutel", "credential"),
        context.text("tot", "until"),
        context.text("stand", "state"),
        context.text("vingerafdruk", "thumbprint"),
    ]);
    for partner in &all {
        let credential = credentials.iter().find(|one| one.id == partner.credential);
        table.add_row([
            partner.name.clone(),
            partner.credential.to_string(),
            partner.until.date(),
            state(context, partner, credential, now).to_owned(),
            partner.thumbprint.to_string(),
        ]);
    }
    talk::print(table.to_string())
}

fn state<'a>(
    context: &Context,
    partner: &Partner,
    credential: Option<&CredentialView>,
    now: TimeMs,
) -> &'a str
where
    'static: 'a,
{
    let is_bound =
        credential.is_some_and(|one| one.works(now) && one.grant.certificates.contains(&partner.thumbprint));
    match partner.works(now) {
        _ if partner.revoked.is_some() => context.text("ingetrokken", "revoked"),
        false => context.text("verlopen", "ended"),
        true if is_bound => context.text("werkt", "works"),
        true => context.text("werkt niet", "does not work"),
    }
}

async fn revoke(context: &Context, session: &Session, partners: &Partners, name: &str) -> Result<()> {
    let app = &session.vault.app;
    let all = partners.list()?;
    let mut credentials: Vec<CredentialId> = Vec::new();
    for partner in all.iter().filter(|partner| partner.name == name) {
        if !credentials.contains(&partner.credential) {
            credentials.push(partner.credential);
        }
    }
    if credentials.is_empty() {
        bail!("there is no partner {name}; see: klantkluis partner list");
    }
    // The credential first: it is what opens the vault.
    for credential in &credentials {
        match app.credential_revoke(&session.actor, *credential).await {
            Ok(()) | Err(AppError::NotFound) => {}
            Err(AppError::Conflict { what }) if what == "revoked" => {}
            Err(error) => return Err(error.into()),
        }
    }
    partners.revoke(name, app.now())?;
    let ids: Vec<String> = credentials.iter().map(ToString::to_string).collect();
    context.done(
        &json!({ "revoked": name, "credentials": ids }),
        "De certificaten en de toegangssleutel van deze partner zijn ingetrokken.",
        "The certificates and the credential of this partner are revoked.",
    )
}
