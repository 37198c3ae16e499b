#include "gateway/metrics.h"

#include <nlohmann/json.hpp>

#include "gateway/exposition.h"

namespace reprise {
namespace {

using nlohmann::json;
using Type = Exposition::Type;

// One sample for each member of an object, whose name is the label's value.
void Each(Exposition& out, std::string_view name, std::string_view help, std::string_view label,
          const json& values) {
  out.Family(name, Type::kCounter, help);
  for (const auto& [key, value] : values.items()) out.Sample(value.get<double>(), {{label, key}});
}

void AddHistogram(Exposition& out, const json& histogram, const Exposition::Labels& labels = {}) {
  std::vector<Exposition::Bucket> buckets;
  for (const auto& [bound, count] :
       histogram.at("buckets").get<std::vector<std::pair<double, double>>>()) {
    buckets.push_back({.upper_bound = bound, .count = count});
  }
  out.Histogram(buckets, histogram.at("count"), histogram.at("seconds"), labels);
}

void AddRequests(Exposition& out, const json& stats) {
  json results = stats.at("requests");
  results.erase("total");
  Each(out, "reprise_requests_total",
       "Image requests by how they ended: exact, semantic and inflight are hits.", "result",
       results);
  out.Family("reprise_request_duration_seconds", Type::kHistogram,
             "Time from a request's arrival to its answer.");
  for (const auto& [result, histogram] : stats.at("histograms").at("requests").items()) {
    AddHistogram(out, histogram, {{"result", result}});
  }
  out.Family("reprise_requests_waiting", Type::kGauge, "Requests that wait for an image.")
      .Sample(stats.at("requests_waiting"));
  out.Family("reprise_generations_under_way", Type::kGauge, "Images being made.")
      .Sample(stats.at("generations_under_way"));
  out.Family("reprise_saved_usd_total", Type::kCounter, "US dollars that hits did not cost.")
      .Sample(stats.at("saved_usd"));
  out.Family("reprise_spent_usd_total", Type::kCounter, "US dollars spent on upstreams.")
      .Sample(stats.at("spent_usd"));
}

void AddUpstream(Exposition& out, const json& stats, std::string_view name, Type type,
                 std::string_view help, const char* field) {
  out.Family(name, type, help);
  for (const json& upstream : stats.at("upstreams")) {
    out.Sample(upstream.at(field), {{"upstream", upstream.at("name")}});
  }
}

void AddUpstreams(Exposition& out, const json& stats) {
  AddUpstream(out, stats, "reprise_upstream_calls_total", Type::kCounter,
              "Calls to an upstream, retries inside one call not counted.", "calls");
  AddUpstream(out, stats, "reprise_upstream_errors_total", Type::kCounter,
              "Calls to an upstream that failed.", "errors");
  AddUpstream(out, stats, "reprise_upstream_hedges_total", Type::kCounter,
              "Second calls because the first was slow.", "hedges");
  AddUpstream(out, stats, "reprise_upstream_calls_under_way", Type::kGauge,
              "Calls to an upstream at the moment.", "under_way");
  AddUpstream(out, stats, "reprise_upstream_queue_length", Type::kGauge,
              "Requests that wait for a free call.", "waiting");
  out.Family("reprise_upstream_breaker_open", Type::kGauge,
             "1 while an upstream is left alone because it fails.");
  for (const json& upstream : stats.at("upstreams")) {
    out.Sample(upstream.at("breaker") == "closed" ? 0 : 1, {{"upstream", upstream.at("name")}});
  }
  out.Family("reprise_upstream_images_total", Type::kCounter, "Images that upstreams made.")
      .Sample(stats.at("upstream").at("images"));
  out.Family("reprise_upstream_duration_seconds", Type::kHistogram,
             "Time that generations took that succeeded, queue and retries included.");
  AddHistogram(out, stats.at("histograms").at("upstream"));
}

void AddStorage(Exposition& out, const json& stats) {
  const json& storage = stats.at("storage");
  const auto gauge = [&](std::string_view name, std::string_view help, const json& value) {
    out.Family(name, Type::kGauge, help).Sample(value);
  };
  gauge("reprise_stored_bytes", "Bytes of stored images.", storage.at("bytes"));
  gauge("reprise_stored_bytes_limit", "Setting cache.max_bytes; 0: none.", storage.at("max_bytes"));
  gauge("reprise_stored_entries", "Stored entries.", storage.at("entries"));
  gauge("reprise_stored_entries_limit", "Setting cache.max_entries; 0: none.",
        storage.at("max_entries"));
  if (storage.contains("free_disk_bytes")) {
    gauge("reprise_disk_free_bytes", "Free space of the data directory's disk.",
          storage.at("free_disk_bytes"));
  }
  gauge("reprise_disk_free_bytes_floor", "Setting cache.min_free_disk; 0: none.",
        storage.at("min_free_disk_bytes"));
  gauge("reprise_vectors", "Vectors that are searched.", stats.at("vectors"));
  gauge("reprise_index_bytes", "Memory of vectors and their graphs.", stats.at("index_bytes"));
  gauge("reprise_hot_bytes", "Memory of images that are asked for often.", stats.at("hot_bytes"));
  out.Family("reprise_disk_sync_errors_total", Type::kCounter,
             "Written files that failed to reach the disk.")
      .Sample(storage.at("sync_errors"));
  Each(out, "reprise_removed_images_total", "Images removed other than by request, by reason.",
       "reason", stats.at("removed_images"));
  Each(out, "reprise_images_not_stored_total", "Images that were served and not stored, by reason.",
       "reason", stats.at("images_not_stored"));
}

void AddFaults(Exposition& out, const json& stats) {
  Each(out, "reprise_degraded_total",
       "Requests for which a part of the cache failed, and that went on without it.", "part",
       stats.at("histograms").at("degraded"));
  const json& embedding = stats.at("embedding");
  out.Family("reprise_embedding_calls_total", Type::kCounter, "Prompts that were embedded.")
      .Sample(embedding.at("calls"));
  out.Family("reprise_embedding_errors_total", Type::kCounter, "Of them, those that failed.")
      .Sample(embedding.at("errors"));
}

void AddDoors(Exposition& out, const DoorFacts& doors) {
  out.Family("reprise_connections", Type::kGauge, "Open client connections.")
      .Sample(static_cast<double>(doors.connections));
  out.Family("reprise_connections_refused_total", Type::kCounter,
             "Connections closed because their address had limits.connections_per_address.")
      .Sample(static_cast<double>(doors.connections_refused));
  out.Family("reprise_body_bytes", Type::kGauge, "Bytes of large request bodies in memory.")
      .Sample(static_cast<double>(doors.body_bytes));
  out.Family("reprise_body_bytes_limit", Type::kGauge, "Setting limits.bodies; 0: none.")
      .Sample(static_cast<double>(doors.body_bytes_limit));
}

// Named as every Prometheus client library names them.
void AddProcess(Exposition& out, const ProcessFacts& process) {
  out.Family("process_resident_memory_bytes", Type::kGauge, "Resident memory.")
      .Sample(static_cast<double>(process.resident_bytes));
  out.Family("process_open_fds", Type::kGauge, "Open file descriptors.")
      .Sample(static_cast<double>(process.open_fds));
  out.Family("process_max_fds", Type::kGauge, "The most there may be.")
      .Sample(static_cast<double>(process.max_fds));
  out.Family("process_cpu_seconds_total", Type::kCounter, "Processor time.")
      .Sample(process.cpu_seconds);
  out.Family("process_start_time_seconds", Type::kGauge, "Unix time of the start.")
      .Sample(process.start_time_s);
}

}  // namespace

std::string WriteMetrics(const json& stats, const DoorFacts& doors, const ProcessFacts& process) {
  Exposition out;
  out.Family("reprise_build_info", Type::kGauge, "Always 1; the version is its label.")
      .Sample(1, {{"version", stats.at("version")}});
  AddRequests(out, stats);
  AddUpstreams(out, stats);
  AddStorage(out, stats);
  AddFaults(out, stats);
  AddDoors(out, doors);
  AddProcess(out, process);
  return std::move(out).Text();
}

}  // namespace reprise
