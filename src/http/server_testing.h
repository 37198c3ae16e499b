// A server with a route for each thing that a reply can be, and a raw client of it.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>

#include "base/async_value.h"
#include "base/io_threads.h"
#include "http/raw_client_testing.h"
#include "http/server.h"

namespace reprise::http {

using std::chrono::milliseconds;

inline constexpr milliseconds kSoon{20'000};

inline Response Render(const Error& error) {
  return Response{.status = HttpStatus(error), .headers = {}, .body = error.message};
}

inline std::string Pattern(std::size_t size) {
  std::string text(size, 0);
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>(i * 31 % 251);
  return text;
}

class ServerTest : public ::testing::Test {
 protected:
  ServerTest() : io_(2) {}
  ~ServerTest() override {
    gate_->Set(true);
    if (server_) server_->Drain(milliseconds(1000));
    io_.Stop();
  }

  void Start(ServerOptions options = {}) {
    options.port = 0;
    server_ = std::make_unique<Server>(io_, options, Routes(), Render);
    const auto started = server_->Start();
    ASSERT_TRUE(started) << started.error().message;
  }

  // "piece 1" to "piece 3" with an empty one between; after the first, as long as the gate is shut,
  // the client has to wait. Piece 4 is an error, or the end.
  class Pieces final : public BodyStream {
   public:
    Pieces(ServerTest& test, bool whole) : test_(test), whole_(whole) { ++test_.streams_; }
    ~Pieces() override { --test_.streams_; }
    Task<Result<std::optional<std::string>>> Next() override {
      ++number_;
      if (number_ == 2) {
        co_await test_.gate_->WaitUntil(After(kSoon));
        co_return "";
      }
      if (number_ > 4 && whole_) co_return std::nullopt;
      if (number_ > 4) co_return Fail(Code::kUnavailable, "the source is gone");
      co_return "piece " + std::to_string(number_ > 2 ? number_ - 1 : number_) + ";";
    }

   private:
    ServerTest& test_;
    const bool whole_;
    int number_ = 0;
  };

  // As much as buffers take, wherever they are.
  class Endless final : public BodyStream {
   public:
    explicit Endless(ServerTest& test) : test_(test) { ++test_.streams_; }
    ~Endless() override { --test_.streams_; }
    Task<Result<std::optional<std::string>>> Next() override {
      co_return std::string(1 << 20, 'x');
    }

   private:
    ServerTest& test_;
  };

  Router Routes() {
    Router router;
    router.Add("POST", "/echo", [this](RequestPtr request) -> Task<Response> {
      ++served_;
      co_return Json(200, "[" + std::string(request->body) + "]");
    });
    router.Add("GET", "/target", [](RequestPtr request) -> Task<Response> {
      co_return Json(200, std::string(request->path) + "|" + std::string(request->query));
    });
    router.Add("GET", "/header", [](RequestPtr request) -> Task<Response> {
      co_return Json(200, "<" + std::string(request->Header("X-Test")) + ">");
    });
    router.Add("GET", "/same", [](RequestPtr) -> Task<Response> {
      Response response = Json(304, "unchanged");
      co_return response;
    });
    router.Add("GET", "/nothing", [](RequestPtr) -> Task<Response> {
      co_return Response{.status = 204, .headers = {}, .body = "not sent"};
    });
    router.Add("GET", "/nothing-streamed", [this](RequestPtr) -> Task<Response> {
      co_return Response{
          .status = 204, .headers = {}, .body = std::make_shared<Pieces>(*this, true)};
    });
    router.Add("GET", "/inject", [](RequestPtr) -> Task<Response> {
      Response response = Json(200, "body");
      response.Set("X-Reason", "a\r\nX-Evil: 1\r\n\r\n<html>\x01\x7f");
      co_return response;
    });
    router.Add("GET", "/throw", [](RequestPtr) -> Task<Response> {
      throw std::runtime_error("secret detail");
      co_return Response{};
    });
    router.Add("GET", "/throw-int", [](RequestPtr) -> Task<Response> {
      throw 42;
      co_return Response{};
    });
    router.Add("GET", "/file", [this](RequestPtr) -> Task<Response> {
      co_return Response{.status = 200, .headers = {}, .body = FileBody{"before ", file_}};
    });
    router.Add("GET", "/stream", [this](RequestPtr request) -> Task<Response> {
      const bool whole = request->query == "whole";
      Response response{
          .status = 200, .headers = {}, .body = std::make_shared<Pieces>(*this, whole)};
      response.Set("Content-Type", "text/plain");
      co_return response;
    });
    router.Add("GET", "/endless", [this](RequestPtr) -> Task<Response> {
      co_return Response{.status = 200, .headers = {}, .body = std::make_shared<Endless>(*this)};
    });
    router.Add("GET", "/wait", [this](RequestPtr) -> Task<Response> {
      ++waiting_;
      co_await gate_->WaitUntil(After(kSoon));
      co_return Json(200, "waited");
    });
    return router;
  }

  RawClient Connect() { return RawClient(server_->port()); }
  std::string Ask(const std::string& bytes) { return Connect().Send(bytes).ReadToEnd(); }
  void AwaitWaiting(int count) {
    while (waiting_ < count) std::this_thread::sleep_for(milliseconds(1));
  }

  IoLoops io_;
  const FileBytesPtr file_ = FileMemory::Create(1 << 20).value()->Copy(Pattern(700'000));
  std::shared_ptr<AsyncValue<bool>> gate_ = std::make_shared<AsyncValue<bool>>();
  std::atomic<int> waiting_ = 0;
  std::atomic<int> served_ = 0;
  std::atomic<int> streams_ = 0;
  std::unique_ptr<Server> server_;
};

inline std::string Get(const std::string& path, const std::string& headers = {}) {
  return "GET " + path + " HTTP/1.1\r\nHost: x\r\n" + headers + "\r\n";
}
inline std::string Post(const std::string& body, const std::string& headers = {}) {
  return "POST /echo HTTP/1.1\r\nHost: x\r\n" + headers +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}
inline const std::string kClose = "Connection: close\r\n";

}  // namespace reprise::http
