#include "work/webhook.h"

#include <gtest/gtest.h>

namespace reprise {
namespace {

// Computed with Python's hmac.new(b"key", b'1700000000.{"id":1}', "sha256").
TEST(Webhook, SignsTheTimestampWithTheBody) {
  EXPECT_EQ(SignWebhook("key", 1'700'000'000, R"({"id":1})"),
            "sha256=1d542af0cd7355fefa5c19021ad89d3e2afd77ebff5448db280f180e013d2651");
  EXPECT_NE(SignWebhook("key", 1'700'000'001, R"({"id":1})"),
            SignWebhook("key", 1'700'000'000, R"({"id":1})"));
  EXPECT_NE(SignWebhook("kez", 1, ""), SignWebhook("key", 1, ""));
}

TEST(Webhook, WaitsLongerEachTimeUpToABound) {
  EXPECT_EQ(WebhookWait(1), std::chrono::seconds(1));
  EXPECT_EQ(WebhookWait(2), std::chrono::seconds(2));
  EXPECT_EQ(WebhookWait(5), std::chrono::seconds(16));
  EXPECT_EQ(WebhookWait(11), std::chrono::minutes(10));
  EXPECT_EQ(WebhookWait(1000), std::chrono::minutes(10));
}

TEST(Webhook, GoesToPublicAddressesUnlessTold) {
  WebhookDelivery delivery{.url = "http://a.example/", .secret = "s", .batch = "b", .body = "{}"};
  EXPECT_TRUE(WebhookRequest(delivery).public_addresses_only);
  delivery.public_addresses_only = false;
  EXPECT_FALSE(WebhookRequest(delivery).public_addresses_only);
  EXPECT_EQ(WebhookRequest(delivery).method, "POST");
}

}  // namespace
}  // namespace reprise
