// Random requests against the whole cache and against a model of what it may answer, on a clock the
// test moves, with restarts, faults of the stores and lost files. A failure names seed and step.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <utility>

#include "cache/cache_testing.h"
#include "cache/identity.h"
#include "cache/seed_series.h"

namespace reprise {
namespace {

constexpr int kCacheSteps = 120;
constexpr std::int64_t kCacheTtlMs = 20'000;
constexpr std::size_t kCachePoolLimit = 10;

const std::vector<std::string> kCachePrompts = {
    "a red fox in the snow",
    "please draw a red fox in the snow",
    "a blue fox in the snow",
    "two dogs on a sofa",
    "2 dogs on a sofa",
    "three dogs on a sofa",
    "a city by day",
    "a city by night",
    "a castle without a tower",
    "a castle with a tower",
};
constexpr ImageSize kSizes[] = {{32, 32}, {48, 48}, {64, 64}, {32, 48}, {0, 0}};

struct MadeImage {
  std::string bytes;
  std::int64_t created_ms = 0;
  std::int64_t expires_ms = 0;
  std::optional<std::int64_t> seed = {};  // that the upstream was asked for
};

// What every image of one fingerprint has in common.
struct Identified {
  ImageRequest request;
  std::vector<MadeImage> pool;  // oldest first
};

class Model {
 public:
  Identified& Of(const ImageRequest& request) {
    auto [found, added] = known_.try_emplace(MakeIdentity(request, false).fingerprint.Hex());
    if (added) found->second.request = request;
    return found->second;
  }

  std::vector<MadeImage> Usable(const ImageRequest& request, std::int64_t now_ms) {
    std::vector<MadeImage> usable = Of(request).pool;
    std::erase_if(usable, [&](const MadeImage& made) {
      const auto max_age = request.control.max_age_ms;
      return made.expires_ms <= now_ms || (max_age && now_ms - made.created_ms > *max_age);
    });
    return usable;
  }

  void Store(const ImageRequest& request, std::vector<MadeImage> made, std::int64_t now_ms) {
    auto& pool = Of(request).pool;
    std::erase_if(pool, [&](const MadeImage& old) {
      return request.control.no_cache || request.seed || old.expires_ms <= now_ms;
    });
    pool.insert(pool.end(), made.begin(), made.end());
    while (pool.size() > kCachePoolLimit) pool.erase(pool.begin());
  }

  std::size_t Alive(std::int64_t now_ms) {
    std::size_t alive = 0;
    for (auto& [fingerprint, identified] : known_) {
      for (const MadeImage& made : identified.pool) alive += made.expires_ms > now_ms;
    }
    return alive;
  }

  // Whether these bytes are an image that may answer the request from the cache by meaning.
  bool MayServe(const ImageRequest& request, const std::string& bytes, std::int64_t now_ms) {
    return std::ranges::any_of(known_, [&](auto& item) {
      const ImageRequest& other = item.second.request;
      if (!Compatible(request, other)) return false;
      ImageRequest aged = other;
      aged.control.max_age_ms = request.control.max_age_ms;
      return std::ranges::any_of(Usable(aged, now_ms), [&](const MadeImage& made) {
        return made.bytes == bytes || Resized(made.bytes, request.size) == bytes;
      });
    });
  }

  std::map<std::string, Identified>& known() { return known_; }

 private:
  bool Compatible(const ImageRequest& a, const ImageRequest& b) const {
    if (a.control.name_space != b.control.name_space || a.seed != b.seed) return false;
    if (ResolutionBucket(a.size) != ResolutionBucket(b.size)) return false;
    if (a.size != b.size && !CanAnswer(b.size, a.size)) return false;
    const Verdict verdict =
        verifier_->Verify(Analyze(a.prompt), Analyze(b.prompt), MatchMode::kSafe);
    return !verdict.vetoed && verdict.similarity >= CacheSettings{}.similarity_threshold;
  }

  static std::string Resized(const std::string& bytes, ImageSize size) {
    if (size.automatic()) return bytes;
    return *RenderImage(bytes, {.width = size.width, .height = size.height});
  }

