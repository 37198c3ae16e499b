// Replays skewed traffic through the cache's eviction, LRU, LFU and FIFO, and prints what each
// would have kept: hits, bytes, dollars. Traffic is generated from a fixed seed: prompts by Zipf's
// law, sizes log-normal between 50 KB and 3 MB, costs by model from $0.002 to $0.19 an image.
//
//     eviction_bench [REQUESTS [ENTRIES]]
//
// Then one pass of the real one over ENTRIES entries in memory: how long it takes, and for how long
// at a time.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <list>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "cache/evictor.h"

namespace {

using namespace reprise;

struct Object {
  std::uint64_t bytes;
  double usd;
};

struct Traffic {
  std::string name;
  std::vector<Object> objects;
  std::vector<std::uint32_t> requests;  // by object
  double working_set = 0;               // bytes of the objects that come more than once
};

constexpr std::int64_t kMsPerRequest = 100;

// ---- policies ----

class Policy {
 public:
  explicit Policy(const std::vector<Object>& objects, double budget)
      : objects_(objects), budget_(static_cast<std::uint64_t>(budget)) {}
  virtual ~Policy() = default;
  // Whether the object is there; stores it otherwise.
  virtual bool Access(std::uint32_t object, std::int64_t now_ms) = 0;
  virtual std::string name() const = 0;

 protected:
  const std::vector<Object>& objects_;
  const std::uint64_t budget_;
  std::uint64_t bytes_ = 0;
};

class Recency : public Policy {
 public:
  Recency(const std::vector<Object>& objects, double budget, bool renew)
      : Policy(objects, budget), renew_(renew) {}
  bool Access(std::uint32_t object, std::int64_t) override {
    const auto found = index_.find(object);
    if (found != index_.end()) {
      if (renew_) order_.splice(order_.begin(), order_, found->second);
      return true;
    }
    if (objects_[object].bytes > budget_) return false;
    for (bytes_ += objects_[object].bytes; bytes_ > budget_; order_.pop_back()) {
      bytes_ -= objects_[order_.back()].bytes;
      index_.erase(order_.back());
    }
    order_.push_front(object);
    index_[object] = order_.begin();
    return false;
  }
  std::string name() const override { return renew_ ? "LRU" : "FIFO"; }

 private:
  const bool renew_;
  std::list<std::uint32_t> order_;
  std::unordered_map<std::uint32_t, std::list<std::uint32_t>::iterator> index_;
};

// Lowest score first, exactly; LFU, and GreedyDual-Size-Frequency as its paper has it.
class Scored : public Policy {
 public:
  Scored(const std::vector<Object>& objects, double budget, bool greedy_dual)
      : Policy(objects, budget), greedy_dual_(greedy_dual) {}
  bool Access(std::uint32_t object, std::int64_t) override {
    const auto found = entries_.find(object);
    const bool hit = found != entries_.end();
    if (!hit && objects_[object].bytes > budget_) return false;
    if (hit) {
      order_.erase({found->second.score, found->second.turn, object});
    } else {
      for (bytes_ += objects_[object].bytes; bytes_ > budget_;) EvictOne();
    }
    Entry& entry = entries_[object];
    ++entry.uses;
    entry.turn = ++turn_;
    const auto uses = static_cast<double>(entry.uses);
    const auto& [bytes, usd] = objects_[object];
    entry.score = greedy_dual_ ? level_ + uses * usd / static_cast<double>(bytes) : uses;
    order_.insert({entry.score, entry.turn, object});
    return hit;
  }
  std::string name() const override { return greedy_dual_ ? "GDSF" : "LFU"; }

 private:
  struct Entry {
    std::uint64_t uses = 0, turn = 0;
    double score = 0;
  };
  void EvictOne() {
    const auto [score, turn, object] = *order_.begin();
    order_.erase(order_.begin());
    entries_.erase(object);
    bytes_ -= objects_[object].bytes;
    level_ = std::max(level_, score);
  }
  const bool greedy_dual_;
  double level_ = 0;
  std::uint64_t turn_ = 0;
  std::unordered_map<std::uint32_t, Entry> entries_;
  std::set<std::tuple<double, std::uint64_t, std::uint32_t>> order_;
};

// The cache's own: passes that begin within 1 % of the budget and end 2 % below it, as Evictor's
// do.
class Ours : public Policy {
 public:
  // `restart_at`: forgets then what a restart forgets.
  Ours(const std::vector<Object>& objects, double budget, std::int64_t restart_at_ms = 0)
      : Policy(objects, budget), restart_at_ms_(restart_at_ms) {}
  bool Access(std::uint32_t object, std::int64_t now_ms) override {
    if (restart_at_ms_ != 0 && now_ms >= restart_at_ms_) {
      level_ = {};
      restart_at_ms_ = 0;
    }
    EntryWorth& entry = entries_[object];
    const bool hit = entry.bytes != 0;
    if (!hit) {
      entry = {objects_[object].usd, objects_[object].bytes, 0, 0};
      bytes_ += entry.bytes;
    }
    ++entry.uses;
    entry.last_used_ms = now_ms;
    if (bytes_ > budget_ - budget_ / 100) Pass(now_ms);
    return hit;
  }
  std::string name() const override { return restart_at_ms_ != 0 ? "restarted" : "reprise"; }

