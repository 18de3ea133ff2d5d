// A function that ships the orders of an SQS queue, and reports those that it could not read.
// Of a batch only the messages in batchItemFailures come again; after an exception all of them do.
// It knows nothing of faultlayer. That is the point: faults need no change of code.

function read(body) {
  try {
    return JSON.parse(body)?.order;
  } catch {
    return undefined;
  }
}

export async function handler(event, context) {
  const batchItemFailures = [];
  for (const { messageId, body } of event.Records) {
    const order = read(body);
    if (order === undefined) {
      batchItemFailures.push({ itemIdentifier: messageId });
    } else {
      console.log(`shipping ${order} for request ${context.awsRequestId}`);
    }
  }
  return { batchItemFailures };
}
