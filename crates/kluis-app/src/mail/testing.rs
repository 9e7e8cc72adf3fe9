//! A small name server for tests of mail: TXT and MX records that a test changes, and silence on request.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::HashMap;
use std::net::UdpSocket;
use std::sync::Arc;
use std::time::Duration;

use kluis_net::AuditOptions;
use parking_lot::Mutex;

/// A name server over records that a test changes; it says nothing when it is mute.
#[derive(Clone, Default)]
pub(crate) struct Zone {
    /// The records of each name.
    pub(crate) records: Arc<Mutex<HashMap<String, Vec<String>>>>,
    /// Whether it says nothing.
    pub(crate) is_mute: Arc<Mutex<bool>>,
}

impl Zone {
    /// Serves until the test ends; gives how it is asked.
    pub(crate) fn serve(&self) -> AuditOptions {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let dns = Some(socket.local_addr().unwrap());
        let zone = self.clone();
        std::thread::spawn(move || {
            let mut bytes = [0; 1500];
            while let Ok((length, from)) = socket.recv_from(&mut bytes) {
                if let Some(answer) = zone.answer(&bytes[..length]) {
                    // Who asked may have gone.
                    let _ = socket.send_to(&answer, from);
                }
            }
        });
        AuditOptions {
            dns,
            total: Duration::from_secs(3),
            step: Duration::from_millis(700),
            ..AuditOptions::default()
        }
    }

    /// Answers TXT and MX (`10 host`) questions.
    fn answer(&self, question: &[u8]) -> Option<Vec<u8>> {
        if *self.is_mute.lock() {
            return None;
        }
        let (mut labels, mut at) = (Vec::new(), 12);
        while question[at] != 0 {
            let end = at + 1 + usize::from(question[at]);
            labels.push(String::from_utf8_lossy(&question[at + 1..end]).to_ascii_lowercase());
            at = end;
        }
        let (end, kind) = (at + 5, question[at + 2]);
        let name = labels.join(".");
        let records = self.records.lock();
        let is_there = records.keys().any(|key| *key == name || key.ends_with(&format!(".{name}")));
        let of_kind = |record: &&String| record.starts_with("10 ") == (kind == 15);
        let found: Vec<&String> = records.get(&name).into_iter().flatten().filter(of_kind).collect();
        let found = if matches!(kind, 15 | 16) { found } else { Vec::new() };
        let mut out = question[..2].to_vec();
        let count = u8::try_from(found.len()).unwrap();
        out.extend([0x84, if is_there { 0x80 } else { 0x83 }, 0, 1, 0, count, 0, 0, 0, 0]);
        out.extend(&question[12..end]);
        for record in found {
            let mut data = Vec::new();
            if let Some(host) = record.strip_prefix("10 ") {
                data.extend([0, 10]);
                for label in host.split('.') {
                    data.push(u8::try_from(label.len()).unwrap());
                    data.extend(label.as_bytes());
                }
                data.push(0);
            } else {
                for part in record.as_bytes().chunks(255) {
                    data.push(u8::try_from(part.len()).unwrap());
                    data.extend(part);
                }
            }
            out.extend([0xc0, 12, 0, kind, 0, 1, 0, 0, 0, 60]);
            out.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
            out.extend(data);
        }
        Some(out)
    }

    /// Puts these records at a name in place of what was there.
    pub(crate) fn publish(&self, name: &str, records: &[&str]) {
        let records = records.iter().map(|record| (*record).to_owned()).collect();
        self.records.lock().insert(name.to_owned(), records);
    }
}
