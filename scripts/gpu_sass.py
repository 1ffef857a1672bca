"""Reads NVIDIA's machine code as nvdisasm prints it: a kernel's loops, what they are made of, and what they have in flight.

What a load reads is known by its address: registers carry the names of the kernel's arguments that went into them.

What is not seen: caches, clocks, how often a loop runs, and branches inside a loop, which count as taken straight on.
"""

import collections
import re

# An operand's registers; a uniform one has a U before it.
REGISTER = re.compile(r"\b(U?R)(\d+)(\.64)?\b")
BITS = re.compile(r"\.(8|16|32|64|128|U8|S8|U16|S16)(?=\.|$)")
# Opcodes without a destination.
NO_RESULT = ("ST", "BRA", "BAR", "EXIT", "RET", "CALL", "BSYNC", "BSSY", "RED", "ATOMS", "DEPBAR", "LDGDEPBAR", "LDGSTS", "NOP",
             "WARPSYNC", "MEMBAR", "CCTL", "ERRBAR")
# Registers of the operands of a matrix instruction: result, a, b, c.
MATRIX = {"HMMA": (4, 4, 2, 4), "IMMA": (4, 4, 2, 4)}


class Instruction:
    def __init__(self, guard, op, text):
        self.op, self.text, self.kind = op, text, op.split(".")[0]
        self.is_guarded = bool(guard)
        # `desc[UR4][R2.64+0x10]`: a descriptor says nothing of the address.
        operands = [part.strip() for part in re.sub(r"\bg?desc\[\w+\]", "", text).split(",")]
        self.constants = [int(found, 16) for found in re.findall(r"c\[0x0\]\[(0x[0-9a-f]+)\]", text)]
        self.writes, first = [], 0
        if not self.kind.startswith(NO_RESULT) and operands and REGISTER.match(operands[0]):
            first = 1
            self.writes = self.registers(operands[0], self.result_count(), 0)
        self.reads = []
        for place, operand in enumerate(operands[first:], 1):
            # What is stored is as wide as the store; an address is not.
            count = max(1, self.bytes // 4) if self.kind.startswith("ST") and "[" not in operand else 1
            self.reads += self.registers(operand, count, place)
        if ".WIDE" in op and len(operands) > 3:
            self.reads += self.registers(operands[3], 2, 3)
        # Registers that are multiplied or shifted: not a pointer's.
        self.scaled = set()
        if self.kind in ("IMAD", "UIMAD") and "0x1" not in operands or self.kind in ("LEA", "ULEA", "SHF", "USHF"):
            for operand in operands[1:3] if self.kind.endswith("IMAD") else operands[1:2]:
                self.scaled |= set(self.registers(operand, 1, 4))
        # The place in global memory that is read or written.
        places = [operand for operand in operands if "[" in operand and "c[0x" not in operand]
        # The lower half tells what it is of: the upper one may have been of another.
        self.address = [register for register in self.registers(places[-1], 1, 4)[:1]] if places else []

    def registers(self, operand, count, place):
        if self.kind in MATRIX and place < 4:
            count = MATRIX[self.kind][place]
        found = []
        for kind, number, pair in REGISTER.findall(operand):
            found += [(kind, int(number) + i) for i in range(max(count, 2 if pair else 1))]
        return found

    def result_count(self):
        if self.kind in ("LDSM",):
            return int(found[1]) if (found := re.search(r"\.M88\.(\d)", self.op)) else 1
        return max(1, self.bytes // 4) if self.kind != "I2F" else 1

    @property
    def bytes(self):
        """What a work-item loads or stores; of others, what a result takes."""
        if ".WIDE" in self.op:
            return 8
        widths = BITS.findall(self.op)
        if self.kind.startswith(("LD", "ST", "ULDC", "CS2R")):
            return int(widths[-1].lstrip("US")) // 8 if widths else 8 if self.kind == "CS2R" else 4
        return 8 if self.kind.startswith("D") or ".64" in self.op and self.kind.startswith(("MOV", "UMOV")) else 4

    @property
    def is_global_load(self):
        return self.kind in ("LDG", "LDGSTS", "LD")


def arithmetic(instructions):
    kinds = collections.Counter(code.kind for code in instructions)
    return kinds["FFMA"] + kinds["IDP"] + 16 * (kinds["HMMA"] + kinds["IMMA"])


def lap(instructions):
    kinds = collections.Counter(code.kind for code in instructions)
    shown = ("FFMA", "IDP", "HMMA", "IMMA", "MUFU", "BAR")
    return {"length": len(instructions), "counts": {kind: kinds[kind] for kind in shown if kinds[kind]}}


class Loop:
    def __init__(self, kernel, start, end):
        self.start, self.end = start, end
        self.is_whole = end - start == len(kernel.code)
        self.code = kernel.code[start:end]
        self.kernel = kernel
        self.is_inner = True
        self.count = collections.Counter(instruction.kind for instruction in self.code)

    def __len__(self):
        return len(self.code)

    @property
    def private(self):
        """Loads and stores of a work-item's own memory: arrays that did not fit registers."""
        return self.count["LDL"] + self.count["STL"]

    def main_path(self):
        """The shortest lap that passes the block with the most arithmetic, and those with at least half as much: what most warps do in
        most laps, where some do more."""
        kernel, ends = self.kernel, self.kernel.block_ends
        starts = [start for start in ends if self.start <= start < self.end]
        nested = [other for other in kernel.loops if other is not self and self.start <= other.start and other.end <= self.end]
        straight = [start for start in starts if not any(other.start <= start < other.end for other in nested)]
        amounts = {start: arithmetic(kernel.code[start:ends[start]]) for start in straight or starts}
        passed, final = {start for start, amount in amounts.items() if 2 * amount >= max(amounts.values())}, max(starts)
        # Blocks lie in the order of a lap, but for the branches back, which are left out.
        paths = {self.start: kernel.code[self.start:ends[self.start]]}
        for start in starts:
            if start in passed:
                paths = {start: paths.get(start)}
            if not paths.get(start):
                continue
            for after in kernel.successors(start):
                if start < after < self.end and not any(start < main < after for main in passed):
                    longer = paths[start] + kernel.code[after:ends[after]]
                    if after not in paths or len(longer) < len(paths[after]):
                        paths[after] = longer
        return paths.get(final) or self.code

    def widths(self, kind):
        return collections.Counter(code.bytes for code in self.code if code.kind == kind)

    def in_flight(self, wants):
        """The most bytes of loads of a work-item that are under way where it waits for one of them."""
        pending, most, groups = [], 0, 0
        # Of code that is no loop the first pass, else what follows it.
        for lap in range(1, 2) if self.is_whole else range(6):
            for at, code in enumerate(self.code):
                touched = set(code.reads) | set(code.writes)
                first = next((i for i, load in enumerate(pending) if load[0] & touched), None)
                if first is not None:
                    if lap > 0:
                        most = max(most, sum(load[1] for load in pending))
                    # Loads of one kind arrive in order.
                    last = max(i for i, load in enumerate(pending) if load[0] & touched)
                    pending = pending[last + 1:]
                if code.kind == "LDGDEPBAR":
                    groups += 1
                if code.kind == "DEPBAR" and (found := re.search(r"SB0, (0x[0-9a-f]+)", code.text)):
                    # Copies to local memory, in groups: all but the last so many have arrived.
                    if lap > 0:
                        most = max(most, sum(load[1] for load in pending))
                    pending = [load for load in pending if load[2] is None or load[2] >= groups - int(found[1], 16)]
                if code.is_global_load and wants(self.kernel.origins[self.start + at]):
                    pending.append((frozenset(code.writes), code.bytes, groups if code.kind == "LDGSTS" else None))
        return most


class Kernel:
    """A kernel's code.

    arguments: names by place in the constant bank that arguments are passed in; views: those of them that are pointers.
    """

    def __init__(self, text, function, arguments, views):
        start = text.find(f".text.{function}:")
        end = text.find("\n//---", start)
        self.code, self.labels, self.arguments, self.views = [], {}, arguments, views
        for line in text[start:end if end > 0 else None].split("\n"):
            if label := re.match(r"\s*(\.L_x?_?\d+|\$?\w+):", line):
                self.labels[label[1]] = len(self.code)
            elif found := re.match(r"\s+/\*[0-9a-f]{4,}\*/\s+(@!?U?P\w+\s+)?([A-Z][A-Z0-9_.]*)\s*(.*?)\s*;", line):
                self.code.append(Instruction(*found.groups()))
        self.block_ends = self.find_blocks()
        self.origins = self.find_origins()
        spans = set()
        for at, code in enumerate(self.code):
            target = self.target(code)
            # The trap at the end is a branch to itself.
            if target is not None and target < at:
                spans.add((target, at + 1))
        # Branches back to one label are one loop.
        longest = {}
        for first, end in spans:
            longest[first] = max(end, longest.get(first, 0))
        self.loops = [Loop(self, first, end) for first, end in sorted(longest.items())]
        for loop in self.loops:
            loop.is_inner = not any(
                other is not loop and loop.start <= other.start and other.end <= loop.end for other in self.loops)

    def target(self, code):
        found = re.search(r"`?\(?(\.L_x?_?\d+)\)?", code.text) if code.kind == "BRA" else None
        return self.labels.get(found[1]) if found else None

    def find_blocks(self):
        """Where each run of code without a branch ends, by where it starts."""
        starts = {0} | set(self.labels.values())
        for at, code in enumerate(self.code):
            if code.kind in ("BRA", "EXIT", "RET"):
                starts.add(at + 1)
        starts = sorted(start for start in starts if start < len(self.code))
        return dict(zip(starts, starts[1:] + [len(self.code)]))

    def successors(self, start):
        """The runs that may follow one."""
        end = self.block_ends[start]
        last = self.code[end - 1]
        found = [self.target(last)] if last.kind == "BRA" else []
        if last.kind not in ("BRA", "EXIT", "RET") or last.is_guarded or re.search(r"\bU?P\w", last.text.split("`")[0]):
            found.append(end)
        return [start for start in found if start is not None and start in self.block_ends]

    def find_origins(self):
        """Of each instruction the arguments that went into the address that it reads or writes."""
        entry = {0: {}}
        found = [frozenset()] * len(self.code)
        waiting = [0]
        while waiting:
            start = waiting.pop()
            state = dict(entry[start])
            for at in range(start, self.block_ends[start]):
                found[at] = self.step(self.code[at], state)
            for after in self.successors(start):
                self.join(entry, waiting, after, state)
        return found

    def join(self, entry, waiting, start, state):
        known = entry.get(start)
        if known is None:
            entry[start] = dict(state)
            waiting.append(start)
            return
        changed = False
        for register, names in state.items():
            if not names <= known.get(register, frozenset()):
                known[register] = known.get(register, frozenset()) | names
                changed = True
        if changed:
            waiting.append(start)

    def step(self, code, state):
        address = frozenset().union(*(state.get(register, frozenset()) for register in code.address))
        if code.kind in ("LDG", "LDS", "LDL", "LD", "LDSM", "S2R", "S2UR"):
            names = frozenset()
        else:
            names = frozenset().union(*(
                state.get(register, frozenset()) - (self.views if register in code.scaled else frozenset())
                for register in code.reads))
            names |= {self.arguments[place] for place in code.constants if place in self.arguments}
        for register in code.writes:
            # What a guarded instruction leaves is mostly dead, or of the same argument.
            if names or not code.is_guarded or code.kind.startswith("LD"):
                state[register] = names
        return address


def argument_names(variant, architecture):
    """The kernel's arguments by their place in the constant bank: views, each a buffer and an offset, and what follows them.

    A kernel takes its buffers one by one and then a block (Kernels/common/kernel.cl).
    """
    source, function = variant["source"], variant["function"]
    found = re.search(rf"\b{function}\(ROOTS_(\d+), const struct (\w+)", source) or re.search(
        rf"^(?:KERNEL|\w+_KERNEL)\((?:\w+, )?{function}, (\w+), (\d+)\)", source, re.M)
    if found is None:
        return {}, set()
    count, block = sorted(found.groups(), key=lambda text: not text.isdigit())
    body = re.search(rf"^struct {block} {{(.*?)^}}", source, re.M | re.S)
    if body is None:
        return {}, set()
    base = 0x210 if int(architecture[3:].rstrip("af")) >= 90 else 0x160
    names, place = {}, base + 8 * int(count)
    for kind, members in re.findall(r"^\s*(tessera_u64|tessera_u32|float) ([\w, ]+);", body[1], re.M):
        size = 8 if kind == "tessera_u64" else 4
        for member in members.replace(" ", "").split(","):
            place = (place + size - 1) // size * size
            names.update({place + at: member for at in range(0, size, 4)})
            place += size
    views = list(dict.fromkeys(names.values()))[:int(count)]
    for number, name in enumerate(views):
        names.update({base + 8 * number + at: name for at in (0, 4)})
    return names, set(views)


def describe(text, variant, architecture):
    """What the table of bars and the faults are made of, as JSON has it."""
    kernel = Kernel(text, variant["function"], *argument_names(variant, architecture))
    loops = [describe_loop(kernel, loop) for loop in kernel.loops]
    return {"loops": loops, "whole": describe_loop(kernel, Loop(kernel, 0, len(kernel.code)))}


def describe_loop(kernel, loop):
    loads = collections.Counter(
        ("+".join(sorted(kernel.origins[loop.start + at])), code.bytes)
        for at, code in enumerate(loop.code) if code.is_global_load)
    views = {name for origins, _ in loads for name in origins.split("+")}
    return {
        "start": loop.start, "end": loop.end, "inner": loop.is_inner, "private": loop.private,
        "lap": lap(loop.code), "path": lap(loop.main_path()),
        "loads": [[origins.split("+"), size, count] for (origins, size), count in sorted(loads.items())],
        "local": {kind: dict(loop.widths(kind)) for kind in ("LDS", "STS", "LDSM") if loop.count[kind]},
        "flight": {name: loop.in_flight(lambda origins: name in origins) for name in sorted(views)},
    }
