// What every BlobStore must do. A backend's test instantiates the suite with a way to open it:
//
//   INSTANTIATE_TEST_SUITE_P(S3, BlobStoreTest, ::testing::Values(BlobStoreFactory{"S3",
//   &MakeS3}));
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <ostream>
#include <string>

#include "store/blob_store.h"
#include "store/store_testing.h"

namespace reprise {

struct BlobStoreFactory {
  std::string name;
  // Opens a store on `place`, a directory of the test's own; a backend without files uses its path
  // as a unique prefix. Called again after the store is destroyed, it finds what was put.
  std::function<Result<std::unique_ptr<BlobStore>>(const std::filesystem::path& place,
                                                   WorkerPool& pool)>
      open;

  friend std::ostream& operator<<(std::ostream& out, const BlobStoreFactory& factory) {
    return out << factory.name;
  }
};

class BlobStoreTest : public ::testing::TestWithParam<BlobStoreFactory> {
 protected:
  BlobStoreTest() { Reopen(); }

  void Reopen();

  TemporaryDirectory place_;
  TaskRunner runner_;
  WorkerPool pool_{4, 1000};
  std::unique_ptr<BlobStore> store_;
};

}  // namespace reprise
