#include "work/batches.h"

#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <limits>

#include "base/bytes.h"
#include "base/log.h"
#include "http/url.h"
#include "work/webhook.h"

namespace reprise {
namespace {

using std::chrono::milliseconds;

// A tenth of the queue is each tenant's, whatever the others have waiting.
constexpr std::size_t kShareOfQueue = 10;
// How long an item asks again for a place at a busy upstream.
constexpr milliseconds kOverloadPatience{600'000};
constexpr milliseconds kOverloadWait{1000};
// Between tries to write an end down.
constexpr milliseconds kFirstRecordWait{100};
constexpr milliseconds kLongestRecordWait{10'000};

std::string NewBatchId() {
  std::array<unsigned char, 12> random;
  RAND_bytes(random.data(), static_cast<int>(random.size()));
  return "batch_" + HexEncode({reinterpret_cast<const char*>(random.data()), random.size()});
}

// What is left to record of a batch none of whose items shall begin any more.
BatchUpdate CancelRest(ActiveBatch& batch) {
  return {.batch = batch.id(), .ends = batch.CancelWaiting(), .cancel = true};
}

}  // namespace

// The answers of several requests, and the wait for the last.
struct Batches::Join {
  explicit Join(std::size_t count) : answers(count), left(count) {}
  std::vector<Answer> answers;
  std::atomic<std::size_t> left;
  AsyncValue<bool> done;
};

// Counts an item from its beginning until its end is durable.
class Batches::UnderWay {
 public:
  explicit UnderWay(Batches& owner) : owner_(owner) {
    std::lock_guard lock(owner_.mutex_);
    ++owner_.under_way_;
  }
  ~UnderWay() {
    std::lock_guard lock(owner_.mutex_);
    if (--owner_.under_way_ == 0) owner_.idle_.notify_all();
  }
  UnderWay(const UnderWay&) = delete;
  UnderWay& operator=(const UnderWay&) = delete;

 private:
  Batches& owner_;
};

Batches::Batches(Parts parts, BatchSettings settings)
    : parts_(std::move(parts)), settings_(settings) {}

Result<void> Batches::Load() {
  std::vector<Batch> open;
  auto read = parts_.store->ForEachOpen([&](Batch&& batch) { open.push_back(std::move(batch)); });
  if (!read) return read;
  if (!open.empty()) log::info("{} batches go on where they were", open.size());
  for (Batch& batch : open) {
    if (batch.ended_ms != 0) {
      Spawn(Strand(parts_.context), Notify(std::move(batch)), [](std::exception_ptr) {});
      continue;
    }
    const bool cancelled = batch.cancelled;
    const auto active = std::make_shared<ActiveBatch>(std::move(batch));
    BatchUpdate rest;
    if (cancelled) rest = CancelRest(*active);  // before its items can begin
    // What was accepted goes on, whatever the limit is by now.
    (void)Register(active, std::numeric_limits<std::size_t>::max());
    Launch(active);
    if (!cancelled) continue;
    Spawn(Strand(parts_.context), Record(active, std::move(rest)), [](std::exception_ptr) {});
  }
  return {};
}

Task<std::vector<Answer>> Batches::HandleAll(std::vector<ImageRequestPtr> requests) {
  auto join = std::make_shared<Join>(requests.size());
  for (std::size_t i = 0; i < requests.size(); ++i) {
    Spawn(Strand(parts_.context), HandleInto(join, i, std::move(requests[i])),
          [](std::exception_ptr) {});
  }
  // Each request has a deadline of its own.
  co_await join->done.WaitUntil(Deadline::max());
  co_return std::move(join->answers);
}

Task<> Batches::HandleInto(std::shared_ptr<Join> join, std::size_t position,
                           ImageRequestPtr request) {
  Answer answer{.reply = Fail(Code::kInternal, "the request ended unexpectedly; see the log"),
                .decision = {}};
  try {
    answer = co_await parts_.handle(std::move(request));
  } catch (const std::exception& error) {
    log::error("a batch's item: {}", error.what());
  }
  join->answers[position] = std::move(answer);
  if (join->left.fetch_sub(1) == 1) join->done.Set(true);
}

Task<Result<Batches::Created>> Batches::Create(Batch batch) {
  const std::string tenant = batch.tenant, key = batch.idempotency_key, digest = batch.body_digest;
  if (!key.empty()) {
    auto same = co_await FindSame(tenant, key, digest);
    if (!same || same->batch) co_return same;
  }
  auto started = co_await Start(std::move(batch));
  if (started) co_return Created{.batch = std::move(*started)};
  if (key.empty() || started.error().code != Code::kConflict) {
    co_return std::unexpected(std::move(started.error()));
  }
  // The same request came twice at once, and the other was first.
  auto same = co_await FindSame(tenant, key, digest);
  if (same && !same->batch) co_return std::unexpected(std::move(started.error()));
  co_return same;
}

Task<Result<Batches::Created>> Batches::FindSame(std::string tenant, std::string key,
                                                 std::string digest) {
  const auto id = co_await parts_.store->FindByKey(tenant, key);
  if (!id) co_return std::unexpected(id.error());
  if (!*id) co_return Created{};
  auto batch = co_await Find(std::move(tenant), **id);
  if (!batch) co_return std::unexpected(std::move(batch.error()));
  if (*batch && (*batch)->body_digest() != digest) {
    co_return Fail(Code::kConflict, "the Idempotency-Key '" + key + "' belongs to the batch " +
                                        (*batch)->id() +
                                        ", which another body started; send the same body to get "
                                        "that batch, or another key to start a new one");
  }
  co_return Created{.batch = std::move(*batch), .again = true};
}

Task<Result<ActiveBatchPtr>> Batches::Start(Batch batch) {
  batch.id = NewBatchId();
  batch.created_ms = parts_.clock.NowMs();
  // Known before it is stored: whoever finds it in the store finds it here, too.
  const auto active = std::make_shared<ActiveBatch>(batch);
  if (auto registered = Register(active, settings_.queue); !registered) {
    co_return std::unexpected(registered.error());
  }
  const std::size_t items = batch.items.size();
  const auto created = co_await parts_.store->Create(std::move(batch));
  if (!created) {
    std::lock_guard lock(mutex_);
    active_.erase(active->id());
    CountWaiting(active->tenant(), -static_cast<std::ptrdiff_t>(items));
    co_return std::unexpected(created.error());
  }
  Launch(active);
  co_return active;
}

Result<void> Batches::Register(const ActiveBatchPtr& batch, std::size_t queue) {
  const std::size_t items = CountItems(batch->Snapshot()).waiting;
  std::lock_guard lock(mutex_);
  const auto own = waiting_of_.find(batch->tenant());
  const std::size_t with_own = items + (own == waiting_of_.end() ? 0 : own->second);
  if (waiting_ + items > queue && with_own > queue / kShareOfQueue) {
    // How many wait may be other tenants' business.
    return std::unexpected(Error{.code = Code::kOverloaded,
                                 .message = "too many items of batches are waiting; try again "
                                            "later, or send fewer (setting batches.queue)",
                                 .retry_after_ms = 10'000});
  }
  active_[batch->id()] = batch;
  CountWaiting(batch->tenant(), static_cast<std::ptrdiff_t>(items));
  return {};
}

// The mutex is held.
void Batches::CountWaiting(const std::string& tenant, std::ptrdiff_t more) {
  waiting_ += static_cast<std::size_t>(more);
  const auto own = waiting_of_.try_emplace(tenant, 0).first;
  own->second += static_cast<std::size_t>(more);
  if (own->second == 0) waiting_of_.erase(own);
}

void Batches::Launch(const ActiveBatchPtr& batch) {
  Turn turn{.batch = batch, .waiting = {}};
  const Batch snapshot = batch->Snapshot();
  for (std::size_t i = snapshot.items.size(); i-- > 0;) {
    if (snapshot.items[i].status == ItemStatus::kWaiting) turn.waiting.push_back(i);
  }
  if (turn.waiting.empty()) return;
  {
    std::lock_guard lock(mutex_);
    auto line = std::ranges::find(lines_, batch->tenant(), &Line::tenant);
    if (line == lines_.end()) line = lines_.insert(line, {batch->tenant(), {}});
    line->turns.push_back(std::move(turn));
  }
  BeginItems();
}

void Batches::BeginItems() {
  ActiveBatchPtr batch;
  std::size_t position = 0;
  while (TakeTurn(batch, position)) {
    Spawn(Strand(parts_.context), RunItem(batch, position), [](std::exception_ptr) {});
  }
}

// The next item to begin, with a place for it.
bool Batches::TakeTurn(ActiveBatchPtr& batch, std::size_t& position) {
  std::lock_guard lock(mutex_);
  if (stopped_ || busy_ == settings_.concurrency || lines_.empty()) return false;
  const auto line = lines_.begin();
  Turn turn = std::move(line->turns.front());
  line->turns.pop_front();
  batch = turn.batch;
  position = turn.waiting.back();
  turn.waiting.pop_back();
  if (!turn.waiting.empty()) line->turns.push_back(std::move(turn));
  if (line->turns.empty()) {
    lines_.erase(line);
  } else {
    lines_.splice(lines_.end(), lines_, line);
  }
  CountWaiting(batch->tenant(), -1);
  ++busy_;
  return true;
}

void Batches::GivePlaceBack() {
  {
    std::lock_guard lock(mutex_);
    --busy_;
  }
  BeginItems();
}

ActiveBatchPtr Batches::FindActive(const std::string& id) {
  std::lock_guard lock(mutex_);
  const auto found = active_.find(id);
  return found == active_.end() ? nullptr : found->second;
}

Task<Result<ActiveBatchPtr>> Batches::Find(std::string tenant, std::string id) {
  if (auto active = FindActive(id)) {
    if (active->tenant() != tenant) active = nullptr;
    co_return active;
  }
  auto stored = co_await parts_.store->Find(std::move(tenant), std::move(id));
  if (!stored) co_return std::unexpected(stored.error());
  if (!*stored) co_return ActiveBatchPtr();
  co_return std::make_shared<ActiveBatch>(std::move(**stored));
}

Task<Result<std::vector<BatchSummary>>> Batches::List(std::string tenant, std::string before,
                                                      std::size_t limit) {
  return parts_.store->List(std::move(tenant), std::move(before), limit);
}

Task<> Batches::Cancel(ActiveBatchPtr batch) {
  if (batch->Snapshot().ended_ms != 0) co_return;
  BatchUpdate update = CancelRest(*batch);
  co_await Record(std::move(batch), std::move(update));
}

Task<Result<void>> Batches::Maintain() {
  if (settings_.keep_ms == 0) co_return Result<void>();
  const auto removed = co_await parts_.store->RemoveEnded(parts_.clock.NowMs() - settings_.keep_ms);
  if (!removed) co_return std::unexpected(removed.error());
  if (*removed > 0) log::info("{} ended batches removed", *removed);
  co_return Result<void>();
}

void Batches::Stop() {
  stopped_ = true;
  std::vector<ActiveBatchPtr> all;
  {
    std::lock_guard lock(mutex_);
    for (const auto& [id, batch] : active_) all.push_back(batch);
  }
  for (const auto& batch : all) batch->Wake();
}

bool Batches::Drain(milliseconds patience) {
  std::unique_lock lock(mutex_);
  return idle_.wait_for(lock, patience, [this] { return under_way_ == 0; });
}

Task<> Batches::RunItem(ActiveBatchPtr batch, std::size_t position) {
  const UnderWay under_way(*this);
  // Not on the caller's stack: an item that ends at once begins the next, and so on.
  const Executor executor = co_await asio::this_coro::executor;
  co_await asio::post(executor, asio::use_awaitable);
  if (auto end = co_await Ask(batch, position)) {
    BatchUpdate update{.batch = batch->id(), .ends = {}};
    update.ends.push_back(std::move(*end));
    co_await Record(std::move(batch), std::move(update));
  }
  GivePlaceBack();  // not before: what a crash makes again is at most one item for each place
}

// Nothing for an item that was cancelled, and when the process stops: it has not ended then.
Task<std::optional<ItemEnd>> Batches::Ask(ActiveBatchPtr batch, std::size_t position) {
  const auto request = batch->Begin(position);
  if (!request) co_return std::nullopt;
  Answer answer;
  auto read = parts_.api->ReadItem(batch->tenant(), *request);
  if (read) {
    answer = co_await HandlePatiently(std::make_shared<const ImageRequest>(std::move(*read)));
  } else {  // the limits were others when it was accepted
    answer.reply = std::unexpected(read.error());
  }
  if (!answer.reply && stopped_) co_return std::nullopt;
  BatchApi::ItemResult result = parts_.api->Describe(answer);
  co_return ItemEnd{.position = position,
                    .status = result.done ? ItemStatus::kDone : ItemStatus::kFailed,
                    .result = std::move(result.text)};
}

Task<Answer> Batches::HandlePatiently(ImageRequestPtr request) {
  const Deadline deadline = After(kOverloadPatience);
  for (;;) {
    Answer answer{.reply = Fail(Code::kInternal, "the request ended unexpectedly; see the log"),
                  .decision = {}};
    try {
      answer = co_await parts_.handle(request);
    } catch (const std::exception& error) {
      log::error("a batch's item: {}", error.what());
    }
    const bool busy = !answer.reply && answer.reply.error().code == Code::kOverloaded;
    if (!busy || stopped_ || std::chrono::steady_clock::now() >= deadline) co_return answer;
    co_await Sleep(kOverloadWait);
  }
}

// An end that cannot be written down is not shown either: it is tried until it can.
Task<> Batches::Record(ActiveBatchPtr batch, BatchUpdate update) {
  for (milliseconds wait = kFirstRecordWait;; wait = std::min(2 * wait, kLongestRecordWait)) {
    update.now_ms = parts_.clock.NowMs();
    const auto progress = co_await parts_.store->Update(update);
    if (progress) {
      if (batch->Apply(update, *progress)) Finish(batch);
      co_return;
    }
    log::error("batch {}: {}", batch->id(), progress.error().message);
    const Code code = progress.error().code;
    if (stopped_ || code == Code::kConflict || code == Code::kNotFound) co_return;
    co_await Sleep(wait);
  }
}

void Batches::Finish(const ActiveBatchPtr& batch) {
  {
    std::lock_guard lock(mutex_);
    active_.erase(batch->id());
  }
  Batch snapshot = batch->Snapshot();
  if (snapshot.webhook.status != WebhookStatus::kOwed) return;
  Spawn(Strand(parts_.context), Notify(std::move(snapshot)), [](std::exception_ptr) {});
}

Task<> Batches::Notify(Batch batch) {
  BatchWebhook& webhook = batch.webhook;
  while (webhook.status == WebhookStatus::kOwed) {
    WebhookDelivery delivery{.url = webhook.url,
                             .secret = webhook.secret,
                             .batch = batch.id,
                             .body = parts_.api->WebhookBody(batch),
                             .timestamp_s = parts_.clock.NowMs() / 1000,
                             .public_addresses_only = !settings_.private_webhooks};
    const std::string problem = co_await Deliver(std::move(delivery));
    if (!problem.empty() && stopped_) co_return;  // not counted: the next start tries again
    ++webhook.attempts;
    if (problem.empty()) {
      webhook.status = WebhookStatus::kDelivered;
    } else if (webhook.attempts >= kWebhookAttempts) {
      webhook.status = WebhookStatus::kFailed;
    }
    const auto noted =
        co_await parts_.store->SetWebhook(batch.id, webhook.status, webhook.attempts, problem);
    if (!noted) log::error("webhook of batch {}: {}", batch.id, noted.error().message);
    if (problem.empty()) co_return;
    log::warn("webhook of batch {}, attempt {}: {}", batch.id, webhook.attempts, problem);
    co_await Sleep(WebhookWait(webhook.attempts));
  }
}

Task<std::string> Batches::Deliver(WebhookDelivery delivery) {
  const auto response = co_await parts_.client.Fetch(WebhookRequest(delivery));
  if (!response) co_return response.error().message;
  if (response->status / 100 == 2) co_return "";
  co_return "it answered with HTTP " + std::to_string(response->status);
}

}  // namespace reprise
