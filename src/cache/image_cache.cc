#include "cache/image_cache.h"

#include <algorithm>
#include <atomic>
#include <nlohmann/json.hpp>

#include "base/log.h"
#include "cache/flights.h"
#include "cache/generation.h"
#include "cache/identity.h"
#include "cache/library.h"
#include "cache/semantic_tier.h"
#include "cache/serving.h"
#include "cache/stats.h"

namespace reprise {
namespace {

// A request looks again when what it waited for was not enough; each round makes progress, so more
// than a few mean that images vanish as fast as they are made.
constexpr int kMaxRounds = 6;

// Below this cosine a neighbour has nothing to do with the prompt, and why it was refused explains
// nothing.
constexpr float kNearCosine = 0.4f;

struct JobState {
  std::shared_ptr<Job> job;
  Decision decision;
  MatchMode mode = MatchMode::kSafe;
  int variants = 1;
  bool own_entry_short = false;  // an entry of this very fingerprint exists but has too few images
};

std::int64_t MicrosSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() -
                                                               start)
      .count();
}

Error NothingCached() {
  return {.code = Code::kDeadlineExceeded,
          .message = "nothing stored answers this request, and only-if-cached forbids generating"};
}

// The fresh images first, then the pool's others: what a request that waited gets.
std::vector<Pick> PickFresh(const Fresh& fresh, std::size_t count) {
  std::vector<Pick> picks;
  for (const FreshImage& made : fresh.images) {
    if (picks.size() < count) picks.push_back({made.image, made.bytes});
  }
  if (!fresh.entry) return picks;
  for (const StoredImage& image : fresh.entry->record().images) {
    const bool have = std::any_of(picks.begin(), picks.end(),
                                  [&](const Pick& pick) { return pick.image.id == image.id; });
    if (!have && picks.size() < count) picks.push_back({image, nullptr});
  }
  return picks;
}

// Repeats rotate through the pool.
std::vector<Pick> PickRotating(const CachedEntry& entry, int count) {
  const auto& pool = entry.record().images;
  const std::uint32_t start = entry.usage().rotation.fetch_add(static_cast<std::uint32_t>(count),
                                                               std::memory_order_relaxed);
  std::vector<Pick> picks;
  for (int i = 0; i < count; ++i) {
    picks.push_back({pool[(start + static_cast<std::uint32_t>(i)) % pool.size()], nullptr});
  }
  return picks;
}

}  // namespace

class ImageCache::Impl {
 public:
  Impl(ImageCacheParts parts, CacheSettings settings, asio::io_context& context,
       WorkerPool& workers, const Clock& clock)
      : parts_(std::move(parts)),
        settings_(settings),
        context_(context),
        clock_(clock),
        semantic_(*parts_.verifier, table_, parts_.embedder->dimensions()),
        library_({.entries = *parts_.entries,
                  .blobs = *parts_.blobs,
                  .embedder = *parts_.embedder,
                  .semantic = semantic_,
                  .table = table_,
                  .workers = workers,
                  .clock = clock,
                  .hot_bytes = settings.hot_bytes}),
        generation_({.upstream = *parts_.upstream,
                     .library = library_,
                     .stats = stats_,
                     .prices = parts_.prices,
                     .settings = settings_,
                     .workers = workers,
                     .clock = clock,
                     .embedder = std::string(parts_.embedder->identity())}),
        serving_({.library = library_, .table = table_, .stats = stats_, .workers = workers}) {}

  Task<Result<void>> Load() { return library_.Load(); }

  Task<Answer> Handle(std::shared_ptr<const ImageRequest> request) {
    const auto start = std::chrono::steady_clock::now();
    JobState state = Prepare(std::move(request));
    auto reply = co_await Resolve(state);
    if (reply) {
      stats_.CountReply(state.decision, MicrosSince(start));
    } else {
      stats_.CountError();
    }
    co_return Answer{std::move(reply), std::move(state.decision)};
  }

