#!/usr/bin/env python3
"""Which files the commands touch, and whether they speak to anybody: each is run under strace, from the jar, in a home and a folder for temporary
files of its own, and every system call that names a file or a socket is looked at.

    bench/faults/touched.py [--record NAME] [--jar JAR] [--java JAVA] [COMMAND...]

COMMAND        default (distill on the models that come along), distill, sft, generate, eval, verify-lossless, inspect, tokenizer, score, doctor;
               default: all
--record NAME  writes the table to bench/results/NAME.md too, under the command

Allowed. To write: the folder that the command was told to write to, the cache in the home, what the JVM keeps of every process (hsperfdata in /tmp,
its own /proc/self, /dev/null). To read: the models and data that were named, the jar, the JDK, the system (/etc, /usr, /lib, /proc, /sys, /dev), the
JVM's look for options (.hotspotrc, the folder it was started in), the cache, and ~/.local/lib, where Python packages may have brought cuBLAS. To
speak to: nobody. No socket is bound, connected or sent to, but for glibc's own question to the name service cache of this machine for the user's
name, before any code of ours runs. Java makes sockets when it loads its library for channels, which files have too, to see whether the system has
IPv6, and closes them.

First a program that reads, writes and speaks elsewhere must be caught. Ends with 1 if anything else was touched.
"""
import argparse
import datetime
import os
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CALL = re.compile(r"^\d+\s+(?:<\.\.\. )?(\w+)(?:\(| resumed>)(.*)$")
STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')
WRITES = {"mkdir", "mkdirat", "rename", "renameat", "renameat2", "unlink", "unlinkat", "rmdir", "symlink", "symlinkat", "link", "linkat", "truncate",
          "chmod", "fchmodat", "fchmodat2", "chown", "lchown", "fchownat", "utime", "utimes", "utimensat", "futimesat", "mknod", "mknodat", "creat",
          "setxattr", "lsetxattr", "mount", "chroot"}
NETWORK = {"socket", "connect", "bind", "listen", "accept", "accept4", "sendto", "sendmsg", "sendmmsg", "recvfrom", "recvmsg"}
STRACE = ["strace", "-f", "--seccomp-bpf", "-qq", "-y", "-s", "4096", "-e", "trace=%file,%network,getdents64", "-o"]
STRAY = """
import socket, sys
open(sys.argv[1]).close()
open(sys.argv[2], "w").close()
socket.socket(socket.AF_INET, socket.SOCK_DGRAM).connect(("127.0.0.1", 9))
"""


def path_of(text, working):
    """The paths that a call names, absolute: what follows AT_FDCWD</x> or 5</x> belongs to that folder."""
    paths = []
    for match in re.finditer(r'(?:(?:AT_FDCWD|\d+)<([^>]*)>, )?"((?:[^"\\]|\\.)*)"(\.\.\.)?', text):
        folder, name = match.group(1) or working, match.group(2)
        name = re.sub(r"\\(\d{1,3})", lambda m: chr(int(m.group(1), 8)), name)
        paths.append(os.path.normpath(os.path.join(folder, name)) if name else folder)
    return paths


def within(path, folders):
    return any(path == f or path.startswith(f.rstrip("/") + "/") for f in folders)


def look(log, working, may_write, may_read):
    written, read, spoken, strange = set(), set(), set(), []
    for line in open(log, errors="replace"):
        match = CALL.match(line)
        if not match:
            continue
        name, rest = match.groups()
        if "<unfinished" in rest and '"' not in rest:
            continue
        if name in NETWORK:
            if name == "socket" or "/var/run/nscd/socket" in rest:
                continue
            spoken.add(line.strip())
            continue
        if name == "unlink" and re.match(r'"\d+"', rest):
            continue  # the JVM, in hsperfdata: what a killed process left there
        writes = name in WRITES or name in ("open", "openat") and re.search(r"O_WRONLY|O_RDWR|O_CREAT|O_TRUNC|O_APPEND", rest)
        paths = path_of(rest.split(" = ")[0], working)
        if name in ("symlink", "symlinkat"):
            paths = paths[1:]
        for path in paths:
            if writes:
                written.add(path)
                if not within(path, may_write):
                    strange.append(f"written: {line.strip()}")
            elif name in ("open", "openat", "execve", "getdents64"):
                read.add(path)
                # A folder above what was named is walked through to find where a link leads.
                if not within(path, may_read) and not any(f.startswith(path.rstrip("/") + "/") for f in may_read):
                    strange.append(f"read: {line.strip()}")
    strange += [f"spoken: {s}" for s in spoken]
    return written, read, strange


