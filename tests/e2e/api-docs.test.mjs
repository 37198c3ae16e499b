// The requests in the pages of these APIs work when they are pasted.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { REPRISE, scratch, startGateway, startSimulator } from "./gateway.mjs";

let simulator, gateway, directory;
before(async () => {
  directory = scratch();
  simulator = await startSimulator({ latency: "5ms" });
  gateway = await startGateway({ upstream: simulator.url, config: `chat:\n  url: ${simulator.url}\n` });
  // What `reprise purge` finds where it is run.
  writeFileSync(join(directory.path, "reprise.yaml"), `listen: ${new URL(gateway.url).host}\n`);
});
after(async () => {
  await gateway.stop();
  await simulator.stop();
  directory.remove();
});

// A page's shell blocks: { section, code }, in order.
function blocks(page) {
  const text = readFileSync(new URL(`../../docs/${page}`, import.meta.url), "utf8");
  const found = [];
  let section = "";
  for (const [, heading, code] of text.matchAll(/^## (.*)$|^```sh\n([\s\S]*?)^```$/gm)) {
    if (heading) section = heading;
    else found.push({ section, code });
  }
  return found;
}

// A curl whose HTTP status is an error fails, and so does the block. A page's blocks share $id.
function paste(code) {
  const script = `set -euo pipefail
    curl() { command curl --fail-with-body "$@"; }
    reprise() { "${REPRISE}" "$@"; }
    if [ -f id ]; then id=$(cat id); fi
    trap 'printf %s "\${id:-}" > id' EXIT
    ${code.replaceAll("http://127.0.0.1:8484", gateway.url)}`;
  return new Promise((done) => {
    execFile("bash", ["-c", script], { cwd: directory.path }, (error, stdout, stderr) =>
      done({ code: error ? error.code : 0, out: stdout + stderr }));
  });
}

for (const page of ["api-native.md", "api-pollinations.md", "api-runpod.md", "api-openai.md", "api-chat.md",
  "api-batches.md"]) {
  describe(page, () => {
    it("has requests", () => assert.ok(blocks(page).length >= 2));
    for (const { section, code } of blocks(page)) {
      it(code.split("\n")[0], async () => {
        const { code: status, out } = await paste(code);
        assert.equal(status, section === "Errors" ? 22 : 0, out);
      });
    }
  });
}
