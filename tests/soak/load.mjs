// The mixed load: what is asked, and what every reply must be. Nothing here waits for a quiet moment;
// what the ledger expects of a reply is what was acknowledged before its request was sent.
import { call, fetchImage, generate, promptOf, readGenerated } from "./client.mjs";
import { PHRASING_COUNT, anyPicture, phrase, pictureOf } from "./prompts.mjs";

const WEIGHTS = { fresh: 28, repeat: 30, rephrase: 12, link: 8, brief: 5, refresh: 4, remove: 4,
  herd: 3, variants: 3, unstored: 3, abandon: 3, batch: 2, background: 1 };
const SIZES = ["64x64", "64x64", "64x64", "96x96"];
const BRIEF_TTL_MS = 2000;

export class Load {
  // `tag` marks what is stored now; `evicting`: stored images may go at any moment; `pause`: ms
  // between a worker's requests.
  constructor({ url, random, ledger, upstream, tag, evicting = false, pause = 0, counts, fail }) {
    Object.assign(this, { url, random, ledger, upstream, tag, evicting, pause, counts, fail });
    this.over = false;  // the gateway is about to be killed: broken connections are expected
    this.stopping = false;  // no new requests
    this.underWay = new Set();
  }

  start(workers) {
    this.workers = Array.from({ length: workers }, () => this.work());
  }

  // Ends when what is under way has been answered, or broke off.
  async stop() {
    this.stopping = true;
    await Promise.all(this.workers);
  }

  async work() {
    while (!this.stopping) {
      const what = this.random.weighted(WEIGHTS);
      try {
        this.counts[what] = (this.counts[what] ?? 0) + 1;
        await this[what]();
      } catch (error) {
        if (this.over) return;
        this.fail(`${what}: ${error.stack} ${error.cause ?? ""}`);
        return;
      }
      // An idle moment lets the others in, whatever the operation did.
      await new Promise((done) => setTimeout(done, this.pause * this.random.between(0, 2)));
    }
  }

  newAsk(space = this.random.chance(0.15) ? "b" : "") {
    return { prompt: phrase(anyPicture(this.random), this.random.below(PHRASING_COUNT)),
      size: this.random.pick(SIZES), space };
  }

  anyEntry(wanted = () => true) {
    const entries = [...this.ledger.entries.values()];
    for (let tries = 0; tries < 20 && entries.length > 0; tries++) {
      const entry = this.random.pick(entries);
      if (!entry.changing && entry.kept().length > 0 && wanted(entry)) return entry;
    }
    return null;
  }

  // One request, and everything that holds for every reply.
  async ask(asked, { cache = {}, signal, strict = true } = {}) {
    const entry = this.ledger.entry(asked);
    if (entry.changing) return null;
    entry.readers += 1;
    const owed = entry.kept().map(({ sha }) => sha);
    const started = Date.now();
    const tag = this.tag;
    let answered = false;
    try {
      const reply = await generate(this.url, {
        prompt: asked.prompt, size: asked.size, tags: [tag],
        cache: { ...cache, ...(asked.space ? { namespace: asked.space } : {}) },
      }, { signal });
      const about = `${JSON.stringify(asked)} ${JSON.stringify(cache)}`;
      answered = reply.status === 200;
      if (!answered) {
        this.checkError(reply, about, strict && owed.length > 0 && entry.kept().length > 0);
        return reply;
      }
      for (const image of reply.images) await this.checkImage(asked, reply, image, started, about);
      if (reply.how !== "EXACT" && strict && entry.kept().length > 0 && owed.length > 0) {
        if (this.evicting) this.ledger.doubt(entry.images.keys());
        else this.fail(`${about} is stored, but the answer was ${reply.how}: ${reply.reason}`);
      }
      if (reply.storeError && !this.evicting) this.fail(`not stored: ${reply.storeError}`);
      this.acknowledge(entry, reply, { started, tag, space: asked.space, ttl: cache.ttl });
      return reply;
    } finally {
      if (!answered) entry.tags.add(tag);  // it may have been stored, or yet be
      entry.readers -= 1;
      this.ledger.forgetIfEmpty(entry);
    }
  }

  checkError(reply, about, owed) {
    this.counts.errors = (this.counts.errors ?? 0) + 1;
    const upstreamFailed = [500, 502, 503, 504].includes(reply.status) && this.upstream.faults;
    if (!upstreamFailed || reply.status === 500) this.fail(`${about}: ${reply.status} ${reply.text}`);
    if (owed && !this.evicting) this.fail(`${about} is stored, but failed: ${reply.text}`);
  }

