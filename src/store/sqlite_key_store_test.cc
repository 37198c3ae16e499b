#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "store/key_store.h"
#include "store/sqlite.h"
#include "store/store_testing.h"
#include "store/trust_store.h"

namespace reprise {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

StoredKey Key(std::string name) {
  return {.hash = Sha256(name),
          .name = name,
          .tenant = "acme",
          .scopes = *ParseScopes("generate,read"),
          .requests_per_minute = 60,
          .concurrent = 4,
          .created_ms = 1'700'000'000'000};
}

class KeyStoreTest : public testing::Test {
 protected:
  KeyStoreTest() { store_ = Open(); }

  std::unique_ptr<KeyStore> Open() {
    auto store = OpenSqliteKeyStore(file_);
    EXPECT_TRUE(store) << store.error().message;
    return std::move(*store);
  }
  std::int64_t Add(const StoredKey& key) { return store_->Add(key).value(); }

  TemporaryDirectory place_;
  const std::filesystem::path file_ = place_.path() / "data" / "reprise.db";
  std::unique_ptr<KeyStore> store_;
};

TEST_F(KeyStoreTest, KeepsWhatItIsGiven) {
  StoredKey first = Key("one"), second = Key("two");
  first.id = Add(first);
  second.id = Add(second);
  EXPECT_NE(first.id, second.id);
  store_ = Open();
  EXPECT_THAT(*store_->All(), ElementsAre(first, second));
}

TEST_F(KeyStoreTest, RefusesAHashTwice) {
  Add(Key("one"));
  EXPECT_EQ(store_->Add(Key("one")).error().code, Code::kConflict);
  EXPECT_EQ(store_->All()->size(), 1u);
}

TEST_F(KeyStoreTest, RevokesOnceAndForGood) {
  const auto id = Add(Key("one"));
  EXPECT_TRUE(store_->Revoke(id, 5).value());
  EXPECT_FALSE(store_->Revoke(id, 6).value());
  EXPECT_FALSE(store_->Revoke(id + 1, 6).value());
  store_ = Open();
  EXPECT_EQ(store_->All()->at(0).revoked_ms, 5);
}

TEST_F(KeyStoreTest, UseOnlyMovesForward) {
  const auto id = Add(Key("one"));
  ASSERT_TRUE(store_->NoteUse({{.id = id, .last_used_ms = 20}, {.id = 99, .last_used_ms = 20}}));
  ASSERT_TRUE(store_->NoteUse({{.id = id, .last_used_ms = 10}}));
  EXPECT_EQ(store_->All()->at(0).last_used_ms, 20);
}

// What a running gateway relies on to see the keys that a command adds.
TEST_F(KeyStoreTest, SeesWhatAnotherConnectionWrote) {
  const auto other = Open();
  const std::int64_t before = store_->Version().value();
  EXPECT_EQ(store_->Version().value(), before);
  ASSERT_TRUE(other->Add(Key("one")));
  EXPECT_NE(store_->Version().value(), before);
  EXPECT_EQ(store_->All()->size(), 1u);
}

TEST_F(KeyStoreTest, WorksBesideTheGatewaysStores) {
  const auto stores = OpenSqliteStores(file_);
  ASSERT_TRUE(stores) << stores.error().message;
  const auto beside = Open();
  EXPECT_TRUE(beside->Add(Key("one")));
  EXPECT_EQ(store_->All()->size(), 1u);
}

TEST_F(KeyStoreTest, AGatewayOfAnotherSchemaIsLeftAlone) {
  const auto stores = OpenSqliteStores(file_);
  ASSERT_TRUE(stores);
  {
    auto connection = SqliteConnection::Open(file_, SqliteConnection::Mode::kReadWrite, 1000);
    ASSERT_TRUE(connection->Execute("PRAGMA user_version = 2"));
  }
  const auto refused = OpenSqliteKeyStore(file_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kConflict);
  EXPECT_THAT(refused.error().message, HasSubstr("schema version 2"));
}

TEST_F(KeyStoreTest, ASecretIsMadeOnceAndPerName) {
  const std::string links = store_->Secret("links").value();
  EXPECT_EQ(links.size(), 32u);
  EXPECT_EQ(Open()->Secret("links").value(), links);
  EXPECT_NE(store_->Secret("other").value(), links);
}

TEST_F(KeyStoreTest, ADamagedRowIsAnErrorThatNamesIt) {
  Add(Key("one"));
  {
    auto connection = SqliteConnection::Open(file_, SqliteConnection::Mode::kReadWrite, 1000);
    ASSERT_TRUE(connection->Execute("UPDATE api_keys SET scopes = 'everything'"));
  }
  const auto all = store_->All();
  ASSERT_FALSE(all);
  EXPECT_EQ(all.error().code, Code::kCorrupt);
  EXPECT_THAT(all.error().message, HasSubstr("API key 1"));
}

TEST(Scopes, AreReadAndWrittenBack) {
  for (const char* text : {"generate", "read", "admin", "generate,read", "generate,read,admin"}) {
    EXPECT_EQ(ToString(ParseScopes(text).value()), text);
  }
  EXPECT_EQ(ToString(ParseScopes("read,generate,read").value()), "generate,read");
  for (const char* text : {"", "write", "generate read", "generate,,read", ",", "GENERATE"}) {
    EXPECT_FALSE(ParseScopes(text)) << text;
  }
  EXPECT_THAT(ParseScopes("write").error().message, HasSubstr("'write'"));
}

}  // namespace
}  // namespace reprise
