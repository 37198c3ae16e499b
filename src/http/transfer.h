// One HTTP exchange as a libcurl easy handle. Internal to the client: made by the calling thread,
// then used by the client's thread alone.
#pragma once

#include <curl/curl.h>

#include <memory>
#include <string>
#include <string_view>

#include "base/async_value.h"
#include "base/result.h"
#include "http/body_pipe.h"
#include "http/client.h"
#include "http/url.h"

namespace reprise::http {

class Transfer {
 public:
  using Outcome = std::shared_ptr<Result<ClientResponse>>;

  enum class Delivery {
    kWhole,     // the outcome has the body
    kStreamed,  // the outcome is set by the head; the body goes through pipe()
  };

  // kInvalidArgument when the URL or a header cannot be sent.
  static Result<std::shared_ptr<Transfer>> Create(ClientRequest request,
                                                  Delivery delivery = Delivery::kWhole);

  ~Transfer();
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  CURL* handle() const { return handle_; }
  // Set once, by Finish or Abandon.
  AsyncValue<Outcome>& outcome() { return outcome_; }
  // Of a streamed transfer only.
  BodyPipe& pipe() { return *pipe_; }
  std::string Where() const { return url_.Printable(); }

  // libcurl is done with the exchange.
  void Finish(CURLcode code);
  // The client is going away.
  void Abandon();

 private:
  // Why one of our own callbacks ended the exchange.
  enum class Refusal { kNone, kBodyTooLarge, kHeadersTooLarge, kPrivateAddress };

  Transfer(ClientRequest request, Url url);

  // Frees what is libcurl's. On the client's thread once the transfer was submitted: the handle
  // still refers to what the client's other transfers share.
  void Release();
  void SetOptions();
  void SetBody();
  void SetCallbacks();
  Result<void> SetHeaders();
  void AddHeader(const std::string& line);

  void OnHeader(std::string_view line);
  void OnHeadersEnd();
  void Settle(Result<ClientResponse> result);
  Result<ClientResponse> Conclude(CURLcode code);
  Error FaultOf(CURLcode code) const;
  std::string Reason(CURLcode code) const;

  static std::size_t WriteHeader(char* data, std::size_t, std::size_t size, void* self);
  static std::size_t WriteBody(char* data, std::size_t, std::size_t size, void* self);
  static curl_socket_t OpenSocket(void* self, curlsocktype, curl_sockaddr* address);
  static int BeforeRequest(void* self, char* address, char*, int, int);

  ClientRequest request_;
  const Url url_;
  CURL* handle_ = nullptr;
  curl_slist* headers_ = nullptr;
  char curl_message_[CURL_ERROR_SIZE] = {};
  std::size_t header_bytes_ = 0;
  bool headers_complete_ = false;
  Refusal refusal_ = Refusal::kNone;
  ClientResponse response_;
  std::unique_ptr<BodyPipe> pipe_;  // null: the body is kept in response_
  AsyncValue<Outcome> outcome_;
};

}  // namespace reprise::http