  std::unique_ptr<Verifier> verifier_ = MakeLexicalVerifier();
  std::map<std::string, Identified> known_;
};

CacheSettings Settings() {
  CacheSettings settings;
  settings.ttl_ms = kCacheTtlMs;
  settings.hot_bytes = 0;  // every read reaches the blob store
  return settings;
}

class ImageCacheModelTest : public testing::TestWithParam<unsigned> {
 protected:
  ImageCacheModelTest() : random_(GetParam()) {
    cache_.upstream->SetAnswer([this](const GenerateRequest& request) {
      auto generated = UpstreamScript::Draw(request);
      std::lock_guard lock(mutex_);
      for (const auto& image : generated->images) {
        made_.push_back({.bytes = *image.bytes, .seed = request.seed});
      }
      return generated;
    });
  }

  bool OneIn(unsigned n) { return random_() % n == 0; }
  template <class Items>
  const auto& AnyOf(const Items& items) {
    return items[random_() % std::size(items)];
  }

  ImageRequest RandomRequest() {
    ImageRequest request = Ask(AnyOf(kCachePrompts));
    request.size = OneIn(2) ? kSizes[0] : AnyOf(kSizes);
    request.count = OneIn(4) ? 1 + static_cast<int>(random_() % 3) : 1;
    if (OneIn(5)) request.seed = 6 + random_() % 3;
    CacheControl& control = request.control;
    if (OneIn(4)) control.name_space = "b";
    if (!request.seed && OneIn(10)) request.fresh_seed = true;
    if (OneIn(10)) control.no_cache = true;
    if (OneIn(10)) control.no_store = true;
    if (OneIn(10)) control.only_if_cached = true;
    if (OneIn(6)) control.exact_only = true;
    if (OneIn(6)) control.max_age_ms = 1000 * (random_() % 6);
    if (OneIn(6)) control.ttl_ms = 1000 * (1 + random_() % 30);
    if (OneIn(6)) control.variants = 1 + static_cast<int>(random_() % 3);
    return request;
  }

  std::vector<MadeImage> TakeMade(const ImageRequest& request) {
    const std::int64_t now = cache_.clock.NowMs();
    const std::int64_t ttl = std::min(kCacheTtlMs, request.control.ttl_ms.value_or(kCacheTtlMs));
    std::lock_guard lock(mutex_);
    for (MadeImage& made : made_) {
      made.created_ms = now;
      made.expires_ms = now + ttl;
    }
    return std::exchange(made_, {});
  }

  // How many images an answer must have made, if it did not find them by meaning.
  static int Missing(const ImageRequest& request, std::size_t pool) {
    const CacheControl& control = request.control;
    if (control.no_cache || request.fresh_seed) return request.count;
    const bool fills = !control.no_store && !control.only_if_cached && !request.seed;
    const int short_of_variants =
        fills && static_cast<int>(pool) < control.variants.value_or(1) ? 1 : 0;
    const int missing = std::max(request.count - static_cast<int>(pool), short_of_variants);
    return missing > 0 && control.no_store ? request.count : missing;
  }

  // A copy that comes when the first has been answered makes the next variant.
  static int MostMade(const ImageRequest& request, std::size_t copies, std::size_t pool) {
    const int missing = Missing(request, pool);
    const int variants = request.control.variants.value_or(1) - static_cast<int>(pool);
    return copies > 1 && !request.seed ? std::max(missing, variants) : missing;
  }

  void Request(const ImageRequest& request, std::size_t copies, bool storing_fails) {
    if (IsSeedSeries(request)) return RequestSeries(request, copies, storing_fails);
    const auto pool = model_.Usable(request, cache_.clock.NowMs());
    const auto answers = cache_.HandleAll(std::vector(copies, request));
    cache_.WaitUntilIdle();
    const auto made = TakeMade(request);
    const int missing = Missing(request, pool.size());
    if (request.control.only_if_cached) {
      ASSERT_THAT(made, testing::IsEmpty());
    } else if (!made.empty() && !storing_fails) {
      ASSERT_GE(static_cast<int>(made.size()), missing);
      ASSERT_LE(static_cast<int>(made.size()), MostMade(request, copies, pool.size()));
    }
    if (missing == 0) ASSERT_THAT(made, testing::IsEmpty()) << "a repeat within its TTL must hit";
    for (const Answer& answer : answers) CheckAnswer(request, answer, pool, made, missing);
    if (made.empty() || storing_fails || request.control.no_store) return;
    model_.Store(request, made, cache_.clock.NowMs());
  }

