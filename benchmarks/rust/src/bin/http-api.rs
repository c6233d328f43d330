//! HTTP API: POST /task -> NATS request-reply -> HTTP answer.
use std::{env, error::Error, time::Duration};

use async_nats::{Client, ConnectOptions, Message, Request, RequestErrorKind};
use axum::{
    Router,
    body::{Body, Bytes},
    extract::{DefaultBodyLimit, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
    serve::ListenerExt,
};
use serde::Deserialize;
use tokio::{net::TcpListener, signal::unix};

const MAX_BODY: usize = 8 << 20;
const TIMEOUT: Duration = Duration::from_secs(5);

#[derive(Deserialize)]
struct Task {
    worker: Option<String>,
    payload: String,
}

async fn create_task(State(nats): State<Client>, body: Bytes) -> Response {
    let task: Task = match serde_json::from_slice(&body) {
        Ok(task) => task,
        Err(e) => return fail(StatusCode::BAD_REQUEST, format!("the body is not a valid task: {e}")),
    };
    let worker = task.worker.as_deref().unwrap_or("default");
    if !is_worker_name(worker) {
        let text = "worker must be 1 to 128 characters: A-Z a-z 0-9 _ -, and single dots between";
        return fail(StatusCode::BAD_REQUEST, text);
    }
    if task.payload.len() > nats.server_info().max_payload {
        return fail(StatusCode::PAYLOAD_TOO_LARGE, "the payload is too large");
    }
    let request = Request::new().payload(task.payload.into()).timeout(Some(TIMEOUT));
    match nats.send_request(format!("tasks.{worker}"), request).await {
        Ok(reply) => answer(reply),
        Err(e) => match e.kind() {
            RequestErrorKind::NoResponders => fail(StatusCode::BAD_GATEWAY, "nobody is subscribed"),
            RequestErrorKind::TimedOut => fail(StatusCode::BAD_GATEWAY, "no reply in time"),
            _ => fail(StatusCode::BAD_GATEWAY, "the message broker is unavailable"),
        },
    }
}

fn is_worker_name(name: &str) -> bool {
    let is_token = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    name.len() <= 128 && name.split('.').all(is_token)
}

fn answer(reply: Message) -> Response {
    let given = |name| reply.headers.as_ref().and_then(|headers| headers.get(name)).map(|value| value.to_string());
    if given("Nats-Service-Error-Code").as_deref() == Some("503") {
        let text = given("Nats-Service-Error").unwrap_or_default();
        return ([(header::RETRY_AFTER, "1")], fail(StatusCode::SERVICE_UNAVAILABLE, text)).into_response();
    }
    if let Some(text) = given("Nats-Service-Error") {
        return fail(StatusCode::BAD_GATEWAY, text);
    }
    let content_type = given("Content-Type").and_then(|value| HeaderValue::try_from(value).ok())
        .unwrap_or(HeaderValue::from_static("text/plain;charset=UTF-8"));
    let headers = [(header::CONTENT_TYPE, content_type),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"))];
    (headers, Body::from(reply.payload)).into_response()
}

fn fail(status: StatusCode, text: impl Into<String>) -> Response {
    (status, text.into() + "\n").into_response()
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let nats = ConnectOptions::new().name("http-api").connect(env::var("NATS_URL")?).await?;
    let app = Router::new().route("/task", post(create_task)).layer(DefaultBodyLimit::max(MAX_BODY)).with_state(nats);
    let listener = TcpListener::bind(("127.0.0.1", env::var("PORT")?.parse()?)).await?
        .tap_io(|connection| _ = connection.set_nodelay(true));
    let mut end = unix::signal(unix::SignalKind::terminate())?;
    axum::serve(listener, app).with_graceful_shutdown(async move { _ = end.recv().await }).await?;
    Ok(())
}
