#include "gateway/access.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <thread>

#include "base/io_threads.h"
#include "base/log.h"
#include "gateway/errors.h"
#include "gateway/surface.h"

namespace reprise {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;

constexpr char kImage[] = "0123456789abcdef0123456789abcdef.png";

// What a command changes while a gateway runs, in memory.
class FakeKeyStore final : public KeyStore {
 public:
  Result<std::int64_t> Add(const StoredKey& key) override {
    keys.push_back(key);
    keys.back().id = static_cast<std::int64_t>(keys.size());
    ++version;
    return keys.back().id;
  }
  Result<bool> Revoke(std::int64_t id, std::int64_t now_ms) override {
    keys.at(static_cast<std::size_t>(id) - 1).revoked_ms = now_ms;
    ++version;
    return true;
  }
  Result<std::vector<StoredKey>> All() override {
    if (broken) return Fail(Code::kUnavailable, "the disk is gone");
    return keys;
  }
  Result<void> NoteUse(const std::vector<KeyUse>& uses) override {
    for (const KeyUse& use : uses) {
      keys.at(static_cast<std::size_t>(use.id) - 1).last_used_ms = use.last_used_ms;
    }
    writes += 1;
    return {};
  }
  Result<std::int64_t> Version() override { return version; }
  Result<std::string> Secret(const std::string& name) override { return "secret of " + name; }

  std::vector<StoredKey> keys;
  std::int64_t version = 0;
  int writes = 0;
  bool broken = false;
};

// The routes of a test: each answers with the tenant it was called for.
Task<http::Response> SayTenant(http::RequestPtr request) {
  const bool admin = request->caller && request->caller->admin;
  co_return http::Json(200, TenantOf(*request) + (admin ? " admin" : ""));
}

class AccessTest : public testing::Test {
 protected:
  AccessTest() {
    (void)log::Configure("warning", "text");
    Open({});
  }

  void Open(AccessSettings settings) {
    access_.reset();
    auto store = std::make_unique<FakeKeyStore>();
    store_ = store.get();
    access_ = std::move(*Access::Open(std::move(store), std::move(settings), clock_));
    http::Router router;
    for (const RouteRule& rule : RouteRules()) {
      router.Add(std::string(rule.method), std::string(rule.pattern), SayTenant);
    }
    router.Add("GET", "/unlisted", SayTenant);
    router_ = access_->Guard(router);
  }

  std::string AddKey(std::string tenant, std::string scopes, std::int64_t per_minute = 0,
                     std::int64_t concurrent = 0) {
    const std::string key = NewApiKey().value();
    (void)store_->Add({.hash = Sha256(key),
                       .name = "of " + tenant,
                       .tenant = std::move(tenant),
                       .scopes = *ParseScopes(scopes),
                       .requests_per_minute = per_minute,
                       .concurrent = concurrent,
                       .created_ms = clock_.NowMs()});
    EXPECT_TRUE(access_->Refresh());
    return key;
  }

  std::shared_ptr<http::Request> Request(std::string header, std::string value) {
    struct Text {
      std::string header, value;
    };
    auto text = std::make_shared<Text>(Text{std::move(header), std::move(value)});
    auto request = std::make_shared<http::Request>();
    if (!text->header.empty()) request->headers.emplace_back(text->header, text->value);
    request->owner = text;
    return request;
  }

  // `key` as a bearer token; none when empty.
  http::Response Ask(std::string method, std::string path, const std::string& key = "") {
    return Ask(Request(key.empty() ? "" : "Authorization", "Bearer " + key), method, path);
  }
  http::Response Ask(std::shared_ptr<http::Request> request, std::string_view method,
                     std::string_view path) {
    const auto question = std::min(path.find('?'), path.size());
    request->query = path.substr(std::min(question + 1, path.size()));
    auto match = router_.Find(method, path.substr(0, question));
    request->params = match.params;
    return RunTask(io_.context(), (*match.handler)(std::move(request)));
  }
  static std::string HeaderOf(const http::Response& response, std::string_view name) {
    for (const auto& [key, value] : response.headers) {
      if (key == name) return std::string(value);
    }
    return "";
  }
  static json BodyOf(const http::Response& response) { return json::parse(response.BodyView()); }

