"""Trees in directories (notes, *Byte formats*, *Lineages*, *Trees in directories*): reading them, and
what is refused of them."""

import os
import re
import stat
from collections import namedtuple
from hashlib import sha256
from pathlib import Path

import ed25519
import encoding as enc
from curves import CURVES
from encoding import Reader
from errors import Refused, at, check
from network import MAX_WIDTH, Dataset, Format, Graph, Weights, initial_bound, merkle_root
from optimise import Optimiser
from ranges import verify_data_range, verify_weight_range
from training import Training

KINDS = ("roots", "nodes", "proofs", "datasets")
ID = re.compile(r"[0-9a-f]{64}")
HEAD = re.compile(rb'\{"size":(0|[1-9][0-9]{0,15}),"root":"([0-9a-f]{64})"\}\n')
SIGNED = re.compile(
    rb'\{"log":"([0-9a-f]{64})","size":(0|[1-9][0-9]{0,15}),"root":"([0-9a-f]{64})",'
    rb'"signer":"([0-9a-f]{64})","signature":"([0-9a-f]{128})"\}\n'
)
TEMPORARY = ".unfinished-"
NORMALIZATION, LABELLED = b"zktree/v1/normalization", b"zktree/v1/labelled-normalization"
DATASETS = {b"zktree/v1/dataset": "numbers", b"zktree/v1/labelled-dataset": "labels"}
BLANKS = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000"
BLANKS += "".join(map(chr, range(0x2000, 0x200B)))
NUMBER = re.compile(r"[+-]?(inf(inity)?|nan|([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?)", re.IGNORECASE)
LONGEST_FILE = 1 << 31
LONGEST_TITLE, LONGEST_NOTE = 1 << 10, 1 << 16

Imported = namedtuple("Imported", "curve points step_bits range_bits author pre_id proof signature")
Root = namedtuple("Root", "id graph fixed seed imported")
# Where a network stands: a seed or a commitment (the other is None), and a bound on weights.
Origin = namedtuple("Origin", "id graph fixed seed weights bound")
Node = namedtuple(
    "Node",
    "parent graph fixed weights dataset rows features targets classes optimiser batch steps segment_steps"
    " hiding nonce author pre_id proofs signature id",
)


def read_network(reader):
    """Graph and format of a root, whose normalisation has a column for each input and output, or classes."""
    graph, fixed, data = Graph.read(reader.bytes()), Format.read(reader.bytes()), reader.bytes()
    names, classes = [], []
    labelled = data.startswith(LABELLED)
    check(labelled or data.startswith(NORMALIZATION), "normalisation")
    with Reader(data[len(LABELLED if labelled else NORMALIZATION) :]) as fields:
        columns = [fields.number() for _ in range(1 if labelled else 2)]
        for _ in range(sum(columns)):
            names.append(fields.string())
            fields.real()
            check(fields.real() >= 0, "a deviation is negative")
        if labelled:
            names.append(fields.string())
            classes = [fields.string() for _ in range(fields.number())]
    check(len(set(names)) == len(names) and len(set(classes)) == len(classes), "two columns have one name")
    for k, name in enumerate(classes):
        check(name and name == name.strip(BLANKS), "the name of a class")
        check(not NUMBER.fullmatch(name) or name == str(k), "the name of a class is another number")
    targets = len(classes) if labelled else columns[1]
    check((columns[0], targets) == (graph.inputs, graph.outputs), "the normalisation is of another network")
    check(labelled == graph.scores, "the network is trained on something else")
    return graph, fixed


def read_labels(reader):
    """Title, licence, note and loss."""
    for longest, lines in ((LONGEST_TITLE, False), (LONGEST_TITLE, False), (LONGEST_NOTE, True)):
        reader.label(longest, lines)
    check(not reader.flag() or reader.real() >= 0, "a loss is negative")


def read_root(data):
    if Reader(data).bytes() == b"zktree/v2/imported-root":
        return read_imported_root(data)
    with Reader(data, "zktree/v2/root") as reader:
        return Root(sha256(data).digest(), *read_network(reader), reader.number(), None)


def read_imported_root(data):
    with Reader(data, "zktree/v2/imported-root") as file:
        encoded, proof, signature = file.bytes(), file.bytes(), file.take(64)
    with Reader(encoded, "zktree/v2/imported-pre-id") as reader:
        network, curve, points = read_network(reader), reader.string(), reader.bytes()
        step_bits, range_bits, author = reader.number(), reader.number(), reader.hash()
        read_labels(reader)
    check(2 <= range_bits <= 20 and step_bits <= 62 - range_bits, "the grid of imported weights")
    pre_id, hashed = sha256(encoded).digest(), sha256(proof).digest()
    identity = sha256(enc.string("zktree/v1/imported-id") + pre_id + hashed).digest()
    imported = Imported(curve, points, step_bits, range_bits, author, pre_id, proof, signature)
    return Root(identity, *network, None, imported)


