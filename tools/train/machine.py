"""Rows for generate.py of what machines write and people paste: lists of passwords, keys and identifiers, source code, repeats."""
import string

ALPHABETS = [string.ascii_letters + string.digits + "!@#$%^&*", string.ascii_letters + string.digits, string.ascii_lowercase + string.digits + "-_.",
             string.ascii_letters + string.digits + string.punctuation.replace("\\", ""), "0123456789abcdef", string.ascii_uppercase + "234567",
             string.ascii_letters + string.digits + "+/=", string.ascii_lowercase]
PREFIXES = ["", "", "", "", "ord_", "usr-", "AKIA", "sk_", "req_", "cus_", "INV-", "tok_", "ghp_", "id=", "0x", "SN", "msg_", "key-"]
JOINS = ["\n", "\n", "\n", " ", ", ", ",", "; ", "\n- ", " | ", "\t"]


def machine_token(rng, alphabet, prefix, size):
    return prefix + "".join(rng.choice(alphabet) for _ in range(size))


def machine_uuid(rng):
    digits = "".join(rng.choice("0123456789abcdef") for _ in range(32))
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def call_tokens(maker, scope, slot):
    """One kind of token, many times; sometimes with a word or a number beside each."""
    rng = maker.rng
    alphabet, prefix, size, join = rng.choice(ALPHABETS), rng.choice(PREFIXES), rng.randint(5, 40), rng.choice(JOINS)
    uuid, beside, wide = rng.random() < 0.2, rng.random(), rng.random() < 0.3
    rows = []
    for number in range(1, rng.randint(3, 60)):
        token = machine_uuid(rng) if uuid else machine_token(rng, alphabet, prefix, size + (rng.randint(0, 8) if wide else 0))
        if beside < 0.12:
            token += " " + maker.slot(scope, slot)
        elif beside < 0.2:
            token = f"{number}. {token}"
        elif beside < 0.28:
            token = f"{maker.slot(scope, slot)}: {token}"
        elif beside < 0.34:
            token = f'"{token}"'
        rows.append(token)
    return join.join(rows)


STYLES = ["c", "c", "python", "js", "go", "java", "rust", "shell", "sql"]


