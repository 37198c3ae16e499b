#include "work/webhook.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>

#include "base/bytes.h"

namespace reprise {
namespace {

constexpr std::chrono::milliseconds kFirstWait{1000};
constexpr std::chrono::milliseconds kLongestWait{600'000};
constexpr std::chrono::milliseconds kTimeout{30'000};
constexpr std::size_t kMaxAnswer = 64u << 10;  // which nobody reads

}  // namespace

std::chrono::milliseconds WebhookWait(int attempt) {
  return std::min(kLongestWait, kFirstWait * (1 << std::clamp(attempt - 1, 0, 20)));
}

std::string SignWebhook(std::string_view secret, std::int64_t timestamp_s, std::string_view body) {
  std::string text = std::to_string(timestamp_s) + ".";
  text += body;
  std::array<unsigned char, EVP_MAX_MD_SIZE> mac;
  unsigned size = 0;
  HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), mac.data(), &size);
  return "sha256=" + HexEncode({reinterpret_cast<const char*>(mac.data()), size});
}

http::ClientRequest WebhookRequest(const WebhookDelivery& delivery) {
  return {.method = "POST",
          .url = delivery.url,
          .headers = {{"Content-Type", "application/json"},
                      {"X-Reprise-Event", "batch.ended"},
                      {"X-Reprise-Batch", delivery.batch},
                      {"X-Reprise-Timestamp", std::to_string(delivery.timestamp_s)},
                      {"X-Reprise-Signature",
                       SignWebhook(delivery.secret, delivery.timestamp_s, delivery.body)}},
          .body = delivery.body,
          .timeout = kTimeout,
          .max_response_bytes = kMaxAnswer,
          .public_addresses_only = delivery.public_addresses_only};
}

}  // namespace reprise
