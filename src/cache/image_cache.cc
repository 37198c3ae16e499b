#include "cache/image_cache.h"

#include <algorithm>
#include <atomic>
#include <nlohmann/json.hpp>

#include "base/log.h"
#include "cache/cache_report.h"
#include "cache/decision_notes.h"
#include "cache/evictor.h"
#include "cache/flight_step.h"
#include "cache/generation.h"
#include "cache/identity.h"
#include "cache/leak_removal.h"
#include "cache/library.h"
#include "cache/prompt_embedding.h"
#include "cache/reembedding.h"
#include "cache/rendition.h"
#include "cache/seed_series.h"
#include "cache/semantic_step.h"
#include "cache/semantic_tier.h"
#include "cache/serving.h"
#include "cache/stats.h"
#include "cache/stored_step.h"
#include "cache/vector_backlog.h"

namespace reprise {
namespace {

// A request looks again when what it waited for was not enough; each round makes progress, so more
// than a few mean that images vanish as fast as they are made.
constexpr int kMaxRounds = 6;

// How long an end waits for removals under way.
constexpr std::chrono::seconds kEvictionPatience{10};
// And for the snapshot that shortens the next start.
constexpr std::chrono::seconds kSnapshotPatience{10};

std::int64_t MicrosSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() -
                                                               start)
      .count();
}

Error NothingCached() {
  return {.code = Code::kDeadlineExceeded,
          .message = "nothing stored answers this request, and only-if-cached forbids generating"};
}

// Counts something while it lives.
class Counted {
 public:
  explicit Counted(std::atomic<std::size_t>& count) : count_(count) { ++count_; }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;
  ~Counted() { --count_; }

