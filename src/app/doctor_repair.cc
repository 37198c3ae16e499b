#include "app/doctor_repair.h"

#include <fmt/format.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "app/commands.h"
#include "app/progress_line.h"
#include "base/json.h"

namespace reprise {
namespace {

using nlohmann::json;

json ToJson(const RepairReport& report) {
  json findings = json::array();
  for (const RepairFinding& finding : report.findings) {
    findings.push_back({{"what", finding.what},
                        {"meaning", finding.meaning},
                        {"count", finding.count},
                        {"bytes", finding.bytes},
                        {"examples", finding.examples}});
  }
  return {{"entries", report.entries},   {"images", report.images},
          {"files", report.files},       {"bytes", report.bytes},
          {"damages", report.damages()}, {"findings", std::move(findings)}};
}

void Print(const RepairReport& report) {
  for (const RepairFinding& finding : report.findings) {
    if (finding.count == 0) continue;
    fmt::print("{:>8}  {}{}\n", finding.count, finding.meaning,
               finding.bytes > 0 ? fmt::format(" ({} bytes)", finding.bytes) : "");
    for (const std::string& example : finding.examples) fmt::print("{:>10}{}\n", "", example);
  }
  fmt::print("{}: {} entries with {} images, {} files of {} bytes, every one read and whole\n",
             report.damages() == 0 ? "nothing was wrong" : "mended", report.entries, report.images,
             report.files, report.bytes);
}

}  // namespace

Result<RepairReport> LookAtData(const Config& config) {
  return RepairStore(DatabaseOf(config), config.data / "blobs", {.checksums = false});
}

int RepairData(const Config& config, bool as_json) {
  Result<RepairReport> report;
  {
    ProgressLine line("images read");
    report = RepairStore(DatabaseOf(config), config.data / "blobs",
                         {.repair = true, .progress = [&line](std::size_t done, std::size_t all) {
                            line.Show(done, all);
                          }});
  }
  if (!report) return Report(report.error());
  if (as_json) {
    fmt::print("{}\n", DumpJson(ToJson(*report), 2));
  } else {
    Print(*report);
  }
  return 0;
}

}  // namespace reprise
