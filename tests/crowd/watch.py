#!/usr/bin/env python3
"""Writes down what the log itself counts, twenty times a second: watch.py PORT.

A line a reading: the monotonic time before and after it was asked for, creates,
other reads of the log, and requests of every kind. A process of its own, so that
thousands of clients in the same one do not make it late."""
import http.client
import json
import sys
import time

connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=20)
while True:
    asked = time.monotonic()
    connection.request("GET", "/_control/state")
    state = json.loads(connection.getresponse().read())
    reads = state["get"] + state["query"]
    print(f"{asked:.4f} {time.monotonic():.4f} {state['create']} {reads} {state['create'] + reads}", flush=True)
    time.sleep(0.05)
