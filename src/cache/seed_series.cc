#include "cache/seed_series.h"

#include <algorithm>
#include <atomic>
#include <iterator>
#include <utility>

#include "base/async_value.h"
#include "upstream/usage.h"

namespace reprise {
namespace {

int Effort(const Decision& decision) {
  if (decision.outcome != Outcome::kHit) return 3;
  if (decision.type == HitType::kSemantic) return 2;
  return decision.type == HitType::kInflight ? 1 : 0;
}

Decision JoinDecisions(const std::vector<Answer>& answers, const Answer& hardest) {
  Decision all = hardest.decision;
  all.saved_usd = 0;
  for (const Answer& answer : answers) {
    const Decision& one = answer.decision;
    all.saved_usd += one.saved_usd;
    all.age_ms = std::max(all.age_ms, one.age_ms);
    all.stored = all.stored || one.stored;
    if (all.store_error.empty()) all.store_error = one.store_error;
    if (all.ttl_ms == 0 || (one.ttl_ms != 0 && one.ttl_ms < all.ttl_ms)) all.ttl_ms = one.ttl_ms;
  }
  return all;
}

// The parts of one request, under way at once.
struct Series {
  explicit Series(std::size_t parts)
      : open(parts),
        answers(parts, Answer{Fail(Code::kInternal, "an image's task ended abruptly"), {}}) {}

  std::atomic<std::size_t> open;
  std::vector<Answer> answers;
  AsyncValue<bool> done;
};

Task<> AnswerPart(std::shared_ptr<Series> series, std::size_t part, Task<Answer> answer) {
  series->answers[part] = co_await std::move(answer);
}

}  // namespace

Task<Answer> AnswerSeries(ImageRequestPtr request,
                          std::function<Task<Answer>(ImageRequestPtr)> answer_one) {
  const Executor executor = co_await asio::this_coro::executor;
  const auto parts = SplitSeries(*request);
  auto series = std::make_shared<Series>(parts.size());
  for (std::size_t i = 0; i < parts.size(); ++i) {
    Spawn(executor, AnswerPart(series, i, answer_one(parts[i])), [series](std::exception_ptr) {
      if (--series->open == 0) series->done.Set(true);
    });
  }
  co_await series->done.WaitUntil(Deadline::max());
  co_return JoinSeries(*request, std::move(series->answers));
}

std::vector<ImageRequestPtr> SplitSeries(const ImageRequest& request) {
  std::vector<ImageRequestPtr> parts;
  for (int i = 0; i < request.count; ++i) {
    auto part = std::make_shared<ImageRequest>(request);
    part->count = 1;
    part->seed = *request.seed + i;
    parts.push_back(std::move(part));
  }
  return parts;
}

Answer JoinSeries(const ImageRequest& request, std::vector<Answer> answers) {
  const auto failed =
      std::ranges::find_if(answers, [](const Answer& answer) { return !answer.reply; });
  const bool alone = request.control.no_cache || request.control.no_store;
  if (failed != answers.end() && (!alone || failed == answers.begin())) return std::move(*failed);
  answers.erase(failed, answers.end());
  const auto hardest = std::ranges::max_element(
      answers, {}, [](const Answer& answer) { return Effort(answer.decision); });
  Reply reply{.images = {}, .usage = "", .created_ms = hardest->reply->created_ms};
  Decision decision = JoinDecisions(answers, *hardest);
  for (Answer& answer : answers) {
    std::ranges::move(answer.reply->images, std::back_inserter(reply.images));
    reply.usage = SumUsage(reply.usage, answer.reply->usage);
  }
  return {std::move(reply), std::move(decision)};
}

}  // namespace reprise
