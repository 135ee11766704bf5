"""Files of predictions and errors (notes, *Files of predictions*)."""

import base64
import binascii
import json
import re

from errors import Refused, at, check
from inference import CommittedRows, PublicRows, verify_inference
from network import MAX_WIDTH, Dataset, Rows

ID = re.compile(r"[0-9a-f]{64}")


def parse(data):
    """JSON in which numbers are integers in their one form and no field is there twice."""

    def fields(pairs):
        check(len(dict(pairs)) == len(pairs), "a field is there twice")
        return dict(pairs)

    def integer(text):
        check(text != "-0", "zero has no sign")
        return int(text)

    def refuse(text):
        raise Refused(f"{text[:20]} is no integer")

    try:
        return json.loads(
            data.decode(), object_pairs_hook=fields, parse_int=integer, parse_float=refuse,
            parse_constant=refuse,
        )
    except (ValueError, RecursionError):
        raise Refused("it is not JSON") from None


def take(value, **types):
    """The fields of an object, which are exactly these."""
    check(isinstance(value, dict) and value.keys() == types.keys(), f"not an object of {list(types)}")
    check(all(type(value[name]) is types[name] for name in types), f"types of {list(types)}")
    return [value[name] for name in types]


def alternative(value, *names):
    """An object of one field, which is one of these: its name and content."""
    check(isinstance(value, dict) and len(value) == 1, f"not an object of one of {names}")
    [(name, content)] = value.items()
    check(name in names, f"not an object of one of {names}")
    return name, content


def decode_base64(text):
    try:
        data = base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        raise Refused("text is not base 64") from None
    check(base64.b64encode(data).decode() == text, "text is not canonical base 64")
    return data


def read_rows(value, curve, columns=None, classes=None):
    """Public or committed rows; `columns` are the numbers of features and of targets, if it is a data
    set, perhaps of so many classes. Returns inputs and targets then, else the rows."""
    kind, content = alternative(value, "public", "committed")
    features, targets = columns or (None, None)
    if kind == "public":
        check(isinstance(content, list) and content, "there are no rows")
        check(all(isinstance(row, list) for row in content), "rows are arrays")
        width = len(content[0])
        check(width and all(len(row) == width for row in content), "rows differ in length")
        flat = [x for row in content for x in row]
        check(all(type(x) is int and -(1 << 63) <= x < 1 << 63 for x in flat), "values of rows")
        if columns is None:
            return PublicRows(content)
        check(width == features + targets and min(columns) >= 1, "columns of rows")
        in_classes = lambda row: 2 <= classes <= MAX_WIDTH and 0 <= row[-1] < classes
        check(classes is None or all(map(in_classes, content)), "classes of rows")
        return PublicRows([row[:features] for row in content]), PublicRows([row[features:] for row in content])
    width, text = take(content, width=int, rows=str)
    data = decode_base64(text)
    check(0 <= width < 1 << 64, "the width of rows")
    if columns is None:
        return CommittedRows(Rows(curve, width, data), 0, width)
    check(width == features + targets and min(columns) >= 0, "columns of rows")
    check(classes is None or 0 <= classes < 1 << 64, "number of classes")
    dataset = Dataset(curve, features, targets, classes, data)
    return CommittedRows(dataset, 0, features), CommittedRows(dataset, features, width)


def verify_prediction(tree, data):
    """Refuses, or the model, which `tree` has verified, has these outputs or this error."""
    with at("prediction"):
        form, curve, model, hiding, claim, proof = take(
            parse(data), format=str, curve=str, model=str, hiding=bool, claim=dict, proof=str
        )
        check(form == "zktree inference 1" and curve == tree.curve.name, "format or curve")
        check(ID.fullmatch(model), "the model is no id")
        kind, claim = alternative(claim, "prediction", "squared_error", "correct")
        proof = decode_base64(proof)
        if kind == "prediction":
            inputs, ends = take(claim, inputs=dict, outputs=dict)
            told = "outputs",
            inputs, ends = read_rows(inputs, tree.curve), read_rows(ends, tree.curve)
        elif kind == "correct":
            count, features, classes, rows = take(claim, count=int, features=int, classes=int, rows=dict)
            told = "correct", count
            inputs, ends = read_rows(rows, tree.curve, (features, 1), classes)
        else:
            error, features, targets, rows = take(claim, sum=int, features=int, targets=int, rows=dict)
            told = "squared error", error
            inputs, ends = read_rows(rows, tree.curve, (features, targets))
        origin = tree.origins.get(bytes.fromhex(model))
        check(origin, "the model is not in the tree, or is refused")
        verify_inference(tree.curve, origin, inputs, ends, told, hiding, proof)
