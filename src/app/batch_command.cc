#include "app/batch_command.h"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>

#include "app/batch_file.h"
#include "app/gateway_client.h"
#include "app/service.h"

namespace reprise {
namespace {

using nlohmann::ordered_json;

constexpr long kPollNanos = 200'000'000;
constexpr std::size_t kBarWidth = 40;

// What became of the items.
struct Summary {
  std::size_t images = 0, failed = 0, hits = 0, misses = 0;
  double saved_usd = 0;
};

// On standard error, and on a terminal only.
class ProgressBar {
 public:
  void Show(std::size_t ended, std::size_t total) {
    if (!terminal_ || total == 0) return;
    const std::size_t full = kBarWidth * ended / total;
    fmt::print(stderr, "\r[{}{}] {}/{}", std::string(full, '#'), std::string(kBarWidth - full, '.'),
               ended, total);
    std::fflush(stderr);
    shown_ = true;
  }
  ~ProgressBar() {
    if (shown_) fmt::print(stderr, "\n");
  }

 private:
  const bool terminal_ = isatty(STDERR_FILENO) != 0;
  bool shown_ = false;
};

Result<ordered_json> ReadReply(const Result<http::ClientResponse>& response, int wanted) {
  if (!response) return std::unexpected(response.error());
  if (response->status != wanted) {
    const Code code = response->status < 500 ? Code::kInvalidArgument : Code::kUnavailable;
    return Fail(code, ErrorMessage(*response));
  }
  ordered_json body = ordered_json::parse(response->body, nullptr, false);
  if (!body.is_object()) return Fail(Code::kBadUpstream, "the gateway's reply is no JSON object");
  return body;
}

// Waits a moment; true when SIGINT or SIGTERM came.
bool Interrupted() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  const timespec wait{.tv_sec = 0, .tv_nsec = kPollNanos};
  return sigtimedwait(&signals, nullptr, &wait) > 0;
}

// The batch's state when it has ended; a signal cancels it.
Result<ordered_json> Wait(GatewayClient& gateway, const std::string& path) {
  ProgressBar bar;
  for (bool cancelled = false;;) {
    auto batch = ReadReply(gateway.Get(path), 200);
    if (!batch) return batch;
    const ordered_json& counts = (*batch)["counts"];
    const auto total = counts["total"].get<std::size_t>();
    bar.Show(total - counts["waiting"].get<std::size_t>(), total);
    if (!(*batch)["ended"].is_null()) return batch;
    if (!Interrupted() || std::exchange(cancelled, true)) continue;
    if (auto done = ReadReply(gateway.Delete(path), 200); !done) return done;
  }
}

Result<void> Write(const std::filesystem::path& file, const std::string& bytes) {
  std::ofstream stream(file, std::ios::binary);
  if (!stream.write(bytes.data(), static_cast<std::streamsize>(bytes.size())).flush()) {
    return Fail(Code::kUnavailable,
                "cannot write " + file.string() + "; choose another directory with --out");
  }
  return {};
}

// "hero.png", and "hero-2.png" for a second image; the extension is the link's.
std::string FileName(const std::string& item, std::size_t index, const std::string& image) {
  const std::string number = index == 0 ? "" : "-" + std::to_string(index + 1);
  return item + number + std::filesystem::path(image).extension().string();
}

// Writes the item's images, and notes their files in it.
Result<void> SaveItem(GatewayClient& gateway, const BatchOptions& options, const std::string& name,
                      ordered_json& item) {
  item["files"] = ordered_json::array();
  for (std::size_t i = 0; i < item["images"].size(); ++i) {
    const auto image = item["images"][i]["name"].get<std::string>();
    const auto response = gateway.Get("/images/" + image);
    if (!response) return std::unexpected(response.error());
    if (response->status != 200) return Fail(Code::kNotFound, ErrorMessage(*response));
    const auto file = std::filesystem::path(options.out) / FileName(name, i, image);
    if (auto written = Write(file, response->body); !written) return written;
    item["files"].push_back(file.string());
  }
  return {};
}

void Count(const ordered_json& item, Summary& summary) {
  if (item["status"] != "done") {
    ++summary.failed;
    return;
  }
  summary.images += item["images"].size();
  ++(item["cache"]["status"] == "HIT" ? summary.hits : summary.misses);
  summary.saved_usd += item["cache"]["saved_usd"].get<double>();
}

void Print(const BatchOptions& options, const ordered_json& batch, const Summary& summary) {
  if (options.as_json) {
    fmt::print("{}\n", ordered_json{{"state", batch["state"]},
                                    {"images", summary.images},
                                    {"hits", summary.hits},
                                    {"misses", summary.misses},
                                    {"failed", summary.failed},
                                    {"saved_usd", summary.saved_usd},
                                    {"items", batch["items"]}}
                           .dump(-1, ' ', false, ordered_json::error_handler_t::replace));
    return;
  }
  for (const auto& [name, item] : batch["items"].items()) {
    if (item["status"] == "done") continue;
    fmt::print(stderr, "{}: {}\n", name,
               item.contains("error") ? item["error"].value("message", "") : "cancelled");
  }
  fmt::print("{} images in {}: {} hits, {} misses, {} failed; ${:.3f} saved\n", summary.images,
             options.out, summary.hits, summary.misses, summary.failed, summary.saved_usd);
}

// From the answer to POST /v1/batches to the files.
int Finish(GatewayClient& gateway, const BatchOptions& options,
           const Result<http::ClientResponse>& accepted) {
  const auto begun = ReadReply(accepted, 202);
  if (!begun) return Report(begun.error());
  auto batch = Wait(gateway, "/v1/batches/" + (*begun)["id"].get<std::string>());
  if (!batch) return Report(batch.error());
  Summary summary;
  for (auto& [name, item] : (*batch)["items"].items()) {
    Count(item, summary);
    if (item["status"] != "done") continue;
    if (auto saved = SaveItem(gateway, options, name, item); !saved) return Report(saved.error());
  }
  Print(options, *batch, summary);
  return summary.failed == 0 ? 0 : 1;
}

}  // namespace

int GenerateBatch(const BatchOptions& options) {
  WatchSignals();
  auto config = options.config.Load();
  if (!config) return Report(config.error());
  auto body = ReadBatchFile(options.file);
  if (!body) return Report(body.error());
  std::error_code error;
  std::filesystem::create_directories(options.out, error);
  if (error) {
    return Report({Code::kUnavailable, "cannot make the directory " + options.out + ": " +
                                           error.message() + "; choose another with --out"});
  }
  (*body)["mode"] = "background";
  if (!body->contains("defaults")) (*body)["defaults"] = nlohmann::json::object();
  if ((*body)["defaults"].is_object() && !(*body)["defaults"].contains("output_format")) {
    (*body)["defaults"]["output_format"] = "png";
  }
  const bool named = !options.url.empty();
  GatewayClient gateway(*config, GatewayClient::Port::kPublic, options.url);
  const auto accepted = gateway.PostJson("/v1/batches", *body);
  if (accepted || named || accepted.error().code != Code::kUnavailable) {
    return Finish(gateway, options, accepted);
  }
  config->listen = "127.0.0.1:0";
  config->admin_listen.clear();
  config->tls = {};
  auto service = Service::Start(*config);
  if (!service) return Report(service.error());
  GatewayClient own((*service)->url());
  const int code = Finish(own, options, own.PostJson("/v1/batches", *body));
  (*service)->Shutdown(std::chrono::seconds(10));
  return code;
}

}  // namespace reprise
