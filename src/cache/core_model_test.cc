// The whole core against a simple model of what it stores, compared after every step: requests by
// exact and other words, alone and together, of several tenants; purges; expiry; limits; restarts;
// power cuts; and faults of the disk, the embedder and the upstream. A failure names seed and step;
// REPRISE_MODEL_SEEDS=1000 runs that many seeds.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <set>

#include "base/log.h"
#include "cache/cache_testing.h"
#include "cache/evictor.h"
#include "cache/identity.h"

namespace reprise {
namespace {

using Operation = FaultyDisk::Operation;
using Fault = FaultyDisk::Fault;

constexpr int kSteps = 400;
constexpr std::int64_t kTtlMs = 20'000;
constexpr std::size_t kMaxEntries = 8;
constexpr std::uint64_t kMaxBytes = 40'000;
constexpr std::size_t kPoolLimit = 10;  // of one fingerprint; the oldest go

const std::vector<std::string> kPrompts = {
    "a red fox in the snow",
    "please draw a red fox in the snow",
    "a blue fox in the snow",
    "two dogs on a sofa",
    "2 dogs on a sofa",
    "three dogs on a sofa",
    "a city by day",
    "a city by night",
    "a castle without a tower",
};
const std::vector<std::string> kTags = {"a", "b"};

// Digest of an image: when it expires.
using Pool = std::map<std::string, std::int64_t>;

struct Held {
  std::uint64_t id = 0;
  std::string scope;
  std::vector<std::string> tags;
  Pool pool;
};
using Stored = std::map<std::string, Held>;  // by fingerprint

struct Made {
  SharedBytes bytes;
  ImageRequest request;
};

// What may differ from the model after a step.
struct Slack {
  bool more = false;                // images that were made and not acknowledged
  bool fewer = false;               // what was stored since the last sync, or evicted
  std::set<std::string> uncertain;  // fingerprints whose replacement may have come about
};

class CoreModelTest : public testing::TestWithParam<unsigned> {
 protected:
  CoreModelTest() : random_(GetParam()), cache_(Settings(), Disk(), Sync()) {
    cache_.upstream->SetAnswer([this](const GenerateRequest& request) {
      if (upstream_fails_ && ++failures_ % 2 == 0) {
        return Result<Generated>(Fail(Code::kUnavailable, "it is away"));
      }
      auto drawn = UpstreamScript::Draw(request);
      for (GeneratedImage& image : drawn->images) {
        if (upstream_fails_) image.bytes = ShareBytes(image.bytes->substr(0, 60));
      }
      return drawn;
    });
  }

  static bool LimitedEntries() { return GetParam() % 3 == 0; }
  static bool LimitedBytes() { return GetParam() % 3 == 1; }
  static bool Limited() { return LimitedEntries() || LimitedBytes(); }
  static SyncMode Sync() { return GetParam() % 2 == 0 ? SyncMode::kBefore : SyncMode::kBehind; }
  static std::shared_ptr<FaultyDisk> Disk() { return std::make_shared<FaultyDisk>(GetParam()); }
  static CacheSettings Settings() {
    CacheSettings settings;
    settings.ttl_ms = kTtlMs;
    settings.hot_bytes = 0;  // every read reaches the disk
    if (LimitedEntries()) settings.limits.max_entries = kMaxEntries;
    if (LimitedBytes()) settings.limits.max_bytes = kMaxBytes;
    return settings;
  }

  bool OneIn(unsigned n) { return random_() % n == 0; }
  template <class Items>
  const auto& AnyOf(const Items& items) {
    return *std::next(items.begin(), static_cast<std::ptrdiff_t>(random_() % items.size()));
  }
  FaultyDisk& disk() { return *cache_.disk(); }
  std::int64_t now() const { return cache_.clock.NowMs(); }
  static std::string KeyOf(const ImageRequest& request) {
    return MakeIdentity(request, false).fingerprint.Hex();
  }