 private:
  void Pass(std::int64_t now_ms) {
    VictimSelection selection(bytes_ - (budget_ - budget_ / 50), 0);
    for (const auto& [object, entry] : entries_) {
      selection.Offer({false, level_.At(entry.last_used_ms) + ValueOf(entry), object, entry.bytes});
    }
    for (const EvictionCandidate& victim : selection.Take()) {
      bytes_ -= victim.bytes;
      level_.RaiseTo(victim.priority, now_ms);
      entries_.erase(static_cast<std::uint32_t>(victim.entry));
    }
  }
  std::int64_t restart_at_ms_;
  AgeingLevel level_;
  std::unordered_map<std::uint32_t, EntryWorth> entries_;
};

// ---- traffic ----

class Zipf {
 public:
  Zipf(std::size_t n, double exponent) {
    double sum = 0;
    for (std::size_t rank = 1; rank <= n; ++rank) {
      sum += std::pow(static_cast<double>(rank), -exponent);
      cumulative_.push_back(sum);
    }
  }
  std::size_t operator()(std::mt19937_64& random) const {
    const double at = std::uniform_real_distribution<>(0, cumulative_.back())(random);
    const auto found = std::lower_bound(cumulative_.begin(), cumulative_.end(), at);
    return static_cast<std::size_t>(found - cumulative_.begin());
  }

