// A PNG decoder strict enough to prove that an image is whole: every chunk, the inflated size.
import assert from "node:assert/strict";
import { inflateSync } from "node:zlib";

const CHANNELS = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };

export function decodePng(bytes) {
  assert.equal(bytes.subarray(0, 8).toString("hex"), "89504e470d0a1a0a", "not a PNG");
  const chunks = [];
  for (let at = 8; at < bytes.length;) {
    const length = bytes.readUInt32BE(at);
    const type = bytes.subarray(at + 4, at + 8).toString("latin1");
    chunks.push({ type, data: bytes.subarray(at + 8, at + 8 + length) });
    at += 12 + length;
  }
  assert.equal(chunks.at(-1)?.type, "IEND", "truncated");
  const header = chunks[0].data;
  const [width, height] = [header.readUInt32BE(0), header.readUInt32BE(4)];
  const bits = header[8] * CHANNELS[header[9]];
  const pixels = inflateSync(Buffer.concat(
    chunks.filter(({ type }) => type === "IDAT").map(({ data }) => data)));
  assert.equal(pixels.length, height * (1 + Math.ceil((width * bits) / 8)));
  return { width, height, pixels };
}
