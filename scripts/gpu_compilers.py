"""The compilers of GPU makers, run without a GPU: what scripts/gpu-check compiles with, and reads of what they print.

A compiler takes a variant's source and gives a result for each architecture: the cells of a table's row (`cells`), what is
wrong (`faults`, empty where nothing is), and of NVIDIA's what its code is made of (`code`, of gpu_sass.py).
"""

import collections
import os
import re
import subprocess
import tempfile
from pathlib import Path

import gpu_sass

ROOT = Path(__file__).resolve().parent.parent


class Unavailable(Exception):
    """A compiler that cannot be had here."""


def call(command, folder=None, environment=None):
    run = subprocess.run(
        [str(part) for part in command], cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        errors="replace", env={**os.environ, **(environment or {})},
    )
    return run.returncode, run.stdout + run.stderr


def debian(name, *packages):
    """The folder that scripts/unpack-debian unpacks packages in."""
    run = subprocess.run(
        [ROOT / "scripts" / "unpack-debian", name, *packages], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    )
    if run.returncode:
        raise Unavailable(f"{packages[0]} cannot be had here")
    return Path(run.stdout.strip())


class Maker:
    @staticmethod
    def takes(variant, architecture):
        """Whether the variant is for the architecture: what is written in PTX is for NVIDIA's alone."""
        return not variant["file"].endswith((".ptx.cl", ".wgmma.cl"))


def first_line(text):
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    telling = [line for line in lines if re.search(r"error|fatal|unresolved|undefined", line, re.I)]
    return (telling or lines or ["no message"])[0][:200]


def defines(variant, without=()):
    """The constants of a variant, with those that KernelLibrary.swift gives each in the simt style."""
    every = {"SIMT": 1, "LOCAL": variant["items"], **variant["defines"]}
    return [f"-D{name}={value}" for name, value in every.items() if name not in without]


# NVIDIA's 8-bit dot product in its own assembly, which only its devices are given.
NVIDIA_ONLY = ("DOT_8",)


class Clang:
    """clang's OpenCL C front end with libclc's functions, for two of the makers."""

    def __init__(self):
        packages = ["clang-19", "libclc-19", "libclc-19-dev"]
        self.root = debian("clang-19", *packages)
        self.clang = next(
            (path for path in (self.root / "usr/bin/clang-19", Path("/usr/bin/clang-19")) if path.exists()), None)
        if self.clang is None:
            raise Unavailable("clang-19 is not where its package has it")
        self.environment = {"LD_LIBRARY_PATH": str(self.root / "usr/lib/x86_64-linux-gnu")} if self.root != Path("/") else {}
        self.version = call([self.clang, "--version"], environment=self.environment)[1].splitlines()[0]

    def compile(self, variant, source, target, library, output, more, without=()):
        bitcode = next((path for path in (self.root / "usr/lib/clc" / library, Path("/usr/lib/clc") / library) if path.exists()), None)
        if bitcode is None:
            raise Unavailable(f"libclc has no {library}")
        command = [
            self.clang, "-x", "cl", "-cl-std=CL1.2", f"--target={target}", "-O3", *defines(variant, without),
            "-D__OPENCL_VERSION__=120",  # What a driver adds: the version of its device.
            "-Xclang", "-finclude-default-header", "-Xclang", "-mlink-builtin-bitcode", "-Xclang", bitcode,
            "-Wno-linker-warnings", *more, "-S", source, "-o", output,
        ]
        return call(command, environment=self.environment)


def wheel(cache, package, version, program):
    """A program of a package of PyPI, unpacked in the cache."""
    folder = cache / f"{program}-{version}"
    if not folder.exists():
        print(f"Fetching {package} {version}", flush=True)
        with tempfile.TemporaryDirectory(dir=cache) as work:
            target = Path(work) / "wheel"
            pip = ["python3", "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile", "--target", target]
            code, text = call([*pip, f"{package}=={version}"])
            if code:
                raise Unavailable(f"pip cannot fetch {package}: {first_line(text)}")
            target.rename(folder)
    found = next(folder.glob(f"nvidia/*/bin/{program}"), None)
    if found is None:
        raise Unavailable(f"{program} is not in its package")
    return found


