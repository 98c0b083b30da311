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

TONGUES = """und oder nicht eine einen dem zur für über Hier ist Beispiel zeigen Jahre Stadt gegen durch zwischen Antwort Frage Seite Teil ersten
wurde werden konnte sowie est les des une dans pour avec sur pas plus cette leur être ont fait aux année première réponse était après voilà ainsi
peut jamais toujours quelques el los las una por para con como pero más entre años ciudad también después gracias ejemplo respuesta siguiente
nombre primero hasta donde mientras según della nella sono anche come più dopo prima quando stato città esempio risposta grazie allora questo
quella essere não uma com mais são também depois ainda pelo exemplo het een van niet voor naar ook maar wordt zijn och att som för inte är jag
det med nie jest się na dla przez tak rok miasto który po и не что на был как года для при после также ответ город пример самый
的 了 是 在 我 不 请 以下 回答 示例 年 です ます これ の は 은 의 입니다 ال من في नहीं है και το של""".split()

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
