//! Runs the program that puts a TXT record into the DNS or takes it away, for a limited time.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::process::Command;
use tokio::time::timeout;

use super::AcmeError;

/// How long the program may take.
const HOOK_WAIT: Duration = Duration::from_secs(120);
/// Most bytes of what it says that are read.
const SAID_BYTES_MAX: u64 = 4096;

/// What the program is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Task {
    Add,
    Remove,
}

/// Runs `HOOK add|remove NAME VALUE`: no shell, no input, no environment but `PATH`.
pub(crate) async fn run(hook: &Path, task: Task, name: &str, value: &str) -> Result<(), AcmeError> {
    run_for(HOOK_WAIT, hook, task, name, value).await
}

async fn run_for(most: Duration, hook: &Path, task: Task, name: &str, value: &str) -> Result<(), AcmeError> {
    let word = match task {
        Task::Add => "add",
        Task::Remove => "remove",
    };
    let problem = |what: &str| AcmeError::new(format_args!("dns_hook {} {word}: {what}", hook.display()));
    let mut child = Command::new(hook)
        .args([word, name, value])
        .env_clear()
        .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| problem(&error.to_string()))?;
    let stderr = child.stderr.take();
    let running = async {
        let mut said = Vec::new();
        if let Some(stderr) = stderr {
            // What cannot be read is not told; the exit status decides.
            let _ = stderr.take(SAID_BYTES_MAX).read_to_end(&mut said).await;
        }
        (child.wait().await, said)
    };
    match timeout(most, running).await {
        Ok((Ok(status), _)) if status.success() => Ok(()),
        Ok((Ok(status), said)) => {
            Err(problem(&format!("{status}: {}", String::from_utf8_lossy(&said).trim())))
        }
        Ok((Err(error), _)) => Err(problem(&error.to_string())),
        Err(_) => Err(problem(&format!("did not end within {} s", most.as_secs()))),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn script(folder: &Path, text: &str) -> std::path::PathBuf {
        let file = folder.join("hook");
        std::fs::write(&file, format!("#!/bin/sh\n{text}\n")).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
        file
    }

    #[tokio::test]
    async fn the_program_gets_name_and_value_as_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let told = folder.path().join("told");
        let hook = script(folder.path(), &format!("printf '%s|' \"$@\" \"$HOME\" > '{}'", told.display()));
        run(&hook, Task::Add, "_acme-challenge.a.example", "-n $(x) ;'\"").await.unwrap();
        let got = std::fs::read_to_string(&told).unwrap();
        assert_eq!(got, "add|_acme-challenge.a.example|-n $(x) ;'\"||");
        run(&hook, Task::Remove, "n", "v").await.unwrap();
        assert_eq!(std::fs::read_to_string(&told).unwrap(), "remove|n|v||");
    }

    #[tokio::test]
    async fn what_fails_says_why_and_what_hangs_is_ended() {
        let folder = tempfile::tempdir().unwrap();
        let most = Duration::from_millis(300);
        let refused = script(folder.path(), "echo 'no such zone' >&2; exit 3");
        let error = run_for(most, &refused, Task::Add, "n", "v").await.unwrap_err();
        assert!(error.text.contains("no such zone") && error.text.contains('3'), "{error}");
        let error = run_for(most, Path::new("/nonexistent/hook"), Task::Add, "n", "v").await.unwrap_err();
        assert!(error.text.contains("/nonexistent/hook"), "{error}");
        let endless = script(folder.path(), "exec sleep 60");
        let error = run_for(most, &endless, Task::Remove, "n", "v").await.unwrap_err();
        assert!(error.text.contains("did not end"), "{error}");
        let chatty = script(folder.path(), "yes >&2");
        let error = run_for(most, &chatty, Task::Add, "n", "v").await.unwrap_err();
        assert!(error.text.len() < 5000, "{error}");
    }
}