 private:
  std::atomic<std::size_t>& count_;
};

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
        embedding_(*parts_.embedder),
        semantic_step_({.tier = semantic_,
                        .embedding = embedding_,
                        .stats = stats_,
                        .trust = trust_,
                        .settings = settings_,
                        .clock = clock}),
        library_({.entries = *parts_.entries,
                  .blobs = *parts_.blobs,
                  .semantic = semantic_,
                  .backlog = backlog_,
                  .embedder = std::string(parts_.embedder->identity()),
                  .table = table_,
                  .workers = workers,
                  .clock = clock,
                  .hot_bytes = settings.hot_bytes}),
        evictor_({.library = library_,
                  .table = table_,
                  .stats = stats_,
                  .workers = workers,
                  .context = context,
                  .clock = clock,
                  .limits = settings.limits,
                  .free_disk = parts_.free_disk}),
        leaks_({.library = library_, .context = context, .enabled = parts_.removes_leaks}),
        generation_({.upstream = *parts_.upstream,
                     .library = library_,
                     .evictor = evictor_,
                     .stats = stats_,
                     .tenants = tenants_,
                     .prices = parts_.prices,
                     .settings = settings_,
                     .workers = workers,
                     .clock = clock,
                     .embedder = std::string(parts_.embedder->identity())}),
        serving_({.library = library_, .table = table_, .stats = stats_, .workers = workers}),
        stored_({.library = library_,
                 .table = table_,
                 .serving = serving_,
                 .semantic = semantic_step_,
                 .trust = trust_,
                 .clock = clock}),
        trust_({.store = *parts_.trust,
                .table = table_,
                .verifier = *parts_.verifier,
                .generation = generation_,
                .library = library_,
                .stats = stats_,
                .judge = parts_.judge.get(),
                .workers = workers,
                .clock = clock,
                .context = context,
                .settings = settings_,
                .random = parts_.random}),
        purge_({.table = table_,
                .library = library_,
                .entries = *parts_.entries,
                .embedding = embedding_,
                .verifier = *parts_.verifier,
                .workers = workers,
                .settings = settings_,
                .clock = clock,
                .embedder = std::string(parts_.embedder->identity())}),
        flight_step_(*parts_.verifier, settings_, trust_),
        snapshots_({.history = *parts_.history,
                    .table = table_,
                    .semantic = semantic_,
                    .workers = workers,
                    .context = context,
                    .embedder = std::string(parts_.embedder->identity()),
                    .settings = parts_.snapshots,
                    .free_disk = parts_.free_disk,
                    .keep_free = settings.limits.min_free_disk}),
        reembedding_({.backlog = backlog_,
                      .library = library_,
                      .table = table_,
                      .embedding = embedding_,
                      .context = context,
                      .clock = clock,
                      .embedder = std::string(parts_.embedder->identity())}),
        report_({.stats = stats_,
                 .tenants = tenants_,
                 .table = table_,
                 .semantic = semantic_,
                 .library = library_,
                 .evictor = evictor_,
                 .leaks = leaks_,
                 .embedding = embedding_,
                 .reembedding = reembedding_,
                 .trust = trust_,
                 .upstream = *parts_.upstream,
                 .budget = parts_.budget.get(),
                 .sync_errors = parts_.sync_errors,
                 .embedder = std::string(parts_.embedder->identity())}) {}

  Task<Result<void>> Load() {
    const auto read = [this](const LoadTarget& target) { return snapshots_.Load(target); };
    auto loaded = co_await library_.Load(read);
    if (loaded) loaded = trust_.Load();
    if (loaded) evictor_.Kick();  // the limits may be tighter than they were
    if (loaded) leaks_.Kick();
    if (!loaded || !settings_.semantic) co_return loaded;
    ++settling_;
    Spawn(Strand(context_), library_.SettleIndexes(stopped_),
          [this](std::exception_ptr) { --settling_; });
    reembedding_.Kick();
    co_return loaded;
  }

  void Stop() {
    stopped_ = true;
    reembedding_.Stop();
    evictor_.Stop();
    leaks_.Stop();
    snapshots_.Stop();
  }

  Task<Answer> Handle(std::shared_ptr<const ImageRequest> request) {
    const auto start = std::chrono::steady_clock::now();
    Answer answer;
    if (IsSeedSeries(*request)) {
      auto answer_one = [this](ImageRequestPtr part) { return AnswerOne(std::move(part)); };
      answer = co_await AnswerSeries(request, std::move(answer_one));
    } else {
      JobState state = Prepare(request);
      if (auto at_once = FromMemory(state)) {  // most requests, in far less time than a task takes
        answer.reply = std::move(*at_once);
      } else {
        answer.reply = co_await Resolve(state);
      }
      answer.decision = std::move(state.decision);
    }
    Count(request->tenant, answer, start);
    co_return answer;
  }

  Task<Result<ServedImage>> Image(std::string name, std::optional<std::string> tenant) {
    const auto named = ParseRenditionName(name);
    const auto found = named ? table_.FindImage(named->image_id) : std::nullopt;
    const bool theirs = found && tenant && TenantOf(found->entry->record().scope) != *tenant;
    if (!found || theirs || ExpiredAt(*found->image, clock_.NowMs())) {
      co_return Fail(Code::kNotFound, "no such image: " + name);
    }
    const ImageSize stored{found->image->width, found->image->height};
    if (!CanResize(stored, named->rendition.size)) {
      co_return Fail(Code::kInvalidArgument, "image " + named->image_id + " is " +
                                                 ToString(stored) + "; " +
                                                 ToString(named->rendition.size) +
                                                 " would enlarge it more than 1.5 times per side");
    }
    co_return co_await serving_.Serve(Pick{*found->image, nullptr}, named->rendition,
                                      Serving::Use::kSend);
  }

  Task<Result<void>> Maintain() {
    if (settings_.semantic) reembedding_.Kick();
    leaks_.Kick();
    auto flushed = co_await library_.FlushUse();
    const auto swept = co_await library_.Sweep();
    if (!swept) co_return std::unexpected(swept.error());
    if (*swept > 0) log::info("{} expired images removed", *swept);
    stats_.CountRemoved(Removal::kExpired, *swept);
    evictor_.Kick();
    snapshots_.Kick();
    if (stopped_) co_await EndOfEviction();
    if (stopped_) co_await snapshots_.Finish(kSnapshotPatience);
    if (const auto kept = co_await trust_.Maintain(); !kept) co_return kept;
    co_return flushed;
  }

  // A pass that is cut off leaves files behind that nothing refers to.
  Task<> EndOfEviction() {
    for (const Deadline deadline = After(kEvictionPatience);
         evictor_.under_way() > 0 && std::chrono::steady_clock::now() < deadline;) {
      co_await Sleep(std::chrono::milliseconds(10));
    }
  }

  Task<Result<void>> Ready() {
    auto entries = co_await parts_.entries->Probe();
    if (!entries) co_return entries;
    co_return co_await parts_.blobs->Probe();
  }

  nlohmann::json Stats() const {
    return report_.All({.generations = generations_.load(),
                        .waiting = waiting_.load(),
                        .indexing = settling_ > 0});
  }
  nlohmann::json StatsOf(const std::string& tenant) const { return report_.Of(tenant); }

  std::size_t generations_under_way() const { return generations_.load(); }
  std::size_t tasks_under_way() const {
    return generations_.load() + trust_.under_way() + embedding_.under_way() +
           reembedding_.under_way() + evictor_.under_way() + snapshots_.under_way() +
           leaks_.under_way() + settling_;
  }

  Trust& trust() { return trust_; }
  BytesCache& hot() { return library_.hot(); }
  Purge& purge() { return purge_; }

 private:
  void Count(const std::string& tenant, const Answer& answer,
             std::chrono::steady_clock::time_point start) {
    const std::int64_t micros = MicrosSince(start);
    for (CacheStats* stats : {&stats_, &tenants_.Of(tenant)}) {
      if (answer.reply) {
        stats->CountReply(answer.decision, micros);
      } else {
        stats->CountError();
      }
    }
  }

  Task<Answer> AnswerOne(std::shared_ptr<const ImageRequest> request) {
    JobState state = Prepare(std::move(request));
    auto reply = co_await Resolve(state);
    co_return Answer{std::move(reply), std::move(state.decision)};
  }

  JobState Prepare(std::shared_ptr<const ImageRequest> request) {
    const CacheControl& control = request->control;
    JobState state;
    const TenantSettings tenant = SettingsOf(request->tenant);
    state.mode = std::max({settings_.match_mode, tenant.match_mode.value_or(MatchMode::kOff),
                           control.match_mode.value_or(MatchMode::kOff)});
    state.begun_ms = clock_.NowMs();
    state.deadline = After(settings_.request_timeout);
    state.exact_only = control.exact_only || tenant.exact_only;
    // A request that adds nothing cannot fill a pool, so it takes what there is. Of one seed there
    // is one image.
    const bool fills = !control.only_if_cached && !control.no_store && !request->seed;
    state.variants = fills ? std::max(settings_.variants, control.variants.value_or(1)) : 1;
    state.job = std::make_shared<Job>();
    state.job->identity = MakeIdentity(*request, settings_.exact_resolution);
    state.decision.threshold =
        std::max({settings_.similarity_threshold, tenant.similarity_threshold.value_or(0),
                  control.similarity_threshold.value_or(0)});
    state.decision.bucket = state.job->identity.bucket;
    state.job->request = std::move(request);
    return state;
  }

  TenantSettings SettingsOf(const std::string& tenant) const {
    const auto found = settings_.tenants.find(tenant);
    return found == settings_.tenants.end() ? TenantSettings{} : found->second;
  }

  // Whether the request wants a new image whatever is stored.
  static bool WantsFresh(const ImageRequest& request) {
    return request.control.no_cache || request.fresh_seed;
  }

  std::optional<Reply> FromMemory(JobState& state) {
    if (WantsFresh(*state.job->request)) return std::nullopt;
    return stored_.ExactFromMemory(state);
  }

  Task<Result<Reply>> Resolve(JobState& state) {
    state.decision.reason = "new";
    state.decision.sentence = "nothing comparable is stored";
    if (WantsFresh(*state.job->request)) co_return co_await GenerateAlone(state);
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
    const std::uint64_t landings = flight_step_.Landings(state);
    if (auto reply = co_await stored_.TryExact(state)) co_return reply;
    if (!control.no_store) {
      if (auto own = flight_step_.FindOwn(state)) {
        co_return co_await Await(state, Boarding{std::move(own), false, {}});
      }
    }
    if (auto reply = co_await stored_.TrySemantic(state)) co_return reply;
    if (control.no_store && !control.only_if_cached) {
      auto alone = co_await GenerateAlone(state);
      if (!alone) co_return std::unexpected(alone.error());
      co_return std::move(*alone);
    }
    if (control.only_if_cached) {
      Boarding boarding;
      if (!control.no_store) boarding = flight_step_.WaitFor(state);
      if (!boarding.flight) co_return std::unexpected(NothingCached());
      co_return co_await Await(state, std::move(boarding));
    }
    Boarding boarding = flight_step_.Board(state, ImagesPromised(state));
    if (boarding.leader && !Launch(state, boarding.flight, landings)) co_return std::nullopt;
    co_return co_await Await(state, std::move(boarding));
  }

  // ---- generation ----

  // What a flight of this request brings: what is made now, and what its entry has.
  int ImagesPromised(JobState& state) const {
    const auto pool = stored_.OwnPool(state);
    return static_cast<int>(pool.images.size()) + StoredStep::Shortfall(state, pool);
  }

  // Has the images made, unless something has landed since the request looked (`landings` was the
  // count then) that answers it. False: look again.
  bool Launch(JobState& state, FlightPtr flight, std::uint64_t landings) {
    const int missing = StoredStep::Shortfall(state, stored_.OwnPool(state));
    const bool landed = flight_step_.Landings(state) != landings;
    if (missing == 0 || (landed && !state.exploration && semantic_step_.FindAgain(state))) {
      flight_step_.Land(flight, FreshPtr());
      return false;
    }
    ++generations_;
    Spawn(Strand(context_), Fly(std::move(flight), missing),
          [this](std::exception_ptr) { --generations_; });
    return true;
  }

  Task<> Fly(FlightPtr flight, int count) {
    const auto job = flight->plan().job;
    FlightResult result = Fail(Code::kInternal, "the generation ended unexpectedly; see the log");
    try {
      result = co_await generation_.Run(job, count, StorePolicy::kAdd);
    } catch (const std::exception& error) {
      log::error("generation: {}", error.what());
    }
    flight_step_.Land(flight, std::move(result));
  }

  // Waits for a flight and answers from it. No reply: it did not bring enough.
  Task<Result<std::optional<Reply>>> Await(JobState& state, Boarding boarding) {
    const auto landed = co_await WaitFor(*boarding.flight, state.deadline);
    if (!landed) {
      co_return Fail(Code::kDeadlineExceeded,
                     "the image was not ready within " +
                         std::to_string(settings_.request_timeout.count() / 1000) +
                         " s (setting upstream.timeout); it is kept when it comes, so ask again");
    }
    if (!*landed) {
      if (!boarding.match || FlightStep::GivesUp(state, landed->error())) {
        co_return std::unexpected(landed->error());
      }
      co_return std::nullopt;
    }
    // Somebody may have said so while it waited.
    if (boarding.match && trust_.KeepsApart(*state.job, *boarding.flight->plan().job)) {
      co_return std::nullopt;
    }
    const FreshPtr fresh = **landed;
    const auto count = static_cast<std::size_t>(state.job->request->count);
    if (!fresh) co_return std::nullopt;
    if (boarding.leader) state.images_made += static_cast<int>(fresh->images.size());
    auto picks = PickFresh(*fresh, count, FilterFor(state, clock_.NowMs()));
    if (picks.size() < count) co_return std::nullopt;
    ImageSize size;  // as made
    if (boarding.flight->plan().job->request->size != state.job->request->size) {
      size = state.job->request->size;
    }
    if (!CanCut(picks, size)) co_return std::nullopt;
    auto reply = co_await stored_.ServeAll(state, std::move(picks), size);
    if (!reply) co_return std::nullopt;
    reply->created_ms = fresh->created_ms;
    if (boarding.leader) reply->usage = fresh->usage;
    NoteFlight(state, *fresh, boarding);
    co_return std::move(*reply);
  }

  Task<std::optional<FlightResult>> WaitFor(AsyncValue<FlightResult>& flight, Deadline deadline) {
    const Counted waiting(waiting_);
    co_return co_await flight.WaitUntil(deadline);
  }

  void NoteFlight(JobState& state, const Fresh& fresh, const Boarding& boarding) {
    if (boarding.leader) {
      NoteLeader(state, fresh);
      if (state.exploration) {
        trust_.Explored(*state.exploration, state.job, fresh.images.front().bytes);
      }
      return;
    }
    NoteJoiner(state.decision, fresh, state.job->request->count);
    if (boarding.match) NoteMatch(state.decision, boarding.match->verdict, boarding.match->cosine);
    if (fresh.entry) library_.CountUse(fresh.entry);
  }

  static bool CanCut(const std::vector<Pick>& picks, ImageSize size) {
    return std::ranges::all_of(picks, [size](const Pick& pick) {
      return CanAnswer({pick.image.width, pick.image.height}, size);
    });
  }

  // For requests that neither lead nor join: no-cache, no-store, seed -1.
  Task<Result<Reply>> GenerateAlone(JobState& state) {
    const ImageRequest& request = *state.job->request;
    const CacheControl& control = request.control;
    if (control.only_if_cached) co_return std::unexpected(NothingCached());
    const StorePolicy policy = control.no_store   ? StorePolicy::kNone
                               : control.no_cache ? StorePolicy::kReplace
                                                  : StorePolicy::kAdd;
    if (policy != StorePolicy::kNone) co_await semantic_step_.Embed(state.job);
    const Counted under_way(generations_);
    const auto fresh = co_await generation_.Run(state.job, request.count, policy);
    if (!fresh) co_return std::unexpected(fresh.error());
    const auto made = std::min((*fresh)->images.size(), static_cast<std::size_t>(request.count));
    auto reply = co_await stored_.ServeAll(
        state, PickFresh(**fresh, made, FilterFor(state, clock_.NowMs())), ImageSize{});
    if (!reply) co_return std::unexpected(reply.error());
    reply->created_ms = (*fresh)->created_ms;
    reply->usage = (*fresh)->usage;
    NoteFresh(state.decision, **fresh);
    NoteAlone(state.decision, request);
    co_return reply;
  }

  ImageCacheParts parts_;
  const CacheSettings settings_;
  asio::io_context& context_;
  const Clock& clock_;
  EntryTable table_;
  SemanticTier semantic_;
  CacheStats stats_;
  TenantStats tenants_;
  PromptEmbedding embedding_;
  SemanticStep semantic_step_;
  VectorBacklog backlog_;
  Library library_;
  Evictor evictor_;
  LeakRemoval leaks_;
  Generation generation_;
  Serving serving_;
  StoredStep stored_;
  Trust trust_;
  Purge purge_;
  FlightStep flight_step_;
  SnapshotKeeper snapshots_;
  Reembedding reembedding_;
  CacheReport report_;
  std::atomic<bool> stopped_ = false;
  std::atomic<std::size_t> settling_ = 0;
  std::atomic<std::size_t> generations_ = 0;
  std::atomic<std::size_t> waiting_ = 0;  // requests, for a flight to land
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
Task<Result<ServedImage>> ImageCache::Image(std::string name, std::optional<std::string> tenant) {
  return impl_->Image(std::move(name), std::move(tenant));
}
Task<Result<void>> ImageCache::Maintain() {
  return impl_->Maintain();
}
void ImageCache::Stop() {
  impl_->Stop();
}
Task<Result<void>> ImageCache::Ready() {
  return impl_->Ready();
}
Trust& ImageCache::trust() {
  return impl_->trust();
}
BytesCache& ImageCache::hot() {
  return impl_->hot();
}

Purge& ImageCache::purge() {
  return impl_->purge();
}
nlohmann::json ImageCache::Stats() const {
  return impl_->Stats();
}
nlohmann::json ImageCache::StatsOf(const std::string& tenant) const {
  return impl_->StatsOf(tenant);
}
std::size_t ImageCache::generations_under_way() const {
  return impl_->generations_under_way();
}
std::size_t ImageCache::tasks_under_way() const {
  return impl_->tasks_under_way();
}

}  // namespace reprise
