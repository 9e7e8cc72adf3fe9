//! Importing with the real program: kill -9 in the middle and again loses and doubles nobody, also beside a running server.

use std::fs::File;
use std::io::BufWriter;
use std::path::PathBuf;
use std::time::Duration;

use kluis_connect::demo::{Demo, Flavour};
use kluis_model::TimeMs;
use serde_json::{Value, json};

use crate::harness::{Engine, Vault, on_both};

/// Customers of the file; a debug build takes some seconds for them.
const ROWS: u64 = 12_000;
/// When the import is killed; it commits after seconds at the latest, so each is at another place.
const KILLED_AFTER_MS: [u64; 5] = [150, 600, 1_200, 2_500, 3_600];

fn write_export(vault: &Vault, rows: u64) -> PathBuf {
    let path = vault.folder.path().join("klanten.csv");
    let file = BufWriter::new(File::create(&path).unwrap());
    Demo::new(5, TimeMs(1_790_000_000_000)).write_csv(Flavour::WooCommerce, rows, file).unwrap();
    path
}

fn import(vault: &Vault, path: &std::path::Path) -> Value {
    vault.cli_json(&["import", path.to_str().unwrap(), "--yes"], "")
}

#[test]
fn an_import_that_is_killed_and_run_again_has_everybody_once() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let mut vault = Vault::new(engine);
        vault.start();
        vault.stop();
        let path = write_export(&vault, ROWS);
        let mut killed = 0;
        for after in KILLED_AFTER_MS {
            let mut child = vault.spawn(&["import", path.to_str().unwrap(), "--yes"]);
            std::thread::sleep(Duration::from_millis(after));
            child.kill().unwrap();
            killed += u32::from(!child.wait().unwrap().success());
        }
        assert!(killed >= 2, "{engine:?}: the imports were over before they could be killed");
        let report = import(&vault, &path);
        assert_eq!(report["records"], ROWS, "{engine:?}: {report}");
        assert_eq!(report["rejected"], 0, "{engine:?}: {report}");
        assert_eq!(report["updated"], 0, "{engine:?}: {report}");
        let again = import(&vault, &path);
        assert_eq!((&again["created"], &again["unchanged"]), (&json!(0), &json!(ROWS)), "{engine:?}");
        let verified = vault.cli_json(&["verify"], "");
        assert_eq!(verified["findings"], json!([]), "{engine:?}");
        assert_eq!(verified["rows"], ROWS, "{engine:?}");
    }
}

#[test]
fn an_import_beside_a_running_server_disturbs_neither() {
    on_both(|vault| {
        let path = write_export(vault, 3_000);
        let child = vault.spawn(&["import", path.to_str().unwrap(), "--yes"]);
        let mut created = 0;
        for number in 0..40 {
            vault.create(number);
            created += 1;
            std::thread::sleep(Duration::from_millis(20));
        }
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let again = import(vault, &path);
        assert_eq!((&again["created"], &again["unchanged"]), (&json!(0), &json!(3_000)), "{again}");
        let verified = vault.cli_json(&["verify"], "");
        assert_eq!(verified["findings"], json!([]));
        assert_eq!(verified["rows"], 3_000 + created);
    });
}
