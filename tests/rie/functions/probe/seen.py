"""A function that answers with the event it got, for the emulator's tests."""


def handler(event, context):
    print(f"HANDLER RAN {context.aws_request_id}", flush=True)
    return event
