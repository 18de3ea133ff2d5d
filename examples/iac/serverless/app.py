"""A function that knows nothing of faultlayer."""


def handler(event, context):
    return {"statusCode": 200, "body": "Hello, world!"}
