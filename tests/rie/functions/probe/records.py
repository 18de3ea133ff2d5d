"""A function that reports the failed records it was told of, for the emulator's tests."""


def handler(event, context):
    return {"batchItemFailures": [{"itemIdentifier": name} for name in event.get("failed", ())]}
