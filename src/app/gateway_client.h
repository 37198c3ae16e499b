// A running gateway, as the command line talks to it.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "app/config.h"
#include "base/io_threads.h"
#include "base/result.h"
#include "http/client.h"

namespace reprise {

// For one thread; blocks.
class GatewayClient {
 public:
  // `url` is "http://127.0.0.1:8484". The API key, where one is needed, is taken from the
  // environment variable REPRISE_API_KEY: on a command line other users would see it.
  explicit GatewayClient(std::string url);
  // The configured gateway, unless `url` names another: where it listens, or with kAdmin where it
  // serves those who run it. Over TLS it is known by the key of its own certificate file.
  enum class Port { kPublic, kAdmin };
  GatewayClient(const Config& config, Port port, const std::string& url = "");
  ~GatewayClient();

  const std::string& url() const { return url_; }

  // kUnavailable: nothing answers there. Any HTTP status is a response.
  Result<http::ClientResponse> Get(const std::string& path);
  Result<http::ClientResponse> PostJson(const std::string& path, const nlohmann::json& body);
  Result<http::ClientResponse> Delete(const std::string& path);

 private:
  Result<http::ClientResponse> Fetch(http::ClientRequest request);

  const std::string url_;
  const std::string api_key_;  // may be empty
  std::string pin_;            // may be empty
  IoThreads io_;
  http::Client client_;
};

// The body of a 200; else what a command reports: kUnavailable when nothing answered,
// kInvalidArgument for a 400, kInternal for any other status.
Result<std::string> GoodBody(const GatewayClient& gateway, Result<http::ClientResponse> response);

// The message of an error response in OpenAI's shape, or what came instead.
std::string ErrorMessage(const http::ClientResponse& response);

}  // namespace reprise
