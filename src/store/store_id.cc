#include "store/store_id.h"

#include <fstream>

#include "store/posix_file.h"

namespace reprise {
namespace {

std::filesystem::path FileOf(const std::filesystem::path& blobs) {
  return blobs / "store-id";
}

}  // namespace

Result<bool> BlobsBelongTo(const std::string& id, const std::filesystem::path& blobs) {
  auto file = PosixFile::OpenIfThere(FileOf(blobs));
  if (!file) return std::unexpected(file.error());
  if (*file) {
    auto said = (*file)->ReadAll();
    if (!said) return std::unexpected(said.error());
    if (!said->empty()) return *said == id;  // an empty one was cut off
  }
  std::ofstream fresh(FileOf(blobs), std::ios::trunc | std::ios::binary);
  fresh << id;
  if (!fresh.flush()) {
    return Fail(Code::kUnavailable, "cannot write " + FileOf(blobs).string() +
                                        "; the data directory has to be writable");
  }
  return true;
}

void ForgetStoreOf(const std::filesystem::path& blobs) {
  std::error_code ignored;
  std::filesystem::remove(FileOf(blobs), ignored);
}

}  // namespace reprise
