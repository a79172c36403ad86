# SPDX-License-Identifier: MIT
"""What the exporter is for: promtool, a Prometheus that scrapes it, and pprof."""
from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from typing import Iterator

from common import Test, main, skip

HERE = os.path.dirname(os.path.realpath(__file__))
RULES = os.path.join(HERE, "..", "..", "exporter", "prometheus", "brkmalloc-rules.yml")

CONFIGURATION = """
global: {scrape_interval: 4s, scrape_timeout: 3500ms, evaluation_interval: 1s}
scrape_configs:
  - job_name: brkmalloc
    static_configs: [{targets: ["127.0.0.1:%d"]}]
rule_files: [brkmalloc-rules.yml]
"""


def passes(test: Test, *words: str, text: str | None = None) -> str:
    run = subprocess.run(["promtool", *words], input=text, capture_output=True, text=True, check=False,
                         cwd=test.scratch)
    test.same(f"status of promtool {words}", 0, run.returncode)
    if run.returncode != 0:
        print(run.stdout, run.stderr)
    return run.stdout + run.stderr


def prometheus_rules(test: Test) -> int | None:
    if shutil.which("promtool") is None:
        return skip("no promtool here")
    shutil.copy(RULES, test.scratch)
    shutil.copy(os.path.join(HERE, "rules-test.yml"), test.scratch)
    passes(test, "check", "rules", "brkmalloc-rules.yml")
    passes(test, "test", "rules", "rules-test.yml")
    with open(RULES, encoding="utf-8") as rules, \
            open(os.path.join(HERE, "rules-test.yml"), encoding="utf-8") as tests:
        text = tests.read()
        for name in re.findall(r"- (?:record|alert): (\S+)", rules.read()):
            test.expect(f"{name} is tested", re.search(rf"(expr|alertname): {name}\n", text) is not None)
    return None


class Prometheus:
    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/api/v1/"

    def ask(self, path: str, **values: str) -> object:
        """The data of an answer, None while there is none."""
        try:
            with urllib.request.urlopen(self.url + path + "?" + urllib.parse.urlencode(values)) as answer:
                return json.load(answer)["data"]
        except (urllib.error.URLError, ConnectionError):
            return None

    def value(self, query: str) -> float | None:
        """Of the one series that there is now."""
        found = (self.ask("query", query=query) or {"result": []})["result"]
        return float(found[0]["value"][1]) if len(found) == 1 else None


@contextlib.contextmanager
def prometheus(test: Test, exporter_port: int) -> Iterator[Prometheus]:
    shutil.copy(RULES, test.scratch)
    configuration = test.write("prometheus.yml", CONFIGURATION % exporter_port)
    os.chmod(configuration, 0o644)
    passes(test, "check", "config", configuration)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with open(test.path("prometheus.log"), "wb") as log, test.started(
            ["prometheus", f"--config.file={configuration}", f"--storage.tsdb.path={test.path('data')}",
             f"--web.listen-address=127.0.0.1:{port}"], {}, stdout=log, stderr=log):
        yield Prometheus(port)


def prometheus_scrapes(test: Test) -> int | None:
    if shutil.which("prometheus") is None or shutil.which("promtool") is None:
        return skip("no prometheus here")
    with test.running() as one, test.running() as other, test.exporter() as exporter:
        said = passes(test, "check", "metrics", text=exporter.ask().text)
        test.same("what promtool says of the metrics", "", said)
        with prometheus(test, exporter.port) as server:
            def up(process: int) -> float | None:
                return server.value(f'brkmalloc_up{{pid="{process}",command="sleep"}}')
            test.wait_until("both are up", lambda: up(one.pid) == up(other.pid) == 1)
            selection = f'{{pid="{one.pid}"}}'
            page = exporter.page().of(one.pid)
            for query, key in (("brkmalloc_resident_bytes", ()), ("brkmalloc_heap_bytes", ()),
                               ("brkmalloc_purged_bytes_total", ()), ("brkmalloc_frees_total", ())):
                test.same(query, page[query, frozenset(key)], server.value(query + selection))
            target = server.ask("targets")["activeTargets"][0]
            test.same("health of the target", ("up", ""), (target["health"], target["lastError"]))
            family = server.ask("metadata", metric="brkmalloc_frees")
            test.same("type of a counter's family, by OpenMetrics", "counter",
                      family["brkmalloc_frees"][0]["type"])
            test.wait_until("a rule has its value", lambda: (server.value(
                f"process:brkmalloc_resident_per_live:ratio{selection}") or 0) > 1)
            groups = server.ask("rules")["groups"]
            rules = [rule for group in groups for rule in group["rules"]]
            test.wait_until("rules are evaluated", lambda: all(
                rule["health"] == "ok" for group in server.ask("rules")["groups"] for rule in group["rules"]))
            test.expect("rules", len(rules) > 10, len(rules))
            test.stop(one.pid)
            test.wait_until("one is silent", lambda: up(one.pid) == 0)
            test.same("its values", None, server.value("brkmalloc_resident_bytes" + selection))
            test.same("the other one", 1, up(other.pid))
            test.same("the exporter", 1, server.value("up"))
            test.wait_until("an alert waits", lambda: server.value(
                f'ALERTS{{alertname="BrkmallocProcessSilent",pid="{one.pid}"}}') == 1)
    return None


def pprof_opens(test: Test) -> int | None:
    if not test.pprof:
        return skip("what reads heap profiles is not built")
    if shutil.which("go") is None or subprocess.run(["go", "tool", "pprof", "-h"], capture_output=True,
                                                    check=False).returncode > 2:
        return skip("no go tool pprof here")
    with test.running("cat", options="control:true,profile:true,profile_interval:1,profile_at_exit:false") \
            as process, test.exporter() as exporter:
        url = f"http://127.0.0.1:{exporter.port}/debug/pprof/heap?pid={process.pid}"
        environment = {**os.environ, "HOME": test.scratch, "PPROF_TMPDIR": test.scratch}
        run = subprocess.run(["go", "tool", "pprof", "-top", "-unit=B", "-nodefraction=0", url], capture_output=True,
                             text=True, check=False, timeout=200, env=environment, cwd=test.scratch)
    test.same("status", 0, run.returncode)
    test.expect("a heap profile", "Type: inuse_space" in run.stdout, run.stdout + run.stderr)
    total = re.search(r"of (\d+)B? total", run.stdout)
    test.expect("its bytes", total is not None and int(total[1]) > 1000, run.stdout)
    return None


if __name__ == "__main__":
    sys.exit(main({case.__name__: case for case in (prometheus_rules, prometheus_scrapes, pprof_opens)}))