  Task<Result<ServedImage>> Image(std::string name) {
    const auto named = ParseRenditionName(name);
    const auto found = named ? table_.FindImage(named->image_id) : std::nullopt;
    if (!found || found->entry->ExpiredAt(clock_.NowMs())) {
      co_return Fail(Code::kNotFound, "no such image: " + name);
    }
    const ImageSize stored{found->image->width, found->image->height};
    if (!CanResize(stored, named->rendition.size)) {
      co_return Fail(Code::kInvalidArgument, "image " + named->image_id + " is " +
                                                 ToString(stored) + "; " +
                                                 ToString(named->rendition.size) +
                                                 " would enlarge it more than 1.5 times per side");
    }
    co_return co_await serving_.Serve(Pick{*found->image, nullptr}, named->rendition, true);
  }

  Task<Result<void>> Maintain() {
    auto flushed = co_await library_.FlushUse();
    const auto swept = co_await library_.Sweep();
    if (!swept) co_return std::unexpected(swept.error());
    if (*swept > 0) log::info("{} expired entries removed", *swept);
    co_return flushed;
  }

  Task<Result<void>> Ready() {
    auto entries = co_await parts_.entries->Probe();
    if (!entries) co_return entries;
    co_return co_await parts_.blobs->Probe();
  }

  nlohmann::json Stats() const {
    nlohmann::json stats = stats_.ToJson();
    stats["entries"] = table_.size();
    stats["vectors"] = semantic_.vectors();
    stats["partitions"] = semantic_.partitions();
    stats["index_bytes"] = semantic_.memory_bytes();
    stats["hot_bytes"] = const_cast<Library&>(library_).hot().size_bytes();
    stats["generations_under_way"] = generations_.load();
    stats["embedder"] = parts_.embedder->identity();
    stats["upstream"]["name"] = parts_.upstream->name();
    return stats;
  }

  std::size_t generations_under_way() const { return generations_.load(); }

 private:
  JobState Prepare(std::shared_ptr<const ImageRequest> request) {
    const CacheControl& control = request->control;
    JobState state;
    state.mode = std::max(settings_.match_mode, control.match_mode.value_or(MatchMode::kOff));
    state.variants = std::max(settings_.variants, control.variants.value_or(1));
    state.job = std::make_shared<Job>();
    state.job->identity = MakeIdentity(*request, settings_.exact_resolution);
    state.decision.threshold =
        std::max(settings_.similarity_threshold, control.similarity_threshold.value_or(0));
    state.decision.bucket = state.job->identity.bucket;
    state.decision.reason = "new";
    state.decision.sentence = "nothing comparable is stored";
    state.job->request = std::move(request);
    return state;
  }

  Task<Result<Reply>> Resolve(JobState& state) {
    const CacheControl& control = state.job->request->control;
    if (control.no_cache || state.job->request->fresh_seed) {
      co_return co_await GenerateAlone(state);
    }
    for (int round = 0; round < kMaxRounds; ++round) {
      auto reply = co_await Round(state);
      if (!reply) co_return std::unexpected(reply.error());
      if (*reply) co_return std::move(**reply);
    }
    co_return co_await GenerateAlone(state);
  }

  // One pass over the tiers. No reply: look again.
  Task<Result<std::optional<Reply>>> Round(JobState& state) {
    const CacheControl& control = state.job->request->control;
    const Digest& fingerprint = state.job->identity.fingerprint;
    if (auto reply = co_await TryExact(state)) co_return reply;
    if (!control.no_store) {
      if (auto flight = flights_.Find(fingerprint)) co_return co_await Await(state, flight, false);
    }
    if (auto reply = co_await TrySemantic(state)) co_return reply;
    if (control.only_if_cached) co_return std::unexpected(NothingCached());
    if (control.no_store) {
      auto alone = co_await GenerateAlone(state);
      if (!alone) co_return std::unexpected(alone.error());
      co_return std::move(*alone);
    }
    auto [flight, leader] = flights_.Join(fingerprint);
    if (leader) {
      const int missing = Shortfall(state);
      if (missing == 0) {  // a flight landed between the look and the join
        flights_.Land(fingerprint, flight, FreshPtr());
        co_return std::nullopt;
      }
      Launch(state, flight, missing);
    }
    co_return co_await Await(state, flight, leader);
  }

  // ---- exact ----

