#include <fmt/format.h>
#include <sys/resource.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "app/commands.h"
#include "app/doctor_repair.h"
#include "app/embedder_factory.h"
#include "app/gateway_client.h"
#include "app/upstream_factory.h"
#include "image/image.h"
#include "store/entry_store.h"

namespace reprise {
namespace {

constexpr std::uintmax_t kLowDisk = std::uintmax_t{2} << 30;
constexpr rlim_t kFewFiles = 4096;

struct DoctorOptions {
  ConfigOptions config;
  bool repair = false, as_json = false;
};

enum class State { kOk, kWarning, kFailed };

struct Finding {
  State state;
  std::string what;    // "upstream"
  std::string detail;  // what was found
  std::string action;  // what to do, empty when all is well
};

const char* NameOf(State state) {
  return state == State::kOk ? "ok" : state == State::kWarning ? "warning" : "failed";
}

bool GatewayRuns(const Config& config) {
  GatewayClient gateway(config, GatewayClient::Port::kPublic);
  const auto response = gateway.Get("/healthz");
  return response && response->status == 200;
}

Finding CheckData(const Config& config, bool gateway_runs) {
  std::error_code error;
  std::filesystem::create_directories(config.data, error);
  const auto probe = config.data / ".doctor";
  const bool writable = !error && std::ofstream(probe).put('x').flush().good();
  std::filesystem::remove(probe, error);
  const std::string name = std::filesystem::absolute(config.data).lexically_normal().string();
  if (!writable) {
    return {State::kFailed, "data", name + " cannot be written",
            "choose a writable directory with --data or the setting data"};
  }
  const auto space = std::filesystem::space(config.data, error);
  const std::string free =
      fmt::format("{}, {:.1f} GB free", name, static_cast<double>(space.available) / (1 << 30));
  if (!error && space.available < kLowDisk) {
    return {State::kWarning, "data", free, "free some space, or shorten cache.ttl"};
  }
  return {State::kOk, "data", free + (gateway_runs ? ", in use by a running gateway" : ""), ""};
}

Finding CheckDatabase(const Config& config, bool gateway_runs) {
  const auto file = config.data / "reprise.db";
  if (gateway_runs) return {State::kOk, "database", "open in the running gateway", ""};
  if (!std::filesystem::exists(file)) {
    return {State::kOk, "database", "none yet; the first start makes it", ""};
  }
  auto store = OpenSqliteEntryStore(file);
  if (!store && store.error().code == Code::kConflict) {  // healthy, and somebody else's
    return {State::kFailed, "database", store.error().message,
            "if that is a gateway, name its address with --listen"};
  }
  if (!store) {
    return {State::kFailed, "database", store.error().message,
            "restore " + file.string() + " from a backup, or move it away to start empty"};
  }
  std::size_t entries = 0;
  const auto read = (*store)->ForEach([&](Entry&&, StoredVector&&) { ++entries; });
  if (!read) return {State::kFailed, "database", read.error().message, "restore it from a backup"};
  return {State::kOk, "database", std::to_string(entries) + " entries", ""};
}

// Rows and files, without reading every image.
Finding CheckStorage(const Config& config, bool gateway_runs) {
  if (gateway_runs) return {State::kOk, "storage", "in use by the running gateway", ""};
  const auto report = LookAtData(config);
  if (!report) {
    return {State::kFailed, "storage", report.error().message, "see docs/backup.md"};
  }
  if (report->damages() == 0) {
    return {State::kOk, "storage",
            fmt::format("{} images in {} files, as their rows say", report->images, report->files),
            ""};
  }
  std::string detail;
  for (const RepairFinding& finding : report->findings) {
    if (finding.count == 0) continue;
    detail += fmt::format("{}{} {}", detail.empty() ? "" : ", ", finding.count, finding.what);
  }
  return {State::kWarning, "storage", detail, "run `reprise doctor --repair`"};
}

Finding CheckUpstream(const UpstreamOptions& options, bool section, UpstreamParts parts,
                      asio::io_context& context) {
  const std::string what = section ? "upstream" : "upstream " + options.name;
  const std::string settings = section ? "upstream" : "upstreams." + options.name;
  auto generator = MakeUpstream(options, parts);
  if (!generator) {
    return {State::kFailed, what, generator.error().message, "correct " + settings + ".url"};
  }
  const auto probed = RunTask(context, (*generator)->Probe());
  const std::string where =
      options.base_url.empty() ? std::string(ToString(options.kind)) : options.base_url;
  if (probed) return {State::kOk, what, where + " answers", ""};
  const std::string key = section ? "the key in OPENAI_API_KEY" : settings + ".api_key";
  return {State::kFailed, what, probed.error().message,
          "check " + settings + ".url, the network and " + key};
}

std::vector<Finding> CheckUpstreams(const Config& config) {
  std::vector<Finding> findings;
  if (config.upstream_url.empty() && NeedsSimulator(config)) {
    findings.push_back({State::kWarning, "upstream",
                        "none configured: images come from the simulator",
                        "set upstream.url (and OPENAI_API_KEY) to generate real images"});
  }
  IoThreads io(1);
  WorkerPool workers(1, 16);
  http::Client client;
  SystemClock clock;
  for (const UpstreamOptions& options : UpstreamsOf(config, "")) {
    const bool section = !config.upstream_url.empty() && findings.empty();
    findings.push_back(CheckUpstream(options, section, {client, workers, clock}, io.context()));
  }
  client.Stop();
  io.Stop();
  return findings;
}

Finding CheckEmbedder(const Config& config) {
  IoThreads io(1);
  WorkerPool workers(1, 16);
  http::Client client;
  SystemClock clock;
  auto embedder = MakeEmbedder(config.embedder, {client, workers, io.context(), clock});
  if (!embedder) {
    return {State::kFailed, "embedder", embedder.error().message,
            "correct the section embedder; docs/embedders.md has one for each service"};
  }
  const Prompt prompt = Analyze("a red fox in the snow");
  const auto start = std::chrono::steady_clock::now();
  const auto embedding = RunTask(io.context(), (*embedder)->Embed(prompt));
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
  client.Stop();
  workers.Join();
  io.Stop();
  if (!embedding) {
    return {State::kFailed, "embedder", embedding.error().message,
            "until it answers, only identical requests hit; check the section embedder"};
  }
  return {State::kOk, "embedder",
          fmt::format("{}, {} dimensions, {:.1f} ms a text", (*embedder)->identity(),
                      embedding->size(), took.count()),
          ""};
}

Finding CheckImages() {
  if (auto started = InitImages(); !started) {
    return {State::kFailed, "images", started.error().message, "reinstall libvips"};
  }
  for (const ImageFormat format : {ImageFormat::kPng, ImageFormat::kJpeg, ImageFormat::kWebp}) {
    const auto drawn = DrawPicture({.text = "ok", .width = 64, .height = 64, .format = format});
    const auto checked = drawn ? CheckImage(*drawn) : std::unexpected(drawn.error());
    if (!checked) {
      return {State::kFailed, "images",
              std::string(Extension(format)) + ": " + checked.error().message,
              "install a libvips with png, jpeg and webp support"};
    }
  }
  return {State::kOk, "images", "png, jpeg and webp can be read and written", ""};
}

Finding CheckFiles() {
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  const std::string detail = std::to_string(files.rlim_cur) + " open files allowed";
  if (files.rlim_cur >= kFewFiles) return {State::kOk, "limits", detail, ""};
  return {State::kWarning, "limits", detail, "raise the limit (ulimit -n) for many connections"};
}

int Print(const std::vector<Finding>& findings, bool as_json) {
  bool failed = false;
  auto list = nlohmann::json::array();
  for (const Finding& finding : findings) {
    failed = failed || finding.state == State::kFailed;
    if (as_json) {
      list.push_back({{"state", NameOf(finding.state)},
                      {"what", finding.what},
                      {"detail", finding.detail},
                      {"action", finding.action}});
      continue;
    }
    fmt::print("{:<8} {:<10} {}\n", NameOf(finding.state), finding.what, finding.detail);
    if (!finding.action.empty()) fmt::print("{:<19} -> {}\n", "", finding.action);
  }
  if (as_json) fmt::print("{}\n", list.dump(2));
  return failed ? 1 : 0;
}

int Repair(const DoctorOptions& options) {
  const auto config = options.config.Load();
  return config ? RepairData(*config, options.as_json) : Report(config.error());
}

int Doctor(const DoctorOptions& options) {
  std::vector<Finding> findings;
  auto config = options.config.Load();
  if (!config) {
    findings.push_back({State::kFailed, "config", config.error().message, "correct that line"});
    return Print(findings, options.as_json);
  }
  findings.push_back({State::kOk, "config", "readable; listening on " + config->listen, ""});
  const bool runs = GatewayRuns(*config);
  findings.push_back({State::kOk, "gateway",
                      runs ? "running on " + config->listen : "not running on " + config->listen,
                      ""});
  findings.push_back(CheckData(*config, runs));
  findings.push_back(CheckDatabase(*config, runs));
  if (findings.back().state == State::kOk) findings.push_back(CheckStorage(*config, runs));
  for (Finding& finding : CheckUpstreams(*config)) findings.push_back(std::move(finding));
  findings.push_back(CheckEmbedder(*config));
  findings.push_back(CheckImages());
  findings.push_back(CheckFiles());
  return Print(findings, options.as_json);
}

}  // namespace

void AddDoctor(CLI::App& root, Command& chosen) {
  auto options = std::make_shared<DoctorOptions>();
  CLI::App* command = root.add_subcommand(
      "doctor", "Say what is configured, reachable and missing, and what to do about each");
  options->config.Add(*command);
  command->add_flag("--repair", options->repair,
                    "Instead, read everything that is stored, and remove what has no file, no row "
                    "or other bytes than it should; while no gateway runs on the data directory");
  command->add_flag("--json", options->as_json, "As JSON");
  command->callback([options, &chosen] {
    chosen = [options] { return options->repair ? Repair(*options) : Doctor(*options); };
  });
}

}  // namespace reprise
