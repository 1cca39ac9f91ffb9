# SPDX-License-Identifier: GPL-2.0-or-later
"""What policies cost, for `tests/bench/run`: each piece of work by a bound process on mounts of the same
engine without a policy, with one of 10 rules and with one of 10,000, in turn; ratios to the first are
taken within a round. The median and the smallest of the rounds are shown: what is waiting for
a processor makes the one larger, never the other smaller."""

import json
import os
import statistics
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIN = f"{ROOT}/build/bin"
MEASURE = f"{ROOT}/build/tests/measure"
ENGINES = ("fuse", "passthrough")
RULES = (0, 10, 10000)
INSIDE = ("unshare", "-m", "--propagation", "private")
APPLIES = 20


def rules(count):
    """A policy of `count` rules, half of them about the directories that are walked."""
    words = ("read_file", "write_file", "execute", "truncate")
    return {
        "rules": [
            {
                "paths": [f"/small/{i % 100}/no-{i}*" if i % 2 else f"/srv/{i % 97}/{i}/*.conf"],
                "access": [words[i % 4]],
                "action": "ERRNO",
            }
            for i in range(count)
        ]
    }


def call(*words, **options):
    return subprocess.run(
        words, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, **options
    ).stdout


def work(scene, what):
    return float(call(*INSIDE, MEASURE, what, f"{scene.mnt}/small"))


def daemon_seconds(scene):
    """Of processor time, so far."""
    pid = call("pgrep", "-n", "-f", f"lamina-mount .*{scene.dir}").strip()
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def one_mount(scene, engine, count, note):
    """All work on one fresh mount."""
    more = ",policies" + (f",policy={scene.base}/{count}.json" if count else "")
    scene.mount(engine, more=more)
    before = daemon_seconds(scene)
    note("cold lookup, 20,000", work(scene, "look-up"))
    note("the daemon's share of it", daemon_seconds(scene) - before)
    note("warm stat, 500,000", work(scene, "stat-one"))
    note("open and close, 10,000", work(scene, "open-one"))
    scene.umount()


def timed(*words, **options):
    start = time.monotonic()
    call(*words, **options)
    return time.monotonic() - start


def changes(scene, engine, note):
    """Putting policies in force on a mount of which the kernel knows 20,000 names."""
    scene.mount(engine, more=",policies")
    work(scene, "look-up")
    state = json.dumps(
        {
            "ociVersion": "1.0.2",
            "id": "bench",
            "status": "creating",
            "pid": 0,
            "bundle": scene.base,
            "root": scene.mnt,
            "annotations": {"org.lamina.policy": f"{scene.base}/10.json"},
        }
    )
    call(f"{BIN}/lamina", "policy", "compile", f"{scene.base}/10000.json", "-o",
         f"{scene.base}/compiled")
    for _ in range(APPLIES):
        note("program that does nothing", timed("true"))
        for name, file in (("10 rules", "10.json"), ("10,000 rules", "10000.json"),
                           ("10,000 rules, compiled", "compiled")):
            note(f"apply {name}",
                 timed(f"{BIN}/lamina", "policy", "apply", scene.mnt, f"{scene.base}/{file}"))
        note("hook, 10 rules", timed(f"{BIN}/lamina-hook", input=state))
    scene.umount()


def measure(scene, rounds):
    """Results as {engine: {name: {rules: [seconds]}}}; changes have "-" for rules."""
    results = {engine: {} for engine in ENGINES}
    for count in RULES[1:]:
        with open(f"{scene.base}/{count}.json", "w") as file:
            json.dump(rules(count), file)
    for i in range(rounds):
        print(f"policies, round {i + 1}", file=sys.stderr)
        for engine in ENGINES:
            for count in RULES:
                one_mount(scene, engine, count, lambda name, seconds: results[engine].setdefault(
                    name, {}).setdefault(count, []).append(seconds))
    for engine in ENGINES:
        changes(scene, engine, lambda name, seconds: results[engine].setdefault(name, {}).setdefault(
            "-", []).append(seconds))
    return results


def report(results):
    for engine, names in results.items():
        print(f"\npolicies, engine {engine:12}{'none':>9}{'10 rules':>10}{'10,000':>9}"
              f"{'10 / none':>18}{'10,000 / none':>16}   (median, smallest / smallest)")
        for name, values in names.items():
            if "-" in values:
                continue
            row = "".join(f"{statistics.median(values[count]):>8.3f}s" for count in RULES)
            for count in RULES[1:]:
                median = statistics.median(a / b for a, b in zip(values[count], values[0]) if b)
                row += f"{median:>11.3f} {min(values[count]) / min(values[0]):.3f}"
            print(f"{name:30}{row}")
        for name, values in names.items():
            if "-" in values:
                print(f"{name:30}{statistics.median(values['-']) * 1000:>8.1f} ms"
                      f"{min(values['-']) * 1000:>9.1f} ms (median, smallest)")