 private:
  std::vector<double> cumulative_;
};

Object MakeObject(std::mt19937_64& random) {
  static constexpr double kUsd[] = {0.002, 0.005, 0.011, 0.02, 0.04, 0.042, 0.063, 0.167, 0.19};
  const double bytes = std::lognormal_distribution<>(std::log(500e3), 1.0)(random);
  return {static_cast<std::uint64_t>(std::clamp(bytes, 50e3, 3e6)), kUsd[random() % 9]};
}

struct Shape {
  std::string name;
  double exponent;
  double scan = 0;  // share of requests that never come again
  int shifts = 0;   // times that popularity moves on, by a tenth of the objects
};

Traffic MakeTraffic(const Shape& shape, std::size_t requests) {
  std::mt19937_64 random(7);
  constexpr std::size_t kObjects = 20'000;
  const Zipf zipf(kObjects, shape.exponent);
  Traffic traffic{shape.name, {}, {}, 0};
  for (std::size_t i = 0; i < kObjects; ++i) {
    traffic.objects.push_back(MakeObject(random));
    traffic.working_set += static_cast<double>(traffic.objects.back().bytes);
  }
  std::vector<std::uint32_t> popular(kObjects);
  for (std::size_t i = 0; i < kObjects; ++i) popular[i] = static_cast<std::uint32_t>(i);
  std::shuffle(popular.begin(), popular.end(), random);
  const std::size_t era = requests / static_cast<std::size_t>(shape.shifts + 1);
  for (std::size_t i = 0; i < requests; ++i) {
    if (shape.shifts > 0 && i > 0 && i % era == 0) {
      std::rotate(popular.begin(), popular.begin() + kObjects / 10, popular.end());
    }
    if (std::uniform_real_distribution<>(0, 1)(random) < shape.scan) {
      traffic.requests.push_back(static_cast<std::uint32_t>(traffic.objects.size()));
      traffic.objects.push_back(MakeObject(random));
    } else {
      traffic.requests.push_back(popular[zipf(random)]);
    }
  }
  return traffic;
}

struct Outcome {
  double hits = 0, byte_hits = 0, saved = 0;  // shares of all
};

Outcome Replay(const Traffic& traffic, Policy& policy) {
  double hits = 0, bytes = 0, usd = 0, all_bytes = 0, all_usd = 0;
  std::int64_t now_ms = 0;
  for (const std::uint32_t object : traffic.requests) {
    now_ms += kMsPerRequest;
    const auto size = static_cast<double>(traffic.objects[object].bytes);
    const double cost = traffic.objects[object].usd;
    all_bytes += size;
    all_usd += cost;
    if (!policy.Access(object, now_ms)) continue;
    ++hits;
    bytes += size;
    usd += cost;
  }
  return {hits / static_cast<double>(traffic.requests.size()), bytes / all_bytes, usd / all_usd};
}

const Shape kShapes[] = {{"Zipf 0.8", 0.8},
                         {"Zipf 1.0", 1.0},
                         {"Zipf 1.2", 1.2},
                         {"Zipf 1.0, 30 % scan", 1.0, 0.3},
                         {"Zipf 1.0, shifting", 1.0, 0, 9},
                         {"Zipf 0.8, shifting, scan", 0.8, 0.3, 19}};

std::vector<std::unique_ptr<Policy>> Policies(const Traffic& traffic, double budget) {
  const auto half = static_cast<std::int64_t>(traffic.requests.size() / 2) * kMsPerRequest;
  std::vector<std::unique_ptr<Policy>> policies;
  policies.push_back(std::make_unique<Ours>(traffic.objects, budget));
  policies.push_back(std::make_unique<Ours>(traffic.objects, budget, half));
  policies.push_back(std::make_unique<Scored>(traffic.objects, budget, true));
  policies.push_back(std::make_unique<Recency>(traffic.objects, budget, true));
  policies.push_back(std::make_unique<Scored>(traffic.objects, budget, false));
  policies.push_back(std::make_unique<Recency>(traffic.objects, budget, false));
  return policies;
}

void Compare(std::size_t requests) {
  fmt::print("{} requests for 20,000 prompts; hits / bytes / dollars saved, % of all\n", requests);
  fmt::print("{:<25}{:>5}", "traffic", "room");
  for (const char* name : {"reprise", "restarted", "exact GDSF", "LRU", "LFU", "FIFO"}) {
    fmt::print("{:>18}", name);
  }
  fmt::print("\n");
  for (const Shape& shape : kShapes) {
    const Traffic traffic = MakeTraffic(shape, requests);
    for (const double share : {0.01, 0.05, 0.2}) {
      fmt::print("{:<25}{:>3.0f} %", shape.name, share * 100);
      for (const auto& policy : Policies(traffic, share * traffic.working_set)) {
        const Outcome outcome = Replay(traffic, *policy);
        fmt::print("{:>6.1f}{:>6.1f}{:>6.1f}", outcome.hits * 100, outcome.byte_hits * 100,
                   outcome.saved * 100);
      }
      fmt::print("\n");
      std::fflush(stdout);
    }
  }
}

double CpuMillis() {
  return static_cast<double>(std::clock()) * 1000 / CLOCKS_PER_SEC;
}

// What the workers do in one pass that frees 1 % of what is stored.
void TimePass(std::size_t count) {
  EntryTable table;
  std::mt19937_64 random(7);
  std::uint64_t bytes = 0;
  for (std::size_t id = 1; id <= count; ++id) {
    const Object object = MakeObject(random);
    Entry entry;
    entry.id = id;
    entry.fingerprint = Sha256(std::to_string(id));
    entry.cost_usd = object.usd;
    entry.images = {{.id = entry.fingerprint.Hex().substr(32), .bytes = object.bytes}};
    auto usage = std::make_shared<EntryUsage>();
    usage->hits = random() % 50;
    usage->last_used_ms = static_cast<std::int64_t>(random() % 1'000'000'000);
    bytes += object.bytes;
    table.Put(std::make_shared<const CachedEntry>(std::move(entry), std::move(usage)));
  }
  const double start = CpuMillis();
  double longest = 0;
  AgeingLevel level;
  VictimSelection selection(bytes / 100, 0);
  for (std::size_t part = 0; part < EntryTable::kParts; ++part) {
    const double slice = CpuMillis();
    for (const EntryPtr& entry : table.Part(part)) {
      selection.Offer(CandidateOf(*entry, level, 2'000'000'000));
    }
    longest = std::max(longest, CpuMillis() - slice);
  }
  const auto victims = selection.Take();
  const double took = CpuMillis() - start;
  fmt::print(
      "a pass over {} entries: {:.0f} ms of CPU time, {:.1f} ms at most at a time, {:.1f} us "
      "for each of {} victims; memory between passes: none, in a pass {} KB\n",
      count, took, longest, took * 1000 / static_cast<double>(victims.size()), victims.size(),
      victims.size() * sizeof(EvictionCandidate) / 1024);
}

}  // namespace

int main(int argc, char** argv) {
  Compare(argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 200'000);
  TimePass(argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1'000'000);
}