  // The entry of this fingerprint, if it may be used now; says why not in the decision.
  EntryPtr UsableEntry(JobState& state) {
    const EntryPtr entry = table_.Find(state.job->identity.fingerprint);
    if (!entry) return nullptr;
    const std::string objection = AgeObjection(*entry, state.job->request->control);
    if (objection.empty()) return entry;
    state.decision.reason = objection;
    state.decision.sentence = "this very prompt is stored, but " + objection;
    return nullptr;
  }

  std::string AgeObjection(const CachedEntry& entry, const CacheControl& control) const {
    const std::int64_t now = clock_.NowMs();
    if (entry.ExpiredAt(now)) return "expired";
    const auto max_age = control.max_age_ms;
    if (max_age && now - entry.record().created_ms > *max_age) return "older than max-age";
    return "";
  }

  // How many images must be made before the request can be answered from its own entry.
  int Shortfall(JobState& state) {
    const EntryPtr entry = UsableEntry(state);
    const int pool = entry ? static_cast<int>(entry->record().images.size()) : 0;
    return std::max(state.job->request->count - pool, pool < state.variants ? 1 : 0);
  }

  Task<std::optional<Reply>> TryExact(JobState& state) {
    const EntryPtr entry = UsableEntry(state);
    state.own_entry_short = false;
    if (!entry) co_return std::nullopt;
    if (const int missing = Shortfall(state); missing > 0) {
      state.own_entry_short = true;
      const auto pool = entry->record().images.size();
      state.decision.reason = "pool: " + std::to_string(pool) + " of " +
                              std::to_string(static_cast<int>(pool) + missing);
      state.decision.sentence = "fewer images are stored than wanted";
      co_return std::nullopt;
    }
    Decision hit = HitOn(state, *entry, HitType::kExact);
    hit.reason = "exact";
    hit.sentence = "the same request was answered before";
    co_return co_await ServeHit(state, entry, ImageSize{}, std::move(hit));
  }

  Decision HitOn(const JobState& state, const CachedEntry& entry, HitType type) const {
    const std::int64_t now = clock_.NowMs();
    Decision hit = state.decision;
    hit.outcome = Outcome::kHit;
    hit.type = type;
    hit.entry = entry.record().id;
    hit.refused = 0;
    hit.age_ms = std::max<std::int64_t>(0, now - entry.record().created_ms);
    hit.ttl_ms = entry.record().expires_ms == 0 ? 0 : entry.record().expires_ms - now;
    hit.saved_usd = entry.record().cost_usd * state.job->request->count;
    return hit;
  }

  // The state's decision becomes `hit` only when the bytes could be had.
  Task<std::optional<Reply>> ServeHit(JobState& state, EntryPtr entry, ImageSize size,
                                      Decision hit) {
    auto reply = co_await serving_.ServeAll(PickRotating(*entry, state.job->request->count),
                                            state.job->request->delivery, size);
    if (!reply) co_return std::nullopt;
    reply->created_ms = entry->record().created_ms;
    library_.CountUse(*entry);
    state.decision = std::move(hit);
    co_return std::move(*reply);
  }

  // ---- semantic ----

  Task<std::optional<Reply>> TrySemantic(JobState& state) {
    const CacheControl& control = state.job->request->control;
    if (!settings_.semantic || state.own_entry_short) co_return std::nullopt;
    co_await Embed(*state.job);
    if (control.exact_only || !state.job->embedding) co_return std::nullopt;
    const Job& job = *state.job;
    SemanticResult found = semantic_.Find(
        {.partition = job.identity.compatibility,
         .prompt = job.prompt,
         .embedding = *job.embedding,
         .mode = state.mode,
         .threshold = state.decision.threshold,
         .candidates = settings_.candidates,
         .objection = [&](const CachedEntry& entry) { return Objection(state, entry); }});
    if (found.refused) NoteRefusal(state.decision, *found.refused);
    if (!found.hit) co_return std::nullopt;
    const EntryPtr entry = found.hit->entry;
    Decision hit = HitOn(state, *entry, HitType::kSemantic);
    hit.reason = found.hit->verdict.reason;
    hit.sentence = found.hit->verdict.sentence;
    hit.similarity = found.hit->verdict.similarity;
    hit.cosine = found.hit->cosine;
    const ImageSize asked{entry->record().width, entry->record().height};
    const ImageSize wanted = job.request->size;
    co_return co_await ServeHit(state, entry, wanted == asked ? ImageSize{} : wanted,
                                std::move(hit));
  }