  // Each image is that of a request of its own.
  void RequestSeries(const ImageRequest& request, std::size_t copies, bool storing_fails) {
    const auto parts = SplitSeries(request);
    std::vector<std::vector<MadeImage>> pools;
    for (const auto& part : parts) pools.push_back(model_.Usable(*part, cache_.clock.NowMs()));
    const auto answers = cache_.HandleAll(std::vector(copies, request));
    cache_.WaitUntilIdle();
    const auto all_made = TakeMade(request);
    for (const Answer& answer : answers) {
      ASSERT_TRUE(answer.reply || request.control.only_if_cached);
      if (answer.reply) ASSERT_EQ(answer.reply->images.size(), parts.size());
    }
    for (std::size_t i = 0; i < parts.size(); ++i) {
      std::vector<MadeImage> made;
      std::ranges::copy_if(all_made, std::back_inserter(made),
                           [&](const MadeImage& one) { return one.seed == parts[i]->seed; });
      const int missing = Missing(*parts[i], pools[i].size());
      if (request.control.only_if_cached || missing == 0) ASSERT_THAT(made, testing::IsEmpty());
      if (!made.empty() && !storing_fails) ASSERT_EQ(static_cast<int>(made.size()), missing);
      for (const Answer& answer : answers) {
        if (answer.reply) CheckPart(*parts[i], *answer.reply->images[i].bytes, pools[i], made);
      }
      if (made.empty() || storing_fails || request.control.no_store) continue;
      model_.Store(*parts[i], made, cache_.clock.NowMs());
    }
  }

  void CheckPart(const ImageRequest& part, const std::string& bytes,
                 const std::vector<MadeImage>& pool, const std::vector<MadeImage>& made) {
    const auto holds = [&](const std::vector<MadeImage>& images) {
      return std::ranges::any_of(images, [&](const MadeImage& one) { return one.bytes == bytes; });
    };
    if (holds(pool) || holds(made)) return;
    ASSERT_FALSE(part.control.exact_only || part.control.no_cache);
    ASSERT_TRUE(model_.MayServe(part, bytes, cache_.clock.NowMs())) << "not of seed " << *part.seed;
  }

  void CheckAnswer(const ImageRequest& request, const Answer& answer,
                   const std::vector<MadeImage>& pool, const std::vector<MadeImage>& made,
                   int missing) {
    if (!answer.reply) {
      ASSERT_TRUE(request.control.only_if_cached && missing > 0) << answer.reply.error().message;
      return;
    }
    ASSERT_EQ(answer.reply->images.size(), static_cast<std::size_t>(request.count));
    if (missing == 0) ASSERT_EQ(answer.decision.type, HitType::kExact) << answer.decision.reason;
    std::set<std::string> distinct;
    for (const ServedImage& image : answer.reply->images) {
      distinct.insert(*image.bytes);
      CheckImageOf(request, answer.decision, *image.bytes, pool, made);
    }
    ASSERT_EQ(distinct.size(), answer.reply->images.size());
  }