def read_weights(reader, curve, graph, fixed):
    """The parameters of a node, tensor by tensor."""

    def take(layer, _):
        check(reader.string() == f"W{layer + 1}", "the name of a parameter")
        check(reader.number() == fixed.w, "a parameter has another format than weights")
        check(reader.flag(), "a parameter is frozen")
        return reader.bytes()

    check(reader.number() == len(graph.shapes), "number of parameters")
    return Weights(curve, graph.shapes, take)


def read_kind(kind, count):
    """Columns of targets, and of labels the number of classes."""
    check(kind in ("numbers", "labels"), "a kind of targets that is not known")
    check(kind == "numbers" or 2 <= count <= MAX_WIDTH, "number of classes")
    return (count, None) if kind == "numbers" else (1, count)


def read_node(data, curve):
    with Reader(data, "zktree/v1/node-file") as file:
        encoded, proofs, signature = file.bytes(), (file.hash(), file.hash()), file.take(64)
    with Reader(encoded, "zktree/v2/pre-id") as reader:
        check(reader.string() == curve.name, "the node is of another curve")
        fields = [reader.hash(), Graph.read(reader.bytes()), Format.read(reader.bytes())]
        fields += [read_weights(reader, curve, *fields[1:]), reader.hash(), reader.number()]
        check(reader.string() == "numbers", "a kind of features that is not known")
        fields += [reader.number(), *read_kind(reader.string(), reader.number())]
        fields += [Optimiser.read(reader), *(reader.number() for _ in range(3))]
        fields += [reader.flag(), reader.number(), reader.hash()]
        read_labels(reader)
    pre_id = sha256(encoded).digest()
    edge = sha256(enc.string("zktree/v1/edge") + b"".join(proofs)).digest()
    identity = sha256(enc.string("zktree/v1/node") + pre_id + edge).digest()
    return Node(*fields, pre_id, proofs, signature, identity)


def read_dataset(data, curve):
    with Reader(data) as reader:
        kind = DATASETS.get(reader.bytes())
        check(kind, "it is no data set")
        check(reader.string() == curve.name, "the data set is of another curve")
        return Dataset(curve, reader.number(), *read_kind(kind, reader.number()), reader.bytes())


