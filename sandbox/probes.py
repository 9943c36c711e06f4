"""What a sandbox must not allow, as programs that try it.

A probe is Python that prints `ESCAPED` and why when it gets further than it should. Everything else it prints, and
every way it fails, is as it should be.
"""

from __future__ import annotations

from dataclasses import dataclass

_SYSCALL = """
import ctypes, errno, platform
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
def call(x86, arm, *arguments):
    number = x86 if platform.machine() == "x86_64" else arm
    ctypes.set_errno(0)
    answer = libc.syscall(ctypes.c_long(number), *[ctypes.c_long(a) if isinstance(a, int) else a for a in arguments])
    return answer, ctypes.get_errno()
def refused(name, answer, refusals=(errno.EPERM, errno.ENOSYS, errno.EACCES)):
    if answer[0] != -1 or answer[1] not in refusals:
        print("ESCAPED", name, answer)
"""


@dataclass(frozen=True, slots=True)
class Probe:
    """One attempt."""

    name: str
    code: str
    plain: bool = True
    """Whether it may be run without a sandbox, where it gets through, so that it is known to be able to fail."""


def _denied(name: str, call: str, *, plain: bool = False) -> Probe:
    return Probe(name, f"{_SYSCALL}\nrefused({name!r}, call({call}))\n", plain)


