"""What a process did to a folder, from a record of its system calls.

Folders and files are kept as lists of changes, each with the index of the call that made it, and
of syncs, so that the folder can be rebuilt as it was, or as a power cut might have left it.
"""

import re
from pathlib import PurePosixPath

from rig import Failure

TRACED = ("open,openat,creat,close,dup,dup2,dup3,fcntl,lseek,write,pwrite64,writev,pwritev,"
          "pwritev2,sendfile,copy_file_range,splice,ftruncate,truncate,fallocate,mkdir,mkdirat,"
          "rmdir,unlink,unlinkat,rename,renameat,renameat2,link,linkat,symlink,symlinkat,"
          "fsync,fdatasync,sync_file_range,sync,syncfs,sendto,sendmsg")

# Where a status says which checkpoint is on disk, and how strace writes that.
SAVED = "".join(f"\\x{byte:02x}" for byte in b'"checkpoint":{"step":')

# Bytes of a call that are recorded: more than a file has.
MAX_BYTES = 4 << 20

LINE = re.compile(r"(\d+) +(<\.\.\. (\w+) resumed>|(\w+)\()")


def under_strace(log):
    """What a program is run under, to be recorded in the file `log`."""
    return ["strace", "-f", "-qq", "-xx", "--seccomp-bpf", "-s", str(MAX_BYTES), "-o", log,
            "-e", "signal=none", "-e", f"trace={TRACED}"]


class Node:
    """A file or a folder, whatever its names are."""

    def __init__(self):
        self.changes = []
        self.syncs = []

    def durable(self, cut):
        """Changes up to this index are on disk if the power goes after the call `cut`."""
        return max((covers for done, covers in self.syncs if done <= cut), default=-1)


class File(Node):
    """Changes are (index, offset, bytes), or (index, length, None) for a truncation."""


class Folder(Node):
    """Changes are (index, {name: node or None})."""

    def entries(self, last):
        """Its names once the changes up to the index `last` are made."""
        entries = {}
        for index, change in self.changes:
            if index <= last:
                entries |= change
        return {name: node for name, node in entries.items() if node is not None}


class Opened:
    """What a descriptor stands for."""

    def __init__(self, node):
        self.node, self.offset = node, 0


def on_disk(path):
    """A folder as it lies there now, all of it safely on disk."""
    if path.is_file():
        node = File()
        node.changes.append((-1, 0, path.read_bytes()))
    else:
        node = Folder()
        node.changes += [(-1, {one.name: on_disk(one)}) for one in path.iterdir()
                         if one.is_file() or one.is_dir()]
    return node


