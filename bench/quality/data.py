"""The development data and the tool that judges pairs of prompts. Standard library only."""

import collections
import csv
import os
import subprocess
import sys

Verdict = collections.namedtuple("Verdict", "safe hard cosine reason features")


def arguments(description):
    """The data directory and the prompt_verdicts binary; exits 0, saying so, without the data."""
    if len(sys.argv) != 3:
        sys.exit(f"{description}\nusage: {sys.argv[0]} DATA_DIRECTORY build/bench/prompt_verdicts")
    if not os.path.exists(os.path.join(sys.argv[1], "sick-dev.tsv")):
        print(f"{sys.argv[0]}: no development data in {sys.argv[1]}: nothing measured")
        sys.exit(0)
    return sys.argv[1], sys.argv[2]


def judge(tool, pairs):
    """A Verdict for each pair of texts."""
    clean = lambda text: " ".join(text.split())
    lines = "".join(f"{clean(a)}\t{clean(b)}\n" for a, b in pairs)
    out = subprocess.run([tool], input=lines, capture_output=True, text=True, check=True).stdout
    rows = [line.split("\t") for line in out.splitlines()]
    return [
        Verdict(float(r[0]), float(r[1]), float(r[2]), r[3], [float(x) for x in r[4:]])
        for r in rows
    ]


def sick(directory):
    """Groups of SICK: (positive, contradiction, unrelated), lists of pairs; see measure.py."""
    positive, contradiction, unrelated = [], [], []
    with open(os.path.join(directory, "sick-dev.tsv"), encoding="utf-8") as file:
        for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            pair = row["sentence_A"], row["sentence_B"]
            score, kind = float(row["relatedness_score"]), row["entailment_judgment"]
            if kind == "CONTRADICTION":
                contradiction.append(pair)
            elif score < 3.5:
                unrelated.append(pair)
            if kind == "ENTAILMENT" and score >= 4.5:
                positive.append(pair)
    return positive, contradiction, unrelated


def captions(directory):
    """Scored pairs of the STS benchmark's captions: (score, a, b)."""
    with open(os.path.join(directory, "sts-dev.csv"), encoding="utf-8") as file:
        rows = [line.rstrip("\n").split("\t") for line in file]
    return [(float(r[4]), r[5], r[6]) for r in rows if r[0] == "main-captions"]
