#include "embed/remote_embedder.h"

#include <algorithm>
#include <random>
#include <utility>

#include "base/log.h"
#include "embed/embedded_text.h"

namespace reprise {
namespace {

using std::chrono::milliseconds;

// In [0, 1). Only spreads retries in time.
double Jitter() {
  thread_local std::minstd_rand random{std::random_device{}()};
  return std::generate_canonical<double, 24>(random);
}

// Whether other texts may fare better.
bool IsAboutTexts(const Error& error) {
  return error.code == Code::kInvalidArgument || error.code == Code::kTooLarge;
}

}  // namespace

RemoteEmbedder::RemoteEmbedder(std::unique_ptr<EmbeddingApi> api, RemoteEmbedderOptions options,
                               RemoteEmbedderParts parts)
    : api_(std::move(api)),
      options_(options),
      parts_(parts),
      breaker_(options.breaker, parts.clock),
      dimensions_(api_->dimensions()) {}

Task<Result<Embedding>> RemoteEmbedder::Embed(const Prompt& prompt) {
  std::string text = EmbeddedText(prompt);
  if (text.empty()) co_return Embedding(dimensions(), 0.0f);
  if (breaker_.remaining() > milliseconds(0)) co_return std::unexpected(Away());
  const Deadline deadline = After(options_.timeout);
  auto done = std::make_shared<AsyncValue<Result<Embedding>>>();
  if (auto queued = Enqueue({std::move(text), deadline, done}); !queued) {
    co_return std::unexpected(queued.error());
  }
  auto embedding = co_await done->WaitUntil(deadline);
  if (!embedding) {
    co_return Fail(Code::kDeadlineExceeded,
                   "embedder " + std::string(identity()) + " gave nothing within " +
                       std::to_string(options_.timeout.count()) + " ms (setting embedder.timeout)");
  }
  co_return std::move(*embedding);
}

Error RemoteEmbedder::Away() const {
  return {.code = Code::kUnavailable,
          .message = "embedder " + std::string(identity()) +
                     " has failed repeatedly and is left alone for " +
                     std::to_string(breaker_.remaining().count()) + " ms"};
}

// ---- batches ----

// A text goes out at once when nothing is under way. Otherwise it waits for the first of: a full
// batch, the end of a call, the end of the window.
Result<void> RemoteEmbedder::Enqueue(Waiting waiting) {
  Batch batch;
  bool opens_window = false;
  {
    std::lock_guard lock(mutex_);
    if (waiting_.size() >= options_.max_waiting) {
      return Fail(Code::kOverloaded, std::to_string(waiting_.size()) + " texts wait for embedder " +
                                         std::string(identity()));
    }
    waiting_.push_back(std::move(waiting));
    if (calls_ == 0 || waiting_.size() >= options_.max_batch) {
      batch = TakeBatch();
    } else {
      opens_window = !std::exchange(window_open_, true);
    }
  }
  if (!batch.empty()) StartCalls(std::move(batch));
  if (opens_window) {
    Spawn(Strand(parts_.context), CloseWindow(), [](std::exception_ptr) {});
  }
  return {};
}

RemoteEmbedder::Batch RemoteEmbedder::TakeBatch() {
  Batch batch;
  if (calls_ >= options_.max_calls) return batch;  // the end of a call takes it
  const auto now = std::chrono::steady_clock::now();
  while (!waiting_.empty() && batch.size() < options_.max_batch) {
    // Nobody waits any more for one whose time is over.
    if (waiting_.front().deadline > now) batch.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
  if (!batch.empty()) ++calls_;
  return batch;
}

Task<> RemoteEmbedder::CloseWindow() {
  co_await Sleep(options_.window);
  Batch batch;
  {
    std::lock_guard lock(mutex_);
    window_open_ = false;
    batch = TakeBatch();
  }
  if (!batch.empty()) StartCalls(std::move(batch));
}

void RemoteEmbedder::StartCalls(Batch batch) {
  Spawn(Strand(parts_.context), RunCalls(std::move(batch)), [](std::exception_ptr) {});
}

// What gathers during a call goes out at its end.
Task<> RemoteEmbedder::RunCalls(Batch batch) {
  while (!batch.empty()) {
    std::vector<std::shared_ptr<AsyncValue<Result<Embedding>>>> waiters;
    for (const Waiting& waiting : batch) waiters.push_back(waiting.done);
    std::string fault = "the call ended without an answer";
    try {
      co_await Answer(std::move(batch));
    } catch (const std::exception& error) {
      fault = error.what();
    }
    // Of no effect for those that were answered.
    for (const auto& waiter : waiters) waiter->Set(Fail(Code::kInternal, "embedding: " + fault));
    batch = EndCall();
  }
}

RemoteEmbedder::Batch RemoteEmbedder::EndCall() {
  std::lock_guard lock(mutex_);
  --calls_;
  return TakeBatch();
}

std::size_t RemoteEmbedder::waiting() const {
  std::lock_guard lock(mutex_);
  return waiting_.size();
}

// ---- calls ----

// One text that the API refuses must not cost the others theirs: a refused batch is halved.
Task<> RemoteEmbedder::Answer(Batch batch) {
  std::vector<std::string> texts;
  Deadline deadline = Deadline::min();
  for (const Waiting& waiting : batch) {
    texts.push_back(waiting.text);
    deadline = std::max(deadline, waiting.deadline);
  }
  auto vectors = co_await Call(texts, deadline);
  if (!vectors && batch.size() > 1 && IsAboutTexts(vectors.error())) {
    const auto middle = batch.begin() + static_cast<std::ptrdiff_t>(batch.size() / 2);
    Batch tail(std::make_move_iterator(middle), std::make_move_iterator(batch.end()));
    batch.erase(middle, batch.end());
    co_await Answer(std::move(batch));
    co_await Answer(std::move(tail));
    co_return;
  }
  for (std::size_t i = 0; i < batch.size(); ++i) {
    if (vectors) {
      batch[i].done->Set(std::move((*vectors)[i]));
    } else {
      batch[i].done->Set(std::unexpected(vectors.error()));
    }
  }
}

Task<Result<std::vector<Embedding>>> RemoteEmbedder::Call(const std::vector<std::string>& texts,
                                                          Deadline deadline) {
  for (int number = 1;; ++number) {
    // The halves of a batch share its time; a call without any would count against the API.
    if (TimeLeft(deadline) <= milliseconds(0)) {
      co_return Fail(Code::kDeadlineExceeded, "no time was left to embed the text");
    }
    const auto ticket = breaker_.Allow();
    if (!ticket) co_return std::unexpected(Away());
    http::ClientRequest request = api_->Request(texts);
    request.timeout = std::max(TimeLeft(deadline), milliseconds(1));
    auto response = co_await parts_.client.Fetch(std::move(request));
    if (response && response->status >= 200 && response->status < 300) {
      auto vectors = co_await Read(std::move(*response), texts.size());
      vectors ? breaker_.Succeed(*ticket) : breaker_.Fail(*ticket);
      co_return vectors;
    }
    Failure failure = Judge(std::move(response), *ticket);
    failure.attempt.number = number;
    failure.attempt.time_left = TimeLeft(deadline);
    const http::RetryDecision decision =
        http::DecideRetry(options_.retry, failure.attempt, Jitter());
    if (!decision.retry || breaker_.remaining() > milliseconds(0)) {
      co_return std::unexpected(std::move(failure.error));
    }
    log::info("embedder {}: attempt {} failed, next in {} ms: {}", identity(), number,
              decision.wait.count(), failure.error.message);
    co_await Sleep(decision.wait);
  }
}

// An API that refuses a text is there; everything else counts against it.
RemoteEmbedder::Failure RemoteEmbedder::Judge(Result<http::ClientResponse> response,
                                              CircuitBreaker::Ticket ticket) {
  if (!response) {
    breaker_.Fail(ticket);
    const bool lasting = response.error().code == Code::kInvalidArgument;
    return {std::move(response.error()), {.lasting = lasting}};
  }
  Failure failure{
      api_->Explain(*response),
      {.status = response->status, .advised = http::AdvisedWait(*response, parts_.clock.NowMs())}};
  if (IsAboutTexts(failure.error)) {
    breaker_.Succeed(ticket);
  } else {
    breaker_.Fail(ticket, failure.attempt.advised.value_or(milliseconds(0)));
  }
  return failure;
}

Task<Result<std::vector<Embedding>>> RemoteEmbedder::Read(http::ClientResponse response,
                                                          std::size_t count) {
  auto shared = std::make_shared<http::ClientResponse>(std::move(response));
  auto work = [this, shared, count] { return api_->Read(shared->body, count); };
  auto vectors = co_await parts_.workers.Run(work);
  // The answer is here: a full queue costs this thread a few milliseconds.
  if (!vectors && vectors.error().code == Code::kOverloaded) vectors = work();
  if (!vectors) co_return vectors;
  if (auto learned = LearnDimensions(*vectors); !learned) {
    co_return std::unexpected(learned.error());
  }
  co_return vectors;
}

// The identity names the model, not its size, when none was asked for; so another size means that
// another model answers to the name, and its vectors must not meet the stored ones.
Result<void> RemoteEmbedder::LearnDimensions(const std::vector<Embedding>& vectors) {
  const std::size_t found = vectors.front().size();
  std::size_t known = 0;
  if (dimensions_.compare_exchange_strong(known, found) || known == found) return {};
  return Fail(Code::kBadUpstream, "embedder " + std::string(identity()) + " gave " +
                                      std::to_string(found) + " dimensions and " +
                                      std::to_string(known) +
                                      " before: it is another model now; set embedder.dimensions");
}

}  // namespace reprise
