"""DBC files made up by seed, with the hard features, for compare.py."""

import random

FD_LENGTHS = [12, 16, 20, 24, 32, 48, 64]
FACTORS = ["1", "0.5", "0.1", "-1", "-0.25", "100", "0.001", "1E-05", "2.5e3", "0.01", "+2"]
OFFSETS = ["0", "-40", "0.5", "1000", "-3.25", "1e3"]
UNITS = ["", "km/h", "°C", "%", "rpm", "a b", "mm²"]
COMMENTS = ["plain", "two\nlines", r"a \"quoted\" word; and a semicolon", "BO_ 1 no: 8 X", "µ°ß", ""]
RECEIVERS = ["Vector__XXX", "ECU1", "ECU1,Gateway_2", " ECU1", "ECU1, Gateway_2"]
LENGTHS = [1, 1, 2, 3, 4, 5, 7, 8, 8, 9, 10, 12, 15, 16, 16, 17, 24, 31, 32, 32, 33, 47, 52, 53, 54, 63, 64, 64]


def bits_of(start, length, motorola):
    """The bits of a signal as DBC files count them; Motorola's start is the highest."""
    if not motorola:
        return set(range(start, start + length))
    bits, bit = set(), start
    for _ in range(length):
        bits.add(bit)
        bit = bit + 15 if bit % 8 == 0 else bit - 1
    return bits


class Message:
    def __init__(self, rng, number):
        self.rng = rng
        self.number = number
        self.ext = rng.random() < 0.4
        # Its number stands in the identifier, so that no two are alike.
        frame = rng.randrange(1, 0x1FFF) << 12 | number if self.ext else number * 0x20 + rng.randrange(0x20)
        self.id = frame | 0x80000000 if self.ext else frame
        self.size = rng.choice(FD_LENGTHS) if rng.random() < 0.3 else rng.choice([8, 8, 8, 7, 4, 2, 1, 0])
        self.lines = []
        self.after = []
        self.long_names = []
        self.count = 0
        self.fill()

    def fill(self):
        free = set(range(self.size * 8))
        selector = None
        if self.rng.random() < 0.5:
            selector = self.place("M", free, self.rng.choice([2, 3, 4, 8]), False, plain=True)
        for _ in range(self.rng.randint(0, 8)):
            self.place("", free)
        if not selector:
            return
        name, length = selector
        values = self.rng.sample(range(2**length), min(2**length, 4))
        nested = length <= 4 and self.rng.random() < 0.5
        for i, value in enumerate(values):
            inner = set(free)
            second = None
            if nested and i == 0:
                second = self.place(f"m{value}M", inner, 3, False, plain=True)
                if second:
                    self.mul(second[0], name, [(value, value)])
            for _ in range(self.rng.randint(0, 4)):
                made = self.place(f"m{value}", inner)
                if made and nested:
                    self.mul(made[0], name, [(value, value)])
            if second:
                for low in (0, 3, 6):
                    made = self.place(f"m{low}", set(inner))
                    if made:
                        self.mul(made[0], second[0], [(low, low + 1), (low + 1, low + 1)])

    def mul(self, signal, selector, ranges):
        text = ", ".join(f"{a}-{b}" for a, b in ranges)
        self.after.append(f"SG_MUL_VAL_ {self.id} {signal} {selector} {text};")

    def place(self, marker, free, length=None, motorola=None, plain=False):
        """Puts one signal where bits are free; its name and length, or None."""
        rng = self.rng
        motorola = rng.random() < 0.5 if motorola is None else motorola
        length = length or rng.choice(LENGTHS)
        for _ in range(40):
            start = rng.randrange(max(self.size * 8, 1))
            bits = bits_of(start, length, motorola)
            if bits <= free:
                break
        else:
            return None
        free -= bits
        name = f"Sig_{self.number}_{self.count}"
        self.count += 1
        real = not plain and length in (32, 64) and rng.random() < 0.5
        sign = "-" if not plain and rng.random() < 0.4 else "+"
        scale = "1,0" if plain else f"{rng.choice(FACTORS)},{rng.choice(OFFSETS)}"
        limits = rng.choice(["0|0", "0|0", "-1000|1e6", "0|255"])
        colon = rng.choice([" :", "  :", ":"]) if not marker else rng.choice([" :", "  :"])
        self.lines.append(
            f" SG_ {name}{' ' + marker if marker else ''}{colon} {start}|{length}@{0 if motorola else 1}{sign} "
            f'({scale}) [{limits}] "{rng.choice(UNITS)}" {rng.choice(RECEIVERS)}'
        )
        if real:
            self.after.append(f"SIG_VALTYPE_ {self.id} {name} {rng.choice([':', ': '])}{1 if length == 32 else 2};")
        if rng.random() < 0.3:
            self.after.append(f'CM_ SG_ {self.id} {name} "{rng.choice(COMMENTS)}";')
        if rng.random() < 0.3 and not real:
            self.after.append(f'VAL_ {self.id} {name} {rng.choice(["0", "1"])} "zero" 3 "three 3" ;')
        if rng.random() < 0.2 and not plain:
            self.long_names.append((name, f"{name}_with_a_name_that_is_longer_than_32_letters"))
        return name, length

    def text(self):
        sender = self.rng.choice(["ECU1", "Gateway_2", "Vector__XXX"])
        return [f"BO_ {self.id} Msg_{self.number}: {self.size} {sender}", *self.lines, ""]


