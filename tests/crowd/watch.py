#!/usr/bin/env python3
"""Writes down what the log itself counts, fifty times a second: watch.py PORT.

A line a reading: the monotonic time before and after it was asked for, and how
many requests there have been. A process of its own, so that
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
    print(f"{asked:.4f} {time.monotonic():.4f} {state['create'] + state['get'] + state['query']}", flush=True)
    time.sleep(0.02)
