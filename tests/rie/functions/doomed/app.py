"""A function that is to be killed: it tells how far it came, and what of it was left last time."""

import os
import subprocess
import time
from pathlib import Path

RUNS = 0
SLEEP = ["sleep", "61"]
FOLDER = "/tmp"


def sleepers():
    found = 0
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            found += Path(f"/proc/{name}/cmdline").read_bytes() == b"sleep\x0061\x00"
        except OSError:
            pass
    return found


def handler(event, context):
    global RUNS
    RUNS += 1
    print(f"HANDLER RAN {context.aws_request_id}", flush=True)
    space = os.statvfs(FOLDER)
    told = {"runs": RUNS, "free": space.f_bfree * space.f_frsize, "sleepers": sleepers()}
    for _ in range(event.get("children", 0)):
        subprocess.Popen(SLEEP)
    if "children" in event:
        while sleepers() < event["children"]:  # until each runs its program
            time.sleep(0.01)
        print("CHILDREN", sleepers(), flush=True)
    time.sleep(event.get("sleep", 0))
    print(f"HANDLER DONE {context.aws_request_id}", flush=True)
    return told
