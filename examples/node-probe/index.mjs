// A function that tells what it saw; see docs/runtimes.md. It knows nothing of faultlayer.

class OrderError extends Error {
  name = "OrderError";
}

if (process.env.FAIL_AT_START) {
  throw new Error(process.env.FAIL_AT_START);
}

let runs = 0;

export async function handler(event, context) {
  runs += 1;
  console.log(`HANDLER RAN ${context.awsRequestId}`);
  if (event.raise) {
    throw new OrderError(`no such order: ${event.raise}`);
  }
  if (event.exit) {
    process.exit(event.exit);
  }
  if (event.size) {
    return "x".repeat(event.size);
  }
  const body = {
    runtime: "node",
    runs,
    api: process.env.AWS_LAMBDA_RUNTIME_API,
    request_id: context.awsRequestId,
    filler: (event.filler ?? "").length,
  };
  return {
    statusCode: 200,
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  };
}
