#include "store/background_sync.h"

#include <gtest/gtest.h>

#include <fstream>
#include <memory>
#include <vector>

#include "base/log.h"
#include "store/faulty_disk_testing.h"
#include "store/store_testing.h"

namespace reprise {
namespace {

class BackgroundSyncTest : public ::testing::Test {
 protected:
  std::filesystem::path Write(const std::string& name) {
    const auto path = place_.path() / name;
    std::ofstream(path) << name;
    return path;
  }
  TemporaryDirectory place_;
};

// That the bytes reach the disk only a power cut could show; here: that everything is worked off,
// whoever adds, and what is gone does not stop the rest.
TEST_F(BackgroundSyncTest, WorksOffWhatManyThreadsAdd) {
  BackgroundSync sync(SystemFiles());
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 25; ++i) {
        sync.Add(Write(std::to_string(t) + "-" + std::to_string(i)));
        sync.AddDirectory(place_.path());
        sync.Add(place_.path() / "never there");
        if (i % 10 == 0) sync.Flush();
      }
      sync.Flush();
    });
  }
  for (auto& thread : threads) thread.join();
}

TEST_F(BackgroundSyncTest, FlushWithNothingToDoReturns) {
  BackgroundSync sync(SystemFiles());
  sync.Flush();
}

TEST_F(BackgroundSyncTest, CountsWhatDidNotReachTheDisk) {
  (void)log::Configure("off", "text");
  FaultyDisk disk(1);
  const auto errors = std::make_shared<SyncErrors::element_type>(0);
  BackgroundSync sync(disk, errors);
  sync.Add(Write("whole"));
  sync.Flush();
  EXPECT_EQ(*errors, 0u);
  disk.Fail(FaultyDisk::Operation::kSync, FaultyDisk::Fault::kIo);
  sync.Add(Write("lost"));
  sync.AddDirectory(place_.path());
  sync.Flush();
  EXPECT_EQ(*errors, 2u);
  disk.Heal();
  sync.Add(Write("whole again"));
  sync.Flush();
  EXPECT_EQ(*errors, 2u);
}

TEST_F(BackgroundSyncTest, MayEndWithWorkToDo) {
  BackgroundSync sync(SystemFiles());
  for (int i = 0; i < 50; ++i) sync.Add(Write(std::to_string(i)));
}

}  // namespace
}  // namespace reprise