class Record:
    """The changes of everything below the folder `path`, which was `root` at first."""

    def __init__(self, log, path, root):
        self.parts = PurePosixPath(path).parts
        self.root = root
        self.opened = {}
        self.index = 0
        # Indices of the calls that changed something.
        self.moments = []
        # Checkpoints that a status called saved: index and step.
        self.told = []
        begun = {}
        with open(log) as lines:
            for line in lines:
                self.index += 1
                self._line(line.rstrip("\n"), begun)
        if not self.moments or not self.told:
            raise Failure("the record shows no writing, or no status that tells of a checkpoint")

    def _line(self, line, begun):
        found = LINE.match(line)
        if not found:
            return
        thread, resumed, call = found[1], found[3], found[3] or found[4]
        if resumed:
            start, text = begun.pop(thread)
            text += line[found.end():]
        else:
            start, text = self.index, line[found.end():]
        if text.endswith("<unfinished ...>"):
            text = text.removesuffix("<unfinished ...>").rstrip()
            begun[thread] = self.index, text
            # Another thread may be given the number before this call returns.
            if call == "close":
                self.opened.pop(text, None)
            return
        if resumed and call == "close":
            # It was closed when the call began: the number may be another file's by now.
            return
        arguments, _, result = text.rpartition(" = ")
        if result.startswith(("-", "?")) and call != "close":
            return
        if SAVED in text:
            step = bytes_of(text[text.index(SAVED) + len(SAVED):].split('"')[0] + '"').split(b",")[0]
            if step != b"null":
                self.told.append((self.index, int(step)))
        # Texts are written in hexadecimal digits: no comma is inside of one.
        arguments = arguments.rstrip().removesuffix(")").split(", ")
        handle = getattr(self, f"_{call}", None)
        if handle:
            # A file that is being closed while the process ends is closed, whatever comes of it.
            ended = result.split()[0] == "?"
            handle(arguments, 0 if ended else int(result.split()[0], 0), start)
        else:
            self._unknown(call, arguments)

    def _unknown(self, call, arguments):
        node = self._node_of(arguments[0])
        if node is not None:
            raise Failure(f"line {self.index}: `{call}` was called on the file {arguments[0]}, and "
                          "this record does not know it")

    # What descriptors and paths stand for.

    def _node_of(self, descriptor):
        opened = self.opened.get(descriptor)
        return opened and opened.node

    def _find(self, descriptor, path):
        """The folder that holds what a path names, and its name there; none if not below root."""
        path = PurePosixPath(text_of(path))
        if path.is_absolute():
            # What another process's view shows is the same folder.
            node, parts = self._proc(path.parts) or (self.root, path.parts)
            if node is self.root:
                if parts[:len(self.parts)] != self.parts:
                    return None, None
                parts = parts[len(self.parts):]
        else:
            node, parts = self._node_of(descriptor), path.parts
        for part in parts[:-1]:
            if not isinstance(node, Folder):
                return None, None
            node = node.entries(self.index).get(part)
        if not isinstance(node, Folder):
            return None, None
        return node, parts[-1] if parts else "."

    def _proc(self, parts):
        if parts[:4] == ("/", "proc", "self", "fd") and len(parts) > 4:
            return self._node_of(parts[4]), parts[5:]
        return None

    def _change(self, node, *change):
        node.changes.append((self.index, *change))
        if self.moments[-1:] != [self.index]:
            self.moments.append(self.index)

    # The calls.

    def _openat(self, arguments, result, _):
        descriptor, path, flags = arguments[:3]
        folder, name = self._find(descriptor, path)
        if folder is None:
            self.opened.pop(str(result), None)
            return
        node = folder if name == "." else folder.entries(self.index).get(name)
        if node is None:
            node = Folder() if "O_DIRECTORY" in flags else File()
            self._change(folder, {name: node})
        elif "O_TRUNC" in flags:
            self._change(node, 0, None)
        self.opened[str(result)] = Opened(node)

    def _open(self, arguments, result, start):
        self._openat(["AT_FDCWD", *arguments], result, start)

    def _creat(self, arguments, result, start):
        self._openat(["AT_FDCWD", arguments[0], "O_CREAT|O_TRUNC"], result, start)

    def _close(self, arguments, _result, _start):
        self.opened.pop(arguments[0], None)

    def _dup(self, arguments, result, _):
        if arguments[0] in self.opened:
            self.opened[str(result)] = self.opened[arguments[0]]
        else:
            self.opened.pop(str(result), None)

    _dup2 = _dup3 = _dup

    def _fcntl(self, arguments, result, start):
        if "F_DUPFD" in arguments[1]:
            self._dup(arguments, result, start)

    def _lseek(self, arguments, result, _):
        if arguments[0] in self.opened:
            self.opened[arguments[0]].offset = result

    def _write(self, arguments, result, _):
        opened = self.opened.get(arguments[0])
        if opened is not None:
            self._change(opened.node, opened.offset, bytes_of(arguments[1])[:result])
            opened.offset += result

    def _pwrite64(self, arguments, result, _):
        node = self._node_of(arguments[0])
        if node is not None:
            self._change(node, int(arguments[3]), bytes_of(arguments[1])[:result])

    def _ftruncate(self, arguments, _result, _start):
        node = self._node_of(arguments[0])
        if node is not None:
            self._change(node, int(arguments[1]), None)

    def _mkdirat(self, arguments, _result, _start):
        folder, name = self._find(*arguments[:2])
        if folder is not None:
            self._change(folder, {name: Folder()})

    def _mkdir(self, arguments, result, start):
        self._mkdirat(["AT_FDCWD", *arguments], result, start)

    def _unlinkat(self, arguments, _result, _start):
        folder, name = self._find(*arguments[:2])
        if folder is not None:
            self._change(folder, {name: None})

    def _unlink(self, arguments, result, start):
        self._unlinkat(["AT_FDCWD", *arguments], result, start)

    _rmdir = _unlink

    def _renameat2(self, arguments, _result, _start):
        (source, old), (target, new) = self._find(*arguments[:2]), self._find(*arguments[2:4])
        if source is None and target is None:
            return
        if source is None or target is None:
            raise Failure(f"a rename from or to elsewhere: {arguments}")
        moved = source.entries(self.index).get(old)
        if moved is None:
            # A socket, which no call made that is recorded.
            return
        left = target.entries(self.index)[new] if "RENAME_EXCHANGE" in arguments[-1] else None
        if source is target:
            self._change(source, {old: left, new: moved})
        else:
            self._change(source, {old: left})
            self._change(target, {new: moved})

    _renameat = _renameat2

    def _rename(self, arguments, result, start):
        self._renameat2(["AT_FDCWD", arguments[0], "AT_FDCWD", arguments[1]], result, start)

    def _fsync(self, arguments, _result, start):
        node = self._node_of(arguments[0])
        if node is not None:
            # What another thread did meanwhile may have come too late.
            node.syncs.append((self.index, start))

    _fdatasync = _fsync


def bytes_of(text):
    """The bytes of a text in strace's hexadecimal digits."""
    if not text.endswith('"'):
        raise Failure("the record of a system call is cut off")
    return bytes.fromhex(text.strip('"').replace("\\x", ""))


def text_of(text):
    return bytes_of(text).decode()