def invent(seed):
    rng = random.Random(f"dbc-{seed}")
    messages = [Message(rng, i) for i in range(rng.randint(1, 7))]
    out = ['VERSION "made up"', "", "NS_ :", "\tCM_", "\tBA_DEF_", "\tSIG_GROUP_", "", "BS_:", "", "BU_: ECU1 Gateway_2", ""]
    if rng.random() < 0.5:
        out += ["VAL_TABLE_ OnOff 1 \"on\" 0 \"off; still 'off'\" ;", ""]
    for message in messages:
        out += message.text()
    out.append(f"BO_TX_BU_ {messages[0].id} : ECU1,Gateway_2;")
    out += ['EV_ Env: 0 [0|1] "" 0 1 DUMMY_NODE_VECTOR0 Vector__XXX;', 'CM_ BU_ ECU1 "node";', 'CM_ "of the file";']
    formats = ["StandardCAN", "ExtendedCAN"] + ["reserved"] * 12 + ["StandardCAN_FD", "ExtendedCAN_FD"]
    out += [
        'BA_DEF_ BO_  "VFrameFormat" ENUM  ' + ",".join(f'"{name}"' for name in formats) + ";",
        'BA_DEF_ SG_ "SystemSignalLongSymbol" STRING ;',
        'BA_DEF_ "Number" FLOAT -1.5 1e6;',
        'BA_DEF_ BU_ "Hex" HEX 0 255;',
        'BA_DEF_ "Whole" INT -10 10;',
        'BA_DEF_DEF_ "VFrameFormat" "StandardCAN";',
        'BA_DEF_DEF_ "SystemSignalLongSymbol" "";',
        'BA_DEF_DEF_ "Number" 0.5;',
        'BA_DEF_DEF_ "Hex" 16;',
        'BA_DEF_DEF_ "Whole" 0;',
        'BA_ "Number" -1.25;',
        'BA_ "Hex" BU_ ECU1 255;',
        'BA_ "Whole" -3;',
    ]
    for message in messages:
        if message.size > 8:
            out.append(f'BA_ "VFrameFormat" BO_ {message.id} {15 if message.ext else 14};')
        out += [f'BA_ "SystemSignalLongSymbol" SG_ {message.id} {a} "{b}";' for a, b in message.long_names]
        out += message.after
    out.append(f"SIG_GROUP_ {messages[0].id} Group 1 : ;")
    end = rng.choice(["\n", "\r\n"])
    text = "\n".join(out).replace("\n", end) + end
    return text.encode("cp1252") if rng.random() < 0.3 else text.encode("utf-8")