  async checkImage(asked, reply, image, started, about) {
    const made = this.upstream.made.get(image.sha);
    const own = reply.how !== "SEMANTIC" && reply.how !== "INFLIGHT";
    if (own && (made?.prompt !== asked.prompt || made.size !== asked.size)) {
      this.fail(`${reply.how} for ${about} is the image of ${JSON.stringify(made)}`);
    }
    if (image.width && image.width !== parseInt(asked.size, 10)) this.fail(`${about} is ${image.width} wide`);
    const prompt = made?.prompt ?? await promptOf(this.url, reply.entry);
    if (prompt !== null && pictureOf(prompt) !== pictureOf(asked.prompt)) {
      this.fail(`wrong image: ${about} was answered ${reply.how} with '${prompt}': ${reply.reason}`);
    }
    if (image.id === null) return;
    const known = this.ledger.imageOf.get(image.id);
    if (known && known.entry.space !== asked.space) this.fail(`${about}: another namespace's image`);
    if (known && made && known.image.sha !== image.sha) this.fail(`${image.id} has changed`);
    if (this.ledger.purged.get(image.id) < started) this.fail(`${about}: ${image.id} was removed`);
  }

  // Names are given to what is stored only. Those of other entries are left to their own replies.
  acknowledge(entry, reply, { started, tag, space = "", ttl }) {
    const own = ["MISS", "REFRESH", "EXACT"].includes(reply.how);
    // Of what another request has stored, whose reply was lost, neither tag nor expiry are known.
    const known = reply.stored || (entry.tags.size > 0 && space !== "brief");
    if (!own || !known) return;
    for (const image of reply.images) {
      if (image.id === null) continue;
      this.ledger.acknowledge(entry, image.id, image.sha, { started,
        ttl: ttl ? ttl * 1000 : null, number: reply.entry, tag: reply.stored ? tag : null });
    }
  }

  fresh() { return this.ask(this.newAsk()); }

  repeat() {
    const entry = this.anyEntry((one) => one.space !== "brief");
    return entry ? this.ask(entry) : this.fresh();
  }

  rephrase() {
    const entry = this.anyEntry((one) => one.space !== "brief");
    if (!entry) return this.fresh();
    const prompt = phrase(pictureOf(entry.prompt), this.random.below(PHRASING_COUNT));
    return this.ask({ prompt, size: this.random.chance(0.7) ? entry.size : "64x64",
      space: entry.space });
  }

  async link() {
    const found = this.anyEntry((one) => one.space !== "brief");
    if (!found) return;
    found.readers += 1;
    try {
      const [id, image] = this.random.pick([...found.images]);
      const { status, sha } = await fetchImage(this.url, `${id}.png`);
      if (image.state !== "kept" || this.evicting) return;
      if (status !== 200 || sha !== image.sha) this.fail(`link to ${id}: ${status} ${sha}`);
    } finally {
      found.readers -= 1;
    }
  }

  brief() {
    return this.ask(this.newAsk("brief"), { cache: { ttl: BRIEF_TTL_MS / 1000 }, strict: false });
  }

  async herd() {
    const asked = this.newAsk();
    await Promise.all(Array.from({ length: 5 }, () => this.ask(asked)));
  }

  variants() {
    const entry = this.anyEntry((one) => one.space !== "brief" && one.images.size < 3);
    return entry ? this.ask(entry, { cache: { variants: entry.images.size + 1 }, strict: false })
      : this.fresh();
  }

  // Runs `change` while nobody else asks for the entry.
  async alone(entry, change) {
    if (!entry || entry.changing || entry.readers > 0) return;
    entry.changing = true;
    entry.readers += 1;  // a purge waits
    const images = [...entry.images.keys()];
    this.ledger.doubt(images);
    try {
      await change(images);
    } finally {
      entry.readers -= 1;
      entry.changing = false;
    }
    this.ledger.forgetIfEmpty(entry);
  }

  refresh() {
    const entry = this.anyEntry((one) => one.space !== "brief");
    const tag = this.tag;
    return this.alone(entry, async (images) => {
      entry.tags.add(tag);
      const reply = await generate(this.url, { prompt: entry.prompt, size: entry.size,
        tags: [tag], cache: { "no-cache": true, ...(entry.space && { namespace: entry.space }) } });
      if (reply.status !== 200) return this.ledger.restored(images);
      if (reply.how !== "REFRESH") this.fail(`no-cache was answered ${reply.how}`);
      if (!reply.stored) return;  // no room: they stay doubtful
      this.ledger.removed(images);
      this.ledger.entries.set(entry.key, entry);
      this.acknowledge(entry, reply, { started: Date.now(), tag });
    });
  }

