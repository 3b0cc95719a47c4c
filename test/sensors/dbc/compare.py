"""Compares `milepost decode` with cantools, on DBC files of your choice.

    npm run build && pip install cantools==45.1.0
    python3 test/sensors/dbc/compare.py [--payloads 40] [--seed 1] FILE.dbc…
    python3 test/sensors/dbc/compare.py --invent 200 --seed 1

For each message of each file: zeros, ones and seeded random payloads, at full length and cut short,
written as a candump log, decoded by the command with and without --raw, and compared signal by signal.
--invent makes up DBC files with the hard features instead: both byte orders, signs, floats, 64 bits,
simple and nested multiplexing with ranges, FD lengths, long names, comments, cp1252.
Exits with 1 where anything differs.
"""

import argparse
import json
import logging
import math
import os
import random
import subprocess
import sys
import tempfile

import cantools

from invent import invent

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../..")
COMMAND = ["node", os.path.join(ROOT, "dist/agent/cli/main.js"), "decode"]
FD_LENGTHS = [0, 1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 20, 24, 32, 48, 64]
MAX_SAFE = 2**53 - 1
MAX_SHOWN = 5


def load(file):
    with open(file, "rb") as source:
        content = source.read()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("cp1252", errors="replace")
    return cantools.database.load_string(text, "dbc", strict=False)


def sizes(length, rng):
    """Lengths to try: the full one, twice as often as shorter ones that a frame can have."""
    full = next((n for n in FD_LENGTHS if n >= length), None)
    if full is None:
        return []
    shorter = [n for n in FD_LENGTHS if n < length]
    return [full, full] + ([rng.choice(shorter)] if shorter else [])


def frames(database, count, rng):
    for message in database.messages:
        for i in range(count):
            for size in sizes(message.length, rng):
                data = bytes(size) if i == 0 else b"\xff" * size if i == 1 else rng.randbytes(size)
                yield message, data


def log_line(i, message, data):
    digits = f"{message.frame_id:08X}" if message.is_extended_frame else f"{message.frame_id:03X}"
    fd = "##0" if len(data) > 8 else "#"
    return f"({1_700_000_000 + i // 1000}.{i % 1000:03d}000) can0 {digits}{fd}{data.hex().upper()}\n"


def same(ours, theirs):
    if isinstance(theirs, float):
        if math.isnan(theirs):
            return ours == "NaN"
        if math.isinf(theirs):
            return ours == ("Infinity" if theirs > 0 else "-Infinity")
        if not isinstance(ours, (int, float)):
            ours = float(ours)
        return ours == theirs or abs(ours - theirs) <= 1e-12 * abs(theirs)
    if abs(theirs) > MAX_SAFE:
        return ours == str(theirs)
    return ours == theirs and isinstance(ours, (int, float))


def compare(file, count, seed):
    """Values compared, and what differs; None where cantools does not read the file."""
    try:
        database = load(file)
    except Exception as error:
        return None, [f"cantools refuses: {error}".splitlines()[0]]
    rng = random.Random(seed)
    wanted = []
    with tempfile.NamedTemporaryFile("w", suffix=".log", delete=False) as log:
        for message, data in frames(database, count, rng):
            if len({signal.name for signal in message.signals}) < len(message.signals):
                continue  # Two signals of one name: which one cantools shows depends on the length.
            try:
                raw, phys = (
                    message.decode(data, decode_choices=False, scaling=scaling, allow_truncated=True)
                    for scaling in (False, True)
                )
            except Exception:
                continue  # A multiplexer value without a branch: cantools decodes nothing of it.
            log.write(log_line(len(wanted), message, data))
            wanted.append((message, data, {"--raw": raw, "": phys}))
    compared, wrong = 0, []
    for mode in ("", "--raw"):
        args = COMMAND + ["--dbc", file] + ([mode] if mode else []) + [log.name]
        run = subprocess.run(args, capture_output=True, text=True)
        if run.returncode != 0:
            wrong.append(f"refused: {run.stderr.strip().splitlines()[0] if run.stderr else run.returncode}")
            break
        lines = run.stdout.splitlines()
        if len(lines) != len(wanted):
            wrong.append(f"{mode}: {len(lines)} lines for {len(wanted)} frames; {run.stderr}")
            break
        for line, (message, data, values) in zip(lines, wanted):
            got = json.loads(line)
            theirs = values[mode]
            at = f"{mode} {message.name} {data.hex()}"
            if got["id"] != message.frame_id or got["ext"] != message.is_extended_frame:
                wrong.append(f"{at}: {got['id']}")
            elif got["message"] != message.name:
                wrong.append(f"{at}: called {got['message']}")
            elif got["signals"].keys() != theirs.keys():
                wrong.append(f"{at}: {sorted(got['signals'].keys() ^ theirs.keys())}")
            else:
                for name, value in theirs.items():
                    compared += 1
                    if not same(got["signals"][name], value):
                        wrong.append(f"{at}: {name} {got['signals'][name]!r}, not {value!r}")
    os.unlink(log.name)
    return compared, wrong


def main():
    logging.disable(logging.CRITICAL)
    parser = argparse.ArgumentParser()
    parser.add_argument("files", nargs="*")
    parser.add_argument("--payloads", type=int, default=40)
    parser.add_argument("--invent", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    files = list(options.files)
    folder = tempfile.mkdtemp(prefix="milepost-dbc-")
    for i in range(options.invent):
        file = os.path.join(folder, f"seed-{options.seed + i}.dbc")
        with open(file, "wb") as sink:
            sink.write(invent(options.seed + i))
        files.append(file)
    total = differ = refused = 0
    for file in files:
        compared, wrong = compare(file, options.payloads, options.seed)
        total += compared or 0
        if compared is None:
            refused += 1
            print(f"{file}: {wrong[0]}")
        elif wrong:
            differ += 1
            print(f"{file}: {len(wrong)} differ")
            for text in wrong[:MAX_SHOWN]:
                print(f"  {text}")
    print(f"{len(files)} files, {total:,} values compared, {differ} files differ, cantools refuses {refused}")
    sys.exit(1 if differ else 0)


main()
