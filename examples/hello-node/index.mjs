// A function behind an HTTP API: greets whoever the query names, and says how long that took.
// It knows nothing of faultlayer. That is the point: faults need no change of code.

export async function handler(event, context) {
  const started = performance.now();
  const name = event.queryStringParameters?.name ?? "world";
  console.log(`greeting ${name.length} characters for request ${context.awsRequestId}`);
  const greeting = `Hello, ${name}!`;
  const took = performance.now() - started;
  return {
    statusCode: 200,
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ greeting, took_ms: Number(took.toFixed(3)) }),
  };
}
