// Which database a folder of blobs belongs to. A database that was replaced, by an empty one or by
// an older backup's, knows nothing of the files: to it, all of them are leaked ones.
#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"

namespace reprise {

// Whether the folder, which exists, is that of the database with this id; a folder that says
// nothing becomes so.
Result<bool> BlobsBelongTo(const std::string& id, const std::filesystem::path& blobs);

// Makes the folder say nothing again, for a database that has been reconciled with it.
void ForgetStoreOf(const std::filesystem::path& blobs);

}  // namespace reprise