  std::string Objection(const JobState& state, const CachedEntry& entry) const {
    const ImageRequest& request = *state.job->request;
    const Entry& record = entry.record();
    const std::string age = AgeObjection(entry, request.control);
    if (!age.empty()) return age;
    if (record.images.size() < static_cast<std::size_t>(request.count)) {
      return "pool: " + std::to_string(record.images.size()) + " of " +
             std::to_string(request.count);
    }
    if (request.size == ImageSize{record.width, record.height}) return "";
    for (const StoredImage& image : record.images) {
      if (!CanResize({image.width, image.height}, request.size)) {
        return "size: " + ToString(ImageSize{image.width, image.height}) + "/" +
               ToString(request.size);
      }
    }
    return "";
  }

  static void NoteRefusal(Decision& decision, const SemanticMatch& refused) {
    if (refused.cosine < kNearCosine) return;
    decision.reason = refused.verdict.reason;
    decision.sentence = refused.verdict.sentence;
    decision.similarity = refused.verdict.similarity;
    decision.cosine = refused.cosine;
    decision.refused = refused.entry->record().id;
  }

  // Analyses and embeds once per request; a failure means exact matching only.
  Task<> Embed(Job& job) {
    if (job.embedding || job.embedding_failed) co_return;
    job.prompt = Analyze(job.request->prompt);
    auto embedding = co_await parts_.embedder->Embed(job.prompt);
    if (embedding) {
      job.embedding = std::move(*embedding);
      co_return;
    }
    job.embedding_failed = true;
    stats_.CountDegraded();
    log::warn("embedding failed, exact matching only: {}", embedding.error().message);
  }

  // ---- generation ----

  using FlightResult = Result<FreshPtr>;  // a null pointer: look again

  void Launch(JobState& state, Flights<FlightResult>::FlightPtr flight, int count) {
    ++generations_;
    Spawn(Strand(context_), Fly(state.job, std::move(flight), count),
          [this](std::exception_ptr) { --generations_; });
  }

  Task<> Fly(std::shared_ptr<const Job> job, Flights<FlightResult>::FlightPtr flight, int count) {
    FlightResult result = Fail(Code::kInternal, "the generation ended unexpectedly; see the log");
    try {
      result = co_await generation_.Run(job, count, StorePolicy::kAdd);
    } catch (const std::exception& error) {
      log::error("generation: {}", error.what());
    }
    flights_.Land(job->identity.fingerprint, flight, std::move(result));
  }

  // Waits for a flight and answers from it. No reply: it did not bring enough.
  Task<Result<std::optional<Reply>>> Await(JobState& state, Flights<FlightResult>::FlightPtr flight,
                                           bool leader) {
    const auto landed = co_await flight->WaitUntil(After(settings_.request_timeout));
    if (!landed) {
      co_return Fail(Code::kDeadlineExceeded,
                     "the image was not ready within " +
                         std::to_string(settings_.request_timeout.count() / 1000) +
                         " s (setting upstream.timeout); it is kept when it comes, so ask again");
    }
    if (!*landed) co_return std::unexpected(landed->error());
    const FreshPtr fresh = **landed;
    const auto count = static_cast<std::size_t>(state.job->request->count);
    if (!fresh) co_return std::nullopt;
    auto picks = PickFresh(*fresh, count);
    if (picks.size() < count) co_return std::nullopt;
    auto reply =
        co_await serving_.ServeAll(std::move(picks), state.job->request->delivery, ImageSize{});
    if (!reply) co_return std::nullopt;
    reply->created_ms = fresh->created_ms;
    if (leader) reply->usage = fresh->usage;
    NoteFlight(state, *fresh, leader);
    co_return std::move(*reply);
  }