  ImageRequest RandomRequest() {
    ImageRequest request = Ask(AnyOf(kPrompts));
    if (OneIn(3)) request.tenant = "acme";
    if (OneIn(3)) request.size = {48, 48};
    if (OneIn(5)) request.count = 2;
    if (OneIn(3)) request.tags = {AnyOf(kTags)};
    CacheControl& control = request.control;
    if (OneIn(5)) control.name_space = "n";
    if (OneIn(10)) request.fresh_seed = true;
    if (OneIn(8)) control.no_cache = true;
    if (OneIn(10)) control.no_store = true;
    if (OneIn(12)) control.only_if_cached = true;
    if (OneIn(4)) control.exact_only = true;
    if (OneIn(5)) control.ttl_ms = 1000 * (1 + random_() % 30);
    if (OneIn(6)) control.variants = 2;
    return request;
  }

  // ---- the model ----

  std::int64_t ExpiryOf(const ImageRequest& request) const {
    return now() + std::min(kTtlMs, request.control.ttl_ms.value_or(kTtlMs));
  }

  std::vector<std::string> Usable(const std::string& key) const {
    std::vector<std::string> usable;
    const auto found = model_.find(key);
    if (found == model_.end()) return usable;
    for (const auto& [digest, expires] : found->second.pool) {
      if (expires > now()) usable.push_back(digest);
    }
    return usable;
  }

  Stored Truth() const {
    Stored truth;
    for (const Entry& entry : cache_.Rows()) {
      Held& held = truth[entry.fingerprint.Hex()];
      held = {.id = entry.id, .scope = entry.scope, .tags = entry.tags, .pool = {}};
      for (const StoredImage& image : entry.images) held.pool[image.blob.Hex()] = image.expires_ms;
    }
    return truth;
  }

  // Compares what is stored with the model, which is what is stored from then on.
  void Compare(const Slack& slack) {
    Stored truth = Truth();
    for (const auto& [key, held] : truth) {
      for (const auto& [digest, expires] : held.pool) {
        ASSERT_TRUE(made_.contains(digest)) << "an image that nobody made";
        ASSERT_EQ(made_.at(digest).request.tenant, TenantOf(held.scope));
        const bool known = model_.contains(key) && model_[key].pool.contains(digest);
        ASSERT_TRUE(known || slack.more) << "stored, though nobody was told so";
      }
    }
    std::size_t missing = 0;
    for (const auto& [key, held] : model_) {
      const auto found = truth.find(key);
      const bool full = found != truth.end() && found->second.pool.size() >= kPoolLimit;
      if (full || slack.uncertain.contains(key)) continue;
      for (const auto& [digest, expires] : held.pool) {
        const bool there = found != truth.end() && found->second.pool.contains(digest);
        if (!there && expires > now()) ++missing;
        if (there && expires > now()) ASSERT_EQ(found->second.pool.at(digest), expires);
      }
    }
    if (!slack.fewer) ASSERT_EQ(missing, 0u) << "acknowledged images are lost";
    model_ = std::move(truth);
    if (LimitedEntries()) ASSERT_LE(model_.size(), kMaxEntries);
    if (LimitedBytes()) {
      const std::uint64_t bytes = StoredBytes();
      ASSERT_LE(bytes, kMaxBytes);
      most_bytes_ = std::max(most_bytes_, bytes);
    }
  }

  // Otherwise the steps say nothing about it.
  void CheckLimitWasMet() const {
    if (LimitedBytes()) EXPECT_GT(most_bytes_, kMaxBytes / 2);
  }

  // Of all entries and images, those with equal bytes once.
  std::uint64_t StoredBytes() const {
    std::map<Digest, std::uint64_t> images;
    for (const Entry& entry : cache_.Rows()) {
      for (const StoredImage& image : entry.images) images[image.blob] = image.bytes;
    }
    std::uint64_t bytes = model_.size() * kEntryBytes;
    for (const auto& [digest, size] : images) bytes += size;
    return bytes;
  }

  // ---- requests ----

