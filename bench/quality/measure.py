#!/usr/bin/env python3
"""Prints how often pairs of the development data hit at similarity 0.85.

Recall: SICK entailments of relatedness >= 4.5; captions of the STS benchmark scored >= 4.5.
False: SICK contradictions, SICK relatedness < 3.5, captions scored <= 3, and hits among PartiPrompts, which
were written to be distinct.
"""

import itertools
import math
import os
import subprocess

import data

THRESHOLD = 0.85


def correlation(xs, ys):
    mean_x, mean_y = sum(xs) / len(xs), sum(ys) / len(ys)
    covariance = sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys))
    spread = sum((x - mean_x) ** 2 for x in xs) * sum((y - mean_y) ** 2 for y in ys)
    return covariance / math.sqrt(spread)


def near(texts):
    """Pairs sharing at least half of the smaller set of words: all that could possibly hit."""
    words = [set(text.lower().split()) for text in texts]
    return [
        (texts[i], texts[j])
        for i, j in itertools.combinations(range(len(texts)), 2)
        if 2 * len(words[i] & words[j]) >= min(len(words[i]), len(words[j]))
    ]


def neighbours(tool, positive, others):
    """What prompt_neighbours, beside `tool`, says of the embedding."""
    lines = [f"1\t{a}\t{b}\n" for a, b in positive] + [f"0\t{a}\t{b}\n" for a, b in others]
    tool = os.path.join(os.path.dirname(tool), "prompt_neighbours")
    out = subprocess.run([tool], input="".join(lines), capture_output=True, text=True, check=True)
    return out.stdout.strip()


def main():
    directory, tool = data.arguments(__doc__)
    positive, contradiction, unrelated = data.sick(directory)
    scored = data.captions(directory)
    rows = [
        ("SICK recall", positive),
        ("captions recall", [(a, b) for score, a, b in scored if score >= 4.5]),
        ("SICK contradictions", contradiction),
        ("SICK < 3.5", unrelated),
        ("captions <= 3", [(a, b) for score, a, b in scored if score <= 3]),
        ("PartiPrompts, near pairs", near(data.prompts(directory))),
    ]
    print(f"{'':26}{'pairs':>8}{'safe':>8}{'hard':>8}{'cosine':>8}   hits in safe mode")
    for name, pairs in rows:
        verdicts = data.judge(tool, pairs)
        shares = [
            sum(getattr(v, mode) >= THRESHOLD for v in verdicts)
            for mode in ("safe", "hard", "cosine")
        ]
        columns = "".join(f"{hits / len(pairs):8.4f}" for hits in shares)
        print(f"{name:26}{len(pairs):8}{columns}   {shares[0]}")
    verdicts = data.judge(tool, [(a, b) for _, a, b in scored])
    scores = [score for score, _, _ in scored]
    print(f"paraphrases among {neighbours(tool, positive, contradiction + unrelated)}")
    pearson = correlation(scores, [v.cosine for v in verdicts])
    print(f"captions, Pearson with the cosine: {pearson:.3f}")


if __name__ == "__main__":
    main()
