// Random choices that a seed repeats (mulberry32).
export class Random {
  constructor(seed) { this.state = seed >>> 0; }

  // 0 <= x < 1
  next() {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let x = this.state;
    x = Math.imul(x ^ (x >>> 15), x | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  }
  below(n) { return Math.floor(this.next() * n); }
  between(from, to) { return from + this.next() * (to - from); }
  chance(share) { return this.next() < share; }
  pick(list) { return list[this.below(list.length)]; }

  // `weights`: { name: weight }; gives a name.
  weighted(weights) {
    let at = this.next() * Object.values(weights).reduce((sum, weight) => sum + weight, 0);
    for (const [name, weight] of Object.entries(weights)) {
      at -= weight;
      if (at < 0) return name;
    }
    return Object.keys(weights)[0];
  }
}
