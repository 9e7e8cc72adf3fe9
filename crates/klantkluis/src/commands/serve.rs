//! `serve`: opens or makes the vault, serves console and API over HTTPS, and stops gracefully.

use std::io::Cursor;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use kluis_app::{App, ImportOptions, UnsealWith};
use kluis_connect::demo::{Demo, Flavour};
use kluis_web::{CertificateSource, HstsOptions, Limits, SharedCertificate, WebOptions};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

use super::init::{self, Way};
use super::{Context, Outcome};
use crate::args::ServeArgs;
use crate::config::{Config, LogFormat, UnsealMethod};
use crate::{talk, wire};

/// Invented customers that `--demo` loads.
const DEMO_CUSTOMERS: u64 = 1_000;
/// The seed of the demonstration: the same customers every time.
const DEMO_SEED: u64 = 1;
/// How often the keyring and the key file are looked at; less than a key change by another process waits for this one.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Serves until SIGTERM or SIGINT.
pub(crate) async fn run(mut context: Context, args: ServeArgs) -> Result<Outcome> {
    start_logging(&context)?;
    if let Some(listen) = args.listen {
        context.config.https.listen = listen;
    }
    if let Some(listen) = args.redirect_listen {
        context.config.http.listen = listen;
    }
    let app = wire::open(&context.config).await?;
    let is_first_start = !app.is_initialised().await?;
    if is_first_start {
        init::make(&context, &app, Way::usual()).await?;
    }
    if !app.is_unsealed() {
        wire::unseal(&app, &context.config).await?;
    }
    app.finish_pending().await?;
    if args.demo {
        load_demo(&context, &app).await?;
    }
    app.set_check_settings(context.config.check.settings()?);
    app.set_mail_settings(context.config.mail_settings()?);
    let certificate = Arc::new(SharedCertificate::default());
    let mail = start_mail(&context, &app, certificate.clone()).await?;
    let jobs = app.start_jobs();
    let following = tokio::spawn(follow_root_key(
        app.clone(),
        context.config.keyring_file(),
        followed_key_file(&context),
    ));
    let streams = tokio::spawn(follow_streams(app.clone(), context.config.clone()));
    announce(&context, is_first_start);
    let served = kluis_web::serve(app.clone(), web_options(&context, certificate)?, stop_signal()).await;
    talk::say(context.text("De kluis stopt…", "Stopping…"));
    following.abort();
    streams.abort();
    if let Some(mail) = mail {
        mail.stop().await;
    }
    jobs.stop().await;
    app.close().await;
    served.context("cannot serve")?;
    Ok(Outcome::Good)
}

/// Starts what listens for mail, if anything does.
async fn start_mail(
    context: &Context,
    app: &App,
    certificate: Arc<SharedCertificate>,
) -> Result<Option<kluis_post::Running>> {
    let mail = &context.config.mail;
    if !mail.is_on() {
        return Ok(None);
    }
    let options = mail.options(&context.config.https.names, certificate)?;
    let running = kluis_post::start(app.clone(), options).await.context("cannot start mail")?;
    Ok(Some(running))
}

/// Keeps up with changes of the file with mail streams; one that cannot be read leaves the old in force.
async fn follow_streams(app: App, config: Config) {
    let file = config.mail.streams_file(&config.data.folder);
    let mut seen = stamp(&file);
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let now = stamp(&file);
        if now == seen {
            continue;
        }
        seen = now;
        match config.mail_settings() {
            Ok(settings) => {
                app.set_mail_settings(settings);
                tracing::info!("the mail streams were read again");
            }
            Err(error) => tracing::warn!(error = format!("{error:#}"), "the mail streams cannot be read"),
        }
    }
}

/// The key file that this server was opened with, if it was.
fn followed_key_file(context: &Context) -> Option<PathBuf> {
    let path = context.config.key_file();
    let is_used = match context.config.keyring.unseal {
        UnsealMethod::KeyFile => true,
        UnsealMethod::Auto => path.exists(),
        UnsealMethod::Passphrase | UnsealMethod::Shares => false,
    };
    is_used.then_some(path)
}

/// Keeps up with `key rotate root` by another process.
///
/// A new key file opens the keyring anew, so that nobody has to restart. Without one this server goes on with the
/// keys it has, which are still right, until the keyring changes once more: that change it cannot read, and what it
/// would write under keys that are being destroyed would be lost, so it seals itself.
async fn follow_root_key(app: App, keyring: PathBuf, key_file: Option<PathBuf>) {
    let stamp_of_key = || key_file.as_deref().and_then(stamp);
    let (mut seen_key, mut seen_keyring) = (stamp_of_key(), stamp(&keyring));
    let mut has_missed_a_root = false;
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let (key, ring) = (stamp_of_key(), stamp(&keyring));
        if let Some(path) = key_file.as_deref().filter(|_| key.is_some() && key != seen_key) {
            open_anew(&app, path).await;
            // Sealed means that the key fits but the database did not answer: then once more.
            if app.is_unsealed() {
                (seen_key, has_missed_a_root) = (key, false);
            }
        }
        if ring.is_none() || ring == seen_keyring || !app.is_unsealed() {
            continue;
        }
        let Ok(status) = app.status(&wire::local_actor()).await else { continue };
        seen_keyring = ring;
        if !status.attention.iter().any(|attention| attention.id == "other_root") {
            continue;
        }
        if has_missed_a_root {
            tracing::error!(
                "the keyring changed again under a root key this server lacks: sealed; restart it"
            );
            app.seal();
        }
        has_missed_a_root = true;
    }
}