  ManualClock clock_;
  FakeKeyStore* store_ = nullptr;
  std::unique_ptr<Access> access_;
  http::Router router_;
  IoThreads io_{2};
};

TEST(NewApiKey, IsRecognisableLongAndNeverTheSame) {
  const std::string key = NewApiKey().value();
  EXPECT_THAT(key, MatchesRegex("rpk_[0-9a-f]{48}"));
  EXPECT_NE(key, NewApiKey().value());
}

TEST_F(AccessTest, WithoutAKeyNobodyIsAsked) {
  EXPECT_FALSE(access_->required());
  EXPECT_EQ(Ask("POST", "/v1/generate").BodyView(), "default");
  EXPECT_EQ(Ask("POST", "/v1/purge", "sk-of-somebody-else").BodyView(), "default");
  EXPECT_EQ(access_->LinkSuffix(kImage), "");
}

// Any page may have its visitor's browser send requests to the visitor's own machine.
TEST_F(AccessTest, WithoutAKeyForeignPagesMayNotRemove) {
  for (const auto& [origin, status] : {std::pair<std::string, int>{"https://evil.example", 403},
                                       {"http://localhost.evil.example:8484", 403},
                                       {"http://127.0.0.1.evil.example", 403},
                                       {"http://127.0.0.1@evil.example", 403},
                                       {"null", 403},
                                       {"http://[::2]:8484", 403},
                                       {"http://localhost:3000", 200},
                                       {"http://127.0.0.1", 200},
                                       {"https://[::1]:8484", 200}}) {
    EXPECT_EQ(Ask(Request("Origin", origin), "POST", "/v1/purge").status, status) << origin;
    EXPECT_EQ(Ask(Request("Origin", origin), "POST", "/v1/generate").status, 200) << origin;
  }
}

// A page may point its own name to its visitor's machine, and read what it finds there.
TEST_F(AccessTest, WithoutAKeyNamesThatAnybodyMayHaveAreRefused) {
  for (const auto& [host, status] : {std::pair<std::string, int>{"evil.example:8484", 403},
                                     {"localhost.evil.example", 403},
                                     {"127.0.0.1.evil.example", 403},
                                     {"evil.example.", 403},
                                     {"evil.example.:8484", 403},
                                     {"evil.example..", 403},
                                     {"localhost.:8484", 200},
                                     {"127.0.0.1:8484", 200},
                                     {"10.1.2.3", 200},
                                     {"[::1]:8484", 200},
                                     {"localhost:8484", 200},
                                     {"api.localhost:8484", 200},
                                     {"reprise:8484", 200},
                                     {"", 200}}) {
    EXPECT_EQ(Ask(Request("Host", host), "GET", "/metrics").status, status) << host;
    EXPECT_EQ(Ask(Request("Host", host), "GET", "/v1/stats").status, status) << host;
    EXPECT_EQ(Ask(Request("Host", host), "POST", "/v1/generate").status, 200) << host;
  }
  Open({.mode = AccessSettings::Mode::kOff});
  EXPECT_EQ(Ask(Request("Host", "images.example.com"), "GET", "/metrics").status, 200);
}

TEST_F(AccessTest, TheFirstKeyClosesTheGatewayForGood) {
  const std::string key = AddKey("acme", "generate");
  EXPECT_TRUE(access_->required());
  EXPECT_EQ(Ask("POST", "/v1/generate").status, 401);
  EXPECT_EQ(Ask("POST", "/v1/generate", key).BodyView(), "acme");
  (void)store_->Revoke(1, clock_.NowMs());
  EXPECT_EQ(Ask("POST", "/v1/generate", key).status, 200) << "not seen yet";
  ASSERT_TRUE(access_->Refresh());
  EXPECT_EQ(Ask("POST", "/v1/generate", key).status, 401);
  EXPECT_EQ(Ask("POST", "/v1/generate").status, 401);
  EXPECT_EQ(Ask("GET", "/healthz").status, 200);
}

TEST_F(AccessTest, KeysComeInEitherHeaderAndNeverInTheUrl) {
  const std::string key = AddKey("acme", "generate,read");
  for (const auto& [header, value] : {std::pair<std::string, std::string>{"X-Api-Key", key},
                                      {"x-api-key", key},
                                      {"Authorization", "bearer " + key},
                                      {"Authorization", "Bearer   " + key}}) {
    EXPECT_EQ(Ask(Request(header, value), "GET", "/v1/models").status, 200) << header;
  }
  for (const auto& [header, value] : {std::pair<std::string, std::string>{"X-Api-Key", ""},
                                      {"Authorization", "Basic " + key},
                                      {"Authorization", key},
                                      {"Authorization", "Bearer"},
                                      {"Authorization", "Bearer "},
                                      {"Authorization", "Bearer " + key + " "},
                                      {"Authorization", "Bearer " + key.substr(1)},
                                      {"Cookie", "key=" + key}}) {
    EXPECT_EQ(Ask(Request(header, value), "GET", "/v1/models").status, 401) << header << value;
  }
  for (const char* name : {"key", "token", "api_key", "authorization"}) {
    EXPECT_EQ(Ask("GET", "/prompt/fox?" + std::string(name) + "=" + key).status, 401);
  }
}

TEST_F(AccessTest, ARefusalHasTheShapeOfItsApiAndRepeatsNoSecret) {
  (void)AddKey("acme", "generate");
  const std::string foreign = "sk-proj-0123456789";
  const auto openai = Ask("POST", "/v1/images/generations", foreign);
  EXPECT_EQ(openai.status, 401);
  EXPECT_EQ(HeaderOf(openai, "WWW-Authenticate"), "Bearer");
  EXPECT_EQ(BodyOf(openai)["error"]["code"], "invalid_api_key");
  EXPECT_EQ(BodyOf(openai)["error"]["type"], "authentication_error");
  const auto pollinations = Ask("GET", "/prompt/fox", foreign);
  EXPECT_EQ(BodyOf(pollinations)["error"], "Unauthorized");
  const auto runpod = Ask("POST", "/v2/flux/run", foreign);
  EXPECT_THAT(BodyOf(runpod)["error"].get<std::string>(), HasSubstr("API key"));
  for (const auto* response : {&openai, &pollinations, &runpod}) {
    EXPECT_THAT(std::string(response->BodyView()), Not(HasSubstr("0123456789")));
  }
}

TEST_F(AccessTest, EveryRouteTakesItsScopeAndNoOther) {
  std::map<Need, std::string> keys;
  keys[Need::kGenerate] = AddKey("g", "generate");
  keys[Need::kRead] = AddKey("r", "read");
  keys[Need::kAdmin] = AddKey("a", "admin");
  for (const RouteRule& rule : RouteRules()) {
    if (rule.need == Need::kNothing) continue;
    const Need wanted = rule.need == Need::kImage ? Need::kRead : rule.need;
    for (const auto& [need, key] : keys) {
      std::string path(rule.pattern);
      for (char& c : path) c = c == '{' || c == '}' ? 'x' : c;
      const auto response = Ask(std::string(rule.method), path, key);
      EXPECT_EQ(response.status, need == wanted ? 200 : 403) << rule.method << path;
    }
  }
  const auto refused = Ask("POST", "/v1/purge", keys[Need::kRead]);
  EXPECT_EQ(BodyOf(refused)["error"]["code"], kMissingScope);
  EXPECT_THAT(BodyOf(refused)["error"]["message"].get<std::string>(), HasSubstr("admin"));
}

TEST_F(AccessTest, ARouteInNoTableTakesAnAdmin) {
  const std::string user = AddKey("acme", "generate,read"), admin = AddKey("acme", "admin");
  EXPECT_EQ(Ask("GET", "/unlisted").status, 401);
  EXPECT_EQ(Ask("GET", "/unlisted", user).status, 403);
  EXPECT_EQ(Ask("GET", "/unlisted", admin).BodyView(), "acme admin");
}

TEST_F(AccessTest, ThePublicDoorHasNoAdmins) {
  http::Router all;
  for (const char* path : {"/v1/purge", "/v1/generate"}) all.Add("POST", path, SayTenant);
  const std::string key = AddKey("acme", "admin,generate");
  router_ = access_->Guard(all, Access::Door::kPublic);
  EXPECT_EQ(router_.routes().size(), 1u);
  EXPECT_EQ(Ask("POST", "/v1/generate", key).BodyView(), "acme");
  router_ = access_->Guard(all);
  EXPECT_EQ(Ask("POST", "/v1/purge", key).BodyView(), "acme admin");
}

TEST_F(AccessTest, RatesAreKeptAndTold) {
  const std::string key = AddKey("acme", "read", 2);
  const auto first = Ask("GET", "/v1/models", key);
  EXPECT_EQ(HeaderOf(first, "RateLimit-Limit"), "2");
  EXPECT_EQ(HeaderOf(first, "RateLimit-Remaining"), "1");
  EXPECT_EQ(HeaderOf(first, "RateLimit-Reset"), "30");
  EXPECT_EQ(HeaderOf(Ask("GET", "/v1/models", key), "RateLimit-Remaining"), "0");
  const auto refused = Ask("GET", "/v1/models", key);
  EXPECT_EQ(refused.status, 429);
  EXPECT_EQ(HeaderOf(refused, "Retry-After"), "30");
  EXPECT_EQ(HeaderOf(refused, "RateLimit-Remaining"), "0");
  EXPECT_EQ(BodyOf(refused)["error"]["code"], "rate_limit_exceeded");
  clock_.Advance(std::chrono::seconds(30));
  EXPECT_EQ(Ask("GET", "/v1/models", key).status, 200);
}

// A command that adds another key, or revokes one, must not give a full bucket to the others.
TEST_F(AccessTest, WhatAKeyHasUsedUpOutlivesAChangeOfTheTable) {
  const std::string key = AddKey("acme", "read", 1);
  EXPECT_EQ(Ask("GET", "/v1/models", key).status, 200);
  (void)AddKey("other", "read");
  EXPECT_EQ(Ask("GET", "/v1/models", key).status, 429);
}

TEST_F(AccessTest, APlaceIsHeldAsLongAsItsRequestLives) {
  const std::string key = AddKey("acme", "read", 0, 2);
  auto first = Request("X-Api-Key", key), second = Request("X-Api-Key", key);
  EXPECT_EQ(Ask(first, "GET", "/v1/models").status, 200);
  EXPECT_EQ(Ask(second, "GET", "/v1/models").status, 200);
  for (int i = 0; i < 3; ++i) {
    const auto refused = Ask("GET", "/v1/models", key);
    EXPECT_EQ(refused.status, 429);
    EXPECT_EQ(HeaderOf(refused, "Retry-After"), "1");
    EXPECT_EQ(BodyOf(refused)["error"]["code"], "concurrency_limit_exceeded");
  }
  first.reset();
  EXPECT_EQ(Ask("GET", "/v1/models", key).status, 200);
  EXPECT_EQ(Ask("POST", "/v1/generate", key).status, 403) << "which holds no place";
  EXPECT_EQ(Ask("GET", "/v1/models", key).status, 200);
}

TEST_F(AccessTest, LinksAreForWhoeverHasThem) {
  const std::string key = AddKey("acme", "read");
  const std::string path = "/images/" + std::string(kImage);
  const std::string suffix = access_->LinkSuffix(kImage);
  EXPECT_EQ(Ask("GET", path).status, 401);
  EXPECT_EQ(Ask("GET", path + suffix).BodyView(), "default") << "no tenant is known, nor needed";
  EXPECT_EQ(Ask("GET", path, key).BodyView(), "acme");
  EXPECT_EQ(Ask("GET", "/images/x" + suffix).status, 403);
  const auto altered = Ask("GET", path + suffix + "0", key);
  EXPECT_EQ(altered.status, 403);
  EXPECT_EQ(BodyOf(altered)["error"]["code"], kLinkNotValid);
  clock_.Advance(std::chrono::hours(2));
  EXPECT_EQ(BodyOf(Ask("GET", path + suffix))["error"]["code"], kLinkExpired);
}

TEST_F(AccessTest, LinksCanBeSignedWithoutKeysAndOpenWithThem) {
  Open({.links = AccessSettings::Links::kSigned, .link_secret = "s"});
  EXPECT_EQ(Ask("GET", "/images/x").status, 401);
  EXPECT_EQ(Ask("GET", "/images/x" + access_->LinkSuffix("x")).status, 200);
  Open({.mode = AccessSettings::Mode::kRequired, .links = AccessSettings::Links::kOpen});
  EXPECT_EQ(access_->LinkSuffix("x"), "");
  EXPECT_EQ(Ask("GET", "/images/x").status, 200);
}

TEST_F(AccessTest, CanBeRequiredBeforeThereIsAKeyAndOffWhenThereIs) {
  Open({.mode = AccessSettings::Mode::kRequired});
  EXPECT_EQ(Ask("POST", "/v1/generate").status, 401);
  EXPECT_EQ(Ask("POST", "/v1/generate", AddKey("acme", "generate")).status, 200);
  Open({.mode = AccessSettings::Mode::kOff});
  (void)AddKey("acme", "generate");
  EXPECT_EQ(Ask("POST", "/v1/generate").BodyView(), "default");
}

TEST_F(AccessTest, UseIsWrittenDownNowAndThen) {
  const std::string key = AddKey("acme", "read");
  clock_.Advance(std::chrono::seconds(5));
  for (int i = 0; i < 100; ++i) (void)Ask("GET", "/v1/models", key);
  EXPECT_EQ(store_->writes, 0);
  ASSERT_TRUE(access_->NoteUse());
  ASSERT_TRUE(access_->NoteUse());
  EXPECT_EQ(store_->writes, 1);
  EXPECT_EQ(store_->keys[0].last_used_ms, clock_.NowMs());
}

TEST_F(AccessTest, AStoreThatFailsLeavesTheKeysAsTheyWere) {
  const std::string key = AddKey("acme", "read");
  store_->broken = true;
  ++store_->version;
  EXPECT_FALSE(access_->Refresh());
  EXPECT_EQ(Ask("GET", "/v1/models", key).status, 200);
  (void)store_->Revoke(1, 1);
  store_->broken = false;
  EXPECT_TRUE(access_->Refresh());
  EXPECT_EQ(Ask("GET", "/v1/models", key).status, 401);
}

TEST_F(AccessTest, KeysMayChangeWhileTheyAreLookedUp) {
  const std::string key = AddKey("acme", "read");
  std::atomic<bool> stop = false;
  std::atomic<int> refused = 0;
  std::thread asker([&] {
    while (!stop) refused += Ask("GET", "/v1/models", key).status == 200 ? 0 : 1;
  });
  for (int i = 0; i < 200; ++i) (void)AddKey("other", "read");
  stop = true;
  asker.join();
  EXPECT_EQ(refused, 0);
}

}  // namespace
}  // namespace reprise
