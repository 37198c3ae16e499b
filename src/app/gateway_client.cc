#include "app/gateway_client.h"

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "base/json.h"

namespace reprise {

namespace {

std::string KeyFromEnvironment() {
  const char* key = std::getenv("REPRISE_API_KEY");
  return key ? key : "";
}

std::string UrlOf(const Config& config, GatewayClient::Port port) {
  const bool admin = port == GatewayClient::Port::kAdmin && !config.admin_listen.empty();
  const std::string scheme = config.tls.certificate.empty() ? "http://" : "https://";
  return scheme + (admin ? config.admin_listen : config.listen);
}

}  // namespace

GatewayClient::GatewayClient(std::string url)
    : url_(std::move(url)), api_key_(KeyFromEnvironment()), io_(1) {}

GatewayClient::GatewayClient(const Config& config, Port port, const std::string& url)
    : GatewayClient(url.empty() ? UrlOf(config, port) : url) {
  if (!url.empty() || config.tls.certificate.empty()) return;
  if (auto pin = http::PublicKeyPin(config.tls.certificate)) pin_ = std::move(*pin);
}

GatewayClient::~GatewayClient() {
  client_.Stop();
  io_.Stop();
}

Result<http::ClientResponse> GatewayClient::Get(const std::string& path) {
  return Fetch({.method = "GET", .url = url_ + path});
}

Result<http::ClientResponse> GatewayClient::PostJson(const std::string& path,
                                                     const nlohmann::json& body) {
  return Fetch({.method = "POST",
                .url = url_ + path,
                .headers = {{"Content-Type", "application/json"}},
                .body = DumpJson(body)});
}

Result<http::ClientResponse> GatewayClient::Delete(const std::string& path) {
  return Fetch({.method = "DELETE", .url = url_ + path});
}

Result<http::ClientResponse> GatewayClient::Fetch(http::ClientRequest request) {
  request.timeout = std::chrono::minutes(10);
  request.public_key_pin = pin_;
  if (!api_key_.empty()) request.headers.emplace_back("Authorization", "Bearer " + api_key_);
  return RunTask(io_.context(), client_.Fetch(std::move(request)));
}

Result<std::string> GoodBody(const GatewayClient& gateway, Result<http::ClientResponse> response) {
  if (!response) {
    return Fail(Code::kUnavailable, "no gateway answers at " + gateway.url() + " (" +
                                        response.error().message +
                                        "); start one with `reprise serve`");
  }
  if (response->status == 200) return std::move(response->body);
  const Code code = response->status == 400 ? Code::kInvalidArgument : Code::kInternal;
  return Fail(code, ErrorMessage(*response));
}

std::string ErrorMessage(const http::ClientResponse& response) {
  const auto body = nlohmann::json::parse(response.body, nullptr, false);
  if (body.is_object() && body.contains("error") && body["error"].is_object()) {
    return body["error"].value("message", response.body);
  }
  return "HTTP " + std::to_string(response.status) + ": " + response.body.substr(0, 200);
}

}  // namespace reprise
