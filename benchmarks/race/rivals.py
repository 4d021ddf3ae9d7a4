"""Rules of other tools, re-implemented from what they publish, on the candidate's and the stable arm's minutes.

Each returns, by release, the seconds at which the rule rolls back; inf if it does not.

* Flagger: the documented canary analysis: ``interval: 1m``, ``threshold: 5``, request-success-rate ``min: 99`` over 1m.
* Argo Rollouts: the documented AnalysisTemplate: ``interval: 5m``, ``successCondition: result[0] >= 0.95``,
  ``failureLimit: 3`` (the fourth failed measurement fails).
* Kayenta: the Netflix judge: Mann-Whitney on one-minute error rates, confidence 0.98, tolerance 0.25 of the estimated
  difference, direction "increase", the metric being critical; looked at every minute over all minutes so far. Its
  outlier removal is left out. The two arms' rates are compared, as usual, though their sizes differ.
"""

from __future__ import annotations

import numpy as np

from benchmarks.race.streams import Floats, Minutes

Z98 = 2.3263478740408408  # two-sided 98 %


def flagger(minutes: Minutes) -> Floats:
    """The fifth minute in which the candidate's success rate is below 99 %."""
    return _nth_failure(_rate(minutes, 0) > 0.01, 5, 60.0)


def argo(minutes: Minutes) -> Floats:
    """The fourth five-minute measurement in which the candidate's success rate is below 95 %."""
    releases, length = minutes.errors[0].shape
    whole = length // 5 * 5
    errors, requests = (
        a[:, :whole].reshape(releases, -1, 5).sum(axis=2) for a in (minutes.errors[0], minutes.requests[0])
    )
    return _nth_failure(errors / np.maximum(requests, 1) > 0.05, 4, 300.0)


def kayenta(minutes: Minutes) -> Floats:
    """The first minute at which the candidate's error rates are classified High."""
    candidate, stable = _rate(minutes, 0), _rate(minutes, 1)
    found = np.full(len(candidate), np.inf)
    for n in range(2, candidate.shape[1] + 1):
        left = np.flatnonzero(np.isinf(found))
        if not len(left):
            break
        high = _high(candidate[left, :n], stable[left, :n])
        found[left[high]] = 60.0 * n
    return found


def _rate(minutes: Minutes, arm: int) -> Floats:
    return np.asarray(minutes.errors[arm] / np.maximum(minutes.requests[arm], 1), dtype=np.float64)


def _nth_failure(failed: np.ndarray, nth: int, seconds: float) -> Floats:
    count = failed.cumsum(axis=1)
    return np.where(count[:, -1] >= nth, seconds * (1 + (count >= nth).argmax(axis=1)), np.inf)


def _high(x: Floats, y: Floats) -> np.ndarray:
    """Whether the lower confidence limit of the shift from y to x exceeds a quarter of its estimate.

    The limit is where the statistic of the shifted samples meets the quantile, and the statistic falls with the shift;
    so it is enough to look at the statistic at a quarter of the Hodges-Lehmann estimate.
    """
    n = x.shape[1]
    shift = np.median((x[:, :, None] - y[:, None, :]).reshape(len(x), -1), axis=1)
    return (shift > 0) & (_score(x - 0.25 * shift[:, None], y, n) > Z98)


def _score(x: Floats, y: Floats, n: int) -> Floats:
    """Standardised Mann-Whitney statistic with correction for ties and continuity, as R's wilcox.test has it."""
    pairs = x[:, :, None] - y[:, None, :]
    excess = (pairs > 0).sum(axis=(1, 2)) + 0.5 * (pairs == 0).sum(axis=(1, 2)) - n * n / 2
    both = np.concatenate([x, y], axis=1)
    same = (both[:, :, None] == both[:, None, :]).sum(axis=2)
    ties = (same.astype(np.float64) ** 2 - 1).sum(axis=1)
    variance = n * n / 12 * ((2 * n + 1) - ties / (2 * n * (2 * n - 1)))
    return (excess - 0.5 * np.sign(excess)) / np.sqrt(np.maximum(variance, 1e-12))