class Code:
    """Source code: names made of words, in one style."""

    def __init__(self, maker, scope, slot):
        self.maker, self.scope, self.slot = maker, scope, slot
        self.rng = maker.rng
        self.style = self.rng.choice(STYLES)
        self.camel = self.style in ("js", "java") or self.rng.random() < 0.2
        self.stock = [self.fresh() for _ in range(self.rng.randint(6, 16))]

    def fresh(self):
        words = [self.maker.slot(self.scope, self.rng.choice(["noun", "noun", "vt"])).split()[0] for _ in range(self.rng.randint(1, 3))]
        if self.rng.random() < 0.2:
            return self.rng.choice("abcdefhijklmnpqrstvwxyz")
        if self.camel:
            return words[0] + "".join(word.capitalize() for word in words[1:])
        return "_".join(words)

    def name(self):
        return self.rng.choice(self.stock)

    def value(self, deep=2):
        rng = self.rng
        kind = rng.randint(0, 11 if deep > 0 else 5)
        if kind <= 2:
            return self.name()
        if kind == 3:
            return str(rng.choice([0, 1, 2, 8, 16, 64, 255, 1024, rng.randint(3, 9999)]))
        if kind == 4:
            return '"' + rng.choice([self.name(), self.maker.slot(self.scope, self.slot), "%s: %d\\n", "/" + self.name()]) + '"'
        if kind == 5:
            return self.name() + rng.choice(["->", "."]) + self.name()
        if kind <= 8:
            return f"{self.name()}({', '.join(self.value(deep - 1) for _ in range(rng.randint(0, 3)))})"
        if kind == 9:
            return f"{self.name()}[{self.value(0)}]"
        return f"{self.value(deep - 1)} {rng.choice(['+', '-', '*', '==', '!=', '<', '>', '<=', '&&', '||', '&', '|', '<<'])} {self.value(deep - 1)}"

    def comment(self):
        text = self.maker.slot(self.scope, self.slot)
        return {"python": "# ", "shell": "# ", "sql": "-- "}.get(self.style, "// ") + text if self.rng.random() < 0.6 or \
            self.style in ("python", "shell", "sql") else f"/* {text} */"

    def lines(self, depth, count):
        rng, pad, out = self.rng, ("    " if self.style != "go" else "\t") * depth, []
        end = "" if self.style in ("python", "go", "shell") else ";"
        for _ in range(count):
            kind = rng.random()
            if kind < 0.1:
                out.append(pad + self.comment())
            elif kind < 0.3 and depth < 4:
                word = rng.choice(["if", "if", "while", "for"])
                test = self.value() if word != "for" else f"{self.name()} in {self.name()}" if self.style in ("python", "rust", "shell") else \
                    f"i = 0; i < {self.name()}; i++"
                head, tail = {"python": (f"{word} {test}:", None), "go": (f"{word} {test} {{", "}"), "rust": (f"{word} {test} {{", "}"),
                              "shell": (f"{word} {test}; do", "done")}.get(self.style, (f"{word} ({test}) {{", "}"))
                out.append(pad + head)
                out += self.lines(depth + 1, rng.randint(1, 3))
                if tail:
                    out.append(pad + tail)
            elif kind < 0.4:
                out.append(pad + f"return {self.value()}{end}")
            elif kind < 0.7:
                kinds = {"c": ["int ", "size_t ", "char *", "", "", "bool ", "uint32_t ", "struct " + self.name() + " *"], "js": ["const ", "let ", ""],
                         "java": ["int ", "String ", "final var ", ""], "rust": ["let ", "let mut "], "shell": ["local ", ""]}.get(self.style, [""])
                out.append(pad + rng.choice(kinds) + self.name() + (" := " if self.style == "go" else " = ") + self.value() + end)
            else:
                out.append(pad + self.value(3) + end)
        return out

    def function(self):
        rng, names = self.rng, [self.name() for _ in range(self.rng.randint(0, 4))]
        title = self.fresh()
        body = self.lines(1, rng.randint(2, 9))
        head = {"c": f"{rng.choice(['static int', 'void', 'static bool', 'enum ' + self.name()])}{rng.choice([' ', chr(10)])}{title}("
                     + ", ".join(rng.choice(["int ", "const char *", "size_t ", "struct x *"]) + name for name in names) + ")\n{",
                "python": f"def {title}({', '.join(names)}):", "js": f"function {title}({', '.join(names)}) {{", "go": f"func {title}({', '.join(names)}) error {{",
                "java": f"public static void {title}({', '.join('int ' + name for name in names)}) {{", "rust": f"fn {title}({', '.join(names)}) {{",
                "shell": f"{title}() {{"}[self.style]
        return "\n".join([head] + body + ([] if self.style == "python" else ["}"]))

    def query(self):
        rng = self.rng
        columns = ", ".join(self.name() for _ in range(rng.randint(1, 5)))
        return rng.choice([f"SELECT {columns} FROM {self.name()} WHERE {self.name()} = '{self.name()}' ORDER BY {self.name()};",
                           f"UPDATE {self.name()} SET {self.name()} = {rng.randint(0, 99)} WHERE id = {rng.randint(1, 999)};",
                           f"CREATE TABLE {self.name()} (id INTEGER PRIMARY KEY, {columns.replace(',', ' TEXT,')} TEXT NOT NULL);",
                           f"INSERT INTO {self.name()} ({columns}) VALUES ({rng.randint(1, 99)}, '{self.name()}');"])

    def text(self):
        parts = []
        if self.rng.random() < 0.4:
            parts.append(self.comment())
        if self.style == "c":
            parts += [f'#include {self.rng.choice(["<%s.h>", chr(34) + "%s.h" + chr(34)]) % self.name()}' for _ in range(self.rng.randint(0, 5))]
        for _ in range(self.rng.randint(1, 4)):
            parts.append(self.query() if self.style == "sql" else self.function())
        return self.rng.choice(["\n", "\n\n"]).join(parts)


def call_source(maker, scope, slot):
    return Code(maker, scope, slot).text()


SIGNS = "\U0001f600 \U0001f602 \u2764\ufe0f \U0001f44d \U0001f389 \U0001f680 \u2705 \u26a0\ufe0f \u2728 a x o z ha lol hmm ok no yes . ! ? - = * # _ ~ | + 0 1 7 ab test foo A X la na blah wow".split()


def call_again(maker, scope, slot):
    """One sign, word or phrase again and again, as fillers and tests are made."""
    rng = maker.rng
    kind = rng.random()
    unit = rng.choice(SIGNS) if kind < 0.5 else " ".join(maker.slot(scope, slot).split()[-rng.choice([1, 2, 3, 3, 4, 7]):]) if kind < 0.85 else \
        maker.slot(scope, slot)
    join = rng.choice(["", "", " ", "\n"] if kind < 0.5 else [" ", " ", "\n", ". ", ", "])
    return join.join([unit] * rng.choice([rng.randint(3, 20), rng.randint(20, 120), rng.randint(120, 600)]))


CALLS = {"again": call_again, "tokens": call_tokens, "source": call_source}
