"""Holds one thread of a process for some seconds, as a device that hangs would.

usage: hold_thread.py PID THREAD SECONDS

The thread is the first of its name: threads that it started have the same. Others go on: a signal
would stop them all, tracing does not.
"""

import ctypes
import os
import pathlib
import sys
import time

PTRACE_ATTACH, PTRACE_DETACH = 16, 17

pid, name, seconds = int(sys.argv[1]), sys.argv[2], float(sys.argv[3])
tasks = pathlib.Path(f"/proc/{pid}/task")
tid = min(int(task.name) for task in tasks.iterdir() if (task / "comm").read_text().strip() == name)
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]


def ptrace(request):
    if libc.ptrace(request, tid, None, None) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


ptrace(PTRACE_ATTACH)
os.waitpid(tid, 0x40000000)  # __WALL: it is no child of this process.
print("held", flush=True)
time.sleep(seconds)
ptrace(PTRACE_DETACH)
