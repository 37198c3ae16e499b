#include "store/store_id.h"

#include <gtest/gtest.h>

#include <fstream>

#include "store/store_testing.h"

namespace reprise {
namespace {

TEST(StoreIdTest, TheFirstDatabaseOwnsTheFolder) {
  const TemporaryDirectory folder;
  EXPECT_TRUE(BlobsBelongTo("one", folder.path()).value());
  EXPECT_TRUE(BlobsBelongTo("one", folder.path()).value());
  EXPECT_FALSE(BlobsBelongTo("two", folder.path()).value());
  ForgetStoreOf(folder.path());
  EXPECT_TRUE(BlobsBelongTo("two", folder.path()).value());
  EXPECT_FALSE(BlobsBelongTo("one", folder.path()).value());
}

TEST(StoreIdTest, WhatWasCutOffSaysNothing) {
  const TemporaryDirectory folder;
  std::ofstream(folder.path() / "store-id").flush();
  EXPECT_TRUE(BlobsBelongTo("one", folder.path()).value());
  EXPECT_FALSE(BlobsBelongTo("two", folder.path()).value());
}

TEST(StoreIdTest, AFolderThatCannotBeWrittenIsSaid) {
  const TemporaryDirectory folder;
  EXPECT_FALSE(BlobsBelongTo("one", folder.path() / "absent"));
}

}  // namespace
}  // namespace reprise
