# SPDX-License-Identifier: MIT
"""What the documented JSON trace event format asks of a file, and what Perfetto's importer makes of it: each kind
of event has its fields, and no others that mean something; names of processes and threads are told once; times are
microseconds and go forward; intervals of a thread lie in or behind each other; a counter has one series of whole
numbers that a double holds. Only the kinds of events that we write are known here: another one is a complaint."""
import json
import re

FIELDS = {
    "M": {"ph", "pid", "tid", "name", "args"},
    "X": {"ph", "pid", "tid", "ts", "dur", "name", "args"},
    "C": {"ph", "pid", "tid", "ts", "name", "args"},
}
NEEDED = {"M": {"pid", "name", "args"}, "X": {"pid", "tid", "ts", "dur", "name"}, "C": {"pid", "ts", "name", "args"}}
METADATA = {"process_name", "thread_name"}
DOUBLE_MAX = 1 << 53
NANOSECONDS = re.compile(r"[0-9]+(\.[0-9]{1,3})?")


class Time(str):
    """A number with a point, as it is written."""


def no_doubles(pairs):
    names = [name for name, _ in pairs]
    if len(names) != len(set(names)):
        raise ValueError(f"a member that stands twice: {names}")
    return dict(pairs)


def nanoseconds(number) -> int:
    whole, _, part = str(number).partition(".")
    return int(whole) * 1000 + int((part + "000")[:3])


def of_event(event: dict) -> str:
    """What is wrong with one by itself."""
    kind = event.get("ph")
    if kind not in FIELDS:
        return "no kind of event"
    if not NEEDED[kind] <= set(event) <= FIELDS[kind]:
        return "fields"
    if not all(type(event.get(name, 0)) is int and 0 <= event.get(name, 0) < 1 << 32 for name in ("pid", "tid")):
        return "a process or thread that is no number"
    if not all(NANOSECONDS.fullmatch(str(event.get(name, 0))) for name in ("ts", "dur")):
        return "a time that is not in microseconds"
    if not isinstance(event["name"], str) or event["name"] == "" or not isinstance(event.get("args", {}), dict):
        return "a name or arguments"
    if kind == "M" and (event["name"] not in METADATA or list(event["args"]) != ["name"] or
                        not isinstance(event["args"]["name"], str)):
        return "metadata"
    if kind == "C" and (len(event["args"]) != 1 or
                        not all(type(value) is int and 0 <= value <= DOUBLE_MAX
                                for value in event["args"].values())):
        return "a counter's value"
    return ""


def of_names(events: list) -> list:
    told = [(event["name"], event["pid"], event.get("tid") if event["name"] == "thread_name" else None)
            for event in events if event["ph"] == "M"]
    found = [f"named twice: {name}" for name in set(told) if told.count(name) > 1]
    for event in events:
        process, thread = event["pid"], event.get("tid")
        if ("process_name", process, None) not in told:
            found.append(f"a process without a name: {event}")
        if event["ph"] == "X" and ("thread_name", process, thread) not in told:
            found.append(f"a thread without a name: {event}")
    return found


def of_times(events: list) -> list:
    found, last, series = [], {}, {}
    for event in events:
        if event["ph"] != "C":
            continue
        track = event["pid"], event["name"]
        if nanoseconds(event["ts"]) < last.get(track, 0):
            found.append(f"a counter that goes back: {event}")
        if series.setdefault(track, list(event["args"])) != list(event["args"]):
            found.append(f"a counter of two series: {event}")
        last[track] = nanoseconds(event["ts"])
    intervals = sorted((event["pid"], event["tid"], nanoseconds(event["ts"]), -nanoseconds(event["dur"]))
                       for event in events if event["ph"] == "X")
    open_until = {}
    for process, thread, start, length in intervals:
        ends = open_until.setdefault((process, thread), [])
        while ends and ends[-1] <= start:
            ends.pop()
        if ends and start - length > ends[-1]:
            found.append(f"intervals of thread {thread} that cross at {start}")
        ends.append(start - length)
    return found


def complaints(text: str) -> list:
    """Empty for a file that viewers take."""
    try:
        content = json.loads(text, object_pairs_hook=no_doubles, parse_float=Time)
    except ValueError as error:
        return [str(error)]
    if not isinstance(content, dict) or not isinstance(content.get("traceEvents"), list):
        return ["no list of events"]
    if content.get("displayTimeUnit", "ms") not in ("ms", "ns"):
        return ["displayTimeUnit"]
    events = content["traceEvents"]
    found = [f"{what}: {event}" for event in events if (what := of_event(event)) != ""]
    return found or of_names(events) + of_times(events)


# ---- That it complains ----

GOOD = [
    {"ph": "M", "pid": 1, "name": "process_name", "args": {"name": "a"}},
    {"ph": "M", "pid": 1, "tid": 2, "name": "thread_name", "args": {"name": "b"}},
    {"ph": "X", "pid": 1, "tid": 2, "ts": 1.5, "dur": 10, "name": "x"},
    {"ph": "X", "pid": 1, "tid": 2, "ts": 2, "dur": 3, "name": "y"},
    {"ph": "C", "pid": 1, "ts": 1, "name": "c", "args": {"value": 1}},
    {"ph": "C", "pid": 1, "ts": 2.001, "name": "c", "args": {"value": 0}},
]
BAD = [
    (0, "name", "process_title"), (0, "pid", "1"), (0, "args", {"name": 1}), (0, "ph", "Q"), (0, "pid", 3),
    (1, "tid", 3), (2, "dur", -1), (2, "dur", 2), (2, "ts", None), (2, "ts", 1e-7), (2, "tid", 4), (3, "name", ""),
    (4, "args", {}), (4, "args", {"value": -1}), (4, "args", {"value": 1 << 54}), (4, "args", {"value": "1"}),
    (5, "ts", 0.5), (5, "args", {"bytes": 1}), (5, "sort", 1),
]


def blind_spots() -> list:
    """Faults that are not found; and what is found where there is none."""
    def told(events):
        return complaints(json.dumps({"traceEvents": events}))

    missed = [("nothing is wrong", told(GOOD))] if told(GOOD) else []
    for place, name, value in BAD:
        events = [dict(event) for event in GOOD]
        events[place][name] = value
        if not told(events):
            missed.append((place, name, value))
    for text in ("{}", "[", '{"traceEvents":[],"traceEvents":[]}', '{"traceEvents":[],"displayTimeUnit":"s"}'):
        if not complaints(text):
            missed.append(text)
    return missed + ([] if told(GOOD[1:]) and told(GOOD[:1] + GOOD) and told(GOOD[:1] + GOOD[2:]) else ["names"])
