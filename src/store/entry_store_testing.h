// What every EntryStore must do. A backend's test instantiates the suite with a way to open it:
//
//   INSTANTIATE_TEST_SUITE_P(Pg, EntryStoreTest, ::testing::Values(EntryStoreFactory{"Pg",
//   &Open}));
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "store/entry_store.h"
#include "store/store_testing.h"

namespace reprise {

struct EntryStoreFactory {
  std::string name;
  // Opens a store on `place`, a directory of the test's own; a backend without files uses its path
  // as a unique name. Called again after the store is destroyed, it finds what was put.
  std::function<Result<std::unique_ptr<EntryStore>>(const std::filesystem::path& place)> open;

  friend std::ostream& operator<<(std::ostream& out, const EntryStoreFactory& factory) {
    return out << factory.name;
  }
};

// An entry with every field set, different for each number.
Entry SampleEntry(int number);
StoredVector SampleVector(int number);

// All of a store's entries, or a test failure.
std::vector<std::pair<Entry, StoredVector>> ReadAll(const EntryStore& store);

// Compares every field but the id.
void ExpectEqual(const Entry& actual, const Entry& expected);

class EntryStoreTest : public ::testing::TestWithParam<EntryStoreFactory> {
 protected:
  EntryStoreTest() { Reopen(); }

  void Reopen();
  std::uint64_t Put(Entry entry, StoredVector vector);

  TemporaryDirectory place_;
  TaskRunner runner_;
  std::unique_ptr<EntryStore> store_;
};

}  // namespace reprise
