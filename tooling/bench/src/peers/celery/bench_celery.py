"""The Celery app that is measured. Processes of a worker count what they ran in a file each, mapped into memory, so that counting costs next to nothing."""

import mmap
import os
import struct
import threading
import time

from celery import Celery
from celery.signals import worker_process_init, worker_ready

FOLDER = os.environ["BENCH_FOLDER"]
# Tasks run; start of the first and end of the last, in ms of the machine's monotonic clock.
MARKS = struct.Struct("<qdd")

app = Celery("bench", broker=os.environ["BENCH_BROKER"])
app.conf.update(
    # As durable as it goes: acknowledged when done, stored on disk, publishing confirmed (on AMQP).
    task_acks_late=True,
    task_default_delivery_mode="persistent",
    broker_transport_options=(
        {"confirm_publish": True} if os.environ["BENCH_BROKER"].startswith("amqp") else {}
    ),
    # And as fast: no results, no events, plenty prefetched.
    task_ignore_result=True,
    task_default_queue="bench",
    worker_prefetch_multiplier=int(os.environ.get("BENCH_PREFETCH", "4")),
    worker_hijack_root_logger=False,
)

count = 0
first = 0.0
marks = None
latencies = []
lock = threading.Lock()


def now():
    return time.clock_gettime(time.CLOCK_MONOTONIC) * 1000


def open_marks(**_):
    global count, first, marks
    count = 0
    first = 0.0
    file = open(os.path.join(FOLDER, f"{os.getpid()}.marks"), "w+b")
    file.truncate(MARKS.size)
    marks = mmap.mmap(file.fileno(), MARKS.size)


def counted(started):
    global count, first
    with lock:
        if marks is None:
            open_marks()
        if count == 0:
            first = started
        count += 1
        MARKS.pack_into(marks, 0, count, first, now())


@worker_process_init.connect
def start_counting(**_):
    open_marks()


@worker_ready.connect
def say_ready(**_):
    # Written elsewhere first, so that whoever sees it sees all of it.
    path = os.path.join(FOLDER, "ready")
    with open(path + ".new", "w") as file:
        file.write(str(time.process_time() * 1000))
    os.rename(path + ".new", path)


@app.task(name="bench.noop")
def noop():
    counted(now())


@app.task(name="bench.wait")
def wait(ms):
    started = now()
    time.sleep(ms / 1000)
    counted(started)


@app.task(name="bench.arrive")
def arrive(enqueued_at):
    started = now()
    # One line each, unbuffered: the pauses between tasks are longer than writing it takes.
    with open(os.path.join(FOLDER, "latencies"), "a") as file:
        file.write(f"{started - enqueued_at}\n")
    counted(started)
