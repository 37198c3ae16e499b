#include "base/file_memory.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>

namespace reprise {
namespace {

std::size_t WholePages(std::size_t bytes) {
  static const std::size_t kPage = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  return (bytes + kPage - 1) / kPage * kPage;
}

// Of a huge page only a part could leave the file, and would be overwritten while it is sent.
bool HasHugePages() {
  std::ifstream setting("/sys/kernel/mm/transparent_hugepage/shmem_enabled");
  std::string modes;
  std::getline(setting, modes);
  return modes.contains("[always]") || modes.contains("[within_size]") || modes.contains("[force]");
}

Error Refused(const char* what) {
  return {.code = Code::kUnavailable,
          .message = std::string("no memory that can be sent without copying: ") + what + ": " +
                     std::strerror(errno)};
}

// The address ranges of this process that are files. A range is written before its start, and
// withdrawn the other way, so that whoever sees a start sees its end.
struct Range {
  std::atomic<const char*> start = nullptr;
  std::atomic<const char*> end = nullptr;
  std::atomic<int> file = -1;
};
constexpr std::size_t kRanges = 16;
std::array<Range, kRanges> g_ranges;
std::mutex g_ranges_mutex;  // of those who write them

bool Announce(const char* start, std::size_t size, int file) {
  std::lock_guard lock(g_ranges_mutex);
  const auto unused = std::ranges::find_if(g_ranges, [](Range& range) { return !range.start; });
  if (unused == g_ranges.end()) return false;
  unused->end = start + size;
  unused->file = file;
  unused->start = start;
  return true;
}

void Withdraw(const char* start) {
  std::lock_guard lock(g_ranges_mutex);
  for (Range& range : g_ranges) {
    if (range.start == start) range.start = nullptr;
  }
}

}  // namespace

class FileMemory::Slice final : public FileBytes {
 public:
  Slice(std::shared_ptr<FileMemory> memory, std::size_t offset, std::size_t size)
      : FileBytes({memory->start_ + offset, size}), memory_(std::move(memory)), offset_(offset) {}
  ~Slice() override { memory_->Give(offset_, WholePages(size())); }

 private:
  const std::shared_ptr<FileMemory> memory_;
  const std::size_t offset_;
};

Result<std::shared_ptr<FileMemory>> FileMemory::Create(std::size_t capacity) {
  if (HasHugePages()) {
    return Fail(Code::kUnavailable,
                "no memory that can be sent without copying: this system gives files in memory "
                "huge pages (transparent_hugepage/shmem_enabled)");
  }
  const std::size_t size = WholePages(std::max<std::size_t>(capacity, 1));
  const int file = memfd_create("reprise-images", MFD_CLOEXEC);
  if (file < 0) return std::unexpected(Refused("memfd_create"));
  void* start = MAP_FAILED;
  if (ftruncate(file, static_cast<off_t>(size)) == 0) {
    start = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  }
  if (start == MAP_FAILED) {
    const Error refused = Refused("mmap");
    close(file);
    return std::unexpected(refused);
  }
  return std::shared_ptr<FileMemory>(new FileMemory(file, static_cast<char*>(start), size));
}

FileMemory::FileMemory(int file, char* start, std::size_t size)
    : file_(file), start_(start), size_(size), free_{{0, size}} {
  Announce(start, size, file);  // when there are too many, theirs is copied as other memory is
}

FileMemory::~FileMemory() {
  Withdraw(start_);
  munmap(start_, size_);
  close(file_);
}

FileBytesPtr FileMemory::Copy(std::string_view bytes) {
  const auto offset = Take(WholePages(bytes.size()));
  if (!offset) return nullptr;
  // Written, not stored through the mapping, which would end the process when memory has run out.
  for (std::size_t done = 0; done < bytes.size();) {
    const ssize_t written =
        pwrite(file_, bytes.data() + done, bytes.size() - done, static_cast<off_t>(*offset + done));
    if (written <= 0 && errno == EINTR) continue;
    if (written <= 0) {
      Give(*offset, WholePages(bytes.size()));
      return nullptr;
    }
    done += static_cast<std::size_t>(written);
  }
  return std::make_shared<const Slice>(shared_from_this(), *offset, bytes.size());
}

std::optional<std::size_t> FileMemory::Take(std::size_t size) {
  std::lock_guard lock(mutex_);
  const auto found =
      std::ranges::find_if(free_, [size](const auto& extent) { return extent.second >= size; });
  if (found == free_.end()) return std::nullopt;
  const auto [offset, length] = *found;
  free_.erase(found);
  if (length > size) free_.emplace(offset + size, length - size);
  return offset;
}

void FileMemory::Give(std::size_t offset, std::size_t size) {
  std::lock_guard lock(mutex_);
  // The pages leave the file, and live on as long as a socket still has them to send: what comes to
  // this place next gets pages of its own.
  const int punched = fallocate(file_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                                static_cast<off_t>(offset), static_cast<off_t>(size));
  if (punched != 0) return;  // lost rather than used again
  auto next = free_.lower_bound(offset);
  if (next != free_.end() && offset + size == next->first) {
    size += next->second;
    next = free_.erase(next);
  }
  if (next != free_.begin()) {
    const auto before = std::prev(next);
    if (before->first + before->second == offset) {
      before->second += size;
      return;
    }
  }
  free_.emplace(offset, size);
}

std::optional<FileMemory::Place> FileMemory::Find(const void* bytes) {
  const auto* address = static_cast<const char*>(bytes);
  for (const Range& range : g_ranges) {
    const char* const start = range.start.load(std::memory_order_acquire);
    if (!start || address < start || address >= range.end.load()) continue;
    return Place{range.file.load(), static_cast<std::size_t>(address - start)};
  }
  return std::nullopt;
}

}  // namespace reprise
