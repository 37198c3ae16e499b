#!/usr/bin/env python3
"""Fits the weights of the lexical verifier's score on the development data and prints them.

Logistic regression by gradient descent over the pairs that no veto of safe mode decides, with
bounds: agreement may only help and differences only hurt, and a content word that only one prompt has must
cost the hit even when all else agrees (precision first: the data has few such pairs, users have
many). The last five features veto in safe mode, so these pairs do not have them: their weights are
those of an earlier study with a dictionary. The calibration 1 / (1 + exp(-(1.59 d + 0.94))) is
given and d = 0.5 is the decision.
"""

import math

import data

NAMES = ("alignment", "smaller_coverage", "unmatched", "unmatched_adjective", "unmatched_minor",
         "broader", "much_broader", "substitution", "one_sided_slot", "plural", "order", "binding")
# Most and least each of the fitted ones, the first, may be.
UPPER = (9.0, 9.0, -1.9, -1.0, -0.1, -0.2, -0.8)
LOWER = (0.0, 0.0, -9.0, -9.0, -9.0, -9.0, -9.0)
START = [2.0, 1.0, -1.9, -1.2, -0.2, -0.3, -1.0]
FITTED = len(START)
GIVEN = [-0.5, -0.7, -1.71, -2.28, -1.59]
AGREEMENT = 2.3  # what full agreement scores, well clear of the decision
UNDECIDED = {"paraphrase", "unmatched"}
STEPS, RATE, RIDGE = 1500, 0.5, 1e-3


def sigmoid(x):
    return 1 / (1 + math.exp(-max(-40.0, min(40.0, x))))


def fit(samples):
    """Weights and bias; `samples` are (features, label, weight), weights summing to 1."""
    weights = list(START)
    for step in range(STEPS):
        rate = RATE / (1 + step / 300)
        gradient = [RIDGE * w for w in weights]
        bias = AGREEMENT - weights[0] - weights[1]
        for features, label, weight in samples:
            d = bias + sum(w * x for w, x in zip(weights, features))
            error = weight * (sigmoid(1.59 * (d - 0.5)) - label) * 1.59
            for i, x in enumerate(features[:FITTED]):
                gradient[i] += error * (x - 1 if i < 2 else x)
        for i, g in enumerate(gradient):
            weights[i] = min(UPPER[i], max(LOWER[i], weights[i] - rate * g))
    return AGREEMENT - weights[0] - weights[1], weights


def main():
    directory, tool = data.arguments(__doc__)
    positive, contradiction, unrelated = data.sick(directory)
    scored = data.captions(directory)
    positive = positive + [(a, b) for score, a, b in scored if score >= 4.5]
    negative = contradiction + unrelated + [(a, b) for score, a, b in scored if score <= 3]
    samples = []
    for pairs, label in ((positive, 1.0), (negative, 0.0)):
        kept = [v for v in data.judge(tool, pairs) if v.reason.split(":")[0] in UNDECIDED]
        samples += [(v.features, label, 0.5 / len(kept)) for v in kept]
    bias, weights = fit(samples)
    print(f"bias {bias:.2f}")
    for name, weight in zip(NAMES, weights + GIVEN):
        print(f"{name} {weight:.2f}")


if __name__ == "__main__":
    main()
