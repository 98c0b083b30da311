"""Rows for generate.py that no grammar can write: makes of optimised suffixes, and what looks like noise and is harmless."""
import base64

CODE_BITS = r"""self._ argv[ printf( println() nullptr kwargs */ */; /** {{ }} }}" ($_ <?= ?> </ /> => -> :: := != == === <= >= && || ++ -- << >>
#{ ${ %s %d \n \" \\ \( \) \{ \} \[ \] {" "} '] [' [" "] (' ') (" ") "); '); )] }; }, ]; ], ); ), )) (( [[ ]] () [] {} <> `` ** __ ~~ ## @@ $$ %%
.' ." ?" !" ," ;" :" '. ". "? "! ", ": .( .) .[ .] .{ .} ,( ,) !( !) ?( ?) !-- --> <!-- /* // # @ & | ~ ^ % $ + = * - _ \
\frac{ \textbf{ \begin{ \end{ \item \cite{ \mathbb{ \mathrm{ \sqrt{ \sum_{ \left( \right) \emph{ \text{ \label{ \ref{ \quad \hline &amp; &nbsp;
http:// .com .html .json .py .get( .add( .length .push( .equals( .format( .toString()
return public static void int char const let var function new null None true False elif else if for while import include using namespace class
struct enum def lambda yield await throw catch try getElementById StringBuilder addEventListener onClick setState useEffect ViewController
IllegalArgumentException NSString UIView DataFrame numpy sklearn tensorflow matplotlib jQuery DOCTYPE charset href div span td tr px rgba utf""".split()

PARTS = """ing tion ment able ness less ful ous ive al ally ized izing ism ist ity ance ence ship hood ward wards wise like ley ly er or est ed en es s ry
pre post anti un re dis mis over under inter trans sub super semi multi micro mega neo pseudo auto bio geo photo tele hyper ultra para
ov sk ich ung keit heit lich isch schaft berg burg stein ville ton ford ham shire aux eux oire ement ique esque ette illo ito ado ada ando iendo
cion mente zione amento aggio etto ini ucci escu ovic enko sson sen tex vec mat tmp src dst ptr buf cfg ctx arg opt idx cnt num str obj fn cb len
max min avg abs exp log sin cos sqrt rnd seq""".split()

TONGUES = """und oder nicht eine einen dem zur f\xfcr \xfcber Hier ist Beispiel zeigen Jahre Stadt gegen durch zwischen Antwort Frage
Seite Teil ersten wurde werden konnte sowie est les des une dans pour avec sur pas plus cette leur \xeatre ont fait aux
ann\xe9e premi\xe8re r\xe9ponse \xe9tait apr\xe8s voil\xe0 ainsi peut jamais toujours quelques el los las una por para
con como pero m\xe1s entre a\xf1os ciudad tambi\xe9n despu\xe9s gracias ejemplo respuesta siguiente nombre primero hasta
donde mientras seg\xfan della nella sono anche come pi\xf9 dopo prima quando stato citt\xe0 esempio risposta grazie
allora questo quella essere n\xe3o uma com mais s\xe3o tamb\xe9m depois ainda pelo exemplo het een van niet voor naar
ook maar wordt zijn och att som f\xf6r inte \xe4r jag det med nie jest si\u0119 na dla przez tak rok miasto kt\xf3ry po
\u0438 \u043d\u0435 \u0447\u0442\u043e \u043d\u0430 \u0431\u044b\u043b \u043a\u0430\u043a \u0433\u043e\u0434\u0430
\u0434\u043b\u044f \u043f\u0440\u0438 \u043f\u043e\u0441\u043b\u0435 \u0442\u0430\u043a\u0436\u0435
\u043e\u0442\u0432\u0435\u0442 \u0433\u043e\u0440\u043e\u0434 \u043f\u0440\u0438\u043c\u0435\u0440
\u0441\u0430\u043c\u044b\u0439 \u7684 \u4e86 \u662f \u5728 \u6211 \u4e0d \u8bf7 \u4ee5\u4e0b \u56de\u7b54 \u793a\u4f8b
\u5e74 \u3067\u3059 \u307e\u3059 \u3053\u308c \u306e \u306f \uc740 \uc758 \uc785\ub2c8\ub2e4 \u0627\u0644 \u0645\u0646
\u0641\u064a \u0928\u0939\u0940\u0902 \u0939\u0948 \u03ba\u03b1\u03b9 \u03c4\u03bf \u05e9\u05dc""".split()

GLUE = ["", "", "", " ", " ", " ", " ", " ", " ", " ", ".", ",", ";", ":", "!", "?", "(", ")", "[", "]", "{", "}", "](", ")](", '"', "'", "`", "*",
        "**", "_", "#", "/", "\\", "|", "||", "=", "==", "+", "-", "--", "~", "<", ">", "</", "/>", "$", "&", "@", "%", "^", "...", "\u2026",
        "\u2192", "\u00bb", "\u201c", "\n", "!!", "?!", " :", " ;", '("', '")', "['", "}'", "\\_"]
