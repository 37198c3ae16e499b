#include "cache/prompt_embedding.h"

#include <nlohmann/json.hpp>

#include "base/async_value.h"
#include "base/log.h"

namespace reprise {
namespace {

constexpr std::chrono::minutes kRepeatAfter{1};

}  // namespace

struct PromptEmbedding::Call {
  std::shared_ptr<const Prompt> prompt;
  AsyncValue<Result<Embedding>> embedded;
};

Task<Result<Embedding>> PromptEmbedding::Embed(std::shared_ptr<const Prompt> prompt,
                                               std::chrono::milliseconds patience) {
  calls_.fetch_add(1, std::memory_order_relaxed);
  auto call = std::make_shared<Call>();
  call->prompt = std::move(prompt);
  const Executor executor = co_await asio::this_coro::executor;
  ++under_way_;
  // Starts at once, on the caller's own strand; the built-in embedder has ended when this returns.
  Spawn(executor, Run(call), [this](std::exception_ptr) { --under_way_; });
  auto embedded = co_await call->embedded.WaitUntil(After(patience));
  if (embedded && *embedded) {
    NoteSuccess();
    co_return std::move(**embedded);
  }
  Error error{.code = Code::kDeadlineExceeded,
              .message = std::string(embedder_.identity()) + " did not answer within " +
                         std::to_string(patience.count()) + " ms"};
  (embedded ? errors_ : timeouts_).fetch_add(1, std::memory_order_relaxed);
  if (embedded) error = std::move(embedded->error());
  NoteFailure(error.message);
  co_return std::unexpected(std::move(error));
}

Task<> PromptEmbedding::Run(std::shared_ptr<Call> call) {
  Result<Embedding> embedded = Fail(Code::kInternal, "the embedder ended unexpectedly");
  try {
    embedded = co_await embedder_.Embed(*call->prompt);
  } catch (const std::exception& error) {
    embedded = Fail(Code::kInternal, std::string("the embedder threw: ") + error.what());
  }
  call->embedded.Set(std::move(embedded));
}

void PromptEmbedding::NoteSuccess() {
  if (!failing_.load(std::memory_order_relaxed)) return;
  if (failing_.exchange(false)) log::info("embedding works again");
}

void PromptEmbedding::NoteFailure(const std::string& message) {
  std::lock_guard lock(mutex_);
  ++unsaid_;
  const auto now = std::chrono::steady_clock::now();
  const bool first = !failing_.exchange(true);
  if (!first && now - said_ < kRepeatAfter) return;
  log::warn("embedding failed, exact matching only ({} times since the last such line): {}",
            unsaid_, message);
  unsaid_ = 0;
  said_ = now;
}

nlohmann::json PromptEmbedding::ToJson() const {
  return {{"calls", calls_.load()},
          {"errors", errors_.load()},
          {"timeouts", timeouts_.load()},
          {"exact_only_requests", exact_only_.load()}};
}

}  // namespace reprise