  std::vector<Answer> Send(const std::vector<ImageRequest>& requests) {
    auto answers = cache_.HandleAll(requests);
    cache_.WaitUntilIdle();
    Learn(requests);
    for (std::size_t i = 0; i < requests.size(); ++i) CheckImages(requests[i], answers[i]);
    return answers;
  }

  // Which images were made for which of the requests: those of the same prompt, tenant and size.
  void Learn(const std::vector<ImageRequest>& requests) {
    for (const auto& [bytes, call] : cache_.upstream->TakeMade()) {
      for (const ImageRequest& request : requests) {
        const bool same = request.prompt == call.prompt && request.tenant == call.tenant &&
                          request.size == ImageSize{call.width, call.height};
        if (same) made_[Sha256(*bytes).Hex()] = {bytes, request};
      }
    }
  }

  // Whatever happens: the right images, in the size that was asked for.
  void CheckImages(const ImageRequest& request, const Answer& answer) {
    if (!answer.reply) {
      const bool may_fail = request.control.only_if_cached || upstream_fails_;
      ASSERT_TRUE(may_fail) << answer.reply.error().message;
      return;
    }
    ASSERT_EQ(answer.reply->images.size(), static_cast<std::size_t>(request.count));
    for (const ServedImage& image : answer.reply->images) {
      const auto info = CheckImage(*image.bytes);
      ASSERT_TRUE(info);
      ASSERT_EQ((ImageSize{info->width, info->height}), request.size);
      ASSERT_TRUE(MayServe(request, *image.bytes)) << "a wrong image: " << answer.decision.reason;
    }
  }

  bool MayServe(const ImageRequest& request, const std::string& bytes) {
    const auto own = made_.find(Sha256(bytes).Hex());
    if (own != made_.end()) return Compatible(request, own->second.request);
    return std::ranges::any_of(made_, [&](const auto& made) {
      if (made.second.request.size == request.size) return false;
      if (!Compatible(request, made.second.request)) return false;
      const auto resized = RenderImage(
          *made.second.bytes, {.width = request.size.width, .height = request.size.height});
      return resized && *resized == bytes;
    });
  }

  bool Compatible(const ImageRequest& a, const ImageRequest& b) {
    if (a.tenant != b.tenant || a.control.name_space != b.control.name_space) return false;
    if (a.prompt == b.prompt) return true;
    const Verdict verdict =
        verifier_->Verify(Analyze(a.prompt), Analyze(b.prompt), MatchMode::kSafe);
    return !verdict.vetoed && verdict.similarity >= CacheSettings{}.similarity_threshold;
  }

  // What the answer says was stored, is, from here on.
  void Acknowledge(const ImageRequest& request, const Answer& answer) {
    if (!answer.reply || !answer.decision.stored) return;
    Held& held = model_[KeyOf(request)];
    if (request.control.no_cache) held.pool.clear();
    for (const ServedImage& image : answer.reply->images) {
      const std::string digest = Sha256(*image.bytes).Hex();
      if (made_.contains(digest)) held.pool.try_emplace(digest, ExpiryOf(request));
    }
  }

  // Nothing stands in the way: what is stored answers, and everything that is made is stored.
  void Request() {
    const ImageRequest request = RandomRequest();
    const auto usable = Usable(KeyOf(request));
    const int before = cache_.upstream->images_made();
    const auto answers = Send({request});
    if (HasFatalFailure()) return;
    const CacheControl& control = request.control;
    const bool answered = !control.no_cache && !request.fresh_seed &&
                          usable.size() >= static_cast<std::size_t>(std::max(
                                               request.count, control.variants.value_or(1)));
    if (answered) {
      ASSERT_EQ(cache_.upstream->images_made(), before) << "a repeat within its TTL must hit";
      ASSERT_EQ(answers[0].decision.type, HitType::kExact);
    }
    Acknowledge(request, answers[0]);
    // A pool that is filled up is answered from old and new images.
    Compare({.more = true, .fewer = Limited()});
  }

