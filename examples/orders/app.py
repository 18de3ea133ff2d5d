"""A function that ships the orders of an SQS queue, and reports those that it could not read.

Of a batch only the messages in batchItemFailures come again; after an exception all of them do.
It knows nothing of faultlayer. That is the point: faults need no change of code.
"""

import json


def handler(event, context):
    failed = []
    for record in event["Records"]:
        try:
            order = json.loads(record["body"])["order"]
        except (ValueError, KeyError, TypeError):
            failed.append({"itemIdentifier": record["messageId"]})
            continue
        print(f"shipping {order} for request {context.aws_request_id}")
    return {"batchItemFailures": failed}
