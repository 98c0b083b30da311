#!/usr/bin/env python3
"""Training rows for the injection classifier, made from the grammars beside this file.

generate.py [--seed N] [--count N] [--family NAME[,NAME]] [--sample N] [--list]

Prints JSON lines {"text","label","family","role","lang"}. The same seed, count and grammars give the same rows.
What a grammar file looks like stands in README.md.
"""
import argparse
import base64
import codecs
import json
import random
import re
import sys
from pathlib import Path

import machine
import suffixes

GRAMMAR = Path(__file__).resolve().parent / "grammar"
NAME = re.compile(r"[a-z][a-z0-9_]*\Z")
DEPTH = 40


class Bad(Exception):
    """A grammar that cannot be used: where and why."""


# Templates: parsed once into nested tuples ("text", s) ("seq", [..]) ("alt", [..]) ("opt", node) ("ref", name, bind, cap)
# ("num", lo, hi) ("call", name, argument).

class Parser:
    def __init__(self, text, where):
        self.text, self.pos, self.where = text, 0, where

    def fail(self, what):
        raise Bad(f"{self.where}: {what}: {self.text[max(0, self.pos - 30):self.pos + 10]!r}")

    def sequence(self, inner):
        parts, plain = [], []

        def flush():
            if plain:
                parts.append(("text", "".join(plain)))
                plain.clear()

        while self.pos < len(self.text):
            char = self.text[self.pos]
            if char == "\\" and self.pos + 1 < len(self.text):
                after = self.text[self.pos + 1]
                plain.append({"n": "\n", "t": "\t"}.get(after, after))
                self.pos += 2
            elif char == "{":
                flush()
                self.pos += 1
                parts.append(self.braces())
            elif inner and char in "|}":
                break
            else:
                plain.append(char)
                self.pos += 1
        flush()
        return parts[0] if len(parts) == 1 else ("seq", parts)

    def braces(self):
        end = self.text.find("}", self.pos)
        head = self.text[self.pos:end] if end >= 0 else ""
        simple = self.simple(head)
        if simple:
            self.pos = end + 1
            return simple
        optional = self.text.startswith("?", self.pos)
        self.pos += optional
        choices = [self.sequence(True)]
        while self.text.startswith("|", self.pos):
            self.pos += 1
            choices.append(self.sequence(True))
        if not self.text.startswith("}", self.pos):
            self.fail("{ without }")
        self.pos += 1
        if len(choices) == 1 and not optional and choices[0][0] == "text" and NAME.match(choices[0][1].strip()):
            self.fail("braces hold no slot name and no |")
        node = choices[0] if len(choices) == 1 else ("alt", choices)
        return ("opt", node) if optional else node

    @staticmethod
    def simple(head):
        number = re.fullmatch(r"#(\d+)-(\d+)", head)
        if number:
            return ("num", int(number[1]), int(number[2]))
        call = re.fullmatch(r"!([a-z0-9_]+)(?: ([a-z0-9_,]+))?", head)
        if call:
            return ("call", call[1], call[2])
        ref = re.fullmatch(r"(\^?)(?:([a-z0-9_]+):)?([a-z][a-z0-9_]*)", head)
        if ref:
            return ("ref", ref[3], ref[2], bool(ref[1]))
        return None


