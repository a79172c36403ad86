#!/bin/sh
# SPDX-License-Identifier: MIT
# Needs: python3:python3
# Serves: python3*
# Runs: process pools, queues, and forks from busy threads
# Forks while other threads allocate, children that allocate and free what they inherited.
set -eu
cat >work.py <<'PY'
import concurrent.futures, multiprocessing, os, sys, threading


def chew(number):
    table = {i: str(i) * (number % 5 + 1) for i in range(8000)}
    for i in range(0, 8000, 2):
        del table[i]
    return number, len("".join(table.values()))


def pools():
    with multiprocessing.Pool(4) as pool:
        print(sorted(pool.map(chew, range(40), chunksize=3)))
    with concurrent.futures.ProcessPoolExecutor(2) as pool:
        print([result for result in pool.map(chew, range(10))])
    queue = multiprocessing.Queue()
    workers = [multiprocessing.Process(target=lambda n=n: queue.put(chew(n))) for n in range(8)]
    for worker in workers:
        worker.start()
    print(sorted(queue.get() for _ in workers))
    for worker in workers:
        worker.join()
    print([worker.exitcode for worker in workers])


def busy_forks():
    stop = threading.Event()

    def churn():
        kept = []
        while not stop.is_set():
            kept.append(bytes(len(kept) * 37 % 3000))
            if len(kept) > 500:
                del kept[:250]

    inherited = [bytes(i % 2000) for i in range(20000)]
    churners = [threading.Thread(target=churn) for _ in range(3)]
    for thread in churners:
        thread.start()
    statuses = []
    for number in range(25):
        child = os.fork()
        if child == 0:
            del inherited[::3]
            mine = [str(i) * (i % 20) for i in range(5000)]
            thread = threading.Thread(target=mine.sort)
            thread.start()
            thread.join()
            os._exit(len(mine) % 251 + number % 5)
        statuses.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    stop.set()
    for thread in churners:
        thread.join()
    print(statuses, len(inherited))


multiprocessing.set_start_method("fork")
pools()
busy_forks()
sys.stdout.flush()
PY
PYTHONMALLOC=malloc python3 -W ignore work.py
python3 -W ignore work.py
