"""Counts SIGINT for a second after the first one; exits with 3."""
import signal
import sys
import time

count = 0


def on_signal(number, frame):
    global count
    count += 1


signal.signal(signal.SIGINT, on_signal)
print("ready", flush=True)
deadline = time.monotonic() + 20
while count == 0 and time.monotonic() < deadline:
    time.sleep(0.02)
time.sleep(1)
print(f"got {count}", flush=True)
sys.exit(3)
