#include "cache/leak_removal.h"

#include "base/log.h"

namespace reprise {

void LeakRemoval::Kick() {
  if (stopped_ || !parts_.enabled || !parts_.library.may_leak() || tasks_.exchange(1) > 0) return;
  Spawn(Strand(parts_.context), Run(), [this](std::exception_ptr) { tasks_ = 0; });
}

Task<> LeakRemoval::Run() {
  const auto removed = co_await parts_.library.RemoveLeaks(stopped_);
  if (!removed) log::warn("files without an entry may be left: {}", removed.error().message);
  if (!removed || *removed == 0) co_return;
  removed_ += *removed;
  log::info("{} files that no entry refers to were removed", *removed);
}

}  // namespace reprise
