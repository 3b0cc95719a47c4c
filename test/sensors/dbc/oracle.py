"""Writes the vectors that the DBC tests compare with: payloads decoded by cantools.

    pip install cantools==45.1.0
    python3 test/sensors/dbc/oracle.py test/sensors/dbc/cases/[!b]*/*.dbc

Beside each DBC file it writes vectors.jsonl, one line a payload:
{id, ext, fd, name, data (hex), raw {signal: value}, phys {signal: value}}. Integers beyond 2^53, NaN
and infinities are strings. Payloads are zeros, ones and seeded random bytes; multiplexers get each of
their values. A file that cantools refuses gets none; a payload that it cannot decode is left out.
With --out FOLDER the vectors go there, named after the DBC file.
"""

import itertools
import json
import logging
import math
import os
import random
import sys

import cantools

RANDOM_PAYLOADS = 12
MAX_SAFE = 2**53 - 1


def plain(value):
    if isinstance(value, float):
        if math.isnan(value):
            return "NaN"
        if math.isinf(value):
            return "Infinity" if value > 0 else "-Infinity"
        return value
    return value if abs(value) <= MAX_SAFE else str(value)


def put(payload, signal, raw):
    """Sets the bits of one unsigned signal in a payload."""
    for i in range(signal.length):
        if signal.byte_order == "little_endian":
            bit = signal.start + i
            byte, place = bit // 8, bit % 8
        else:
            bit = 8 * (signal.start // 8) + 7 - signal.start % 8 + signal.length - 1 - i
            byte, place = bit // 8, 7 - bit % 8
        if byte >= len(payload):
            return
        on = raw >> i & 1
        payload[byte] = payload[byte] & ~(1 << place) | on << place


def payloads(message, rng):
    size = message.length
    yield bytes(size)
    yield b"\xff" * size
    for _ in range(RANDOM_PAYLOADS):
        yield rng.randbytes(size)
    choices = {}
    for signal in message.signals:
        if signal.multiplexer_signal and signal.multiplexer_ids:
            ids = choices.setdefault(signal.multiplexer_signal, set())
            ids.update(signal.multiplexer_ids[:4] + signal.multiplexer_ids[-1:])
    by_name = {signal.name: signal for signal in message.signals}
    muxes = [name for name in choices if name in by_name]
    for values in itertools.islice(itertools.product(*(sorted(choices[m]) for m in muxes)), 60):
        payload = bytearray(rng.randbytes(size))
        for name, value in zip(muxes, values):
            put(payload, by_name[name], value)
        if muxes:
            yield bytes(payload)


def vectors(database, seed):
    rng = random.Random(seed)
    for message in database.messages:
        if not message.signals:
            continue
        for data in payloads(message, rng):
            try:
                raw = message.decode(data, decode_choices=False, scaling=False)
                phys = message.decode(data, decode_choices=False, scaling=True)
            except Exception:
                continue
            if raw.keys() != phys.keys():
                continue
            yield {
                "id": message.frame_id,
                "ext": message.is_extended_frame,
                "fd": message.is_fd,
                "name": message.name,
                "data": data.hex(),
                "raw": {name: plain(value) for name, value in raw.items()},
                "phys": {name: plain(value) for name, value in phys.items()},
            }


def main(args):
    logging.disable(logging.CRITICAL)
    out = None
    if args[:1] == ["--out"]:
        out, args = args[1], args[2:]
    for file in args:
        with open(file, "rb") as source:
            bytes_ = source.read()
        try:
            text = bytes_.decode("utf-8")
        except UnicodeDecodeError:
            text = bytes_.decode("cp1252", errors="replace")
        try:
            database = cantools.database.load_string(text, "dbc", strict=False)
        except Exception as error:
            print(f"{file}: refused: {error}", file=sys.stderr)
            continue
        lines = [json.dumps(v, ensure_ascii=False, separators=(",", ":")) for v in vectors(database, 20)]
        folder, name = os.path.split(file)
        target = os.path.join(folder, "vectors.jsonl")
        if out:
            target = os.path.join(out, os.path.basename(folder) + "__" + name[:-4] + ".jsonl")
        with open(target, "w", encoding="utf-8") as sink:
            sink.writelines(line + "\n" for line in lines)
        print(f"{file}: {len(lines)} payloads", file=sys.stderr)


main(sys.argv[1:])
