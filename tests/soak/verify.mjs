// What must hold after any end and start of the gateway.
import { readFileSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { call, fetchImage } from "./client.mjs";
import { pictureOf } from "./prompts.mjs";
import { sha256 } from "./upstream.mjs";

const ENTRY_BYTES = 4096;  // what the gateway counts for an entry beside its images
const SWEPT_WITHIN_MS = 15_000;  // expired images are removed every 10 s

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

export function blobFiles(data) {
  const blobs = join(data, "blobs");
  return readdirSync(blobs, { withFileTypes: true })
    .filter((folder) => folder.isDirectory() && folder.name.length === 2)
    .flatMap((folder) => readdirSync(join(blobs, folder.name)).map((name) => folder.name + name));
}

const pathOf = (data, sha) => join(data, "blobs", sha.slice(0, 2), sha.slice(2));
const sizeOf = (data, sha) => statSync(pathOf(data, sha), { throwIfNoEntry: false })?.size ?? 0;

// While nothing runs: a file under its name is whole.
export function checkFiles(data, fail) {
  for (const sha of blobFiles(data)) {
    if (sha256(readFileSync(pathOf(data, sha))) !== sha) fail(`torn file of image ${sha}`);
  }
  const aside = readdirSync(join(data, "blobs", "quarantine"));
  if (aside.length > 0) fail(`found damaged and set aside: ${aside}`);
}

// No row without bytes and no file without a row: the rows' bytes are the files' bytes. Without load.
export async function checkTotals(gateway, data, fail) {
  for (let tries = 0; ; tries++) {
    const { storage, generations_under_way: busy } = await gateway.stats();
    const files = blobFiles(data);
    const bytes = files.reduce((sum, sha) => sum + sizeOf(data, sha), 0);
    const rows = storage.bytes - storage.entries * ENTRY_BYTES;
    if (busy === 0 && !storage.checking && rows === bytes) return storage;
    if (tries === 150) {
      return fail(`rows have ${rows} bytes of images, ${files.length} files ${bytes}; ` +
        JSON.stringify({ storage, busy }));
    }
    await sleep(100);  // a generation or a removal is under way
  }
}

// Batches in the background go on after a restart, and end.
export async function checkBatches({ url, ledger, upstream, fail }) {
  for (const [id, items] of ledger.batches) {
    let state;
    do {
      const { status, json, text } = await call(url, `/v1/batches/${id}`);
      if (status !== 200) return fail(`batch ${id} was lost: ${status} ${text}`);
      state = json;
      if (state.ended === null) await sleep(20);
    } while (state.ended === null);
    for (const { name, prompt } of items) {
      const item = state.items[name];
      if (item.status !== "done") {
        if (![502, 503, 504].includes(item.error?.status)) fail(JSON.stringify(item));
        continue;
      }
      const { status, sha } = await fetchImage(url, item.images[0].name);
      const made = upstream.made.get(sha);
      if (status === 200 && pictureOf(made?.prompt ?? "") !== pictureOf(prompt)) {
        fail(`batch ${id}: '${prompt}' is the image of '${made?.prompt}'`);
      }
    }
    ledger.batches.delete(id);
  }
}

// Every acknowledged image is there with its exact bytes, and every removed one is not. Gives how
// many were there, and how many may have been evicted.
export async function checkImages({ url, ledger, evicted, fail }) {
  const found = { there: 0, evicted: 0, expired: 0 };
  for (const { id, entry, image } of ledger.images()) {
    const asked = Date.now();
    const { status, sha } = await fetchImage(url, `${id}.png`);
    const about = `${id} of ${entry.key}, acknowledged ${asked - image.at} ms ago`;
    if (status === 200 && sha !== image.sha) fail(`other bytes: ${about}`);
    if (status !== 200 && status !== 404) fail(`${status}: ${about}`);
    const over = image.expires !== null && asked > image.expires;
    if (status === 200 && over && asked > image.expires + SWEPT_WITHIN_MS) fail(`expired: ${about}`);
    if (status === 200) {
      found.there += 1;
      image.state = "kept";
    } else {
      if (over) found.expired += 1;
      else if (image.state === "kept" && evicted) found.evicted += 1;
      else if (image.state === "kept" && (image.expires ?? Infinity) > Date.now()) {
        fail(`lost: ${about}`);
      }
      ledger.forget(id, entry);
    }
  }
  for (const id of ledger.purged.keys()) {
    const { status } = await fetchImage(url, `${id}.png`);
    if (status !== 404) fail(`${id} was removed, and is there again: ${status}`);
  }
  return found;
}
