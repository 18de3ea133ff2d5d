"""The back of the shop: other products that a product's customers bought.

    GET /?product=mug  ->  ["teapot", "spoon"]

It knows nothing of faultlayer.
"""

import json

BOUGHT_TOGETHER = {
    "mug": ["teapot", "spoon"],
    "teapot": ["mug", "tea"],
    "tea": ["teapot", "honey"],
    "honey": ["spoon", "tea"],
    "spoon": ["honey", "mug"],
    "lamp": ["tea"],
}


def handler(event, context):
    product = event.get("queryStringParameters", {}).get("product", "")
    others = BOUGHT_TOGETHER.get(product, [])
    return {
        "statusCode": 200,
        "headers": {"content-type": "application/json"},
        "body": json.dumps(others),
    }
