"""
Enqueues, one message after the other, each confirmed where the server confirms:

    produce.py store COUNT      prints the ms that it took
    produce.py fill COUNT       unconfirmed: nobody measures this
    produce.py wait COUNT MS    tasks that wait
    produce.py arrive COUNT     one at each line of stdin
"""

import sys
import time

from bench_celery import app, arrive, noop, now, wait

what, count = sys.argv[1], int(sys.argv[2])
if what == "fill":
    app.conf.broker_transport_options = {}
# Closed in the end, not just left: the server has then taken what was sent before.
with app.connection_for_write() as connection, app.amqp.Producer(connection) as producer:
    if what == "store":
        # Connects and declares.
        noop.apply_async(producer=producer)
    started = time.perf_counter()
    for _ in range(count):
        if what == "wait":
            wait.apply_async((int(sys.argv[3]),), producer=producer)
        elif what == "arrive":
            sys.stdin.readline()
            arrive.apply_async((now(),), producer=producer)
        else:
            noop.apply_async(producer=producer)
    print((time.perf_counter() - started) * 1000)