PROBES = (
    _denied("io_uring", "425, 425, 0, 0", plain=True),
    _denied("userfaultfd", "323, 282, 0x40000", plain=True),
    _denied("keyctl", "250, 219, 0, -3, 1", plain=True),
    _denied("add_key", "248, 217, b'user', b'lra-probe', b'x', 1, -1", plain=True),
    _denied("bpf", "321, 280, 0, 0, 0", plain=True),
    _denied("perf events", "298, 241, 0, 0, -1, -1, 0", plain=True),
    _denied("ptrace", "101, 117, 16, 1, 0, 0"),
    _denied("memory of others", "310, 270, 1, 0, 0, 0, 0, 0", plain=True),
    _denied("user namespace", "272, 97, 0x10000000"),
    _denied("mount namespace", "272, 97, 0x20000"),
    _denied("clone into a namespace", "56, 220, 0x10000011, 0, 0, 0, 0"),
    _denied("clone3 into a namespace", "435, 435, 0, 0", plain=True),
    _denied("setns", "308, 268, -1, 0", plain=True),
    _denied("mount", "165, 40, b'none', b'/tmp', b'tmpfs', 0, 0"),
    _denied("mount by descriptor", "430, 430, b'tmpfs', 0"),
    _denied("pivot_root", "155, 41, b'/nowhere', b'/nowhere'", plain=True),
    _denied("chroot", "161, 51, b'/nowhere'", plain=True),
    _denied("kernel module", "175, 105, 0, 0, b''", plain=True),
    _denied("kexec", "246, 104, 0, 0, 0, 0xFFFF"),
    _denied("reboot", "169, 142, 0, 0, 0, 0"),
    _denied("swap", "167, 224, b'/nowhere', 0", plain=True),
    _denied("clock", "227, 112, 99, 0", plain=True),
    _denied("host name", "170, 161, 0, -1", plain=True),
    _denied("file handles", "304, 265, -1, 0, 0", plain=True),
    _denied("x32 system calls", "0x40000027, 0x40000027"),
    Probe(
        "terminal injection",
        "import fcntl\ntry:\n    with open('/dev/tty', 'rb+', buffering=0) as tty:\n        fcntl.ioctl(tty, 0x5412, b'x')\n    print('ESCAPED')\nexcept OSError:\n    pass\n",
        plain=False,
    ),
    Probe(
        "raw socket",
        "import socket\ntry:\n    socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)\n    print('ESCAPED')\nexcept OSError as e:\n    pass\n",
    ),
    Probe(
        "packet socket",
        "import socket\ntry:\n    socket.socket(socket.AF_PACKET, socket.SOCK_RAW)\n    print('ESCAPED')\nexcept OSError:\n    pass\n",
    ),
    Probe(
        "odd socket families",
        "import socket\nfor family in (38, 40, 21, 9):\n    try:\n        socket.socket(family, 5 if family in (38, 21) else 1)\n    except OSError as e:\n        if e.errno in (94, 22): print('ESCAPED', family, e)\n    else:\n        print('ESCAPED', family)\n",
        plain=False,
    ),
    Probe(
        "capabilities",
        "lines = open('/proc/self/status').read().splitlines()\nfor l in lines:\n    if l.startswith('Cap') and int(l.split()[1], 16): print('ESCAPED', l)\n",
    ),
    Probe("no new privileges", "if 'NoNewPrivs:\\t1' not in open('/proc/self/status').read(): print('ESCAPED')\n"),
    Probe(
        "root",
        "import os\nif 0 in (os.getuid(), os.geteuid(), os.getgid(), os.getegid()): print('ESCAPED', os.getuid())\n",
    ),
    Probe(
        "another user",
        "import os\nfor uid in (0, 65534, 1001):\n    try:\n        os.setuid(uid)\n    except OSError:\n        continue\n    if uid != 1000: print('ESCAPED', uid)\n    break\n",
    ),
    Probe(
        "system folders",
        "import os\nfor p in ('/', '/usr', '/usr/bin', '/etc', '/lib', '/opt', '/dev', '/proc/sys', '/proc'):\n    try:\n        open(p + '/lra-probe', 'w').close()\n        os.unlink(p + '/lra-probe')\n        print('ESCAPED', p)\n    except OSError:\n        pass\n",
    ),
    Probe("passwords", "try:\n    open('/etc/shadow').read()\n    print('ESCAPED')\nexcept OSError:\n    pass\n"),
    Probe(
        "homes",
        "import os\nfor p in ('/home', '/root', '/var', '/srv', '/mnt', '/run', '/boot', '/sys'):\n    try:\n        found = [n for n in os.listdir(p) if n not in ('.pyenv', 'lra', 'lock', 'empty')]\n    except OSError:\n        continue\n    for n in found:\n        try:\n            if os.path.isfile(p + '/' + n): open(p + '/' + n).read(1); print('ESCAPED', p, n)\n        except OSError:\n            pass\n",
        plain=False,
    ),
    Probe(
        "the first process",
        "import os\nfor p in ('environ', 'mem', 'maps'):\n    try:\n        open('/proc/1/' + p, 'rb').read(1)\n        print('ESCAPED', p)\n    except OSError:\n        pass\ntry:\n    if os.listdir('/proc/1/fd'): print('ESCAPED fd')\nexcept OSError:\n    pass\n",
    ),
    Probe(
        "killing the first process",
        "import os, signal, time\nfor s in (signal.SIGKILL, signal.SIGSTOP, signal.SIGINT):\n    try:\n        os.kill(1, s)\n    except OSError:\n        pass\ntime.sleep(0.2)\n",
        plain=False,
    ),
    Probe(
        "processes of others",
        "import os\nfound = [p for p in os.listdir('/proc') if p.isdigit()]\nif len(found) > 40: print('ESCAPED', len(found))\n",
    ),
    Probe(
        "descriptors",
        "import os\nfor fd in os.listdir('/proc/self/fd'):\n    try:\n        target = os.readlink('/proc/self/fd/' + fd)\n    except OSError:\n        continue\n    if target.startswith('/') and not target.startswith(('/dev/null', '/proc/', '/workspace', '/tmp', '/dev/pts')): print('ESCAPED', fd, target)\n",
        plain=False,
    ),
    Probe(
        "devices",
        "import os\nallowed = {'null', 'zero', 'full', 'random', 'urandom', 'tty', 'console', 'ptmx', 'fd', 'stdin', 'stdout', 'stderr', 'shm', 'pts', 'mqueue', 'core'}\nfor n in os.listdir('/dev'):\n    if n not in allowed: print('ESCAPED', n)\n",
    ),
    Probe(
        "device nodes",
        "import os, stat\ntry:\n    os.mknod('/tmp/lra-node', 0o600 | stat.S_IFBLK, os.makedev(8, 0))\n    os.unlink('/tmp/lra-node')\n    print('ESCAPED')\nexcept OSError:\n    pass\n",
    ),
    Probe(
        "kernel memory",
        "for p in ('/dev/mem', '/dev/kmem', '/proc/kcore', '/dev/port'):\n    try:\n        open(p, 'rb').close()\n        print('ESCAPED', p)\n    except OSError:\n        pass\n",
    ),
    Probe(
        "kernel settings",
        "for p in ('/proc/sysrq-trigger', '/proc/sys/kernel/core_pattern', '/proc/sys/kernel/hostname', '/proc/sys/vm/drop_caches'):\n    try:\n        open(p, 'r+').close()\n        print('ESCAPED', p)\n    except OSError:\n        pass\n",
    ),
    Probe(
        "control groups",
        "import os\nfor root, dirs, files in os.walk('/sys/fs/cgroup'):\n    for n in files:\n        if n in ('cgroup.procs', 'release_agent', 'tasks') and os.access(os.path.join(root, n), os.W_OK):\n            print('ESCAPED', root, n); raise SystemExit\n",
    ),
    Probe(
        "set-user-id programs",
        "import os, subprocess\nfor p in ('/usr/bin/su', '/bin/su', '/usr/bin/passwd', '/usr/bin/mount'):\n    if os.path.exists(p):\n        out = subprocess.run(['/bin/sh', '-c', 'grep ^Uid /proc/self/status'], capture_output=True, text=True).stdout\n        if '\\t0\\t' in out: print('ESCAPED', out)\n",
    ),
    Probe(
        "docker socket",
        "import os\nfor p in ('/var/run/docker.sock', '/run/docker.sock', '/run/containerd/containerd.sock'):\n    if os.path.exists(p): print('ESCAPED', p)\n",
        plain=False,
    ),
    Probe(
        "control socket",
        "import os\nfor root in ('/tmp', '/run', '/var', '/workspace', '/opt'):\n    for at, dirs, files in os.walk(root):\n        for n in files:\n            if n.endswith('guest.sock') and 'lra' not in os.environ:\n                import socket\n                s = socket.socket(socket.AF_UNIX)\n                try:\n                    s.connect(os.path.join(at, n))\n                    s.sendall(b'\\0\\0\\0\\x1a{\"op\":\"hello\",\"token\":\"x\"} ')\n                    s.settimeout(3)\n                    if s.recv(10): print('ESCAPED', n)\n                except OSError:\n                    pass\n",
        plain=False,
    ),
    Probe(
        "secrets in the environment",
        "import os\nfor n, v in os.environ.items():\n    if 'TOKEN' in n or 'KEY' in n or 'SECRET' in n or n == 'LRA_GUEST': print('ESCAPED', n)\n",
        plain=False,
    ),
    Probe(
        "metadata address",
        "import socket\ns = socket.socket()\ns.settimeout(2)\ntry:\n    s.connect(('169.254.169.254', 80))\n    print('ESCAPED')\nexcept OSError:\n    pass\n",
        plain=False,
    ),
    Probe(
        "the network",
        "import socket\nfor host, port in (('1.1.1.1', 53), ('8.8.8.8', 443), ('192.0.2.1', 80)):\n    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n    try:\n        s.connect((host, port))\n        print('ESCAPED', host)\n    except OSError:\n        pass\n",
    ),
    Probe(
        "names",
        "import socket\ntry:\n    print('ESCAPED', socket.getaddrinfo('example.com', 80))\nexcept OSError:\n    pass\n",
        plain=False,
    ),
    Probe(
        "tunnel through names",
        "import re, socket\nhosts = ['127.0.0.1', '127.0.0.53', '1.1.1.1', '8.8.8.8', '172.17.0.1']\ntry:\n    hosts += re.findall(r'nameserver (\\S+)', open('/etc/resolv.conf').read())\nexcept OSError:\n    pass\nquestion = b'\\1\\1\\1\\0\\0\\1\\0\\0\\0\\0\\0\\0\\x06secret\\7example\\3com\\0\\0\\1\\0\\1'\nfor host in hosts:\n    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):\n        s = socket.socket(socket.AF_INET, kind)\n        s.settimeout(1)\n        try:\n            s.connect((host, 53))\n            s.send(question)\n            if not host.startswith('127.') or s.recv(512): print('ESCAPED', host)\n        except OSError:\n            pass\n",
    ),
    Probe(
        "interfaces",
        "import socket\nfound = [n for _, n in socket.if_nameindex() if n not in ('lo', 'tunl0', 'gre0', 'sit0', 'ip6tnl0', 'gretap0', 'erspan0', 'ip_vti0', 'ip6_vti0', 'ip6gre0')]\nif found: print('ESCAPED', found)\n",
    ),
    Probe(
        "hard links out",
        "import os\nfor p in ('/etc/passwd', '/usr/bin/env'):\n    try:\n        os.link(p, '/tmp/lra-link')\n        os.unlink('/tmp/lra-link')\n        print('ESCAPED', p)\n    except OSError:\n        pass\n",
        plain=False,
    ),
    Probe(
        "renaming the workspace",
        "import os\ntry:\n    os.rename('/workspace', '/workspace2')\n    print('ESCAPED')\nexcept OSError:\n    pass\n",
        plain=False,
    ),
    Probe(
        "raising limits",
        "import resource\nfor what in (resource.RLIMIT_NOFILE, resource.RLIMIT_CORE):\n    soft, hard = resource.getrlimit(what)\n    try:\n        resource.setrlimit(what, (hard + 1, hard + 1))\n        print('ESCAPED', what)\n    except (OSError, ValueError, OverflowError):\n        pass\n",
    ),
    Probe(
        "core dumps",
        "import resource\nif resource.getrlimit(resource.RLIMIT_CORE)[0] != 0: print('ESCAPED')\n",
        plain=False,
    ),
    Probe(
        "open files",
        "fs = []\ntry:\n    while len(fs) < 5000: fs.append(open('/dev/null'))\n    print('ESCAPED', len(fs))\nexcept OSError:\n    pass\n",
    ),
    Probe(
        "priority",
        "import os\ntry:\n    os.setpriority(os.PRIO_PROCESS, 0, -10)\n    print('ESCAPED')\nexcept OSError:\n    pass\ntry:\n    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(10))\n    print('ESCAPED fifo')\nexcept OSError:\n    pass\n",
    ),
)
"""Probes that a program makes by itself; those that use things up are in `sandbox.selfcheck`."""