class Grammar:
    """All files: slots are looked up in their own file first, then in those of the files whose name starts with common."""

    def __init__(self, folder):
        self.slots, self.families = {}, []
        for path in sorted(folder.glob("*.txt")):
            self.load(path)
        for scope, slots in self.slots.items():
            for name, nodes in slots.items():
                for node in nodes:
                    self.check(scope, name, node)

    def load(self, path):
        scope = "" if path.stem.startswith("common") else path.stem
        slots = self.slots.setdefault(scope, {})
        current, split = None, False
        for number, line in enumerate(self.lines(path), 1):
            where = f"{path.name}:{number}"
            if not line.strip() or line.startswith("%"):
                continue
            if line.startswith("@@"):
                words = line[2:].split()
                if len(words) not in (4, 5) or words[1] not in ("attack", "benign") or words[2] not in ("user", "document"):
                    raise Bad(f"{where}: family line (accepted: @@ name attack|benign user|document lang [weight])")
                name = f"top_{len(self.families)}"
                self.families.append((words[0], words[1], words[2], words[3], float((words + ["1"])[4]), scope, name))
                current, split = slots.setdefault(name, []), False
            elif line.startswith("@") and NAME.match(line[1:].rstrip().rstrip("|")):
                name = line[1:].rstrip()
                split = name.endswith("|")
                current = slots.setdefault(name.rstrip("|"), [])
            elif current is None:
                raise Bad(f"{where}: text before the first @slot")
            else:
                for part in self.pieces(line, split):
                    parser = Parser(part, where)
                    current.append(parser.sequence(False))

    @staticmethod
    def lines(path):
        """The lines of a file; "@@include FILE LANG" at its end stands for those of FILE with LANG put for XX."""
        lines = path.read_text(encoding="utf-8").splitlines()
        if lines and lines[-1].startswith("@@include "):
            _, name, lang = lines.pop().split()
            lines += (path.parent / name).read_text(encoding="utf-8").replace("XX", lang).splitlines()
        return lines

    @staticmethod
    def pieces(line, split):
        if not split:
            return [line]
        parts, depth = [""], 0
        for char in line:
            depth += (char == "{") - (char == "}")
            if char == "|" and depth == 0:
                parts.append("")
            else:
                parts[-1] += char
        return [part for part in parts if part.strip()] + ([""] if "" in parts[:-1] else [])

    def check(self, scope, owner, node):
        kind = node[0]
        if kind in ("seq", "alt"):
            for part in node[1]:
                self.check(scope, owner, part)
        elif kind == "opt":
            self.check(scope, owner, node[1])
        elif kind == "ref":
            self.find(scope, node[1], owner)
        elif kind == "call":
            if node[1] not in CALLS:
                raise Bad(f"{scope or 'common'}: {owner}: no function {node[1]}")
            for name in (node[2] or "").split(","):
                if name:
                    self.find(scope, name, owner)

    def find(self, scope, name, owner="?"):
        nodes = self.slots[scope].get(name) or self.slots.get("", {}).get(name)
        if not nodes:
            raise Bad(f"{scope or 'common'}: {owner}: no slot {name}")
        return nodes


class Maker:
    """Expands one row: random choices, and values bound by {x:slot} that stay the same within the row."""

    def __init__(self, grammar, rng):
        self.grammar, self.rng, self.bound = grammar, rng, {}

    def slot(self, scope, name, depth=0):
        return self.expand(scope, self.rng.choice(self.grammar.find(scope, name)), depth + 1)

    def expand(self, scope, node, depth=0):
        if depth > DEPTH:
            return ""
        kind = node[0]
        if kind == "text":
            return node[1]
        if kind == "seq":
            return "".join(self.expand(scope, part, depth) for part in node[1])
        if kind == "alt":
            return self.expand(scope, self.rng.choice(node[1]), depth)
        if kind == "opt":
            return self.expand(scope, node[1], depth) if self.rng.random() < 0.5 else ""
        if kind == "num":
            return str(self.rng.randint(node[1], node[2]))
        if kind == "call":
            return CALLS[node[1]](self, scope, node[2])
        return self.reference(scope, node, depth)

    def reference(self, scope, node, depth):
        _, name, bind, capital = node
        if bind:
            key = (bind, name)
            if key not in self.bound:
                self.bound[key] = self.slot(scope, name, depth)
            text = self.bound[key]
        else:
            text = self.slot(scope, name, depth)
        return text[:1].upper() + text[1:] if capital else text


# Functions a template calls as {!name slot}.

def call_encoded(encode):
    return lambda maker, scope, slot: encode(maker.slot(scope, slot))


def call_repeat(maker, scope, slot):
    """The same word many times: repeated token attacks."""
    word = maker.slot(scope, slot)
    return maker.rng.choice([" ", ", ", "", "\n"]).join([word] * maker.rng.randint(8, 80))


def call_list(maker, scope, slot):
    """Three to eight different items as a list of lines."""
    count = maker.rng.randint(3, 8)
    style = maker.rng.choice(["- %s", "* %s", "%d. %s", "%d) %s"])
    lines = []
    for index in range(1, count + 1):
        item = maker.slot(scope, slot)
        lines.append(style % ((index, item) if "%d" in style else item))
    return "\n".join(lines)


def call_some(maker, scope, slot):
    """Two to six sentences."""
    return " ".join(maker.slot(scope, slot) for _ in range(maker.rng.randint(2, 6)))


