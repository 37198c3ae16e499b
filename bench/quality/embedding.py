#!/usr/bin/env python3
"""Prints how well the built-in embedding alone agrees with people, and how well it finds paraphrases.

Pearson's correlation of the cosine with human scores: the STS benchmark, whole and by genre, and SICK's
relatedness. Recall: how often the partner of a true paraphrase (SICK entailments of relatedness >= 4.5, captions
scored >= 4.5) is the nearest, among the ten and among the fifty nearest of all texts, and so among those and
5,000 captions of photographs.
"""

import collections
import csv
import os

import data
from measure import correlation, neighbours


def scored(directory):
    """Scored pairs by set: {name: [(score, a, b)]}."""
    sets = collections.defaultdict(list)
    with open(os.path.join(directory, "sts-dev.csv"), encoding="utf-8") as file:
        for line in file:
            row = line.rstrip("\n").split("\t")
            pair = float(row[4]), row[5], row[6]
            sets["STS-B"].append(pair)
            sets["STS-B " + row[0].removeprefix("main-")].append(pair)
    with open(os.path.join(directory, "sick-dev.tsv"), encoding="utf-8") as file:
        for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            sets["SICK"].append((float(row["relatedness_score"]), row["sentence_A"], row["sentence_B"]))
    return sets


def photographs(directory):
    """Captions, as pairs of no relation: more texts to search among."""
    with open(os.path.join(directory, "flickr8k-dev-captions.tsv"), encoding="utf-8") as file:
        texts = [line.rstrip("\n").split("\t")[1] for line in file]
    return list(zip(texts[::2], texts[1::2]))


def main():
    directory, tool = data.arguments(__doc__)
    for name, pairs in scored(directory).items():
        verdicts = data.judge(tool, [(a, b) for _, a, b in pairs])
        pearson = correlation([score for score, _, _ in pairs], [v.cosine for v in verdicts])
        print(f"{name:18}{len(pairs):6}{pearson:8.3f}")
    positive, contradiction, unrelated = data.sick(directory)
    positive += [(a, b) for score, a, b in data.captions(directory) if score >= 4.5]
    others = contradiction + unrelated
    print(f"paraphrases among {neighbours(tool, positive, others)}")
    print(f"paraphrases among {neighbours(tool, positive, others + photographs(directory))}")


if __name__ == "__main__":
    main()