class NVIDIA(Maker):
    """PTX by clang, then NVIDIA's own assembler: registers, spills and code are what a card runs, given that PTX."""

    name = "NVIDIA"
    architectures = ["sm_75", "sm_80", "sm_90"]
    columns = ["registers", "stack B", "spilled B", "local B", "groups an SM", "occupancy"]
    # Of an SM: registers, work-items, work-groups, bytes of local memory (CUDA C programming guide, table of technical
    # specifications per compute capability).
    limits = {
        "sm_75": (65536, 1024, 16, 65536), "sm_80": (65536, 2048, 32, 167936), "sm_86": (65536, 1536, 16, 102400),
        "sm_89": (65536, 1536, 24, 102400), "sm_90": (65536, 2048, 32, 233472),
    }

    def __init__(self, cache, clang):
        self.clang = clang
        self.ptxas = wheel(cache, "nvidia-cuda-nvcc-cu12", "12.9.86", "ptxas")
        self.nvdisasm = wheel(cache, "nvidia-cuda-nvdisasm", "13.2.86", "nvdisasm")
        self.version = f"{clang.version}, ptxas 12.9.86"

    @staticmethod
    def takes(variant, architecture):
        """What is written in PTX has instructions since compute capability 8.0; or of a target of its own (`sm_90a`)."""
        if target := variant.get("target"):
            return architecture == target.rstrip("af")
        return not variant["file"].endswith(".ptx.cl") or int(architecture[3:].rstrip("af")) >= 80

    def compile(self, variant, source, folder, architectures):
        ptx = folder / "kernel.ptx"
        target = "sm_80" if variant["file"].endswith(".ptx.cl") else "sm_75"
        if own := variant.get("target"):
            target = own.rstrip("af")
        code, text = self.clang.compile(
            variant, source, "nvptx64-nvidia-nvcl", "nvptx64--nvidiacl.bc", ptx, ["-Xclang", "-target-cpu", "-Xclang", target])
        if not code:
            # What NVIDIA's driver says of a required work-group size, and clang leaves out: it bounds the registers.
            text, function = ptx.read_text(), variant["function"]
            text = re.sub(rf"(\.entry {function}\([^)]*\))", rf"\1\n.reqntid {variant['items']}, 1, 1", text)
            ptx.write_text(self.retargeted(text, own) if own else text)
        for architecture in architectures:
            if code:
                yield architecture, {"cells": [], "faults": [first_line(text)]}
            else:
                yield architecture, self.assemble(variant, ptx, architecture)

    @staticmethod
    def retargeted(ptx, target):
        """What Sources/TesseraCL/PTX.swift makes of a driver's PTX; and local memory, of which the assembler takes 48 KB of a
        known size alone, as the driver does not, is of a size that a launch gives."""
        ptx = re.sub(r"^\.target sm_\w+", f".target {target}", ptx, flags=re.M).replace("/*@", "").replace("@*/", "")
        ptx = re.sub(r"^\.version .*", ".version 8.0", ptx, flags=re.M)
        arrays = r"^\s*(?:// demoted variable\n\s*)?\.shared (\.align \d+ \.b8 [\w$]+)\[(\d+)\];\n"
        declared = "".join(f".extern .shared {name}[];  // {size} bytes\n" for name, size in re.findall(arrays, ptx, re.M))
        return re.sub(r"^(?=\.entry )", declared, re.sub(arrays, "", ptx, flags=re.M), count=1, flags=re.M)

    def assemble(self, variant, ptx, architecture):
        binary = ptx.with_suffix(f".{architecture}")
        code, text = call([self.ptxas, "-v", f"-arch={variant.get('target') or architecture}", ptx, "-o", binary])
        part = text[text.find(f"'{variant['function']}'"):]
        registers = re.search(r"Used (\d+) registers", part)
        frame = re.search(r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill", part)
        if code or not registers or not frame:
            return {"cells": [], "faults": [first_line(text)]}
        stack, stores, loads = map(int, frame.groups())
        local = int(found[1]) if (found := re.search(r"(\d+) bytes smem", part)) else 0
        local += sum(map(int, re.findall(r"^\.extern .*// (\d+) bytes$", ptx.read_text(), re.M)))
        groups, share = self.occupancy(architecture, int(registers[1]), local, variant["items"])
        faults = [f"{stores + loads} bytes spilled"] if stores + loads else []
        code, text = call([self.nvdisasm, "-c", binary])
        binary.with_suffix(f".{architecture}.sass").write_text(text)
        if code:
            return {"cells": [], "faults": [first_line(text)]}
        code = gpu_sass.describe(text, variant, architecture)
        code["groups"], code["occupancy"] = groups, share
        if private := max((loop["private"] for loop in code["loops"]), default=0):
            faults.append(f"a private array in a loop: {private} loads and stores of it")
        return {
            "cells": [int(registers[1]), stack, stores + loads, local, groups, f"{share:.0%}"], "faults": faults, "code": code}

    def occupancy(self, architecture, registers, local, items):
        if architecture not in self.limits:
            return "?", 0
        file, threads, groups, memory = self.limits[architecture]
        warps = (items + 31) // 32
        by_registers = file // (((registers + 7) // 8 * 8) * 32) // warps
        by_memory = memory // (local + 1024) if local else groups
        fit = min(groups, threads // (warps * 32), by_registers, by_memory)
        return fit, fit * warps / (threads // 32)


class AMD(Maker):
    """LLVM's back end for AMD, which ROCm and Mesa share."""

    name = "AMD"
    architectures = ["gfx90a", "gfx1100"]
    columns = ["VGPRs", "SGPRs", "scratch B", "spilled VGPRs", "spilled SGPRs", "LDS B", "waves a SIMD"]

    def __init__(self, cache, clang):
        self.clang, self.version = clang, clang.version

    @staticmethod
    def takes(variant, architecture):
        """Its runtimes allow work-groups of 256 work-items."""
        return Maker.takes(variant, architecture) and variant["items"] <= 256

    def compile(self, variant, source, folder, architectures):
        for architecture in architectures:
            assembly = folder / f"{architecture}.s"
            code, text = self.clang.compile(
                variant, source, "amdgcn-amd-amdhsa", "amdgcn--amdhsa.bc", assembly,
                [f"-mcpu={architecture}", "-nogpulib", "-Rpass-analysis=kernel-resource-usage"], NVIDIA_ONLY)
            at = text.find(f"Function Name: {variant['function']}")
            if code or at < 0:
                yield architecture, {"cells": [], "faults": [first_line(text)]}
                continue

            def value(label):
                found = re.search(rf"remark: [^\n]*?\b{label}[^:\n]*: *(\d+)", text[at:])
                return int(found[1]) if found else "?"

            cells = [value(label) for label in ("VGPRs", "SGPRs", "ScratchSize", "VGPRs Spill", "SGPRs Spill", "LDS Size", "Occupancy")]
            text = assembly.read_text()
            faults = [f"calls {name}, which is not defined" for name in self.undefined(text)]
            if cells[3]:
                faults.append(f"{cells[3]} VGPRs spilled")
            if private := self.private_in_loops(text):
                faults.append(f"a private array in a loop: {private} loads and stores of it")
            yield architecture, {"cells": cells, "faults": faults}

    @staticmethod
    def undefined(assembly):
        """Functions that are called and nowhere defined: the assembler leaves them to a linker, which has none."""
        called = set(re.findall(r"\b([A-Za-z_]\w*)@(?:gotpcrel32|rel32)@lo", assembly))
        return sorted(called - set(re.findall(r"^([A-Za-z_.$][\w.$]*):", assembly, re.M)))


    @staticmethod
    def private_in_loops(assembly):
        """Loads and stores of scratch memory in blocks of which the compiler remarks that they are of a loop."""
        count, is_loop = 0, False
        for line in assembly.split("\n"):
            if re.match(r"\.LBB|; %bb", line):
                is_loop = False
            if re.search(r";.*\b(Loop Header|in Loop:)", line):
                is_loop = True
            if is_loop and re.match(r"\s+(scratch|buffer)_(load|store)", line):
                count += 1
        return count


class Intel(Maker):
    """Intel's graphics compiler as its offline front end `ocloc` runs it."""

    name = "Intel"
    architectures = ["tgllp", "dg2", "pvc"]
    columns = ["SIMD", "GRF", "instructions", "spilled B", "of all tries", "private messages"]

    def __init__(self, cache, clang):
        self.root = debian("intel-opencl-icd", "intel-opencl-icd")
        self.ocloc = next(iter(sorted(self.root.glob("usr/bin/ocloc*"))), None)
        if self.ocloc is None:
            raise Unavailable("ocloc is not in its package")
        self.environment = {"LD_LIBRARY_PATH": str(self.root / "usr/lib/x86_64-linux-gnu")} if self.root != Path("/") else {}
        self.version = "intel-opencl-icd"

    def compile(self, variant, source, folder, architectures):
        options = " ".join(["-cl-std=CL1.2", *defines(variant, NVIDIA_ONLY)])
        for architecture in architectures:
            dumps = folder / f"{architecture}.dump"
            dumps.mkdir()
            code, text = call(
                [self.ocloc, "compile", "-file", source, "-device", architecture, "-options", options, "-out_dir",
                 folder / architecture, "-output", "k", "-64"],
                environment={**self.environment, "IGC_ShaderDumpEnable": "1", "IGC_DumpToCustomDir": str(dumps) + "/"})
            binary = next((folder / architecture).glob("*.bin"), None) if (folder / architecture).exists() else None
            if code or binary is None:
                yield architecture, {"cells": [], "faults": [first_line(text)]}
                continue
            yield architecture, {"cells": self.read(variant, dumps, binary, folder, architecture), "faults": []}

    def read(self, variant, dumps, binary, folder, architecture):
        def value(text, pattern):
            return int(found[1]) if (found := re.search(pattern, text)) else 0

        name = re.escape(variant["function"])
        texts = {path: path.read_text(errors="replace") for path in dumps.rglob("*.asm")}
        texts = {path: text for path, text in texts.items() if re.search(rf"//\.kernel {name}\b", text)}
        if not texts:
            return ["?"] * len(self.columns)
        # After a try that spills there may be another: kept is the one that is as long as the binary.
        call([self.ocloc, "disasm", "-file", binary, "-device", architecture, "-dump", folder / f"{architecture}.heap"],
             environment=self.environment)
        heap = folder / f"{architecture}.heap" / f"{variant['function']}_KernelHeap.dat"
        size = heap.stat().st_size if heap.exists() else 0
        kept = min(texts, key=lambda path: abs(value(texts[path], r"instCount (\d+)") * 16 - size))
        text = texts[kept]
        sent = collections.Counter(re.findall(r"\b((?:load|store)\.[a-z0-9.]+)", text))
        # Before Xe-HPC messages are numbers: what they are is a comment.
        sent = sent or collections.Counter(
            found.strip() for found in re.findall(r"//.*?((?:a64|hdc|slm|untyped|scratch)[a-z0-9 _.]*)", text))
        private = sum(count for key, count in sent.items() if ".ugm.d32.a32" in key or "scratch" in key)
        simd = re.search(r"_simd(\d+)_", kept.name)
        return [
            int(simd[1]) if simd else "?", value(text, r"numGRF=(\d+)"), value(text, r"instCount (\d+)"),
            value(text, r"spill size (\d+)"),
            " ".join(str(value(other, r"spill size (\d+)")) for other in texts.values()), private,
        ]