class Tree:
    def __init__(self, directory):
        """Refuses a directory that is no tree."""
        self.directory = Path(directory)
        forms = {f'{{"version":1,"curve":"{name}"}}\n'.encode(): CURVES[name] for name in CURVES}
        with at("zktree.json"):
            self.curve = forms.get(self.read("zktree.json"))
            check(self.curve, "it is not the description of a tree on a known curve")
        self.damage = []  # (file, why)
        self.refused = {}  # id -> why
        self.origins = {}  # id of what is verified -> Origin
        self.ranges = {}  # claims of ranges of data that were looked at -> why they fail, or None
        self.datasets = {}

    def read(self, file):
        path = self.directory / file
        try:
            status = os.lstat(path)
            check(stat.S_ISREG(status.st_mode), "it is no file")
            check(status.st_size <= LONGEST_FILE, "it is too long")
            return path.read_bytes()
        except OSError as error:
            raise Refused(f"it cannot be read: {error.strerror}") from None

    def damaged(self, file, function, *arguments):
        """The function's result; if it refuses, the file is damaged."""
        try:
            return function(*arguments)
        except Refused as error:
            self.damage.append((file, str(error)))
            return None

    def verify(self):
        """Fills in what is damaged and refused; true if nothing is."""
        files = self.files()
        log = self.damaged("log/entries", self.read_log) or []
        self.damaged("log/head.json", self.check_head, log)
        if os.path.lexists(self.directory / "log/signed.json"):
            self.damaged("log/signed.json", self.check_signed_head, log)
        for identity, file in files.items():
            if identity not in log:
                self.damage.append((file, "it is not in the log"))
        entries = {}
        for identity in dict.fromkeys([*log, *files]):
            try:
                entries[identity] = self.entry(identity, files)
            except Refused as error:
                self.refused[identity] = str(error)
        self.damaged("log/entries", self.check_order, log, entries)
        self.judge(entries)
        return not self.damage and not self.refused

    def files(self):
        """The ids of roots and nodes that have files; names that are no hashes are damage."""
        files = {}
        for kind in reversed(KINDS):  # a root goes before a node
            directory = self.directory / kind
            for name in sorted(os.listdir(directory)) if directory.is_dir() else []:
                if ID.fullmatch(name):
                    if kind in ("roots", "nodes"):
                        files[bytes.fromhex(name)] = f"{kind}/{name}"
                elif not name.startswith(TEMPORARY):
                    self.damage.append((f"{kind}/{name}", "it does not belong there"))
        return files

    # ---- The log

    def read_log(self):
        lines = self.read("log/entries").split(b"\n")
        check(lines.pop() == b"", "the last line does not end")
        check(all(ID.fullmatch(line.decode("latin-1")) for line in lines), "a line is no id")
        check(len(set(lines)) == len(lines), "an id is logged twice")
        return [bytes.fromhex(line.decode()) for line in lines]

    def check_head(self, log):
        head = HEAD.fullmatch(self.read("log/head.json"))
        check(head, "it is not a head as it is written")
        self.is_head_of(log, int(head[1]), bytes.fromhex(head[2].decode()))

    def check_signed_head(self, log):
        head = SIGNED.fullmatch(self.read("log/signed.json"))
        check(head, "it is not a signed head as it is written")
        name, root, signer, signature = (bytes.fromhex(head[k].decode()) for k in (1, 3, 4, 5))
        message = enc.string("zktree/v1/head") + name + enc.le64(int(head[2])) + root
        check(ed25519.verify(signer, message, signature), "the signature is not the signer's")
        self.is_head_of(log, int(head[2]), root)

    def is_head_of(self, log, size, root):
        check(size <= len(log), "entries were removed")
        check(merkle_root(log[:size]) == root, "the entries are others")

    def check_order(self, log, entries):
        place = {identity: k for k, identity in enumerate(log)}
        for identity, entry in entries.items():
            if isinstance(entry, Node) and identity in place and entry.parent in place:
                check(place[entry.parent] < place[identity], "a node is logged before its parent")

    # ---- Roots and nodes

    def entry(self, identity, files):
        """A root or node, whose id is recomputed."""
        check(identity in files, "there is no file of it")
        file = files[identity]
        with at(file):
            data = self.read(file)
            entry = read_root(data) if file.startswith("roots") else read_node(data, self.curve)
            check(entry.id == identity, "its content has another id")
        return entry

    def judge(self, entries):
        """From the roots down. What descends from what is refused is refused."""
        children = {}
        for identity, entry in entries.items():
            parent = entry.parent if isinstance(entry, Node) else None
            children.setdefault(parent, []).append(identity)
        level = children.pop(None, [])
        for identity in level:
            level += children.pop(identity, [])
            try:
                self.origins[identity] = self.verified(identity, entries[identity])
            except Refused as error:
                self.refused[identity] = str(error)
        for identity in (identity for below in children.values() for identity in below):
            self.refused[identity] = "its parent is not in the tree"

    def verified(self, identity, entry):
        """Notes, *Lineages*, 1 to 3; the origin of what is trained from here."""
        if isinstance(entry, Root):
            return self.verified_root(entry)
        origin = self.origins.get(entry.parent)
        check(origin, "its parent is refused")
        self.check_signature(identity, entry)
        check(entry.graph.encoding == origin.graph.encoding, "it is of another architecture than its root")
        check(entry.fixed == origin.fixed, "it is of another number format than its root")
        dataset = self.dataset(entry.dataset)
        shape = len(dataset.encodings), dataset.features, dataset.targets, dataset.classes
        check(shape == (entry.rows, entry.features, entry.targets, entry.classes), "shape of the data set")
        training = Training(self.curve, origin, entry, entry.pre_id, dataset)
        bound = training.validate()
        with at("training"):
            training.verify(self.proof(entry.proofs[0]))
        with at("range of data"):
            self.check_range(dataset, entry)
        return Origin(identity, origin.graph, origin.fixed, None, entry.weights, bound)

    def check_signature(self, identity, entry):
        message = enc.string("zktree/v1/signature") + identity
        check(ed25519.verify(entry.author, message, entry.signature), "the signature is not the author's")

    def verified_root(self, root):
        if root.imported is None:
            bound = max(initial_bound(shape.inputs, root.fixed) for shape in root.graph.shapes)
            return Origin(root.id, root.graph, root.fixed, root.seed, None, bound)
        imported = root.imported
        self.check_signature(root.id, imported)
        check(imported.curve == self.curve.name, "its weights are of another curve")
        with Reader(imported.points) as points:
            weights = Weights(self.curve, root.graph.shapes, lambda _, size: points.take(size))
        with at("range of weights"):
            verify_weight_range(self.curve, root.graph, weights, imported)
        bound = ((1 << imported.range_bits - 1) - 1) << imported.step_bits
        return Origin(root.id, root.graph, root.fixed, None, weights, bound)

    def dataset(self, name):
        if name not in self.datasets:
            with at(f"datasets/{name.hex()}"):
                dataset = read_dataset(self.read(f"datasets/{name.hex()}"), self.curve)
                check(dataset.root == name, "its content has another hash")
            self.datasets[name] = dataset
        return self.datasets[name]

    def proof(self, name):
        with at(f"proofs/{name.hex()}"):
            data = self.read(f"proofs/{name.hex()}")
            check(sha256(data).digest() == name, "its content has another hash")
        return data

    def check_range(self, dataset, node):
        """The proof of the range of data, verified once for a claim."""
        claim = dataset.root, node.fixed.data, node.hiding, node.proofs[1]
        if claim not in self.ranges:
            proof = self.proof(node.proofs[1])
            try:
                self.ranges[claim] = verify_data_range(self.curve, dataset, *claim[1:3], proof)
            except Refused as error:
                self.ranges[claim] = str(error)
        check(self.ranges[claim] is None, self.ranges[claim])
