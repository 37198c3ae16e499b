// The report of a run, in Markdown.
import { execFileSync } from "node:child_process";
import { cpus, release, totalmem } from "node:os";
import { median, quarter } from "./steady.mjs";

const git = (...args) => {
  try { return execFileSync("git", args).toString().trim(); } catch { return "unknown"; }
};
const row = (...cells) => `| ${cells.join(" | ")} |`;
const table = (head, rows) => [row(...head), row(...head.map(() => "---")), ...rows.map((cells) =>
  row(...cells))].join("\n");

function stretchRow({ evicting, ms, samples }, i) {
  const megabytes = (part) => {  // empty: a stretch too short to have a sample in that quarter
    const sizes = quarter(samples, part).map(({ rss }) => rss);
    return sizes.length === 0 ? "" : (median(sizes) / 1024).toFixed(1);
  };
  const last = (what) => median(quarter(samples, 3).map((sample) => sample[what]));
  return [i + 1, Math.round(ms / 1000), evicting ? "600 KB" : "1 GB", megabytes(0), megabytes(1),
    megabytes(2), megabytes(3), last("entries"), last("fds"), last("threads")];
}

export function report({ soak, seed, command, seconds, stretches = [] }) {
  const { totals, counts, upstream, problems } = soak;
  const operations = Object.entries(counts).sort((a, b) => b[1] - a[1]);
  const requests = operations.reduce((sum, [, count]) => sum + count, 0);
  const lines = [
    `Command: \`${command}\`, seed ${seed}. Commit ${git("rev-parse", "--short", "HEAD")}, ` +
      `${new Date().toISOString().slice(0, 16).replace("T", " ")} UTC. Machine: ${cpus().length} x ` +
      `${cpus()[0].model}, ${Math.round(totalmem() / 2 ** 30)} GB, Linux ${release().split(".").slice(0, 2).join(".")}.`,
    "",
    table(["", ""], [
      ["time", `${Math.round(seconds)} s`],
      ["starts of the gateway, some killed before they served", totals.started],
      ["rounds of load, ended by kill -9 or SIGTERM", totals.rounds],
      ["operations", requests],
      ["calls to the upstream, of which failed, cut or slow", `${upstream.counts.calls}, ${upstream.counts.faults}`],
      ["answers that were errors because of those", counts.errors ?? 0],
      ["acknowledged images looked for after a restart, and there with their bytes", totals.checked],
      ["evicted (small budgets only)", totals.evicted],
      ["**wrong, lost, leaked or damaged images, and any other violation**", `**${problems.length}**`],
    ]),
    "",
    "Operations: " + operations.map(([name, count]) => `${name} ${count}`).join(", ") + ".",
  ];
  if (stretches.length > 0) {
    lines.push("", "Resident memory in MB, the median of each quarter of a stretch without a restart:",
      "", table(["stretch", "seconds", "budget", "1st", "2nd", "3rd", "4th", "entries", "descriptors",
        "threads"], stretches.map(stretchRow)));
  }
  return lines.join("\n") + "\n";
}
