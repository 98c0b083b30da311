#include "../rules.h"

/*
 * Phrases that hardly anybody writes but to take an assistant over. Unlike other rules they are matched over a whole text, in
 * ASCII without regard to letter case. The gaps in them have no bound of their own, for
 * Vectorscan takes long to compile bounds: injection_phrases.c drops what is longer than a phrase. What needs weighing against
 * what stands around it is the classifier's.
 */
#define PHRASE(id_, kind_, severity_, pattern_)                                                                                  \
    {                                                                                                                            \
        .id = (id_), .kind = (kind_), .category = WD_INJECTION, .severity = (severity_), .directions = WD_INPUT,                 \
        .shape = WD_SHAPE_PHRASE, .pattern = (pattern_), .needs = ""                                                             \
    }

/* clang-format off */

static const struct wd_rule rows[] = {
    PHRASE("override-en", "instruction-override", WD_HIGH,
        "\\b(?:ignor(?:e|ing)|disregard(?:ing)?|forget(?:ting)?|overrid(?:e|ing)|overlook|neglect|discar"
        "d)[^.!?]+\\b(?:previous|prior|above|earlier|preceding|foregoing|initial|original|former|past|ex"
        "isting|system|safety|your|those|these|all)[^.!?]+\\b(?:instructions?|directives?|guidelines|gua"
        "rdrails|programming|prompts?|restrictions|system prompt)\\b"),
    PHRASE("override-told-en", "instruction-override", WD_HIGH,
        "\\b(?:ignore|disregard|forget)[^.!?]+\\b(?:everything|all|anything|what|whatever)[^a-z0-9]+(?:that[^a-z0-9]+)?"
        "(?:i|we|you|they|the developers?|your creators?)\\b[^.!?]+\\b"
        "(?:told|taught|said|instructed|learned|learnt|trained|programmed)\\b"),
    PHRASE("override-new-en", "instruction-override", WD_HIGH,
        "\\b(?:your|here are (?:your|the)|these are your)[^a-z0-9]+(?:new|updated|real|actual|true|revised)[^a-z0-9]+"
        "(?:instructions?|directives?|orders|system prompt|objective)(?:[^a-z0-9]+(?:are|is|follow|below|now|from)\\b|[ ]?:)"),
    PHRASE("override-de", "instruction-override", WD_HIGH,
        "\\b(?:ignorier(?:e|en|t)?|vergi(?:ss|sst|\\xc3\\x9f)|vergessen|missachte(?:n|t)?|verwirf)[^.!?]"
        "+\\b(?:vorherigen?|vorigen|bisherigen?|vorangegangenen|vorangehenden|obigen?|fr(?:\\xc3\\xbc|ue"
        ")heren|urspr(?:\\xc3\\xbc|ue)nglichen|deine|deiner|ihre|alle)[^.!?]+\\b(?:anweisungen?|instrukt"
        "ionen|befehle|regeln|vorgaben|richtlinien|aufgaben|auftr(?:\\xc3\\xa4|ae)ge|anordnungen|prompts?)"),
    PHRASE("override-fr", "instruction-override", WD_HIGH,
        "\\b(?:ignore[zr]?|oublie[zr]?|n(?:\\xc3\\xa9|e)glige[zr]?|outrepasse[zr]?)[^.!?]+\\b(?:instruct"
        "ions?|consignes?|directives?|r(?:\\xc3\\xa8|e)gles|ordres)[^.!?]+\\b(?:pr(?:\\xc3\\xa9|e)c(?:"
        "\\xc3\\xa9|e)dent|ant(?:\\xc3\\xa9|e)rieur|ci-dessus|initial|re(?:\\xc3\\xa7|c)u|d.avant|du syst)"),
    PHRASE("override-es", "instruction-override", WD_HIGH,
        "\\b(?:ignor(?:a|e|ar|en|ad)|olvid(?:a|e|ar|en|ad)|omit(?:e|ir|a)|descart(?:a|e|ar)|desestim(?:a"
        "|e|ar))[^.!?]+\\b(?:instrucci(?:\\xc3\\xb3|o)n(?:es)?|reglas|(?:\\xc3\\xb3|o)rdenes|directrices"
        "|indicaciones)[^.!?]+\\b(?:anterior|previ|de arriba|inicial|original|recib|del sistema|que te)"),
    PHRASE("override-it", "instruction-override", WD_HIGH,
        "\\b(?:ignor(?:a|i|are|ate)|dimentic(?:a|hi|are|ate)|trascura|tralascia)[^.!?]+\\b(?:istruzioni|"
        "regole|ordini|direttive|indicazioni)[^.!?]+\\b(?:precedent|anterior|iniziali|sopra|ricevut|orig"
        "inal|di sistema)"),
    PHRASE("override-pt", "instruction-override", WD_HIGH,
        "\\b(?:ignor(?:e|a|ar|em)|esque(?:\\xc3\\xa7|c)(?:a|e|er)|desconsider(?:e|a|ar))[^.!?]+\\b(?:ins"
        "tru(?:\\xc3\\xa7\\xc3\\xb5|co)es|regras|ordens|diretrizes|orienta(?:\\xc3\\xa7\\xc3\\xb5|co)es)"
        "[^.!?]+\\b(?:anterior|pr(?:\\xc3\\xa9|e)vi|acima|inicia|origina|recebid|do sistema)"),
    PHRASE("override-nl", "instruction-override", WD_HIGH,
        "\\b(?:negeer|vergeet|negeren)[^.!?]+\\b(?:vorige|eerdere|voorgaande|bovenstaande|alle|jouw|je|o"
        "orspronkelijke)[^.!?]+\\b(?:instructies?|opdrachten|regels|richtlijnen)"),
    PHRASE("override-pl", "instruction-override", WD_HIGH,
        "(?:zignoruj|ignoruj|zapomnij o|pomi(?:\\xc5\\x84|n))[^.!?]+\\b(?:poprzedni\\w+|powy(?:\\xc5"
        "\\xbc|z)sz\\w+|wcze(?:\\xc5\\x9b|s)niejsz\\w+|wszystki\\w+|swoje)[^.!?]+\\b(?:instrukcj\\w+|pol"
        "ece\\w+|zasad\\w*|wytyczn\\w+)"),
    PHRASE("override-ru", "instruction-override", WD_HIGH,
        "(?:\\xd0\\xb8\\xd0\\xb3\\xd0\\xbd\\xd0\\xbe\\xd1\\x80\\xd0\\xb8\\xd1\\x80|\\xd0\\x98\\xd0\\xb3"
        "\\xd0\\xbd\\xd0\\xbe\\xd1\\x80\\xd0\\xb8\\xd1\\x80|\\xd0\\xb7\\xd0\\xb0\\xd0\\xb1\\xd1\\x83"
        "\\xd0\\xb4|\\xd0\\x97\\xd0\\xb0\\xd0\\xb1\\xd1\\x83\\xd0\\xb4|\\xd0\\xbd\\xd0\\xb5 \\xd1\\x83"
        "\\xd1\\x87\\xd0\\xb8\\xd1\\x82\\xd1\\x8b\\xd0\\xb2\\xd0\\xb0\\xd0\\xb9)[\\x80-\\xff]*[^.!?]+"
        "(?:\\xd0\\xbf\\xd1\\x80\\xd0\\xb5\\xd0\\xb4\\xd1\\x8b\\xd0\\xb4\\xd1\\x83\\xd1\\x89|\\xd0\\xbf"
        "\\xd1\\x80\\xd0\\xbe\\xd1\\x88\\xd0\\xbb|\\xd0\\xb2\\xd1\\x81\\xd0\\xb5|\\xd1\\x81\\xd0\\xb2"
        "\\xd0\\xbe\\xd0\\xb8|\\xd0\\xb2\\xd1\\x8b\\xd1\\x88\\xd0\\xb5)[\\x80-\\xff]*[^.!?]+(?:\\xd0"
        "\\xb8\\xd0\\xbd\\xd1\\x81\\xd1\\x82\\xd1\\x80\\xd1\\x83\\xd0\\xba\\xd1\\x86|\\xd1\\x83\\xd0"
        "\\xba\\xd0\\xb0\\xd0\\xb7\\xd0\\xb0\\xd0\\xbd|\\xd0\\xbf\\xd1\\x80\\xd0\\xb0\\xd0\\xb2\\xd0"
        "\\xb8\\xd0\\xbb|\\xd0\\xba\\xd0\\xbe\\xd0\\xbc\\xd0\\xb0\\xd0\\xbd\\xd0\\xb4|\\xd0\\xbf\\xd1"
        "\\x80\\xd0\\xb8\\xd0\\xba\\xd0\\xb0\\xd0\\xb7)"),
    PHRASE("override-zh", "instruction-override", WD_HIGH,
        "(?:\\xe5\\xbf\\xbd\\xe7\\x95\\xa5|\\xe6\\x97\\xa0\\xe8\\xa7\\x86|\\xe7\\x84\\xa1\\xe8\\xa6\\x96"
        "|\\xe5\\xbf\\x98\\xe8\\xae\\xb0|\\xe5\\xbf\\x98\\xe6\\x8e\\x89|\\xe5\\xbf\\xbd\\xe8\\xa6\\x96)["
        "\\x80-\\xff]*(?:\\xe4\\xb9\\x8b\\xe5\\x89\\x8d|\\xe4\\xbb\\xa5\\xe5\\x89\\x8d|\\xe5\\x85\\x88"
        "\\xe5\\x89\\x8d|\\xe4\\xbb\\xa5\\xe4\\xb8\\x8a|\\xe4\\xb8\\x8a\\xe9\\x9d\\xa2|\\xe4\\xb8\\x8a"
        "\\xe8\\xbf\\xb0|\\xe6\\x89\\x80\\xe6\\x9c\\x89|\\xe4\\xbd\\xa0\\xe7\\x9a\\x84|\\xe5\\x89\\x8d"
        "\\xe9\\x9d\\xa2)[\\x80-\\xff]*(?:\\xe6\\x8c\\x87\\xe4\\xbb\\xa4|\\xe6\\x8c\\x87\\xe7\\xa4\\xba|"
        "\\xe5\\x91\\xbd\\xe4\\xbb\\xa4|\\xe8\\xa7\\x84\\xe5\\x88\\x99|\\xe6\\x8f\\x90\\xe7\\xa4\\xba|"
        "\\xe8\\xa8\\xad\\xe5\\xae\\x9a|\\xe8\\xae\\xbe\\xe5\\xae\\x9a|\\xe6\\x8c\\x87\\xe5\\xbc\\x95|"
        "\\xe8\\xa6\\x81\\xe6\\xb1\\x82)"),
    PHRASE("override-ja", "instruction-override", WD_HIGH,
        "(?:\\xe4\\xbb\\xa5\\xe5\\x89\\x8d|\\xe3\\x81\\x93\\xe3\\x82\\x8c\\xe3\\x81\\xbe\\xe3\\x81\\xa7|"
        "\\xe4\\xb8\\x8a\\xe8\\xa8\\x98|\\xe5\\x89\\x8d\\xe3\\x81\\xae|\\xe3\\x81\\x99\\xe3\\x81\\xb9"
        "\\xe3\\x81\\xa6|\\xe5\\x85\\xa8\\xe3\\x81\\xa6|\\xe5\\x85\\x88\\xe3\\x81\\xbb\\xe3\\x81\\xa9|"
        "\\xe4\\xbb\\x8a\\xe3\\x81\\xbe\\xe3\\x81\\xa7)[\\x80-\\xff]*(?:\\xe6\\x8c\\x87\\xe7\\xa4\\xba|"
        "\\xe5\\x91\\xbd\\xe4\\xbb\\xa4|\\xe3\\x83\\xab\\xe3\\x83\\xbc\\xe3\\x83\\xab|\\xe6\\x8c\\x87"
        "\\xe4\\xbb\\xa4|\\xe8\\xa8\\xad\\xe5\\xae\\x9a|\\xe3\\x83\\x97\\xe3\\x83\\xad\\xe3\\x83\\xb3"
        "\\xe3\\x83\\x97\\xe3\\x83\\x88)[\\x80-\\xff]*(?:\\xe7\\x84\\xa1\\xe8\\xa6\\x96|\\xe5\\xbf\\x98"
        "\\xe3\\x82\\x8c|\\xe7\\xa0\\xb4\\xe6\\xa3\\x84)"),
    PHRASE("override-ko", "instruction-override", WD_HIGH,
        "(?:\\xec\\x9d\\xb4\\xec\\xa0\\x84|\\xec\\x9c\\x84\\xec\\x9d\\x98|\\xea\\xb8\\xb0\\xec\\xa1\\xb4"
        "|\\xec\\x95\\x9e\\xec\\x9d\\x98|\\xeb\\xaa\\xa8\\xeb\\x93\\xa0|\\xec\\xa7\\x80\\xea\\xb8\\x88"
        "\\xea\\xb9\\x8c\\xec\\xa7\\x80)[ \\x80-\\xff]*(?:\\xec\\xa7\\x80\\xec\\x8b\\x9c|\\xeb\\xaa\\x85"
        "\\xeb\\xa0\\xb9|\\xec\\xa7\\x80\\xec\\xb9\\xa8|\\xea\\xb7\\x9c\\xec\\xb9\\x99|\\xed\\x94\\x84"
        "\\xeb\\xa1\\xac\\xed\\x94\\x84\\xed\\x8a\\xb8)[ \\x80-\\xff]*(?:\\xeb\\xac\\xb4\\xec\\x8b\\x9c|"
        "\\xec\\x9e\\x8a)"),
    PHRASE("prompt-extraction", "prompt-extraction", WD_MEDIUM,
        "\\b(?:reveal|print|output|repeat|display|disclose|leak|recite|dump|show me|tell me|give me|copy"
        "|echo|translate|summarize|encode)[^.!?]+\\b(?:your|the|its)[^a-z0-9]+(?:full |entire |complete"
        " |exact |whole |hidden |secret |initial |original )?(?:system|initial|hidden|original|developer"
        "|secret|pre-?)[^a-z0-9]+(?:prompt|instructions?|message|directives?|guidelines|prompt text)\\b"),
    PHRASE("prompt-extraction-above", "prompt-extraction", WD_MEDIUM,
        "\\b(?:repeat|print|output|copy|reproduce|recite)[^.!?]+\\b(?:words|text|everything|all|content|"
        "instructions|prompt)[^.!?]+\\babove[^.!?]+\\b(?:verbatim|word for word|code ?block|starting wit"
        "h|beginning with|txt|exactly|you are)"),
    PHRASE("jailbreak-persona", "role-play", WD_HIGH,
        "\\bdo[^a-z0-9]+anything[^a-z0-9]+now\\b|\\b(?:act|acting|respond|behave|simulat\\w+|pretend|rol"
        "eplay|enable[d]?|enter|activate)[^.!?]+\\b(?:\\bdan\\b|stan mode|dude mode|developer mode|jailb"
        "reak mode|jailbroken|god mode|dan mode|devmode|evil ?bot|antigpt|opposite mode)"),
    PHRASE("jailbreak-unrestricted", "role-play", WD_HIGH,
        "\\b(?:unfiltered|uncensored|unrestricted|amoral|unethical|jailbroken)[^.!?]+\\b(?:ai|a\\.i|assi"
        "stant|chat ?bot|language model|llm|persona|version of (?:chatgpt|yourself))\\b|\\b(?:free|broke"
        "n free|freed)[^a-z0-9]+(?:of|from)[^.!?]+\\b(?:typical|usual)[^a-z0-9]+confines"),
    PHRASE("jailbreak-two-answers", "role-play", WD_HIGH,
        "\\b(?:two|2)[^.!?]+\\b(?:responses?|answers?|replies|ways)\\b[^\\n]+\\b(?:normal|standard|class"
        "ic|regular|chatgpt)\\b[^\\n]+\\b(?:developer mode|dan\\b|jailbr|unfiltered|no restrictions|with"
        "out (?:any )?(?:restrictions|filters)|evil)"),
    PHRASE("delimiter-chatml", "delimiter-forgery", WD_HIGH,
        "<\\|(?:im_start|im_end|im_sep|start_header_id|end_header_id|eot_id|begin_of_text|endoftext|endo"
        "fprompt|end_of_turn|system|user|assistant|end)\\|>"),
    PHRASE("delimiter-inst", "delimiter-forgery", WD_HIGH,
        "\\[/?INST\\]|<</?SYS>>"),
    PHRASE("delimiter-turn", "delimiter-forgery", WD_HIGH,
        "<(?:start|end)_of_turn>|<(?:\\|)?(?:begin|end)[^a-z0-9]of[^a-z0-9]sentence"),
    PHRASE("delimiter-human", "delimiter-forgery", WD_MEDIUM,
        "\\n\\n(?:Human|H):[^\\n]+\\n\\n(?:Assistant|A):\\s"),
    PHRASE("delimiter-system-line", "delimiter-forgery", WD_MEDIUM,
        "(?:^|\\n)\\s{0,4}(?:#{2,4}\\s{0,2}|<{1,2}|\\*{2}|={3,}\\s?|-{3,}\\s?)(?:system|system prompt|sy"
        "stem message|system override|system instructions?|new instructions?|admin(?:istrator)? (?:overr"
        "ide|message))(?:>{1,2}|\\*{2}|:|\\s?={3,}|\\s?-{3,})\\s"),
    PHRASE("encoded-payload", "encoded-payload", WD_HIGH,
        "\\b(?:decode|decipher|decrypt|deobfuscate|unscramble)\\b[^\\n]+\\b(?:base ?64|rot ?13|hex|caesa"
        "r|cipher|binary|morse|encoded|message|string|text)\\b[^\\n]*\\b(?:follow|execute|obey|comply wi"
        "th|carry out|act on|perform|do what)\\b"),
    PHRASE("encoded-payload-follow", "encoded-payload", WD_HIGH,
        "\\b(?:follow|execute|obey|carry out|do|act on|run)\\b[^.!?]+\\b(?:this|these|the|following|hidd"
        "en|instructions?|commands?)\\b.*\\b(?:base ?64|rot ?13|hex(?:adecimal)?|caesar|morse)\\b[^.!?]+"
        "\\b(?:encoded|instructions?|commands?|message|string|text|:)"),
    PHRASE("exfiltration-image", "exfiltration", WD_HIGH,
        "!\\[[^\\]\\n]*\\]\\(\\s?https?://[^)\\s]+[?&/=][^)\\s]*(?:\\{\\{?[^})\\n]+\\}|\\[[^\\])\\n]+\\]"
        "|<[^>)\\n]+>|\\$\\{|%7b|(?:conversation|history|secret|password|api_?key|data|summary|prompt|ch"
        "at|email)_?(?:here|contents?|text|value)\\b)"),
    PHRASE("exfiltration-url", "exfiltration", WD_HIGH,
        "\\b(?:append|include|embed|insert|add|put|encode|send|replace)\\b[^\\n]+\\b(?:conversation|chat"
        " history|messages?|secrets?|passwords?|api[ _]keys?|credentials|user.s? (?:data|name|email|mess"
        "age)|personal (?:data|information)|system prompt|context)\\b[^\\n]+\\b(?:to|into|in|as|at)\\b[^"
        "\\n]+\\b(?:url|link|query (?:string|parameter)|image|https?://)"),
};
/* clang-format on */

const struct wd_rule_table wd_rules_injection = { rows, sizeof(rows) / sizeof(rows[0]) };
