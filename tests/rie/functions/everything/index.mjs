// A function whose answer tells who asked and how it is configured, for the emulator's tests.

export async function handler(event, context) {
  console.log(`TABLE ${process.env.TABLE_NAME}`);
  const told = {
    request_id: context.awsRequestId,
    table: process.env.TABLE_NAME ?? null,
    order: event.order ?? null,
  };
  return { statusCode: 200, headers: { "x-own": "1" }, body: JSON.stringify(told) };
}
