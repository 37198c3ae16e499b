// What was acknowledged before a kill -9 is there afterwards. The child is this test program
// itself, run again with CRASH_PLACE set; it reports each acknowledged number and is killed in the
// middle.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "store/blob_store.h"
#include "store/entry_store_testing.h"

namespace reprise {
namespace {

constexpr int kReport = 3;  // the child's descriptor for acknowledged numbers

std::string CrashBytes(int number) {
  return std::string(20'000, 'b') + std::to_string(number);
}

Task<Result<void>> PutAndReport(BlobStore& blobs, EntryStore& entries, int number) {
  auto digest = co_await blobs.Put(ShareBytes(CrashBytes(number)));
  if (!digest) co_return std::unexpected(digest.error());
  Entry entry = SampleEntry(number);
  entry.images[0].blob = *digest;
  auto id = co_await entries.Put(std::move(entry), SampleVector(number));
  if (!id) co_return std::unexpected(id.error());
  if (::write(kReport, &number, sizeof number) != sizeof number) std::abort();
  co_return Result<void>();
}

// Not a test of its own: the child's part. Ends only by being killed.
TEST(CrashChild, DISABLED_PutsUntilKilled) {
  const char* place = std::getenv("CRASH_PLACE");
  if (!place) GTEST_SKIP() << "started by CrashTest only";
  TaskRunner runner;
  WorkerPool pool(2, 100);
  auto blobs = OpenFileBlobStore(std::filesystem::path(place) / "blobs", pool);
  auto entries = OpenSqliteEntryStore(std::filesystem::path(place) / "reprise.db");
  ASSERT_TRUE(blobs && entries);
  for (int next = 0;; next += 8) {
    std::vector<Task<Result<void>>> puts;
    for (int i = 0; i < 8; ++i) puts.push_back(PutAndReport(**blobs, **entries, next + i));
    for (const auto& put : runner.RunAll(std::move(puts))) ASSERT_TRUE(put) << put.error().message;
  }
}

struct Child {
  pid_t pid;
  int acknowledgements;
};

Child StartChild(const std::filesystem::path& place) {
  int pipe[2];
  if (::pipe2(pipe, O_CLOEXEC) != 0) std::abort();
  // Above kReport, or dup2 would leave O_CLOEXEC set.
  const int report = ::fcntl(pipe[1], F_DUPFD_CLOEXEC, kReport + 1);
  ::close(pipe[1]);
  const std::string environment = "CRASH_PLACE=" + place.string();
  const std::string filter = "--gtest_filter=CrashChild.*";
  const std::string disabled = "--gtest_also_run_disabled_tests";
  // Between fork and exec only what a signal handler may call.
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::dup2(::open("/dev/null", O_WRONLY), STDOUT_FILENO);
    ::dup2(report, kReport);
    char* arguments[] = {const_cast<char*>("child"), const_cast<char*>(filter.c_str()),
                         const_cast<char*>(disabled.c_str()), const_cast<char*>("--gtest_brief=1"),
                         nullptr};
    char* environ[] = {const_cast<char*>(environment.c_str()), nullptr};
    ::execve("/proc/self/exe", arguments, environ);
    ::_exit(127);
  }
  ::close(report);
  return {pid, pipe[0]};
}

// The numbers that the child acknowledged; it is killed after the first `enough`.
std::vector<int> KillAfter(const Child& child, std::size_t enough) {
  std::vector<int> numbers;
  int number;
  bool killed = false;
  // Four bytes fit a pipe's atomic write, so no number is torn.
  while (::read(child.acknowledgements, &number, sizeof number) == sizeof number) {
    numbers.push_back(number);
    if (numbers.size() >= enough && !killed) killed = ::kill(child.pid, SIGKILL) == 0;
  }
  ::close(child.acknowledgements);
  ::waitpid(child.pid, nullptr, 0);
  return numbers;
}

TEST(CrashTest, AcknowledgedImagesSurviveKill9) {
  TemporaryDirectory place;
  const auto numbers = KillAfter(StartChild(place.path()), 60);
  ASSERT_GE(numbers.size(), 60u);

  TaskRunner runner;
  WorkerPool pool(2, 100);
  auto blobs = OpenFileBlobStore(place.path() / "blobs", pool);
  auto entries = OpenSqliteEntryStore(place.path() / "reprise.db");
  ASSERT_TRUE(blobs && entries);
  std::size_t whole = 0;
  std::vector<Digest> fingerprints;
  for (const auto& [entry, vector] : ReadAll(**entries)) {
    fingerprints.push_back(entry.fingerprint);
    const auto bytes = runner.Run((*blobs)->Get(entry.images[0].blob));
    whole += bytes && *bytes;
  }
  EXPECT_EQ(whole, fingerprints.size());  // no row points at bytes that are not there
  for (int number : numbers) {
    EXPECT_NE(std::ranges::find(fingerprints, SampleEntry(number).fingerprint), fingerprints.end())
        << number;
  }
}

}  // namespace
}  // namespace reprise