  void NoteFlight(JobState& state, const Fresh& fresh, bool leader) {
    Decision& decision = state.decision;
    const int count = state.job->request->count;
    if (leader) {
      NoteFresh(decision, fresh);
      const auto made = std::min<std::size_t>(fresh.images.size(), static_cast<std::size_t>(count));
      decision.saved_usd = fresh.image_cost_usd * (count - static_cast<double>(made));
      return;
    }
    decision.outcome = Outcome::kHit;
    decision.type = HitType::kInflight;
    decision.reason = "in flight";
    decision.sentence = "the same request was being answered already";
    decision.entry = fresh.entry ? fresh.entry->record().id : 0;
    decision.refused = 0;
    decision.similarity.reset();
    decision.cosine.reset();
    decision.saved_usd = fresh.image_cost_usd * count;
    if (fresh.entry) library_.CountUse(*fresh.entry);
  }

  static void NoteFresh(Decision& decision, const Fresh& fresh) {
    decision.stored = fresh.entry != nullptr;
    if (!fresh.entry) return;
    const Entry& record = fresh.entry->record();
    decision.entry = record.id;
    decision.ttl_ms = record.expires_ms == 0 ? 0 : record.expires_ms - record.created_ms;
  }

  // For requests that neither lead nor join: no-cache, no-store, seed -1.
  Task<Result<Reply>> GenerateAlone(JobState& state) {
    const ImageRequest& request = *state.job->request;
    const CacheControl& control = request.control;
    if (control.only_if_cached) co_return std::unexpected(NothingCached());
    const StorePolicy policy = control.no_store   ? StorePolicy::kNone
                               : control.no_cache ? StorePolicy::kReplace
                                                  : StorePolicy::kAdd;
    if (policy != StorePolicy::kNone) co_await Embed(*state.job);
    ++generations_;
    auto fresh = co_await generation_.Run(state.job, request.count, policy);
    --generations_;
    if (!fresh) co_return std::unexpected(fresh.error());
    auto reply = co_await serving_.ServeAll(PickFresh(**fresh, (*fresh)->images.size()),
                                            state.job->request->delivery, ImageSize{});
    if (!reply) co_return std::unexpected(reply.error());
    reply->created_ms = (*fresh)->created_ms;
    reply->usage = (*fresh)->usage;
    NoteFresh(state.decision, **fresh);
    if (request.fresh_seed) {
      state.decision.outcome = Outcome::kBypass;
      state.decision.reason = "seed -1";
      state.decision.sentence = "the caller asked for a new image";
    } else if (control.no_cache) {
      state.decision.outcome = Outcome::kRefresh;
      state.decision.reason = "no-cache";
      state.decision.sentence = "the caller asked for a new image instead of what is stored";
    }
    co_return reply;
  }

  ImageCacheParts parts_;
  const CacheSettings settings_;
  asio::io_context& context_;
  const Clock& clock_;
  EntryTable table_;
  SemanticTier semantic_;
  CacheStats stats_;
  Library library_;
  Generation generation_;
  Serving serving_;
  Flights<FlightResult> flights_;
  std::atomic<std::size_t> generations_ = 0;
};

ImageCache::ImageCache(ImageCacheParts parts, CacheSettings settings, asio::io_context& context,
                       WorkerPool& workers, const Clock& clock)
    : impl_(std::make_unique<Impl>(std::move(parts), settings, context, workers, clock)) {}
ImageCache::~ImageCache() = default;
Task<Result<void>> ImageCache::Load() {
  return impl_->Load();
}
Task<Answer> ImageCache::Handle(std::shared_ptr<const ImageRequest> request) {
  return impl_->Handle(std::move(request));
}
Task<Result<ServedImage>> ImageCache::Image(std::string name) {
  return impl_->Image(std::move(name));
}
Task<Result<void>> ImageCache::Maintain() {
  return impl_->Maintain();
}
Task<Result<void>> ImageCache::Ready() {
  return impl_->Ready();
}
nlohmann::json ImageCache::Stats() const {
  return impl_->Stats();
}
std::size_t ImageCache::generations_under_way() const {
  return impl_->generations_under_way();
}

}  // namespace reprise
