//! Many customers in one request: lines of JSON in, one line of answer for each, while they stream.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::StatusCode;
use bytes::Bytes;
use futures_util::stream;
use kluis_app::{AppError, NewSubject, Written};
use kluis_model::{Actor, Lang, RequestId};
use tokio::sync::mpsc;

use super::body::Lines;
use super::call::Call;
use super::json::{self, Writer};
use super::problem::Problem;
use super::route::Answered;
use super::subjects::{CreateInput, write_written};
use crate::limiter::Limiter;

/// Media type of lines of JSON.
pub(crate) const NDJSON: &str = "application/x-ndjson";
/// Media types of lines that come in.
pub(crate) const LINES: &[&str] = &[NDJSON, "text/plain"];
/// Customers in one unit of work.
const BATCH_MAX: usize = 250;
/// Most bytes of one line.
const LINE_BYTES_MAX: usize = 64 * 1024;
/// Answered batches that wait for a client that sends and does not read yet.
const WAITING_MAX: usize = 256;

/// `POST /v1/subjects/bulk`
pub(crate) async fn bulk(mut call: Call) -> Answered {
    let actor = call.actor()?.clone();
    let bytes_max = call.state.options.limits.upload_bytes_max;
    let lines = Lines::new(std::mem::take(&mut call.body), LINE_BYTES_MAX, bytes_max);
    let (answers, waiting) = mpsc::channel(WAITING_MAX);
    let limiter = call.state.limiter.clone();
    let work = Work { lang: call.lang(), request: call.request, app: call.app().clone(), limiter, actor };
    tokio::spawn(work.run(lines, answers));
    let stream = stream::unfold(waiting, |mut waiting| async move {
        let bytes: Bytes = waiting.recv().await?;
        Some((Ok::<_, std::convert::Infallible>(bytes), waiting))
    });
    Ok(json::with_type(StatusCode::OK, NDJSON, Body::from_stream(stream)))
}

/// One bulk request at work.
struct Work {
    app: kluis_app::App,
    limiter: Arc<Limiter>,
    actor: Actor,
    lang: Lang,
    request: RequestId,
}

/// A line that was read: a customer, or why it is none.
type Read = (u64, Result<NewSubject, Problem>);

impl Work {
    /// Takes batches until the lines end or the client is gone.
    async fn run(self, mut lines: Lines, answers: mpsc::Sender<Bytes>) {
        let mut number = 0;
        loop {
            let (batch, end) = next_batch(&mut lines, &mut number).await;
            let mut writer = Writer::with_capacity(64 + batch.len() * 256);
            if !batch.is_empty() {
                self.put_in(batch, &mut writer).await;
            }
            if let Some(Err(problem)) = &end {
                // The rest cannot be read, and the last answer says so.
                write_problem(&mut writer, number + 1, problem, self.lang, self.request);
            }
            let is_gone = answers.send(writer.into_bytes()).await.is_err();
            if matches!(end, Some(Err(_))) && !is_gone {
                lines.discard_rest().await;
            }
            if is_gone || end.is_some() {
                return;
            }
        }
    }

    /// Puts a batch in and writes an answer for each line, in the order of the lines.
    async fn put_in(&self, batch: Vec<Read>, writer: &mut Writer) {
        let mut fresh = Vec::with_capacity(batch.len());
        let mut places = Vec::with_capacity(batch.len());
        for (number, read) in batch {
            match read {
                Ok(new) => {
                    fresh.push(new);
                    places.push((number, None));
                }
                Err(problem) => places.push((number, Some(problem))),
            }
        }
        let results =
            if fresh.is_empty() { Ok(Vec::new()) } else { self.app.bulk_in(&self.actor, fresh).await };
        let mut results = match results {
            Ok(results) => results.into_iter(),
            Err(error) => return self.all_failed(&places, error, writer),
        };
        self.count_taken(results.as_slice()).await;
        for (number, problem) in places {
            let result = match problem {
                Some(problem) => Err(problem),
                None => results.next().unwrap_or(Err(AppError::NotFound)).map_err(Problem::App),
            };
            match result {
                Ok(written) => {
                    writer.raw("{\"line\":").number(number).raw(",\"status\":201,\"result\":");
                    write_written(writer, &written);
                    writer.raw("}\n");
                }
                Err(problem) => write_problem(writer, number, &problem, self.lang, self.request),
            }
        }
    }

    /// Counts each value that was taken as a request of its own, and lets a client that asks too
    /// often in this way wait: one request with many lines is no quicker way to guess.
    async fn count_taken(&self, results: &[Result<Written, AppError>]) {
        let Some(credential) = self.actor.credential else { return };
        let mut wait = None;
        for _ in results.iter().filter(|result| matches!(result, Err(AppError::Conflict { .. }))) {
            wait = self.limiter.request(credential, self.app.now()).err();
        }
        if let Some(wait_s) = wait {
            tokio::time::sleep(Duration::from_secs(u64::from(wait_s))).await;
        }
    }

    fn all_failed(&self, places: &[(u64, Option<Problem>)], error: AppError, writer: &mut Writer) {
        let error = Problem::App(error);
        for (number, problem) in places {
            write_problem(writer, *number, problem.as_ref().unwrap_or(&error), self.lang, self.request);
        }
    }
}

/// Reads lines until a batch is full or the sender pauses; the second part says that the lines ended, or why.
async fn next_batch(lines: &mut Lines, number: &mut u64) -> (Vec<Read>, Option<Result<(), Problem>>) {
    let mut batch = Vec::new();
    loop {
        match lines.next().await {
            Ok(Some(line)) => {
                *number += 1;
                if !line.is_empty() {
                    let read = json::parse::<CreateInput>(&line).map(NewSubject::from);
                    batch.push((*number, read));
                }
            }
            Ok(None) => return (batch, Some(Ok(()))),
            Err(problem) => return (batch, Some(Err(problem))),
        }
        if batch.len() >= BATCH_MAX || (!batch.is_empty() && !lines.has_line()) {
            return (batch, None);
        }
    }
}

fn write_problem(writer: &mut Writer, line: u64, problem: &Problem, lang: Lang, request: RequestId) {
    let document = problem.document(lang, request);
    let status = document.get("status").and_then(serde_json::Value::as_u64).unwrap_or(500);
    writer.raw("{\"line\":").number(line).raw(",\"status\":").number(status).raw(",\"problem\":");
    writer.value(&document).raw("}\n");
}
