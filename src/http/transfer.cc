#include "http/transfer.h"

#include <sys/socket.h>

#include <algorithm>
#include <asio/ip/address.hpp>
#include <cstring>
#include <utility>

#include "base/text.h"
#include "http/address.h"
#include "http/ascii.h"

namespace reprise::http {
namespace {

constexpr std::size_t kMaxHeaderBytes = 256u << 10;
constexpr std::size_t kPipeBytes = 256u << 10;
constexpr std::string_view kWhitespace = " \t\r\n";

// A line break inside a header would let its value add headers or a whole request.
bool IsSendable(const std::pair<std::string, std::string>& header) {
  constexpr std::string_view kBreaks("\r\n\0", 3);
  return !header.first.empty() && header.first.find_first_of(": \t\r\n") == std::string::npos &&
         header.first.find('\0') == std::string::npos &&
         header.second.find_first_of(kBreaks) == std::string::npos;
}

bool IsPublic(const sockaddr& address) {
  if (address.sa_family == AF_INET) {
    sockaddr_in v4;
    std::memcpy(&v4, &address, sizeof v4);
    return IsPublicAddress(asio::ip::address_v4(ntohl(v4.sin_addr.s_addr)));
  }
  if (address.sa_family != AF_INET6) return false;
  sockaddr_in6 v6;
  std::memcpy(&v6, &address, sizeof v6);
  asio::ip::address_v6::bytes_type bytes;
  std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
  return IsPublicAddress(asio::ip::address_v6(bytes));
}

}  // namespace

Result<std::shared_ptr<Transfer>> Transfer::Create(ClientRequest request, Delivery delivery) {
  auto url = ParseUrl(request.url);
  if (!url) return std::unexpected(std::move(url.error()));
  std::shared_ptr<Transfer> transfer(new Transfer(std::move(request), std::move(*url)));
  if (!transfer->handle_) return Fail(Code::kInternal, "libcurl has no memory for a request");
  if (delivery == Delivery::kStreamed) transfer->pipe_ = std::make_unique<BodyPipe>(kPipeBytes);
  transfer->SetOptions();
  transfer->SetBody();
  transfer->SetCallbacks();
  if (auto set = transfer->SetHeaders(); !set) return std::unexpected(std::move(set.error()));
  return transfer;
}

Transfer::Transfer(ClientRequest request, Url url)
    : request_(std::move(request)), url_(std::move(url)), handle_(curl_easy_init()) {}

Transfer::~Transfer() {
  Release();
}

void Transfer::Release() {
  curl_easy_cleanup(std::exchange(handle_, nullptr));
  curl_slist_free_all(std::exchange(headers_, nullptr));
}

void Transfer::SetOptions() {
  curl_easy_setopt(handle_, CURLOPT_URL, request_.url.c_str());
  curl_easy_setopt(handle_, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(handle_, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
  curl_easy_setopt(handle_, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(handle_, CURLOPT_NOSIGNAL, 1L);
  // Without this, ending a request whose host name is still being looked up blocks the loop.
  curl_easy_setopt(handle_, CURLOPT_QUICK_EXIT, 1L);
  curl_easy_setopt(handle_, CURLOPT_USERAGENT, "reprise");
  curl_easy_setopt(handle_, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(handle_, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);  // a proxy's, not the answer's
  curl_easy_setopt(handle_, CURLOPT_ERRORBUFFER, curl_message_);
  // libcurl reads 0 as "no limit" or as its own default.
  const auto at_least_one = [](std::chrono::milliseconds time) {
    return std::max(1L, static_cast<long>(time.count()));
  };
  if (!pipe_) curl_easy_setopt(handle_, CURLOPT_TIMEOUT_MS, at_least_one(request_.timeout));
  curl_easy_setopt(handle_, CURLOPT_CONNECTTIMEOUT_MS, at_least_one(request_.connect_timeout));
  if (!request_.public_key_pin.empty()) {
    curl_easy_setopt(handle_, CURLOPT_PINNEDPUBLICKEY, request_.public_key_pin.c_str());
    curl_easy_setopt(handle_, CURLOPT_SSL_VERIFYPEER, 0L);
    curl_easy_setopt(handle_, CURLOPT_SSL_VERIFYHOST, 0L);
  }
  if (request_.public_addresses_only) curl_easy_setopt(handle_, CURLOPT_PROXY, "");
}

void Transfer::SetBody() {
  const bool sends_body = !request_.body.empty() || request_.method == "POST" ||
                          request_.method == "PUT" || request_.method == "PATCH";
  if (sends_body) {
    curl_easy_setopt(handle_, CURLOPT_POSTFIELDSIZE_LARGE,
                     static_cast<curl_off_t>(request_.body.size()));
    curl_easy_setopt(handle_, CURLOPT_POSTFIELDS, request_.body.c_str());
  }
  if (request_.method == "HEAD") curl_easy_setopt(handle_, CURLOPT_NOBODY, 1L);
  curl_easy_setopt(handle_, CURLOPT_CUSTOMREQUEST, request_.method.c_str());
}

void Transfer::SetCallbacks() {
  curl_easy_setopt(handle_, CURLOPT_PRIVATE, this);
  curl_easy_setopt(handle_, CURLOPT_HEADERFUNCTION, &Transfer::WriteHeader);
  curl_easy_setopt(handle_, CURLOPT_HEADERDATA, this);
  curl_easy_setopt(handle_, CURLOPT_WRITEFUNCTION, &Transfer::WriteBody);
  curl_easy_setopt(handle_, CURLOPT_WRITEDATA, this);
  if (!request_.public_addresses_only) return;
  // The address is checked where the connection is made, so that a name which resolves differently
  // a second time gains nothing; and again before the request, for connections that are reused.
  curl_easy_setopt(handle_, CURLOPT_OPENSOCKETFUNCTION, &Transfer::OpenSocket);
  curl_easy_setopt(handle_, CURLOPT_OPENSOCKETDATA, this);
  curl_easy_setopt(handle_, CURLOPT_PREREQFUNCTION, &Transfer::BeforeRequest);
  curl_easy_setopt(handle_, CURLOPT_PREREQDATA, this);
}

Result<void> Transfer::SetHeaders() {
  bool has_content_type = false;
  for (const auto& header : request_.headers) {
    if (!IsSendable(header)) {
      return Fail(Code::kInvalidArgument, "a request header for " + url_.Printable() +
                                              " has an invalid name or a line break in its value");
    }
    has_content_type |= AsciiLower(header.first) == "content-type";
    // In libcurl's notation "Name:" removes a header; "Name;" sends an empty one.
    AddHeader(header.second.empty() ? header.first + ";" : header.first + ": " + header.second);
  }
  AddHeader("Expect:");  // waiting for "100 Continue" costs a second with servers that ignore it
  if (!has_content_type) AddHeader("Content-Type:");  // libcurl would claim a form
  curl_easy_setopt(handle_, CURLOPT_HTTPHEADER, headers_);
  return {};
}

void Transfer::AddHeader(const std::string& line) {
  headers_ = curl_slist_append(headers_, line.c_str());
}

void Transfer::Finish(CURLcode code) {
  auto result = Conclude(code);
  Release();
  Settle(std::move(result));
}

void Transfer::Abandon() {
  Release();
  Settle(
      Fail(Code::kUnavailable, "the HTTP client stopped before " + url_.Printable() + " answered"));
}

// What a streamed transfer's head has set stays.
void Transfer::Settle(Result<ClientResponse> result) {
  if (pipe_) pipe_->End(result ? std::nullopt : std::optional(result.error()));
  outcome_.Set(std::make_shared<Result<ClientResponse>>(std::move(result)));
}

Result<ClientResponse> Transfer::Conclude(CURLcode code) {
  // libcurl takes a connection that closes between two headers for the end of a response.
  if (code == CURLE_OK && !headers_complete_) code = CURLE_PARTIAL_FILE;
  if (code != CURLE_OK || refusal_ != Refusal::kNone) return std::unexpected(FaultOf(code));
  long status = 0;
  curl_easy_getinfo(handle_, CURLINFO_RESPONSE_CODE, &status);
  response_.status = static_cast<int>(status);
  return std::move(response_);
}

Error Transfer::FaultOf(CURLcode code) const {
  const std::string where = url_.Printable();
  if (refusal_ == Refusal::kPrivateAddress) {
    return {Code::kForbidden, where + " is not on the public internet; such links are not fetched"};
  }
  if (refusal_ == Refusal::kHeadersTooLarge) {
    return {Code::kTooLarge, where + " sent more than 256 KiB of headers"};
  }
  if (refusal_ == Refusal::kBodyTooLarge) {
    return {Code::kTooLarge, where + " sent more than the limit of " +
                                 std::to_string(request_.max_response_bytes) + " bytes"};
  }
  double elapsed = 0;
  curl_easy_getinfo(handle_, CURLINFO_TOTAL_TIME, &elapsed);
  const bool whole_time = elapsed * 1000 >= static_cast<double>(request_.timeout.count()) - 1;
  if (code == CURLE_OPERATION_TIMEDOUT && whole_time) {
    return {Code::kDeadlineExceeded,
            where + " did not answer within " + std::to_string(request_.timeout.count()) + " ms"};
  }
  return {Code::kUnavailable, where + ": " + Reason(code)};
}

std::string Transfer::Reason(CURLcode code) const {
  switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
      return "no connection within " + std::to_string(request_.connect_timeout.count()) + " ms";
    case CURLE_PARTIAL_FILE:
      return "the connection closed before the whole answer had arrived";
    case CURLE_GOT_NOTHING:
      return "the connection closed without an answer";
    // Their details name the host, the port and the certificate's fault. Those of other codes may
    // repeat a URL or a proxy's credentials.
    case CURLE_COULDNT_CONNECT:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
      if (curl_message_[0]) return curl_message_;
      [[fallthrough]];
    default:
      return curl_easy_strerror(code);
  }
}

// One header line, or the status line of a response: a final one follows any number of 1xx.
void Transfer::OnHeader(std::string_view line) {
  if (line.starts_with("HTTP/")) {
    response_.headers.clear();
    headers_complete_ = false;
    return;
  }
  if (Trim(line, kWhitespace).empty()) OnHeadersEnd();
  const auto colon = line.find(':');
  if (colon == std::string_view::npos) return;
  response_.headers.emplace_back(AsciiLower(line.substr(0, colon)),
                                 Trim(line.substr(colon + 1), kWhitespace));
}

// Also of an interim response, and of trailers.
void Transfer::OnHeadersEnd() {
  headers_complete_ = true;
  if (!pipe_) return;
  long status = 0;
  curl_easy_getinfo(handle_, CURLINFO_RESPONSE_CODE, &status);
  if (status < 200) return;
  response_.status = static_cast<int>(status);
  outcome_.Set(std::make_shared<Result<ClientResponse>>(response_));
}

std::size_t Transfer::WriteHeader(char* data, std::size_t, std::size_t size, void* self) {
  auto& transfer = *static_cast<Transfer*>(self);
  transfer.header_bytes_ += size;
  if (transfer.header_bytes_ > kMaxHeaderBytes) {
    transfer.refusal_ = Refusal::kHeadersTooLarge;
    return 0;
  }
  transfer.OnHeader({data, size});
  return size;
}

std::size_t Transfer::WriteBody(char* data, std::size_t, std::size_t size, void* self) {
  auto& transfer = *static_cast<Transfer*>(self);
  if (transfer.pipe_) return transfer.pipe_->Offer({data, size}) ? size : CURL_WRITEFUNC_PAUSE;
  std::string& body = transfer.response_.body;
  if (size > transfer.request_.max_response_bytes - body.size()) {
    transfer.refusal_ = Refusal::kBodyTooLarge;
    return 0;
  }
  body.append(data, size);
  return size;
}

curl_socket_t Transfer::OpenSocket(void* self, curlsocktype, curl_sockaddr* address) {
  if (!IsPublic(address->addr)) {
    static_cast<Transfer*>(self)->refusal_ = Refusal::kPrivateAddress;
    return CURL_SOCKET_BAD;
  }
  return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

int Transfer::BeforeRequest(void* self, char* address, char*, int, int) {
  asio::error_code failed;
  const auto parsed = asio::ip::make_address(address, failed);
  if (!failed && IsPublicAddress(parsed)) {
    // A host with a private and a public address is fine once the public one is connected.
    static_cast<Transfer*>(self)->refusal_ = Refusal::kNone;
    return CURL_PREREQFUNC_OK;
  }
  static_cast<Transfer*>(self)->refusal_ = Refusal::kPrivateAddress;
  return CURL_PREREQFUNC_ABORT;
}

}  // namespace reprise::http
