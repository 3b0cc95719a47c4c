"""Writes the logs in formats/ that python-can has a writer for, from the frames of frames.log.

Run: pip install python-can; TZ=UTC python3 oracle.py
"""

import pathlib

import can

here = pathlib.Path(__file__).parent / "formats"


def write(case, suffix, make, holds=lambda message: True):
    """A case: the log as python-can writes it, and the frames that are in it as candump lines."""
    lines = (here / "frames.log").read_text().splitlines()
    messages = list(can.CanutilsLogReader(here / "frames.log"))
    temporary = here / case / f"log.{suffix}"
    with make(temporary) as writer:
        for message in messages:
            if holds(message):
                writer(message)
    temporary.rename(here / case / "log")
    kept = [line for line, message in zip(lines, messages) if holds(message)]
    (here / case / "expected").write_text("\n".join([*kept, "malformed 0", ""]))


def stored(file):
    """Several containers, not packed, with objects that begin in one and end in the next."""
    writer = can.BLFWriter(file, compression_level=0)
    writer.max_container_size = 300
    return writer


write("python-can-asc", "asc", can.ASCWriter)
write("python-can-blf", "blf", can.BLFWriter)
write("python-can-blf-stored", "blf", stored)
write(
    "python-can-trc",
    "trc",
    can.TRCWriter,
    lambda message: not (message.is_fd or message.is_remote_frame),
)
