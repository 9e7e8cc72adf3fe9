//! The audit log over HTTP: entries, checkpoints, proofs, and each log as C2SP tiles.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use kluis_app::AuditQuery;
use serde_json::json;

use super::call::{Call, Query};
use super::json;
use super::problem::Problem;
use super::route::Answered;

/// Hashes or entries of a full tile.
const TILE_WIDTH: u16 = 256;

/// `GET /v1/audit`
pub(crate) async fn list(call: Call) -> Answered {
    let query = call.query()?;
    let limit = query.number("limit", 100, 1000)?;
    let asked = AuditQuery {
        subject: query.parsed("subject")?,
        actor: query.get("actor").map(actor_name).transpose()?,
        operation: query.parsed("operation")?,
        outcome: query.parsed("outcome")?,
        before: query.get("before").map(str::to_owned),
        limit,
    };
    let entries = call.app().audit_list(call.actor()?, asked).await?;
    let is_full = entries.len() >= limit as usize;
    let next = entries.last().filter(|_| is_full).map(|entry| entry.cursor.clone());
    Ok(json::answer(StatusCode::OK, &json!({"entries": entries, "next": next})))
}

/// `GET /v1/logs`
pub(crate) async fn logs(call: Call) -> Answered {
    let logs = call.app().logs(call.actor()?).await?;
    Ok(json::answer(StatusCode::OK, &json!({"logs": logs})))
}

/// `GET /v1/audit/checkpoint`
pub(crate) async fn checkpoint(call: Call) -> Answered {
    let note = call.app().checkpoint(call.actor()?).await?;
    Ok(json::with_type(StatusCode::OK, "text/plain; charset=utf-8", Body::from(note)))
}

/// `GET /v1/audit/log/{log}/checkpoint`: anybody may hold the vault to what it signed.
pub(crate) async fn checkpoint_of(call: Call) -> Answered {
    let note = call.app().checkpoint_of(log(&call)?).await?;
    Ok(json::with_type(StatusCode::OK, "text/plain; charset=utf-8", Body::from(note)))
}

/// `GET /v1/audit/key`
pub(crate) async fn key(call: Call) -> Answered {
    let app = call.app();
    let (verifier, earlier) = (app.verifier_key()?, app.earlier_verifier_keys()?);
    Ok(json::answer(StatusCode::OK, &json!({"log": app.node(), "verifier": verifier, "earlier": earlier})))
}

/// `GET /v1/audit/proof`
pub(crate) async fn proof(call: Call) -> Answered {
    let query = call.query()?;
    let seq: u64 =
        query.parsed("seq")?.ok_or_else(|| Problem::BadRequest("Name the entry: ?seq=…".into()))?;
    let log = query_log(&call, &query)?;
    let proof = call.app().proof(call.actor()?, log, seq).await?;
    Ok(json::answer(StatusCode::OK, &proof))
}

/// `GET /v1/audit/consistency`
pub(crate) async fn consistency(call: Call) -> Answered {
    let query = call.query()?;
    let wanted = || Problem::BadRequest("Name both sizes: ?from=…&to=…".into());
    let from = query.parsed("from")?.ok_or_else(wanted)?;
    let to = query.parsed("to")?.ok_or_else(wanted)?;
    let log = query_log(&call, &query)?;
    let proof = call.app().consistency(call.actor()?, log, from, to).await?;
    Ok(json::answer(StatusCode::OK, &proof))
}

/// `GET /v1/audit/log/{log}/tile/{level}/{index}`
pub(crate) async fn tile(call: Call) -> Answered {
    let level = call.param(1).parse().map_err(|_| Problem::NotFound)?;
    let (index, width) = tile_place(call.param(2)).ok_or(Problem::NotFound)?;
    let bytes = call.app().tile(call.actor()?, log(&call)?, level, index, width).await?;
    Ok(tile_answer(bytes, width))
}

/// `GET /v1/audit/log/{log}/tile/entries/{index}`
pub(crate) async fn entries(call: Call) -> Answered {
    let (index, width) = tile_place(call.param(1)).ok_or(Problem::NotFound)?;
    let bytes = call.app().entries_tile(call.actor()?, log(&call)?, index, width).await?;
    Ok(tile_answer(bytes, width))
}

fn log(call: &Call) -> Result<&str, Problem> {
    log_name(call.param(0)).ok_or(Problem::NotFound)
}

/// The log that the query names, or this node's.
fn query_log<'a>(call: &'a Call, query: &'a Query<'_>) -> Result<&'a str, Problem> {
    match query.get("log") {
        Some(name) => log_name(name).ok_or(Problem::NotFound),
        None => Ok(call.app().node()),
    }
}

fn log_name(name: &str) -> Option<&str> {
    let is_name = name.len() <= 64 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    is_name.then_some(name)
}

fn actor_name(name: &str) -> Result<String, Problem> {
    if name.len() > 256 || name.contains(char::is_control) {
        return Err(Problem::BadRequest("The query parameter actor takes 1 to 256 printable bytes.".into()));
    }
    Ok(name.to_owned())
}

/// A full tile never changes again.
fn tile_answer(bytes: Vec<u8>, width: u16) -> axum::http::Response<Body> {
    let mut answer = json::with_type(StatusCode::OK, "application/octet-stream", Body::from(bytes));
    if width == TILE_WIDTH {
        let forever = HeaderValue::from_static("private, max-age=31536000, immutable");
        answer.headers_mut().insert(header::CACHE_CONTROL, forever);
    }
    answer
}

/// Reads `x001/x234/067` or `000.p/12` (C2SP tlog-tiles): the tile's number and how many of its places are meant.
fn tile_place(path: &str) -> Option<(u64, u16)> {
    let (path, width) = match path.split_once(".p/") {
        None => (path, TILE_WIDTH),
        Some((path, width)) => {
            let number: u16 = canonical(width)?;
            (path, Some(number).filter(|number| (1..TILE_WIDTH).contains(number))?)
        }
    };
    let mut index: u64 = 0;
    let mut groups = path.split('/').peekable();
    let mut is_first = true;
    while let Some(group) = groups.next() {
        let digits = if groups.peek().is_some() { group.strip_prefix('x')? } else { group };
        if digits.len() != 3 || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        if is_first && digits == "000" && groups.peek().is_some() {
            return None;
        }
        is_first = false;
        index = index.checked_mul(1000)?.checked_add(digits.parse().ok()?)?;
    }
    Some((index, width))
}

/// A number in its one spelling.
fn canonical(text: &str) -> Option<u16> {
    text.parse().ok().filter(|number: &u16| number.to_string() == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_are_named_in_one_spelling() {
        assert_eq!(tile_place("000"), Some((0, 256)));
        assert_eq!(tile_place("067"), Some((67, 256)));
        assert_eq!(tile_place("x001/x234/067"), Some((1_234_067, 256)));
        assert_eq!(tile_place("x001/067.p/7"), Some((1067, 7)));
        let wrong = [
            "",
            "0",
            "0000",
            "x067",
            "001/067",
            "x000/067",
            "x001/67",
            "x001/",
            "/067",
            "067.p/0",
            "067.p/256",
            "067.p/07",
            "067.p/",
            "067.p",
            "06a",
            "+67",
            "x001/x234",
            "067.p/1/1",
            "x999/x999/x999/x999/x999/x999/x999/999",
        ];
        for path in wrong {
            assert_eq!(tile_place(path), None, "{path}");
        }
    }
}
