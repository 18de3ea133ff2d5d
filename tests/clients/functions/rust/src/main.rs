//! Calls one host, and tells what the client got. It knows nothing of faultlayer.
//!
//! The event has `host`, `secure` (use TLS) and the ports: `http`, `https`.

use std::fs;
use std::time::{Duration, Instant};

use lambda_runtime::{service_fn, Error, LambdaEvent};
use reqwest::{Certificate, Client};
use serde::Deserialize;
use serde_json::{json, Value};

const LIMIT: Duration = Duration::from_secs(1); // for a connection, and for an answer

#[derive(Deserialize)]
struct Event {
    host: String,
    secure: bool,
    http: u16,
    https: u16,
}

async fn by_reqwest(event: &Event) -> Result<usize, reqwest::Error> {
    let authority = fs::read("/var/authority.pem").unwrap_or_default();
    let client = Client::builder()
        .add_root_certificate(Certificate::from_pem(&authority)?)
        .connect_timeout(LIMIT)
        .read_timeout(LIMIT)
        .build()?;
    let (scheme, port) = match event.secure {
        true => ("https", event.https),
        false => ("http", event.http),
    };
    let url = format!("{scheme}://{}:{port}/", event.host);
    Ok(client.get(url).send().await?.bytes().await?.len())
}

fn told(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(cause) => format!("{error} < {}", told(cause)),
        None => error.to_string(),
    }
}

async fn handle(event: LambdaEvent<Event>) -> Result<Value, Error> {
    let began = Instant::now();
    let (bytes, error) = match by_reqwest(&event.payload).await {
        Ok(bytes) => (bytes, String::new()),
        Err(error) => (0, format!("reqwest::Error: {}", told(&error))),
    };
    let seconds = began.elapsed().as_secs_f64();
    Ok(json!({"reqwest": {"bytes": bytes, "error": error, "seconds": seconds}}))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    lambda_runtime::run(service_fn(handle)).await
}