  void CheckImageOf(const ImageRequest& request, const Decision& decision, const std::string& bytes,
                    const std::vector<MadeImage>& pool, const std::vector<MadeImage>& made) {
    const auto info = CheckImage(bytes);
    ASSERT_TRUE(info);
    if (!request.size.automatic()) {
      ASSERT_EQ((ImageSize{info->width, info->height}), request.size);
    }
    const auto holds = [&](const std::vector<MadeImage>& images) {
      return std::ranges::any_of(images, [&](const MadeImage& one) { return one.bytes == bytes; });
    };
    if (decision.outcome == Outcome::kBypass || decision.outcome == Outcome::kRefresh) {
      ASSERT_TRUE(holds(made));
    } else if (decision.type == HitType::kSemantic) {
      ASSERT_FALSE(request.control.exact_only);
      ASSERT_TRUE(model_.MayServe(request, bytes, cache_.clock.NowMs())) << decision.reason;
    } else if (decision.type == HitType::kExact) {
      ASSERT_TRUE(holds(pool) || holds(made)) << "an exact hit on an image it must not serve";
    } else {
      ASSERT_TRUE(holds(made) || holds(pool)) << "an image from nowhere";
    }
  }

  // Loses the file of one image, then has the cache notice.
  void LoseABlob() {
    std::vector<Identified*> candidates;
    for (auto& [fingerprint, identified] : model_.known()) {
      if (!identified.pool.empty()) candidates.push_back(&identified);
    }
    if (candidates.empty()) return;
    Identified& victim = *AnyOf(candidates);
    const std::size_t at = random_() % victim.pool.size();
    if (victim.pool[at].expires_ms <= cache_.clock.NowMs()) return;
    const std::string hex = Sha256(victim.pool[at].bytes).Hex();
    std::filesystem::remove(cache_.blob_path() / hex.substr(0, 2) / hex.substr(2));
    ImageRequest all = victim.request;
    all.fresh_seed = false;
    all.control = {.only_if_cached = true, .exact_only = true};
    all.control.name_space = victim.request.control.name_space;
    all.count = static_cast<int>(model_.Usable(all, cache_.clock.NowMs()).size());
    ASSERT_FALSE(cache_.Handle(all).reply);
    victim.pool.erase(victim.pool.begin() + static_cast<std::ptrdiff_t>(at));
  }

  void CheckNothingLeaks() {
    ASSERT_TRUE(cache_.Maintain());
    const std::size_t alive = model_.Alive(cache_.clock.NowMs());
    ASSERT_EQ(cache_.BlobFiles().size(), alive);
    std::size_t rows = 0;
    for (const Entry& entry : cache_.Rows()) rows += entry.images.size();
    ASSERT_EQ(rows, alive);
  }

  void RequestWithFault() {
    auto& fault = OneIn(2) ? cache_.blob_faults->put : cache_.entry_faults->put;
    fault = true;
    Request(RandomRequest(), 1, true);
    fault = false;
  }

  void Step() {
    switch (random_() % 20) {
      case 0:
        return cache_.Reopen();
      case 1:
        return CheckNothingLeaks();
      case 2:
        return LoseABlob();
      case 3:
        return RequestWithFault();
      case 4:
      case 5:
        return cache_.clock.Advance(std::chrono::milliseconds(random_() % 4000));
      case 6: {
        ImageRequest request = RandomRequest();
        request.control.no_store = request.control.no_cache = request.fresh_seed = false;
        return Request(request, 5, false);
      }
      default:
        return Request(RandomRequest(), 1, false);
    }
  }

  std::mt19937 random_;
  std::mutex mutex_;
  std::vector<MadeImage> made_;
  Model model_;
  TestCache cache_{Settings()};
};

TEST_P(ImageCacheModelTest, AnswersWhatTheModelAllows) {
  for (int step = 0; step < kCacheSteps; ++step) {
    SCOPED_TRACE("seed " + std::to_string(GetParam()) + ", step " + std::to_string(step));
    Step();
    if (HasFatalFailure()) return;
  }
  CheckNothingLeaks();
}

// REPRISE_MODEL_SEEDS=1000 for a long run.
unsigned CacheSeeds() {
  const char* wanted = std::getenv("REPRISE_MODEL_SEEDS");
  return wanted ? static_cast<unsigned>(std::max(1, std::atoi(wanted))) : 6;
}

INSTANTIATE_TEST_SUITE_P(Seeds, ImageCacheModelTest, testing::Range(1u, CacheSeeds() + 1));

}  // namespace
}  // namespace reprise
