// What the gateway has acknowledged, and therefore owes. An image is
//   kept      it was stored, and nothing has been asked since that would remove it;
//   doubtful  its removal was asked for and not acknowledged, or it may have been evicted;
//   gone      its removal was acknowledged, or its time is up.
// Gone images are remembered for as long as a reply that names them may still be under way.
export class Entry {
  constructor({ key, prompt, size, space }) {
    Object.assign(this, { key, prompt, size, space });
    this.tags = new Set();  // it has one of these: several, if a reply was lost
    this.id = null;  // the gateway's number of it
    this.images = new Map();  // id: { sha, state, at, expires }
    this.readers = 0;  // requests under way that name this prompt
    this.changing = false;  // a removal is under way
  }

  kept(now = Date.now()) {
    return [...this.images.values()].filter(({ state, expires }) =>
      state === "kept" && (expires === null || now < expires));
  }
}

export const keyOf = ({ prompt, size, space }) => `${space}|${size}|${prompt}`;

export class Ledger {
  constructor() {
    this.entries = new Map();  // by key
    this.imageOf = new Map();  // image id: { entry, image }
    this.batches = new Map();  // id of a background batch that has not been seen to end: its prompts
    this.purged = new Map();  // image id: when its removal was acknowledged
  }

  entry(asked) {
    const key = keyOf(asked);
    if (!this.entries.has(key)) this.entries.set(key, new Entry({ key, ...asked }));
    return this.entries.get(key);
  }

  // `ttl` in milliseconds or null, counted from the request's start at the earliest.
  acknowledge(entry, id, sha, { started, ttl = null, tag = null, number = null }) {
    if (tag !== null) entry.tags = new Set([tag]);
    if (number !== null) entry.id = number;
    const known = entry.images.get(id);
    if (known) return;
    const expires = ttl === null ? null : started + ttl;
    const image = { sha, state: "kept", at: Date.now(), expires };
    entry.images.set(id, image);
    this.imageOf.set(id, { entry, image });
  }

  // Before a removal is asked for; its outcome is passed to `removed` or `restored`.
  doubt(images) {
    for (const id of images) {
      const known = this.imageOf.get(id);
      if (known) known.image.state = "doubtful";
    }
  }

  restored(images) {
    for (const id of images) {
      const known = this.imageOf.get(id);
      if (known) known.image.state = "kept";
    }
  }

  removed(images) {
    for (const id of images) {
      const known = this.imageOf.get(id);
      if (!known) continue;
      this.purged.set(id, Date.now());
      this.forget(id, known.entry);
    }
  }

  // What is known of it, once somebody has looked.
  found(id, entry, there) {
    if (there) entry.images.get(id).state = "kept";
    else this.forget(id, entry);
  }

  forget(id, entry) {
    this.imageOf.delete(id);
    entry.images.delete(id);
    this.forgetIfEmpty(entry);
  }

  forgetIfEmpty(entry) {
    if (entry.images.size === 0 && entry.readers === 0) this.entries.delete(entry.key);
  }

  forgetOldRemovals(before) {
    for (const [id, at] of this.purged) if (at < before) this.purged.delete(id);
  }

  images() { return [...this.imageOf].map(([id, { entry, image }]) => ({ id, entry, image })); }
}
