#include "embed/caching_embedder.h"

#include "embed/embedded_text.h"

namespace reprise {
namespace {

// List and hash node with their allocations, about.
constexpr std::size_t kEntryOverhead = 160;

}  // namespace

Task<Result<Embedding>> CachingEmbedder::Embed(const Prompt& prompt) {
  std::string text = EmbeddedText(prompt);
  if (text.empty()) co_return co_await inner_->Embed(prompt);
  std::shared_ptr<Flight> flight;
  bool leads = false;
  {
    std::lock_guard lock(mutex_);
    if (auto kept = FindKept(text)) co_return std::move(*kept);
    std::shared_ptr<Flight>& same = flights_[text];
    leads = same == nullptr;
    if (leads) same = std::make_shared<Flight>();
    flight = same;
    ++(leads ? counters_.misses : counters_.joined);
  }
  if (leads) {
    Spawn(Strand(context_), Fly(std::move(text), prompt, flight), [](std::exception_ptr) {});
  }
  auto embedding = co_await flight->WaitUntil(After(options_.timeout));
  if (embedding && *embedding) co_return std::move(*embedding);
  {
    std::lock_guard lock(mutex_);
    ++counters_.errors;
  }
  if (embedding) co_return std::move(*embedding);
  co_return Fail(Code::kDeadlineExceeded,
                 "embedder " + std::string(identity()) + " gave nothing within " +
                     std::to_string(options_.timeout.count()) + " ms (setting embedder.timeout)");
}

std::optional<Embedding> CachingEmbedder::FindKept(std::string_view text) {
  const auto found = index_.find(text);
  if (found == index_.end()) return std::nullopt;
  ++counters_.hits;
  entries_.splice(entries_.begin(), entries_, found->second);
  return found->second->embedding;
}

Task<> CachingEmbedder::Fly(std::string text, Prompt prompt, std::shared_ptr<Flight> flight) {
  Result<Embedding> embedding = Fail(Code::kInternal, "embedding ended without a result");
  try {
    embedding = co_await inner_->Embed(prompt);
  } catch (const std::exception& error) {
    embedding = Fail(Code::kInternal, std::string("embedding: ") + error.what());
  }
  Land(text, embedding);
  flight->Set(std::move(embedding));
}

// Kept before the flight goes, so that nobody finds neither.
void CachingEmbedder::Land(const std::string& text, const Result<Embedding>& embedding) {
  std::lock_guard lock(mutex_);
  if (embedding) Keep(text, *embedding);
  flights_.erase(text);
}

void CachingEmbedder::Keep(std::string text, Embedding embedding) {
  entries_.push_front({std::move(text), std::move(embedding)});
  counters_.bytes += BytesOf(entries_.front());
  index_.emplace(entries_.front().text, entries_.begin());
  while (counters_.bytes > options_.max_bytes && !entries_.empty()) {
    const Entry& oldest = entries_.back();
    counters_.bytes -= BytesOf(oldest);
    index_.erase(oldest.text);
    entries_.pop_back();
  }
}

std::size_t CachingEmbedder::BytesOf(const Entry& entry) {
  return kEntryOverhead + entry.text.size() + entry.embedding.size() * sizeof(float);
}

EmbeddingCounters CachingEmbedder::counters() const {
  std::lock_guard lock(mutex_);
  return counters_;
}

}  // namespace reprise