  remove() {
    const entry = this.anyEntry((one) => one.id !== null && one.space !== "brief");
    return this.alone(entry, async (images) => {
      const { status, text } = await call(this.url, `/v1/entries/${entry.id}`, { method: "DELETE" });
      if (status !== 200 && !this.evicting) this.fail(`DELETE ${entry.id}: ${status} ${text}`);
      this.ledger.removed(images);
    });
  }

  async unstored() {
    const prompt = `a poster of a ${anyPicture(this.random)}, number ${this.random.below(1e9)}`;
    const body = { prompt, size: "64x64", cache: { "no-store": true, mode: "exact" } };
    const reply = await generate(this.url, body);
    if (reply.status !== 200) return this.checkError(reply, prompt, false);
    if (reply.entry !== null || reply.images[0].id !== null) this.fail(`${prompt} has a name`);
    const again = await generate(this.url,
      { ...body, cache: { "only-if-cached": true, mode: "exact" } });
    if (again.status !== 504) this.fail(`no-store was stored: ${again.how}`);
  }

  async abandon() {
    const leaving = new AbortController();
    setTimeout(() => leaving.abort(), this.random.between(0, 30));
    await this.ask(this.newAsk(), { signal: leaving.signal }).catch((error) => {
      if (error.name !== "AbortError") throw error;
    });
  }

  batchItems() {
    return Array.from({ length: 3 }, (_, i) => ({ name: `item${i}`, size: "64x64",
      prompt: `a poster of a ${anyPicture(this.random)}, number ${this.random.below(1e9)}` }));
  }

  async batch() {
    const items = this.batchItems();
    const tag = this.tag;
    const { status, json, text } = await call(this.url, "/v1/batches", { method: "POST",
      body: { defaults: { response_format: "b64_json", tags: [tag] }, items } });
    if (!json?.items) return this.checkError({ status, text }, "a batch", false);
    for (const { name, prompt } of items) {
      const item = json.items[name];
      if (item.status !== "done") {
        if (!this.upstream.faults) this.fail(`${prompt}: ${JSON.stringify(item)}`);
        continue;
      }
      const asked = { prompt, size: "64x64", space: "" };
      const reply = readGenerated(item);
      for (const image of reply.images) await this.checkImage(asked, reply, image, Date.now(), prompt);
      this.acknowledge(this.ledger.entry(asked), reply, { started: Date.now(), tag });
    }
  }

  async background() {
    const items = this.batchItems();
    const { status, json, text } = await call(this.url, "/v1/batches", { method: "POST",
      headers: { "Idempotency-Key": `soak-${this.random.below(2 ** 31)}` },
      body: { mode: "background", defaults: { tags: [this.tag] }, items } });
    if (status !== 202) return this.fail(`a background batch: ${status} ${text}`);
    this.ledger.batches.set(json.id, items);
  }

  // After a purge of one of the tags that the entry may have.
  async lookAgain(entry, tag) {
    entry.tags.delete(tag);
    for (const id of [...entry.images.keys()]) {
      const { status } = await fetchImage(this.url, `${id}.png`);
      this.ledger.found(id, entry, status === 200);
    }
  }

  // Removes what was stored under an old tag, as an operator does.
  async purge(tag) {
    const held = [...this.ledger.entries.values()].filter(({ tags }) => tags.has(tag));
    for (const entry of held) entry.changing = true;
    while (held.some(({ readers }) => readers > 0)) {
      await new Promise((done) => setTimeout(done, 5));
    }
    const entries = held.filter(({ tags }) => tags.has(tag));  // nor stored again meanwhile
    const idsOf = (some) => some.flatMap((entry) => [...entry.images.keys()]);
    this.ledger.doubt(idsOf(entries));
    try {
      const { status, text } = await call(this.url, "/v1/purge",
        { method: "POST", body: { tag, dry_run: false } });
      if (status !== 200) return this.fail(`purge of ${tag}: ${status} ${text}`);
      this.ledger.removed(idsOf(entries.filter(({ tags }) => tags.size === 1)));
      for (const entry of entries) await this.lookAgain(entry, tag);
      this.counts.purges = (this.counts.purges ?? 0) + 1;
    } catch (error) {
      if (!this.over) throw error;
    } finally {
      for (const entry of held) entry.changing = false;
    }
  }
}