  void Together() {
    std::vector<ImageRequest> requests;
    for (std::size_t i = 2 + random_() % 4; i > 0; --i) requests.push_back(RandomRequest());
    if (OneIn(2)) requests.assign(requests.size(), requests.front());
    for (ImageRequest& request : requests) {
      request.control.no_cache = false;
      request.control.name_space = requests.front().control.name_space;  // which no call names
    }
    const auto answers = Send(requests);
    if (HasFatalFailure()) return;
    for (std::size_t i = 0; i < requests.size(); ++i) Acknowledge(requests[i], answers[i]);
    Compare({.more = true, .fewer = Limited()});
  }

  // While something is broken, every request is answered, and what is stored stays. Gives the
  // fingerprints whose replacement failed, perhaps after it came about.
  std::set<std::string> RequestsInTrouble() {
    std::set<std::string> uncertain;
    for (int i = 0; i < 3 && !HasFatalFailure(); ++i) {
      const ImageRequest request = RandomRequest();
      const auto answers = Send({request});
      Acknowledge(request, answers[0]);
      if (request.control.no_cache && !answers[0].decision.stored) {
        uncertain.insert(KeyOf(request));
      }
    }
    return uncertain;
  }

  void DiskTrouble() {
    static constexpr std::array kKinds = {
        std::pair{Operation::kWrite, Fault::kFull}, std::pair{Operation::kWrite, Fault::kIo},
        std::pair{Operation::kSync, Fault::kIo},    std::pair{Operation::kName, Fault::kIo},
        std::pair{Operation::kRead, Fault::kIo},
    };
    const auto [operation, fault] = AnyOf(kKinds);
    const int times = OneIn(2) ? 1 : 1000;
    disk().Fail(operation, fault, static_cast<int>(random_() % 12), times);
    const auto uncertain = RequestsInTrouble();
    if (OneIn(3)) (void)cache_.Maintain();
    cache_.WaitUntilIdle();
    disk().Heal();
    if (!HasFatalFailure()) {
      Compare({.more = true, .fewer = Limited(), .uncertain = uncertain});
    }
  }

  void UpstreamTrouble() {
    upstream_fails_ = true;
    RequestsInTrouble();
    upstream_fails_ = false;
    if (!HasFatalFailure()) Compare({.more = false, .fewer = Limited()});
  }

  void EmbedderTrouble() {
    cache_.embedder_faults->embed = true;
    RequestsInTrouble();
    cache_.embedder_faults->embed = false;
    if (!HasFatalFailure()) Compare({.more = true, .fewer = Limited()});
  }

  // ---- removals ----

  void PurgeEntry() {
    if (model_.empty()) return;
    const auto [key, held] = AnyOf(model_);
    const bool exists =
        std::ranges::any_of(held.pool, [&](const auto& image) { return image.second > now(); });
    const auto other = cache_.Run(cache_.cache().purge().Remove("nobody", held.id));
    ASSERT_FALSE(other) << "another tenant's entry";
    const auto removed = cache_.Run(cache_.cache().purge().Remove(TenantOf(held.scope), held.id));
    if (exists) ASSERT_TRUE(removed) << removed.error().message;
    model_.erase(key);
    Compare({});
  }

  void PurgeTag() {
    const std::string tag = AnyOf(kTags);
    const auto purged = cache_.Run(cache_.cache().purge().Run({.tenant = "acme", .tag = tag}));
    ASSERT_TRUE(purged) << purged.error().message;
    std::erase_if(model_, [&](const auto& item) {
      return TenantOf(item.second.scope) == "acme" &&
             std::ranges::find(item.second.tags, tag) != item.second.tags.end();
    });
    Compare({});
  }

  // ---- time, restarts, damage ----

  void Maintain() {
    ASSERT_TRUE(cache_.Maintain());
    cache_.WaitUntilIdle();
    ASSERT_TRUE(cache_.Maintain());  // looks for files that the first one could not remove
    cache_.WaitUntilIdle();
    Compare({.more = false, .fewer = Limited()});
    if (HasFatalFailure()) return;
    std::set<std::string> referred;
    for (const auto& [key, held] : model_) {
      for (const auto& [digest, expires] : held.pool) {
        ASSERT_GT(expires, now()) << "an expired image stays stored";
        referred.insert(digest);
      }
    }
    ASSERT_EQ(cache_.BlobFiles().size(), referred.size()) << "a file without an entry";
  }