/// Opens the keyring with the key file that is there now.
async fn open_anew(app: &App, key_file: &Path) {
    let opened = match wire::read_key_file(key_file) {
        Ok(key) => app.unseal(UnsealWith::KeyFile(key)).await.map_err(anyhow::Error::from),
        Err(error) => Err(error),
    };
    match opened {
        Ok(()) => tracing::info!("the keyring was opened with the new key file"),
        Err(error) => tracing::warn!(error = format!("{error:#}"), "the new key file is of no use"),
    }
}

/// What tells one state of a file from the next.
fn stamp(path: &Path) -> Option<(u64, i64, i64)> {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.ino(), metadata.mtime(), metadata.mtime_nsec()))
}

fn start_logging(context: &Context) -> Result<()> {
    let filter = EnvFilter::try_new(&context.config.log.level).context("log.level is not understood")?;
    let builder = tracing_subscriber::fmt().with_writer(std::io::stderr).with_env_filter(filter);
    match context.config.log.format {
        LogFormat::Text => builder.init(),
        LogFormat::Json => builder.json().init(),
    }
    Ok(())
}

fn web_options(context: &Context, certificate_shown: Arc<SharedCertificate>) -> Result<WebOptions> {
    let config = &context.config;
    let certificate = match (&config.https.certificate, &config.https.key, config.acme_options()?) {
        (Some(chain), Some(key), _) => CertificateSource::Files { chain: chain.clone(), key: key.clone() },
        (_, _, Some(acme)) => CertificateSource::Acme(Box::new(acme)),
        _ => CertificateSource::Own,
    };
    Ok(WebOptions {
        https: config.https.listen,
        http: config.http.redirect.then_some(config.http.listen),
        names: config.https.names.clone(),
        certificate,
        tls_folder: config.tls_folder(),
        hsts: HstsOptions {
            max_age_s: config.https.hsts_max_age_s,
            is_ramped: config.https.hsts_ramp,
            includes_subdomains: config.https.hsts_include_subdomains,
            is_for_preload: config.https.hsts_preload,
        },
        security_contact: config.https.security_contact.clone(),
        limits: Limits {
            connections_max: config.limits.connections_max,
            body_bytes_max: config.limits.body_bytes_max,
            upload_bytes_max: config.limits.upload_bytes_max,
            requests_per_minute: config.limits.requests_per_minute,
        },
        shop_name: config.shop.name.clone(),
        shared_certificate: Some(certificate_shown),
    })
}

/// Ends when the operator asks the program to stop.
async fn stop_signal() {
    let (Ok(mut terminate), Ok(mut interrupt)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        // Without signal handlers the default action ends the process; durability does not depend on us.
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

/// Loads the invented customers, unless the vault holds customers already.
async fn load_demo(context: &Context, app: &App) -> Result<()> {
    let actor = wire::local_actor();
    if app.status(&actor).await?.subjects > 0 {
        talk::say(context.text(
            "Er zijn al klanten; --demo voegt niets toe.",
            "There are customers already; --demo adds nothing.",
        ));
        return Ok(());
    }
    let mut csv = Vec::new();
    Demo::new(DEMO_SEED, app.now()).write_csv(Flavour::WooCommerce, DEMO_CUSTOMERS, &mut csv)?;
    let reader =
        kluis_connect::open(Box::new(Cursor::new(csv)), "demo.csv", &kluis_connect::OpenOptions::default())?;
    let report = app.import(&actor, reader, ImportOptions::default(), &|_| {}).await?;
    talk::say(format!(
        "{} {}",
        report.created,
        context.text("verzonnen klanten geladen.", "invented customers loaded.")
    ));
    Ok(())
}

/// Says where to go and what to do next.
fn announce(context: &Context, is_first_start: bool) {
    let config = &context.config;
    let host = config.https.names.first().map_or("localhost", String::as_str);
    let port = config.https.listen.port();
    talk::say(format!(
        "{} https://{host}:{port}/",
        context.text("De kluis is open op", "The vault is open at")
    ));
    if let Ok(Some(acme)) = config.acme_options() {
        let what = context.text("certificaat besteld en vernieuwd bij", "certificate ordered and renewed at");
        talk::say(format!("{what} {} ({})", acme.directory, acme.names.join(", ")));
    } else if config.https.certificate.is_none() {
        let authority = config.data.folder.join("tls").join("ca.pem");
        talk::hint(format!(
            "{} {}",
            context.text(
                "de browser kent het certificaat nog niet; laat hem deze eigen autoriteit vertrouwen:",
                "the browser does not know the certificate yet; let it trust our own authority:"
            ),
            authority.display()
        ));
    }
    if is_first_start {
        talk::hint(context.text(
            "meld u in de console aan met de eerste toegangssleutel, en lees klanten in met: klantkluis import BESTAND --dry-run",
            "sign in to the console with the first credential, and read customers with: klantkluis import FILE --dry-run",
        ));
        talk::hint(context.text(
            "bewaar de sleutelbos apart van de back-ups: klantkluis key backup BESTAND",
            "keep the keyring apart from the backups: klantkluis key backup FILE",
        ));
    }
}
