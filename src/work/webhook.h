// Webhooks: how a delivery is signed, and when it is tried again.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "http/client.h"

namespace reprise {

// Tries of a delivery; with WebhookWait between them, some half an hour in all.
inline constexpr int kWebhookAttempts = 12;

// Before the attempt that follows attempt number `attempt`: 1 s, then doubled, at most 10 minutes.
std::chrono::milliseconds WebhookWait(int attempt);

// "sha256=" and the hexadecimal HMAC-SHA256, under `secret`, of "TIMESTAMP.BODY".
std::string SignWebhook(std::string_view secret, std::int64_t timestamp_s, std::string_view body);

struct WebhookDelivery {
  std::string url;
  std::string secret;
  std::string batch;  // its id
  std::string body;   // JSON
  std::int64_t timestamp_s = 0;
  bool public_addresses_only = true;
};

// A POST with X-Reprise-Signature, -Timestamp, -Event and -Batch.
http::ClientRequest WebhookRequest(const WebhookDelivery& delivery);

}  // namespace reprise