  void Reopen() {
    cache_.Reopen();
    cache_.WaitUntilIdle();
    Compare({.more = false, .fewer = Limited()});
  }

  // In the middle of requests. With syncs behind, the disk may have lost what was stored lately,
  // its bytes before its row.
  void PowerCut() {
    disk().CutPowerAfter(static_cast<int>(random_() % 60));
    const auto uncertain = RequestsInTrouble();
    if (HasFatalFailure()) return;
    cache_.Crash();
    cache_.WaitUntilIdle();
    const bool behind = Sync() == SyncMode::kBehind;
    Compare({.more = true, .fewer = Limited() || behind, .uncertain = uncertain});
    if (behind && !HasFatalFailure()) DropWhatCannotBeRead();
  }

  // As the next request for it would.
  void DropWhatCannotBeRead() {
    for (const Entry& entry : cache_.Rows()) {
      for (const StoredImage& image : entry.images) {
        if (image.expires_ms <= now()) continue;
        const auto served = cache_.Image(image.id + ".png");
        if (served) {
          ASSERT_EQ(Sha256(*served->bytes), image.blob) << "other bytes";
          continue;
        }
        model_[entry.fingerprint.Hex()].pool.erase(image.blob.Hex());
      }
    }
    Compare({});
  }

  // Loses or damages the file of one image; whoever asks for it next gets no other bytes.
  void Damage() {
    const auto files = cache_.BlobFiles();
    if (files.empty()) return;
    const auto file = AnyOf(files);
    if (OneIn(2)) {
      std::filesystem::remove(file);
    } else {
      std::ofstream(file, std::ios::binary | std::ios::in).put('x');
    }
    DropWhatCannotBeRead();
  }

  // Where nothing can be removed, a full cache makes every miss wait for room, 10 s of real time.
  void DiskFails(void (CoreModelTest::*trouble)()) { Limited() ? Request() : (this->*trouble)(); }

  void Step() {
    switch (random_() % 40) {
      case 0:
        return PurgeEntry();
      case 1:
        return PurgeTag();
      case 2:
      case 3:
        return Maintain();
      case 4:
        return Reopen();
      case 5:
        return DiskFails(&CoreModelTest::PowerCut);
      case 6:
      case 7:
        return DiskFails(&CoreModelTest::DiskTrouble);
      case 8:
        return UpstreamTrouble();
      case 9:
        return EmbedderTrouble();
      case 10:
        return Damage();
      case 11:
      case 12:
      case 13:
      case 14:
        return cache_.clock.Advance(std::chrono::milliseconds(random_() % 4000));
      case 15:
      case 16:
      case 17:
      case 18:
        return Together();
      default:
        return Request();
    }
  }

  std::mt19937 random_;
  std::unique_ptr<Verifier> verifier_ = MakeLexicalVerifier();
  std::atomic<bool> upstream_fails_ = false;
  std::atomic<int> failures_ = 0;
  std::map<std::string, Made> made_;  // by digest
  Stored model_;
  std::uint64_t most_bytes_ = 0;
  TestCache cache_;
};

TEST_P(CoreModelTest, StoresAndServesWhatTheModelAllows) {
  for (int step = 0; step < kSteps; ++step) {
    SCOPED_TRACE("seed " + std::to_string(GetParam()) + ", step " + std::to_string(step));
    Step();
    if (HasFatalFailure()) return;
  }
  Maintain();
  CheckLimitWasMet();
}

unsigned Seeds() {
  const char* wanted = std::getenv("REPRISE_MODEL_SEEDS");
  return wanted ? static_cast<unsigned>(std::max(1, std::atoi(wanted))) : 6;
}

INSTANTIATE_TEST_SUITE_P(Seeds, CoreModelTest, testing::Range(1u, Seeds() + 1));

}  // namespace
}  // namespace reprise
