"""A function that uses up what its sandbox has, and tells how far it came."""

import os
import subprocess
import time
from pathlib import Path

CHILDREN = []
KEPT = []


def processes():
    found = 0
    for name in os.listdir("/proc"):
        try:
            found += (
                b"faultlayer.environment.load_process" in Path(f"/proc/{name}/cmdline").read_bytes()
            )
        except OSError:
            pass
    return found


def score(pid):
    return int(Path(f"/proc/{pid}/oom_score_adj").read_text())


def handler(event, context):
    print(f"HANDLER RAN {context.aws_request_id}", flush=True)
    told = {"pid": os.getpid(), "burdens": processes(), "score": score("self")}
    space = os.statvfs("/tmp")
    told["free"] = space.f_bavail * space.f_frsize
    if "write" in event:
        wrote = Path("/tmp/function-wrote")
        try:
            with wrote.open("wb", buffering=0) as file:
                for _ in range(event["write"]):
                    file.write(b"x" * (1 << 20))
        except OSError as error:
            told["errno"] = error.errno
        finally:
            wrote.unlink()
    if "child" in event:
        CHILDREN.append(subprocess.Popen(["sleep", "60"]))
        told["child"] = CHILDREN[-1].pid
        print(f"CHILD {CHILDREN[-1].pid}", flush=True)
    if "raise" in event:
        raise ValueError("of its own")
    if "exit" in event:
        os._exit(event["exit"])
    if "take" in event:
        KEPT.append(b"x" * (event["take"] << 20))
    began = time.thread_time()
    until = time.monotonic() + event.get("work", 0)
    while time.monotonic() < until:
        pass
    told["worked"] = time.thread_time() - began
    time.sleep(event.get("sleep", 0))
    print(f"HANDLER DONE {context.aws_request_id}", flush=True)
    return told
