"""A function with SnapStart's runtime hooks; it knows nothing of faultlayer."""

import os

from snapshot_restore_py import register_after_restore, register_before_snapshot

HOOKS = []


@register_before_snapshot
def before():
    HOOKS.append("before")


@register_after_restore
def after():
    if os.environ.get("RESTORE_FAILS"):
        raise LookupError("no connection to the table")
    HOOKS.append("after")


def handler(event, context):
    return {"statusCode": 200, "body": f"{event['order']} {' '.join(HOOKS)}"}
