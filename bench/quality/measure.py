#!/usr/bin/env python3
"""Measures the embedder and the verifier on development data and prints one table.

Every figure comes from `reprise eval`, so it is what the cache would decide: by default the built-in
embedder, safe mode, similarity 0.85. Recall is of SICK entailments of relatedness >= 4.5 and of
STS-B captions scored >= 4.5; false hits are of SICK contradictions, SICK relatedness < 3.5 (no
contradictions), captions scored <= 3, and of PartiPrompts with their nearest neighbours, which were
written to be distinct. Standard library only; takes well under a minute.
"""

import argparse
import csv
import itertools
import json
import math
import os
import subprocess
import sys
import tempfile

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
SICK, STS, PARTI = "sick-dev.tsv", "sts-dev.csv", "parti-dev.tsv"


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", default=os.path.join(ROOT, "..", "shared", "data"),
                        help="directory of the data sets (default: ../shared/data)")
    parser.add_argument("--reprise", default=os.path.join(ROOT, "build", "reprise"),
                        help="the program (default: build/reprise)")
    parser.add_argument("--threshold", default="0.85")
    parser.add_argument("--mode", default="safe", choices=("safe", "hard", "off"))
    parser.add_argument("--config", help="configuration file, e.g. of another embedder")
    return parser.parse_args()


class Reprise:
    """Runs `reprise eval` on pairs (label, kind, a, b)."""

    def __init__(self, options):
        self.command = [options.reprise, "eval", "--json", "--threshold", options.threshold]
        if options.config:
            self.command += ["--config", options.config]
        self.mode = options.mode

    def evaluate(self, pairs, mode=None):
        """The report, and for each pair its cosine."""
        with tempfile.TemporaryDirectory() as directory:
            file, scores = os.path.join(directory, "p.tsv"), os.path.join(directory, "s.tsv")
            with open(file, "w", encoding="utf-8") as out:
                out.writelines("\t".join(pair) + "\n" for pair in pairs)
            command = self.command + ["--pairs", file, "--scores", scores,
                                      "--mode", mode or self.mode]
            run = subprocess.run(command, capture_output=True, text=True, check=False)
            if run.returncode != 0:
                sys.exit(f"{' '.join(command)}: {run.stderr.strip()}")
            with open(scores, encoding="utf-8") as lines:
                next(lines)
                cosines = [float(line.split("\t", 5)[4]) for line in lines]
        return json.loads(run.stdout), cosines


def clean(text):
    return " ".join(text.split())


def sick(directory):
    """(relatedness, judgement, a, b)."""
    with open(os.path.join(directory, SICK), encoding="utf-8") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        return [(float(row["relatedness_score"]), row["entailment_judgment"],
                 clean(row["sentence_A"]), clean(row["sentence_B"])) for row in rows]


def sts(directory):
    """(score, genre, a, b)."""
    with open(os.path.join(directory, STS), encoding="utf-8") as file:
        rows = [line.rstrip("\n").split("\t") for line in file]
    return [(float(row[4]), row[0], clean(row[5]), clean(row[6])) for row in rows]


def parti(directory):
    with open(os.path.join(directory, PARTI), encoding="utf-8") as file:
        return [clean(line.split("\t")[0]) for line in file][1:]


def pearson(xs, ys):
    mean_x, mean_y = sum(xs) / len(xs), sum(ys) / len(ys)
    covariance = sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys))
    spread = sum((x - mean_x) ** 2 for x in xs) * sum((y - mean_y) ** 2 for y in ys)
    return covariance / math.sqrt(spread)


def correlation(reprise, rows):
    cosines = reprise.evaluate([("-", "", a, b) for _, _, a, b in rows], "off")[1]
    return pearson([score for score, *_ in rows], cosines)


def nearest(reprise, prompts):
    """Each prompt with its nearest neighbour by cosine, a pair of two neighbours once."""
    prompts = sorted(set(prompts))
    pairs = list(itertools.combinations(range(len(prompts)), 2))
    cosines = reprise.evaluate([("-", "", prompts[i], prompts[j]) for i, j in pairs], "off")[1]
    best = {}
    for (i, j), cosine in zip(pairs, cosines):
        for one, other in ((i, j), (j, i)):
            if one not in best or cosine > best[one][0]:
                best[one] = (cosine, other)
    found = {tuple(sorted((i, other))) for i, (_, other) in best.items()}
    return [("miss", "PartiPrompts, nearest", prompts[i], prompts[j]) for i, j in sorted(found)]


def labelled(sick_rows, caption_rows):
    pairs = []
    for score, judgement, a, b in sick_rows:
        if judgement == "CONTRADICTION":
            pairs.append(("miss", "SICK contradictions", a, b))
        elif score < 3.5:
            pairs.append(("miss", "SICK < 3.5", a, b))
        if judgement == "ENTAILMENT" and score >= 4.5:
            pairs.append(("hit", "SICK positives", a, b))
    for score, _, a, b in caption_rows:
        if score >= 4.5:
            pairs.append(("hit", "captions >= 4.5", a, b))
        elif score <= 3:
            pairs.append(("miss", "captions <= 3", a, b))
    return pairs


def print_share(name, share, wished):
    value = f"{share['value']:.4f}"
    interval = f"{share['low']:.3f}-{share['high']:.3f}"
    print(f"{name:28}{value:>9}  {interval:13}{wished:>8}  {share['part']} of {share['of']}")


def main():
    options = arguments()
    missing = [name for name in (SICK, STS, PARTI)
               if not os.path.exists(os.path.join(options.data, name))]
    if missing:
        print(f"nothing measured: {options.data} has no {', '.join(missing)} (option --data)")
        return
    if not os.path.exists(options.reprise):
        sys.exit(f"{options.reprise} is not there; build it with `make build`, or name it: --reprise")
    reprise = Reprise(options)
    sick_rows, sts_rows = sick(options.data), sts(options.data)
    caption_rows = [row for row in sts_rows if row[1] == "main-captions"]
    print(f"{'embedding alone':28}{'Pearson':>9}  {'':13}{'wished':>8}  pairs")
    for name, rows, wished in (("STS-B", sts_rows, ".80"), ("STS-B captions", caption_rows, ".83"),
                               ("SICK relatedness", sick_rows, ".60")):
        print(f"{name:28}{correlation(reprise, rows):9.4f}  {'':13}{'>= ' + wished:>8}  {len(rows)}")
    pairs = labelled(sick_rows, caption_rows) + nearest(reprise, parti(options.data))
    report, _ = reprise.evaluate(pairs)
    kinds = {kind["kind"]: kind for kind in report["kinds"]}
    print(f"\n{options.mode + ', threshold ' + options.threshold:28}{'share':>9}  "
          f"{'95 % interval':13}{'wished':>8}  {report['embedder']}")
    print_share("SICK positives hit", kinds["SICK positives"]["recall"], ">= .68")
    print_share("captions >= 4.5 hit", kinds["captions >= 4.5"]["recall"], ">= .60")
    for name, wished in (("SICK contradictions", "<= .010"), ("SICK < 3.5", "<= .015"),
                         ("captions <= 3", "<= .013"), ("PartiPrompts, nearest", "<= 2")):
        print_share(name + " hit", kinds[name]["false_hits"], wished)


if __name__ == "__main__":
    main()
