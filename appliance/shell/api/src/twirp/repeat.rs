//! `X-Livekit-Request-Id` (`livekit.md` §9): a client that repeats a call because it did not hear
//! the answer gets the answer of the first, and the call is carried out once.

use super::Call;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::OnceCell;

/// The idempotency key's header.
const REQUEST_ID: &str = "x-livekit-request-id";

/// How long an answer is kept: SDKs repeat within seconds.
pub(crate) const REPEAT_WINDOW: Duration = Duration::from_mins(2);

/// Answers kept at one time: beyond it the oldest is forgotten, and its repetition is a new call.
pub(crate) const MAX_KEPT_ANSWERS: usize = 1_024;

/// The longest key in bytes; a longer one is ignored. SDKs send UUIDs.
pub(crate) const MAX_REQUEST_ID_BYTES: usize = 128;

/// The largest answer that is kept; those of calls that change something are far smaller.
pub(crate) const MAX_KEPT_BYTES: usize = 64 * 1024;

/// Which call: the key and everything that decides the answer, so that a key used twice by
/// mistake, or by somebody else, is a call of its own.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Repeatable {
    id: String,
    digest: u64,
}

#[derive(Debug, Clone)]
struct Kept {
    status: StatusCode,
    content_type: Option<HeaderValue>,
    body: Bytes,
}

type Slot = Arc<OnceCell<Kept>>;

/// The answers of the last while.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    hasher: RandomState,
    kept: Mutex<Window>,
}

#[derive(Debug, Default)]
struct Window {
    slots: HashMap<Repeatable, Slot>,
    order: VecDeque<(Instant, Repeatable)>,
}

impl Answers {
    /// What a call is known by; `None` when the client named none, or when it only reads.
    pub(super) fn key(&self, headers: &HeaderMap, method: &str, call: &Call) -> Option<Repeatable> {
        let id = headers.get(REQUEST_ID)?.to_str().ok()?;
        let reads = method.starts_with("List") || method.starts_with("Get");
        if reads || id.is_empty() || id.len() > MAX_REQUEST_ID_BYTES {
            return None;
        }
        let who = (&call.claims.iss, &call.claims.sub);
        let may = serde_json::to_vec(&call.claims.video).ok()?;
        let is_json = call.encoding == super::Encoding::Json;
        let what = (method, is_json, call.body.as_ref());
        Some(Repeatable {
            id: id.to_owned(),
            digest: self.hasher.hash_one((who, may, what)),
        })
    }

    /// Runs the call, or gives the answer of the one that ran. Calls at the same time wait for the
    /// first. What may turn out otherwise next time is not kept.
    pub(super) async fn once(
        &self,
        key: Repeatable,
        now: Instant,
        run: impl Future<Output = Response>,
    ) -> Response {
        let slot = self.slot(key, now);
        let run = async || read(run.await).await;
        match slot.get_or_try_init(run).await {
            Ok(kept) => kept.clone().into_response(),
            Err(response) => *response,
        }
    }

    fn slot(&self, key: Repeatable, now: Instant) -> Slot {
        let mut window = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let Window { slots, order } = &mut *window;
        while let Some((at, oldest)) = order.front()
            && (now.saturating_duration_since(*at) > REPEAT_WINDOW
                || slots.len() >= MAX_KEPT_ANSWERS)
        {
            slots.remove(oldest);
            order.pop_front();
        }
        if let Some(slot) = slots.get(&key) {
            return slot.clone();
        }
        order.push_back((now, key.clone()));
        slots.entry(key).or_default().clone()
    }
}

/// An answer that can be given again, or the answer as it is.
async fn read(response: Response) -> Result<Kept, Box<Response>> {
    let status = response.status();
    let is_passing = matches!(
        status,
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS
    );
    if status.is_server_error() || is_passing {
        return Err(Box::new(response));
    }
    let (parts, body) = response.into_parts();
    match to_bytes(body, usize::MAX).await {
        Ok(body) if body.len() <= MAX_KEPT_BYTES => Ok(Kept {
            status,
            content_type: parts.headers.get(header::CONTENT_TYPE).cloned(),
            body,
        }),
        Ok(body) => Err(Box::new(Response::from_parts(parts, Body::from(body)))),
        Err(_) => Err(Box::new(StatusCode::INTERNAL_SERVER_ERROR.into_response())),
    }
}

impl IntoResponse for Kept {
    fn into_response(self) -> Response {
        let mut response = (self.status, self.body).into_response();
        let headers = response.headers_mut();
        headers.remove(header::CONTENT_TYPE);
        if let Some(content_type) = self.content_type {
            headers.insert(header::CONTENT_TYPE, content_type);
        }
        response
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn key(id: usize) -> Repeatable {
        Repeatable {
            id: id.to_string(),
            digest: 0,
        }
    }

    /// How often calls of these keys and times ran.
    async fn runs(status: StatusCode, calls: &[(usize, Duration)]) -> usize {
        let (answers, start) = (Answers::default(), Instant::now());
        let ran = AtomicUsize::new(0);
        for (id, after) in calls {
            let run = async {
                let n = ran.fetch_add(1, Ordering::Relaxed);
                (status, n.to_string()).into_response()
            };
            let answer = answers.once(key(*id), start + *after, run).await;
            assert_eq!(answer.status(), status);
        }
        ran.into_inner()
    }

    #[tokio::test]
    async fn a_repeated_call_runs_once_while_its_answer_is_kept() {
        let (at, end) = (Duration::ZERO, REPEAT_WINDOW);
        let late = end + Duration::from_millis(1);
        for (name, status, calls, want) in [
            ("repeated", 200, vec![(1, at), (1, end)], 1),
            ("refused for good", 404, vec![(1, at), (1, at)], 1),
            ("other keys", 200, vec![(1, at), (2, at)], 2),
            ("too late", 200, vec![(1, at), (1, late)], 2),
            ("may succeed later", 503, vec![(1, at), (1, at)], 2),
            ("timed out", 408, vec![(1, at), (1, at)], 2),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(runs(status, &calls).await, want, "{name}");
        }
    }

    #[tokio::test]
    async fn beyond_the_limit_the_oldest_answer_is_forgotten() {
        let mut calls: Vec<_> = (0..MAX_KEPT_ANSWERS).map(|n| (n, Duration::ZERO)).collect();
        calls.push((MAX_KEPT_ANSWERS, Duration::ZERO));
        calls.push((MAX_KEPT_ANSWERS, Duration::ZERO));
        let all = MAX_KEPT_ANSWERS + 1;
        assert_eq!(runs(StatusCode::OK, &calls).await, all);
        calls.push((0, Duration::ZERO));
        assert_eq!(runs(StatusCode::OK, &calls).await, all + 1);
    }

    #[tokio::test]
    async fn calls_at_the_same_time_wait_for_the_first() {
        let answers = Answers::default();
        let now = Instant::now();
        let run = |body: &'static str| async move {
            tokio::task::yield_now().await;
            body.into_response()
        };
        let (first, second) = tokio::join!(
            answers.once(key(1), now, run("first")),
            answers.once(key(1), now, run("second"))
        );
        for answer in [first, second] {
            let body = to_bytes(answer.into_body(), 100).await.unwrap();
            assert_eq!(body, "first");
        }
    }
}
