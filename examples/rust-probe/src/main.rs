//! A function that tells what it saw; see docs/runtimes.md. It knows nothing of faultlayer.

use std::env;
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

use lambda_runtime::{service_fn, Diagnostic, Error, LambdaEvent};
use serde::Deserialize;
use serde_json::{json, Value};

/// What the function may be asked for.
#[derive(Deserialize)]
struct Event {
    raise: Option<String>,
    exit: Option<i32>,
    size: Option<usize>,
    filler: Option<String>,
}

/// The function's own kind of failure.
#[derive(Debug)]
struct OrderError(String);

impl From<OrderError> for Diagnostic {
    fn from(error: OrderError) -> Self {
        Diagnostic {
            error_type: "OrderError".into(),
            error_message: format!("no such order: {}", error.0),
        }
    }
}

static RUNS: AtomicU32 = AtomicU32::new(0);

async fn handle(event: LambdaEvent<Event>) -> Result<Value, OrderError> {
    let runs = RUNS.fetch_add(1, Ordering::Relaxed) + 1;
    let (event, context) = event.into_parts();
    println!("HANDLER RAN {}", context.request_id);
    if let Some(order) = event.raise {
        return Err(OrderError(order));
    }
    if let Some(code) = event.exit {
        process::exit(code);
    }
    if let Some(size) = event.size {
        return Ok("x".repeat(size).into());
    }
    let body = json!({
        "runtime": "rust",
        "runs": runs,
        "api": env::var("AWS_LAMBDA_RUNTIME_API").ok(),
        "request_id": context.request_id,
        "filler": event.filler.map_or(0, |text| text.len()),
    });
    Ok(json!({
        "statusCode": 200,
        "headers": {"content-type": "application/json"},
        "body": body.to_string(),
    }))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    if let Ok(reason) = env::var("FAIL_AT_START") {
        return Err(reason.into());
    }
    // One invocation at a time, or several on Managed Instances.
    lambda_runtime::run_concurrent(service_fn(handle)).await
}