def require_caught(place, working):
    """What reads, writes and speaks where it should not is seen: else the table would say nothing."""
    log, read, write = (os.path.join(place, name) for name in ("stray.log", "stray.in", "stray.out"))
    open(read, "w").close()
    subprocess.run(STRACE + [log, sys.executable, "-I", "-c", STRAY, read, write], check=True)
    strange = look(log, working, [], ["/"])[2] + look(log, working, ["/"], [])[2]
    for word, needle in ("written", write), ("read", read), ("spoken", "htons(9)"):
        if not any(line.startswith(word) and needle in line for line in strange):
            sys.exit(f"error: the check does not see what was {word}: {needle}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--record")
    parser.add_argument("--jar", default=os.path.join(ROOT, "target", "adaspec-engine.jar"))
    parser.add_argument("--java", default="java")
    parser.add_argument("commands", nargs="*")
    given = parser.parse_args()
    if not shutil.which("strace"):
        sys.exit("error: there is no strace; install it")
    jar = os.path.realpath(given.jar)
    java = os.path.realpath(shutil.which(given.java) or sys.exit(f"error: there is no {given.java}"))
    jdk = os.path.dirname(os.path.dirname(java))

    lines = []
    failed = False

    def say(line):
        lines.append(line)
        print(line, flush=True)

    command = " ".join(["bench/faults/touched.py"] + sys.argv[1:])
    revision = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True).stdout.strip()
    with tempfile.TemporaryDirectory(prefix="touched-") as place:
        place = os.path.realpath(place)
        home, temporary, out, data, working = (os.path.join(place, n) for n in ("home", "temporary", "out", "data", "working"))
        for folder in home, temporary, data, working:
            os.mkdir(folder)
        for name in "target", "draft":
            shutil.copytree(os.path.join(ROOT, "weights", "default", name), os.path.join(data, name))
        target, draft = os.path.join(data, "target"), os.path.join(data, "draft")
        train = os.path.join(data, "train.jsonl")
        with open(train, "w") as file:
            for i in range(40):
                file.write('{"question": "A dinner costs $%d and the tip is $7. 6 people share the cost. How many dollars does each pay?",'
                           ' "answer": "It is %d. #### %d"}\n' % (i, i + 7, i))
        prompts = os.path.join(data, "prompts.jsonl")
        with open(prompts, "w") as file:
            file.write('{"prompt": "A dinner costs $41"}\n' * 2)
        ids = os.path.join(data, "ids.jsonl")
        with open(ids, "w") as file:
            file.write("[1, 2, 3, 4]\n")
        training = ["--train-file", train, "--max-steps", "2", "--num-prompts", "2", "--max-new-tokens", "8", "--output-dir", out]
        jobs = {
            "default": ["distill", "--max-steps", "1", "--num-prompts", "1", "--max-new-tokens", "4", "--output-dir", out],
            "distill": ["distill", "--target", target, "--draft", draft, "--teacher-cache", out + "/cache", "--save-steps", "1"] + training,
            "sft": ["sft", "--model", draft, "--train-file", train, "--max-steps", "1", "--output-dir", out],
            "generate": ["generate", "--target", target, "--draft", draft, "--prompt", "A dinner costs $41", "--max-new-tokens", "16",
                         "--output-json", out + "/text.jsonl"],
            "eval": ["eval", "--target", target, "--draft", draft, "--eval-file", train, "--num-prompts", "2", "--max-new-tokens", "8",
                     "--output-json", out + "/eval.json"],
            "verify-lossless": ["verify-lossless", "--target", target, "--draft", draft, "--prompt-file", prompts,
                                "--output-json", out + "/lossless.json"],
            "inspect": ["inspect", target, "--output-json", out + "/inspect.json"],
            "tokenizer": ["tokenizer", "train", "--files", train, "--vocab-size", "300", "--output", out + "/tokenizer"],
            "score": ["score", "--model", target, "--token-ids-file", ids, "--output", out + "/scores.jsonl"],
            "doctor": ["doctor"],
        }
        for name in given.commands:
            if name not in jobs:
                print(f"error: no command is called {name}; known are {', '.join(jobs)}", file=sys.stderr)
                sys.exit(2)
        say("# What the commands touch\n")
        say(f"    {command}\n")
        say(f"{datetime.date.today()}, {revision}, {os.cpu_count()} cores, {os.uname().sysname} {os.uname().machine}. Under strace -f, from the jar,")
        say("in a home and a folder for temporary files of its own. Spoken: sockets that were bound, connected or sent to, but for glibc's to the "
            "machine's name cache.\n")
        say("| command | files written | files and folders read | outside what was named | spoken |")
        say("|---|---|---|---|---|")
        require_caught(place, working)
        for name in given.commands or jobs:
            shutil.rmtree(out, ignore_errors=True)
            log = os.path.join(place, "strace.log")
            environment = {"HOME": home, "TMPDIR": temporary, "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
            run = subprocess.run(
                STRACE + [log, java, f"-Duser.home={home}",
                 f"-Djava.io.tmpdir={temporary}", "-jar", jar] + jobs[name], cwd=working, env=environment, capture_output=True, text=True)
            if run.returncode != 0:
                sys.exit(f"error: {name} ended with {run.returncode}: {run.stderr}")
            cache = os.path.join(home, ".cache")
            may_write = [out, cache, "/tmp/hsperfdata_" + os.environ.get("USER", "root"), "/tmp/hsperfdata_root", "/proc/self", "/dev/null"]
            may_write += [f"/proc/{pid}" for pid in set(re.findall(r"^(\d+)", open(log).read(), re.M))]
            may_read = may_write + [data, working, jdk, jar, "/etc", "/usr", "/lib", "/lib64", "/proc", "/sys", "/dev", "/var/lib/sss",
                                    "/run/systemd", home + "/.local/lib", os.path.realpath("/etc/localtime")]
            written, read, strange = look(log, working, may_write, may_read)
            spoken = sum(s.startswith("spoken") for s in strange)
            say(f"| `{' '.join(w if len(w) < 60 else '...' for w in jobs[name]).replace(place + '/', '')}` | {len(written)} | {len(read)} "
                f"| {len(strange) - spoken} | {spoken} |")
            for line in strange[:20]:
                print("    " + line)
            failed |= bool(strange)
    if given.record:
        with open(os.path.join(ROOT, "bench", "results", given.record + ".md"), "w") as file:
            file.write("\n".join(lines) + "\n")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
