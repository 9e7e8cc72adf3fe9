//! Importing a file of customers: read, matched with who is there, sealed in parallel, a unit per 500.
//!
//! Every unit is whole: a run that is killed is finished by running it again, which leaves what is
//! there unchanged.

mod evaluate;
mod report;
mod run;
mod seen;

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use kluis_connect::ImportReader;
use kluis_model::audit::Operation;
use kluis_model::{Actor, FieldName};

use crate::guard::{Ask, Done};
use crate::{App, AppError};
use run::Run;

pub use report::{DroppedCount, ImportColumn, ImportProgress, ImportReport, InvalidCount, RejectCount};

/// How to import.
#[derive(Default)]
pub struct ImportOptions {
    /// Only say what would happen; nothing is written but the audit leaf.
    pub dry_run: bool,
    /// Where rejected records are listed, as CSV with line, field and reason; never a value.
    pub rejects: Option<Box<dyn Write + Send>>,
    /// Set to stop after the chunk at hand; what was imported stays.
    pub cancel: Arc<AtomicBool>,
}

impl App {
    /// Imports a file: new customers are put in, those who are there (by customer number or e-mail
    /// address) are updated when a value differs, everything without a live purpose is dropped and
    /// counted. Running it again changes nothing.
    ///
    /// # Errors
    /// Denied, or when the database does not answer; what was imported before stays.
    pub async fn import(
        &self,
        actor: &Actor,
        reader: ImportReader,
        options: ImportOptions,
        progress: &(dyn Fn(ImportProgress) + Sync),
    ) -> Result<ImportReport, AppError> {
        let columns = reader.columns();
        let fields: Vec<FieldName> = match actor.grant.fields {
            Some(_) => {
                columns.iter().filter_map(|column| FieldName::parse(column.field.as_deref()?).ok()).collect()
            }
            None => Vec::new(),
        };
        let ask = Ask::new(Operation::Import).fields(&fields);
        self.allow(actor, &ask).await?;
        let run = Run::new(self, actor, options, report::opened(&reader));
        let report = run.finish(reader, progress).await?;
        let reason = match (report.cancelled, report.dry_run) {
            (true, _) => "cancelled",
            (false, true) => "dry_run",
            (false, false) => "finished",
        };
        let done = Done { count: report.created + report.updated, reason: Some(reason), ..Done::default() };
        self.write_leaf(actor, &Ask::new(Operation::Import), kluis_model::Outcome::Ok, &done).await?;
        Ok(report)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::io::Cursor;
    use std::sync::Mutex;

    use kluis_connect::demo::{Demo, Flavour};
    use kluis_connect::{OpenOptions, open};

    use super::*;
    use crate::SHOP;
    use crate::subject::tests::{fields, person, purpose};
    use crate::testing::{BEGIN, Vault, local};

    /// A writer that a test can look into.
    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    async fn import(vault: &Vault, text: impl Into<Vec<u8>>, options: ImportOptions) -> ImportReport {
        let source = Box::new(Cursor::new(text.into()));
        let reader = open(source, "klanten.csv", &OpenOptions::default()).unwrap();
        vault.app.import(&local(), reader, options, &|_| {}).await.unwrap()
    }

    fn export(rows: u64) -> Vec<u8> {
        let mut file = Vec::new();
        Demo::new(11, BEGIN).write_csv(Flavour::WooCommerce, rows, &mut file).unwrap();
        file
    }

    async fn subjects(vault: &Vault) -> u64 {
        vault.app.store().counts(SHOP).await.unwrap().subjects
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_second_run_changes_nothing() {
        let vault = Vault::new().await;
        let file = export(2_300);
        let dry =
            import(&vault, file.clone(), ImportOptions { dry_run: true, ..ImportOptions::default() }).await;
        assert_eq!((dry.records, dry.created, dry.rejected), (2_300, 2_300, 0), "{dry:?}");
        assert_eq!(subjects(&vault).await, 0, "a dry run writes nothing");
        let first = import(&vault, file.clone(), ImportOptions::default()).await;
        assert_eq!((first.created, first.shape.as_str()), (2_300, "woocommerce"), "{first:?}");
        assert_eq!(first.dropped, dry.dropped);
        let again = import(&vault, file, ImportOptions::default()).await;
        assert_eq!((again.created, again.updated, again.unchanged), (0, 0, 2_300), "{again:?}");
        assert_eq!(subjects(&vault).await, 2_300);
        let text = serde_json::to_string(&again).unwrap();
        assert_eq!(serde_json::from_str::<ImportReport>(&text).unwrap(), again);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn known_customers_are_updated_and_repeated_ones_wait() {
        let vault = Vault::new().await;
        let known = person(&[("email", "a@voorbeeld.example"), ("surname", "Oud"), ("city", "Wijkdorp")]);
        let id = vault.app.create(&local(), known).await.unwrap().id;
        let rejects = Shared::default();
        let text = "email;surname;city;phone\n\
            A@voorbeeld.example;Nieuw;;\n\
            b@voorbeeld.example;Bakker;Wijkdorp;niets\n\
            b@voorbeeld.example;Bakker;Elders;\n\
            b@voorbeeld.example;Bakker;Elders;\n\
            no at sign;Cools;;\n\
            ;Zonder;;\n";
        let options = ImportOptions { rejects: Some(Box::new(rejects.clone())), ..ImportOptions::default() };
        let report = import(&vault, text, options).await;
        assert_eq!(
            (report.created, report.updated, report.unchanged, report.rejected),
            (1, 2, 1, 2),
            "{report:?}"
        );
        assert_eq!(report.invalid.len(), 1, "{report:?}");
        let listed = String::from_utf8(rejects.0.lock().unwrap().clone()).unwrap();
        assert!(listed.starts_with("line,field,reason\n") && listed.lines().count() == 4, "{listed}");
        assert!(listed.contains("3,\"phone\",malformed"), "the unusable value too: {listed}");
        assert!(!listed.contains("no at sign"));
        let names = fields(&["surname", "city"]);
        let shown = vault.app.read(&local(), id, &purpose("order"), Some(&names)).await.unwrap();
        let values: Vec<_> = shown.fields.iter().map(|(_, value)| value.expose().as_str()).collect();
        assert_eq!(values, ["Nieuw", "Wijkdorp"], "an empty cell says nothing");
        assert_eq!(subjects(&vault).await, 2);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn an_undated_yes_does_not_undo_a_withdrawal() {
        let vault = Vault::new().await;
        let text = "email,newsletter\na@voorbeeld.example,yes\nb@voorbeeld.example,no\n";
        let first = import(&vault, text, ImportOptions::default()).await;
        assert_eq!(first.created, 2, "{first:?}");
        let found = vault
            .app
            .lookup(&local(), "email", "a@voorbeeld.example".into(), &purpose("newsletter"), None)
            .await;
        let Some(id) = found.unwrap().first().map(|shown| shown.id) else {
            // The file's columns were not read as consent: nothing to withdraw then.
            assert!(
                first.columns.iter().any(|column| column.header == "newsletter" && column.field.is_none())
            );
            return;
        };
        let withdrawal = crate::ConsentInput {
            purpose: "newsletter".into(),
            given: false,
            at: None,
            source: "portal".into(),
            text_version: String::new(),
            proof: Default::default(),
        };
        vault.app.consent(&local(), id, withdrawal).await.unwrap();
        let again = import(&vault, text, ImportOptions::default()).await;
        assert_eq!(again.unchanged, 2, "{again:?}");
        let refused = vault.app.read(&local(), id, &purpose("newsletter"), None).await;
        assert!(matches!(refused, Err(AppError::Denied { .. })));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_run_can_be_stopped_and_done_again() {
        let vault = Vault::new().await;
        let cancel = Arc::new(AtomicBool::new(false));
        let reader =
            open(Box::new(Cursor::new(export(5_000))), "klanten.csv", &OpenOptions::default()).unwrap();
        let options = ImportOptions { cancel: Arc::clone(&cancel), ..ImportOptions::default() };
        let stop = |_| cancel.store(true, std::sync::atomic::Ordering::Relaxed);
        let report = vault.app.import(&local(), reader, options, &stop).await.unwrap();
        assert!(report.cancelled && report.created < 5_000);
        assert_eq!(subjects(&vault).await, report.created);
        let rest = import(&vault, export(5_000), ImportOptions::default()).await;
        assert_eq!(rest.created + rest.unchanged, 5_000, "{rest:?}");
        assert_eq!(subjects(&vault).await, 5_000);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_customer_of_two_identities_is_refused_and_keeps_no_other_out() {
        let vault = Vault::new().await;
        for (number, email) in [("K1", "a@voorbeeld.example"), ("K2", "b@voorbeeld.example")] {
            let known = person(&[("customer_number", number), ("email", email), ("surname", "Bakker")]);
            vault.app.create(&local(), known).await.unwrap();
        }
        let mut text = "customer_number;email;surname\nK1;b@voorbeeld.example;Bakker\n".to_owned();
        for number in 3..40 {
            text.push_str(&format!("K{number};c{number}@voorbeeld.example;Cools\n"));
        }
        // Two lines name one customer by different terms: the second is looked at again by itself.
        text.push_str("K2;;Cools\n;b@voorbeeld.example;Cools\n");
        let report = import(&vault, text.clone(), ImportOptions::default()).await;
        let counts = (report.created, report.updated, report.unchanged, report.rejected);
        assert_eq!(counts, (37, 1, 1, 1), "{report:?}");
        assert_eq!(report.rejects[0].reason, "ambiguous");
        let again = import(&vault, text, ImportOptions::default()).await;
        assert_eq!((again.unchanged, again.rejected), (39, 1), "{again:?}");
    }

    /// Prints how fast an import is; run with `--release -- --ignored --nocapture`.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    #[ignore = "a measurement"]
    async fn speed_of_an_import() {
        let vault = Vault::new().await;
        let file = export(200_000);
        for run in ["first", "second"] {
            let begun = std::time::Instant::now();
            let report = import(&vault, file.clone(), ImportOptions::default()).await;
            let per_second = 200_000.0 / begun.elapsed().as_secs_f64();
            let memory = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
            let peak = memory.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default().to_owned();
            let line = format!(
                "{run}: {per_second:.0}/s, created {}, unchanged {}, {peak}\n",
                report.created, report.unchanged
            );
            std::io::stderr().write_all(line.as_bytes()).unwrap();
        }
    }
}