RUNS = [" ! ! ! ! ", "!!!!", " @ @ @", "\n\n", " Sure, here is", " == ", " \\ ", "????"]


def suffix_case(rng, word):
    """Tokens keep the case that they had where they came from."""
    chance = rng.random()
    return word.capitalize() if chance < 0.22 else word.upper() if chance < 0.3 else word


def suffix_syllables(rng):
    return "".join(rng.choice("bcdfghjklmnprstvwxz") + rng.choice(["a", "e", "i", "o", "u", "ae", "ou", "y"]) +
                   rng.choice(["", "", "n", "r", "s", "l", "x", "ck", "tz"]) for _ in range(rng.randint(1, 3)))


def call_suffix(shares):
    """shares: how often a token is a word of the slot, a bit of code, a part of a word, of another language, no word at all."""
    def make(maker, scope, slot):
        rng, out = maker.rng, []
        glue = rng.sample(GLUE, rng.randint(14, 40))  # a row has habits, too
        plain = rng.choice([0.25, 0.45, 0.6])
        own = [share * rng.choice([0.4, 1, 1.6]) for share in shares]
        for _ in range(rng.randint(9, 40)):
            kind = rng.choices(range(5), own)[0]
            word = maker.slot(scope, slot).split()[0] if kind == 0 else suffix_syllables(rng) if kind == 4 else \
                rng.choice((CODE_BITS, PARTS, TONGUES)[kind - 1])
            out.append(suffix_case(rng, word))
            if kind in (0, 2) and rng.random() < 0.15:
                out.append(suffix_case(rng, rng.choice(PARTS)))
            if rng.random() < 0.04:
                out.append(rng.choice(RUNS))
            out.append(" " if rng.random() < plain else rng.choice(glue))
        return "".join(out).strip()
    return make


def call_shuffle(maker, scope, slot):
    """The words of some sentences in any order, or in short runs: no sense, and no attack."""
    rng = maker.rng
    words = " ".join(maker.slot(scope, slot) for _ in range(rng.randint(1, 5))).split()
    longest, runs, at = rng.choice([1, 1, 3, 6]), [], 0
    while at < len(words):
        size = rng.randint(1, longest)
        runs.append(words[at:at + size])
        at += size
    rng.shuffle(runs)
    words = [word for run in runs for word in run]
    if rng.random() < 0.3:
        words = [word.strip(".,!?:;").lower() for word in words]
    return " ".join(words)


def call_noise64(maker, scope, slot):
    """Encoded bytes: base64, hex, a dump, an identifier. They say nothing."""
    rng = maker.rng
    data = bytes(rng.randrange(256) for _ in range(rng.randint(6, 90)))
    style = rng.random()
    if style < 0.4:
        return base64.b64encode(data).decode()
    if style < 0.6:
        return data.hex()
    if style < 0.75:
        return " ".join("%02x" % byte for byte in data[:32])
    if style < 0.9:
        return "\n".join("%08x: %s" % (at, " ".join(data[k:k + 2].hex() for k in range(at, min(at + 16, len(data)), 2)))
                         for at in range(0, len(data), 16))
    return "".join(rng.choice("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") for _ in range(rng.randint(8, 64)))


def call_moves(maker, scope, slot):
    """Chess notation."""
    rng = maker.rng

    def move():
        if rng.random() < 0.08:
            return rng.choice(["O-O", "O-O-O"])
        return (rng.choice(["", "", "N", "B", "Q", "R", "K"]) + rng.choice(["", "", "x"]) + rng.choice("abcdefgh") +
                rng.choice("12345678") + rng.choice(["", "", "", "", "+", "!", "?", "#"]))
    numbers = rng.random() < 0.7
    return " ".join((f"{n}. " if numbers else "") + f"{move()} {move()}" for n in range(1, rng.randint(3, 24)))


def call_art(maker, scope, slot):
    """Drawings of characters, and rulers."""
    rng = maker.rng
    stock = rng.choice(["/\\_|-", "#. ", "*+- ", "()<>^v~ ", "=-_", "\u2588\u2591\u2592 ", "oO0. ", "+-|  "])
    return "\n".join("".join(rng.choice(stock) for _ in range(rng.randint(6, 40))) for _ in range(rng.randint(2, 8)))


CALLS = {
    "suffix_words": call_suffix((8, 0.6, 1, 0.3, 0.1)),
    "suffix_code": call_suffix((2, 6, 1, 0.2, 0.1)),
    "suffix_parts": call_suffix((2, 1, 6, 0.5, 2)),
    "suffix_tongues": call_suffix((2, 1, 1.5, 6, 0.3)),
    "suffix_mix": call_suffix((3, 3, 2, 2, 0.6)),
    "shuffle": call_shuffle,
    "noise64": call_noise64,
    "moves": call_moves,
    "art": call_art,
}