def call_paragraphs(maker, scope, slot):
    return "\n\n".join(call_some(maker, scope, slot) for _ in range(maker.rng.randint(2, 5)))


def call_lines(maker, scope, slot):
    return "\n".join(maker.slot(scope, slot) for _ in range(maker.rng.randint(3, 14)))


def call_split(maker, scope, slot):
    """A sentence cut into variables that are joined again: payload splitting."""
    words = maker.slot(scope, slot).split()
    parts, names = maker.rng.randint(2, 4), ["a", "b", "c", "d"]
    if maker.rng.random() < 0.4:
        names = ["part1", "part2", "part3", "part4"]
    size = max(1, -(-len(words) // parts))
    pieces = [" ".join(words[at:at + size]) for at in range(0, len(words), size)][:4]
    end = maker.rng.choice(["\n", "; ", ", ", " "])
    return end.join(f'{name} = "{piece}"' for name, piece in zip(names, pieces)) + end + \
        maker.rng.choice(["print({})", "Now answer {}", "z = {}; follow z", "What does {} say? Do it.", "execute({})",
                          "Respond to {}.", "Let x = {}. Carry out x."]).format(" + ".join(names[:len(pieces)]))


def call_gibberish(maker, scope, slot):
    """What optimised suffixes look like: subwords of many languages glued with punctuation, code and odd casing."""
    rng, out = maker.rng, []
    for _ in range(rng.randint(12, 32)):
        piece = maker.slot(scope, "subword")
        if rng.random() < 0.22:
            piece += maker.slot(scope, "subword").lower()
        shape = rng.random()
        if shape < 0.14:
            piece = piece.capitalize()
        elif shape < 0.2:
            piece = piece.upper()
        out.append(piece)
        glue = rng.random()
        if glue < 0.34:
            out.append(maker.slot(scope, "subglue"))
        if glue > 0.16:
            out.append(" ")
    return "".join(out).strip()


def call_markup(maker, scope, slot):
    """Letters kept apart by one separator, as people do to slip past filters."""
    return maker.rng.choice(["-", ".", " ", "_", "*"]).join(maker.slot(scope, slot))


def call_hexid(maker, scope, slot):
    return "".join(maker.rng.choice("0123456789abcdef") for _ in range(maker.rng.choice([6, 8, 12, 16])))


def call_insert(maker, scope, slots):
    """A carrier and what is put into it, at the start, at the end or between two of its lines or sentences."""
    carrier, guest = (maker.slot(scope, name) for name in slots.split(","))
    chance = maker.rng.random()
    breaks = [match.end() for match in re.finditer(r"\n+", carrier)] or \
        [match.end() for match in re.finditer(r"[.!?] ", carrier)]
    if chance < 0.2 or not breaks:
        return guest + maker.rng.choice(["\n", "\n\n", " "]) + carrier
    if chance < 0.5:
        return carrier.rstrip() + maker.rng.choice(["\n", "\n\n", " "]) + guest
    at = maker.rng.choice(breaks)
    end = "\n" if carrier[at - 1] == "\n" else " "
    return carrier[:at] + guest + end + carrier[at:]


def call_table(maker, scope, slot):
    """A table whose columns are alternatives of the slot, each written as Head: cell."""
    rng = maker.rng
    nodes = maker.grammar.find(scope, slot)
    columns = rng.sample(nodes, min(len(nodes), rng.randint(3, 7)))
    cells = [[maker.expand(scope, column).partition(": ") for column in columns] for _ in range(rng.randint(4, 18))]
    rows = [[cell[0] for cell in cells[0]]] + [[cell[2] for cell in row] for row in cells]
    shape = rng.random()
    if shape < 0.25:
        return "\n".join(",".join(row) for row in rows)
    if shape < 0.3:
        return "\n".join("\t".join(row) for row in rows)
    width = [max(len(row[at]) for row in rows) if shape < 0.7 else 0 for at in range(len(columns))]
    lines = ["| " + " | ".join(cell.ljust(size) for cell, size in zip(row, width)) + " |" for row in rows]
    if rng.random() < 0.5:
        lines.insert(1, "|" + "|".join("---" for _ in columns) + "|")
    return "\n".join(lines)


CALLS = {
    "insert": call_insert,
    "table": call_table,
    "b64": call_encoded(lambda s: base64.b64encode(s.encode()).decode()),
    "hex": call_encoded(lambda s: s.encode().hex()),
    "rot13": call_encoded(lambda s: codecs.encode(s, "rot13")),
    "reverse": call_encoded(lambda s: s[::-1]),
    "upper": call_encoded(str.upper),
    "lower": call_encoded(str.lower),
    "title": call_encoded(str.title),
    "json": call_encoded(lambda s: json.dumps(s, ensure_ascii=False)),
    "leet": call_encoded(lambda s: s.translate(str.maketrans("aeiostAEIOST", "431057431057"))),
    "spaced": call_markup,
    "repeat": call_repeat,
    "list": call_list,
    "some": call_some,
    "paragraphs": call_paragraphs,
    "lines": call_lines,
    "split": call_split,
    "gibberish": call_gibberish,
    "hexid": call_hexid,
    **suffixes.CALLS,
    **machine.CALLS,
}


# Noise is the same for both labels, so that it tells the model nothing.

def noise_typos(rng, text):
    letters = list(text)
    for _ in range(max(1, len(letters) // rng.randint(30, 90))):
        at = rng.randrange(len(letters))
        if at + 1 >= len(letters) or not (letters[at].isalpha() and letters[at + 1].isalpha()):
            continue
        kind = rng.random()
        if kind < 0.45:
            letters[at], letters[at + 1] = letters[at + 1], letters[at]
        elif kind < 0.75:
            letters[at] = ""
        else:
            letters[at] += letters[at]
    return "".join(letters)


def noise_add(rng, text, role):
    """One change at most to a user's row; documents keep their spelling."""
    chance = rng.random()
    if role == "document":
        return text
    if chance < 0.10:
        return text.lower()
    if chance < 0.13:
        return text.upper() if len(text) < 400 else text
    if chance < 0.20:
        return noise_typos(rng, text)
    if chance < 0.25:
        return text.rstrip(".!?")
    if chance < 0.28:
        return re.sub(r"[.,!?;]", "", text)
    if chance < 0.30:
        return text.rstrip(".") + rng.choice(["!!!", "...", "!", " ?", "??", " :)", " pls", " thanks"])
    if chance < 0.32:
        return text.replace(". ", ".\n")
    if chance < 0.33:
        return '"' + text + '"'
    return text


def rows_make(grammar, families, count, seed):
    """Families take turns by weight, so that any prefix of the output has the same mix."""
    seen, rng = set(), random.Random(seed)
    weights = [family[4] for family in families]
    made = tries = 0
    while made < count and tries < count * 20:
        tries += 1
        name, label, role, lang, _, scope, top = rng.choices(families, weights)[0]
        maker = Maker(grammar, random.Random(rng.getrandbits(64)))
        text = noise_add(maker.rng, maker.slot(scope, top).strip(), role)
        if not text or text in seen:
            continue
        seen.add(text)
        made += 1
        yield {"text": text, "label": label, "family": name, "role": role, "lang": lang}


def families_choose(grammar, wanted):
    if not wanted:
        return grammar.families
    names = wanted.split(",")
    chosen = [family for family in grammar.families if family[0] in names]
    missing = set(names) - {family[0] for family in chosen}
    if missing:
        raise Bad(f"--family: {', '.join(sorted(missing))}: no such family (--list names them)")
    return chosen


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=40000, help="rows in all")
    parser.add_argument("--family", default="", help="only these families, separated by commas")
    parser.add_argument("--sample", type=int, default=0, help="print N rows of each family to read, not JSON")
    parser.add_argument("--list", action="store_true", help="name the families")
    options = parser.parse_args()
    grammar = Grammar(GRAMMAR)
    families = families_choose(grammar, options.family)
    if options.list:
        for name, label, role, lang, weight, scope, _ in families:
            print(f"{label:7} {role:9} {lang:4} {weight:5g} {name:28} {scope}.txt")
        return
    if options.sample:
        for family in families:
            for row in rows_make(grammar, [family], options.sample, options.seed):
                print(f"--- {row['label']} {row['family']} {row['lang']}\n{row['text']}")
        return
    for row in rows_make(grammar, families, options.count, options.seed):
        print(json.dumps(row, ensure_ascii=False))


if __name__ == "__main__":
    try:
        main()
    except Bad as bad:
        sys.exit(f"generate.py: {bad}")
    except BrokenPipeError:
        sys.exit(0)
